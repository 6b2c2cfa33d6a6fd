"""Queues by REST (twilio.com/docs/voice/api/queue-resource, /member-resource)."""

from __future__ import annotations

import re
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from .calls_api import beginning, checked
from .queues import Member, Queue
from .rest_error import RestError, missing

if TYPE_CHECKING:
    from .server import Rest


def _queue(rest: Rest) -> Queue:
    found = [one for one in rest.emulator.queues.values() if one.sid == rest.path["sid"]]
    if not found:
        raise missing(rest)
    return found[0]


def _queue_json(rest: Rest, one: Queue) -> dict[str, Any]:
    return {
        "sid": one.sid,
        "account_sid": rest.emulator.account_sid,
        "friendly_name": one.name,
        "current_size": len(one.members),
        "max_size": one.most,
        "average_wait_time": one.average,
        "date_created": formatdate(one.created),
        "date_updated": formatdate(),
        "uri": f"{rest.root}/Queues/{one.sid}.json",
    }


def _size(rest: Rest, usual: int) -> int:
    given = rest.get("MaxSize", str(usual))
    if not re.fullmatch("[0-9]{1,5}", given) or not 1 <= int(given) <= 5000:
        raise RestError(400, 22001, f"Invalid MaxSize {given}: 1 to 5000")
    return int(given)


def create_queue(rest: Rest) -> dict[str, Any]:
    name = rest.get("FriendlyName")
    if not 0 < len(name) <= 64:
        raise RestError(400, 22000, "FriendlyName of 1 to 64 characters is required")
    if name in rest.emulator.queues:
        raise RestError(400, 22003, f"Queue already exists: {name}")
    one = rest.emulator.queue(name)
    one.most = _size(rest, rest.emulator.queue_size)
    return _queue_json(rest, one)


def queues(rest: Rest) -> dict[str, Any]:
    return rest.page("queues", [_queue_json(rest, one) for one in rest.emulator.queues.values()])


def queue(rest: Rest) -> dict[str, Any]:
    return _queue_json(rest, _queue(rest))


def update_queue(rest: Rest) -> dict[str, Any]:
    one = _queue(rest)
    one.most = _size(rest, one.most)
    if name := rest.get("FriendlyName"):
        del rest.emulator.queues[one.name]
        one.name = name
        rest.emulator.queues[name] = one
    return _queue_json(rest, one)


def _member_json(rest: Rest, one: Queue, member: Member) -> dict[str, Any]:
    return {
        "call_sid": member.call.sid,
        "date_enqueued": formatdate(member.since_wall),
        "position": one.members.index(member) + 1,
        "queue_sid": one.sid,
        "wait_time": member.seconds,
        "uri": f"{rest.root}/Queues/{one.sid}/Members/{member.call.sid}.json",
    }


def members(rest: Rest) -> dict[str, Any]:
    one = _queue(rest)
    return rest.page("queue_members", [_member_json(rest, one, each) for each in one.members])


def _member(rest: Rest, one: Queue) -> Member:
    wanted = rest.path["call"]
    for member in one.members:
        if wanted in (member.call.sid, "Front"):
            return member
    raise missing(rest)


def member(rest: Rest) -> dict[str, Any]:
    one = _queue(rest)
    return _member_json(rest, one, _member(rest, one))


def dequeue(rest: Rest) -> dict[str, Any]:
    """Take a member out, to the document at Url."""
    one = _queue(rest)
    found = _member(rest, one)
    checked(rest)
    answer = _member_json(rest, one, found)
    found.call.redirect(beginning(rest, found.call))
    return answer
