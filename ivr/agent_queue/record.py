"""Tickets, operators and rules as Redis keeps them: hashes of texts, numbers with all digits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ivr.agent_queue.audit import Snapshot
from ivr.agent_queue.model import Offer, Operator, Place, Record, Rules, Ticket
from ivr.agent_queue.order import CARD
from ivr.agent_queue.slips import Seat, Slip

Hash = Mapping[str, str]


def hash_of(flat: Sequence[bytes]) -> dict[str, str]:
    """Return what HGETALL in a script answered: field, value, field, value, ..."""
    texts = [text.decode() for text in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def card_of(ticket: Ticket) -> str:
    """Return what no script reads of a ticket."""
    return _json({name: getattr(ticket, name) for name in CARD})


def slip_of(company: str, name: str, texts: Hash) -> Slip:
    """Rebuild a ticket from its hash."""
    ticket = Ticket(
        id=name,
        company=company,
        queue=texts["queue"],
        entered=float(texts["entered"]),
        priority=texts["priority"],
        kind=texts["kind"],
        number=texts["number"] or None,
        state=texts["state"],
        since=float(texts["since"]),
        operator=texts["operator"],
        token=texts["token"],
        sticky=texts["sticky"],
        held=float(texts["held"]),
        told=float(texts["told"]) if texts["told"] else None,
        told_at=float(texts["told_at"]),
        offers=int(texts["offers"]),
        outcome=texts["outcome"],
        moved=tuple(json.loads(texts.get("moved") or "[]")),
        lifted=texts.get("lifted", ""),
        began=float(texts.get("began") or texts["entered"]),
        answered=float(texts.get("answered") or 0),
        **json.loads(texts["card"]),
    )
    until, over = float(texts["until"]), texts["over"]
    return Slip(ticket, until, over, met=texts["met"] == "1", back=texts["back"] == "1")


def seat_of(company: str, name: str, texts: Hash) -> Seat:
    """Rebuild an operator from his hash."""
    operator = Operator(
        name=name,
        company=company,
        shown=texts["shown"],
        skills=json.loads(texts["skills"]),
        status=texts["status"],
        reason=texts["reason"],
        state=texts["state"],
        since=float(texts["since"]),
        idle_since=float(texts["idle_since"]),
        version=int(texts["version"]),
        node=texts["node"],
        endpoint=texts["endpoint"],
        tab=texts["tab"],
        ticket=texts["ticket"],
        token=texts["token"],
        missed=int(texts["missed"]),
        by=texts.get("by", ""),
    )
    seat = Seat(operator, float(texts["wrap"]), float(texts["pause"]), texts["asks"])
    return Seat(replace(operator, until=seat.until), seat.wrap, seat.pause, seat.asks)


def offer_of(company: str, row: Sequence[Any]) -> Offer:
    """Rebuild an offer: token, ticket, operator, until, back."""
    token, ticket, operator, until = (text.decode() for text in row[:4])
    return Offer(token, company, ticket, operator, float(until), bool(row[4]))


def place_of(row: Sequence[Any]) -> Place:
    """Rebuild a place: position, waiting, serving, free, talks, state, told."""
    position, waiting, serving, free, talks, state, told = row
    seconds = tuple(map(float, talks))
    promised = float(told) if told else None
    return Place(position, waiting, serving, free, seconds, state.decode(), promised)


def record_of(company: str, texts: Hash) -> Record:
    """Rebuild a record of the journal from the fields of its message."""
    kind, name, at = texts["kind"], texts["id"], float(texts["at"])
    if kind == "ticket":
        ticket = {field: texts[field] for field in ("state", "queue", "priority", "operator")}
        life = {"entered": float(texts["entered"]), "outcome": texts["outcome"]}
        who = {"token": texts["token"], "number": texts["number"] or None}
        return Record(company, kind, name, at, ticket | {"kind": texts["called"]} | life | who)
    chosen = {field: texts[field] for field in ("shown", "status", "reason", "state", "ticket")}
    skills, since = json.loads(texts["skills"]), float(texts["since"])
    seat = {"operator": name, **chosen, "skills": skills, "since": since}
    return Record(company, kind, name, at, seat)


def snapshot_of(company: str, row: Sequence[Any]) -> Snapshot:
    """Rebuild what the script `snapshot` answered."""
    tickets, operators, scored, plain, consults = row
    slips: dict[str, Slip] = {}
    seats: dict[str, Seat] = {}
    unreadable, lasting = [], set()
    for name, seconds, flat in ((each[0].decode(), *each[1:]) for each in tickets):
        try:
            slips[name] = slip_of(company, name, hash_of(flat))
        except (KeyError, ValueError, TypeError):
            unreadable.append(f"ticket {name}")
            continue
        if slips[name].ticket.state == "done" and seconds < 0:
            lasting.add(name)
    for name, flat in ((each[0].decode(), each[1]) for each in operators):
        try:
            seats[name] = seat_of(company, name, hash_of(flat))
        except (KeyError, ValueError, TypeError):
            unreadable.append(f"operator {name}")
    return Snapshot(
        company,
        slips,
        seats,
        {name.decode(): _scores(flat) for name, flat in scored},
        {name.decode(): frozenset(map(bytes.decode, members)) for name, members in plain},
        {token: tuple(json.loads(names)) for token, names in hash_of(consults).items()},
        frozenset(lasting),
        tuple(unreadable),
    )


def _scores(flat: Sequence[bytes]) -> dict[str, float]:
    return {name.decode(): float(score) for name, score in zip(flat[::2], flat[1::2], strict=True)}


def rules_text(rules: Mapping[str, Rules]) -> str:
    """Return what scripts read of the rules: a line a queue, the defaults under no name."""
    lines = (f"{name}\t{_json(_rules(each))}" for name, each in {**rules, "": Rules()}.items())
    return "\n" + "\n".join(lines) + "\n"


def _rules(rules: Rules) -> dict[str, Any]:
    return {name: getattr(rules, name) for name in RULES}


RULES = (
    "overflow_to",
    "overflow_after",
    "relax",
    "ring",
    "unanswered",
    "wrap_up",
    "sticky",
    "back",
    "redial",
    "away",
    "lease",
)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
