"""What a number needs at Twilio: the addresses of our webhooks, and the queue that holds callers.

Everything else of a number stays as it is. Setting twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.verdict import Remark
from ivr.errors import SetupError

PAGE = 1000
"""Numbers and queues of one answer, the most that Twilio gives."""
ROOM = 5000
"""Callers in the queue, the most that Twilio holds in one."""
FEW = 5
"""Numbers that are named in a sentence."""
OBSTACLES = {
    "trunk_sid": "its calls go to a SIP trunk ({}), which Twilio prefers to the addresses",
    "voice_application_sid": "its calls go to an application ({}), which Twilio prefers",
}
"""Settings of a number that make its addresses count for nothing."""
MEND = "take it out in Twilio's console, at the number's voice settings"


@dataclass(frozen=True)
class Number:
    """A number of the account. now, wanted: its addresses by the names of the library.

    obstacle: why the addresses count for nothing, "" where they do.
    """

    number: str
    sid: str
    now: Mapping[str, str]
    wanted: Mapping[str, str]
    obstacle: str = ""

    def differing(self) -> list[tuple[str, str, str]]:
        """Return (name, now, wanted) of each address that is not as it should be."""
        rows = [(name, self.now[name], url) for name, url in self.wanted.items()]
        return [row for row in rows if row[1] != row[2]]


def addresses(settings: TwilioSettings) -> dict[str, str]:
    """Return what a number of ours has, by the names of the library."""
    base = f"{settings.public_url}/twilio"
    return {
        "voice_url": f"{base}/voice",
        "voice_method": "POST",
        "voice_fallback_url": f"{base}/fallback",
        "voice_fallback_method": "POST",
        "status_callback": f"{base}/status",
        "status_callback_method": "POST",
    }


def owned(client: Client, settings: TwilioSettings) -> dict[str, Number]:
    """Return every number of the account. SetupError: Twilio says no, or is not reached."""
    with told(settings):
        found = client.incoming_phone_numbers.list(page_size=PAGE)
    return {each.phone_number: read(each, settings) for each in found}


def read(found: Any, settings: TwilioSettings) -> Number:
    """Read one number as the library gives it."""
    wanted = addresses(settings)
    now = {name: str(getattr(found, name) or "") for name in wanted}
    return Number(found.phone_number, found.sid, now, wanted, _obstacle(found))


def _obstacle(found: Any) -> str:
    if (found.capabilities or {}).get("voice") is False:
        return "it takes no calls"
    for name, words in OBSTACLES.items():
        if sid := getattr(found, name):
            return words.format(sid)
    return ""


# ---------------------------------------------------------------------- look, and set


def look(
    client: Client, settings: TwilioSettings, numbers: Collection[str], given: bool = False
) -> Iterator[Remark]:
    """Say how numbers and queue are at Twilio, changing nothing: level "differs" for what is not.

    numbers: E.164; given: they were named one by one, so each must be the account's.
    """
    account = owned(client, settings)
    yield from _strange(account, numbers, given)
    for number in (account[each] for each in numbers if each in account):
        yield from _state(number)
    yield _queue(client, settings, change=False)


def change(
    client: Client, settings: TwilioSettings, numbers: Collection[str], given: bool = False
) -> Iterator[Remark]:
    """Set what differs, level "set" for each; arguments as of `look`."""
    account = owned(client, settings)
    yield from _strange(account, numbers, given)
    for number in (account[each] for each in numbers if each in account):
        yield from _changed(client, settings, number)
    yield _queue(client, settings, change=True)


def _state(number: Number) -> Iterator[Remark]:
    rows = number.differing()
    for name, now, wanted in rows:
        yield Remark("differs", number.number, f"{name}: {now or 'empty'} -> {wanted}")
    yield from _summary(number, not rows)


def _changed(client: Client, settings: TwilioSettings, number: Number) -> Iterator[Remark]:
    rows = number.differing()
    if rows:
        with told(settings):
            client.incoming_phone_numbers(number.sid).update(**number.wanted)
    for name, before, after in rows:
        yield Remark("set", number.number, f"{name}: {before or 'empty'} -> {after}")
    yield from _summary(number, not rows)


def _summary(number: Number, right: bool) -> Iterator[Remark]:
    if number.obstacle:
        yield Remark("problem", number.number, number.obstacle, MEND)
    elif right:
        yield Remark("ok", number.number, number.now["voice_url"])


def _strange(
    account: Mapping[str, Number], numbers: Collection[str], given: bool
) -> Iterator[Remark]:
    """Tell of numbers that are not the account's, and which it has where none of them is."""
    missing = [number for number in numbers if number not in account]
    has = ", ".join(list(account)[:FEW]) or "none"
    lost = len(missing) == len(numbers)
    for number in missing:
        yield Remark(
            "problem" if given else "warning",
            number,
            "not a number of this account",
            "" if lost else "its calls do not come by this account",
        )
    if lost:
        yield Remark(
            "problem", "numbers", f"no company number is the account's, which has {has}",
            "name one of these: `app.py twilio setup NUMBER`, or write it into a company profile",
        )  # fmt: skip


def _queue(client: Client, settings: TwilioSettings, change: bool) -> Remark:
    with told(settings):
        found = [each for each in client.queues.list(page_size=PAGE)
                 if each.friendly_name == settings.queue]  # fmt: skip
        size = f"{found[0].max_size} callers" if found else "none"
        if found and found[0].max_size == ROOM:
            return Remark("ok", "queue", f"{settings.queue} holds {ROOM} callers")
        if change and found:
            found[0].update(max_size=ROOM)
        elif change:
            client.queues.create(friendly_name=settings.queue, max_size=ROOM)
    return Remark("set" if change else "differs", "queue", f"{settings.queue}: {size} -> {ROOM}")


# ---------------------------------------------------------------------- what Twilio says no to


@contextmanager
def told(settings: TwilioSettings) -> Iterator[None]:
    """Turn what the client raises into a SetupError: one line with the mend."""
    try:
        yield
    except TwilioException as reason:
        raise SetupError(_refusal(reason)) from reason
    except requests.RequestException as reason:
        raise SetupError(
            f"Twilio is not reached at {settings.api_url} ({type(reason).__name__}):"
            " see the network and [twilio] api_url"
        ) from reason


def _refusal(reason: TwilioException) -> str:
    """Return the words for a refusal; a list tells its HTTP answer in another way than the rest."""
    answer = reason.args[1] if len(reason.args) > 1 else None
    status = getattr(reason, "status", getattr(answer, "status_code", 0))
    if status in REFUSALS:
        return REFUSALS[status]
    text = str(getattr(reason, "msg", getattr(answer, "text", reason)))
    return f"Twilio refuses that (HTTP {status}): {' '.join(text.split())[:300]}"


REFUSALS: Mapping[int, str] = {
    401: "Twilio refuses [twilio] account_sid with this auth token: copy both from the first page"
         " of Twilio's console; a new auth token counts once it is the primary one",
    403: "Twilio forbids it: the account is suspended, or has no right to this",
    404: "Twilio has no such account: see [twilio] account_sid and api_url",
    429: "Twilio gets too many requests from this account: try again in a minute",
    503: "Twilio has no time (HTTP 503): try again in a minute",
}  # fmt: skip
