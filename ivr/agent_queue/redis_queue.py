"""The queue in Redis, shared by all processes: one script a change; `keys` names them all."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import redis

from ivr.agent_queue import record
from ivr.agent_queue.audit import Snapshot, findings
from ivr.agent_queue.keys import CHANGES, COMMANDS, COMPANIES, Scripts, prefix
from ivr.agent_queue.memory import company_of, one_of, secret, ticket_of
from ivr.agent_queue.model import (
    OUTCOMES,
    PRIORITIES,
    STATUSES,
    Offer,
    Operator,
    Place,
    QueueDown,
    Ticket,
)
from ivr.agent_queue.news import Listener, News
from ivr.agent_queue.order import LIMIT, RulesOf, usable
from ivr.agent_queue.state import BATCH

REMEMBERED = 20_000
"""Tickets whose company one process remembers."""


class RedisQueue:
    """An `AgentQueue`. rules: by company and queue. seeds: where tokens' secrets come from."""

    def __init__(
        self,
        client: redis.Redis,
        rules: RulesOf | None = None,
        seeds: Callable[[], str] = secret,
    ) -> None:
        self._client = client
        self._rules = rules or {}
        self._seeds = seeds
        self._scripts = Scripts(client)
        self._news = News(client)
        self._texts = {company: record.rules_text(each) for company, each in self._rules.items()}
        self._plain = record.rules_text({})
        self._where: OrderedDict[str, str] = OrderedDict()
        self._noted: set[str] = set()
        self._refreshed: set[str] = set()

    # ------------------------------------------------------------------ tickets

    def enter(self, ticket: Ticket, now: float) -> Ticket:
        """Put a ticket into its queue."""
        one_of(ticket.priority, PRIORITIES)
        if ticket.company not in self._noted:
            self._note(ticket.company)
        told = "" if ticket.told is None else repr(float(ticket.told))
        plain = [ticket.id, ticket.queue, ticket.priority, ticket.kind, ticket.number or ""]
        times = [_num(ticket.entered), ticket.sticky, _num(ticket.held), told, _num(ticket.told_at)]
        args = [*plain, *times, record.card_of(ticket)]
        flat = self._change("enter", ticket.company, now, args)
        self._remember(ticket.id, ticket.company)
        return record.slip_of(ticket.company, ticket.id, record.hash_of(flat)).ticket

    def away(self, ticket: str, now: float, back_to: str = "") -> bool:
        """Let a caller go into the IVR with his place kept."""
        return bool(self._change_of(ticket, "away", now, back_to))

    def leave(self, ticket: str, outcome: str, now: float) -> bool:
        """End a ticket."""
        return bool(self._change_of(ticket, "leave", now, one_of(outcome, OUTCOMES)))

    def raise_to(self, ticket: str, priority: str, now: float) -> bool:
        """Give a ticket a higher priority."""
        return bool(self._change_of(ticket, "raise_to", now, one_of(priority, PRIORITIES)))

    def move(self, ticket: str, queue: str, now: float, was: str) -> bool:
        """Let a caller go on in another queue."""
        return bool(self._change_of(ticket, "move", now, queue, was))

    def lift(self, ticket: str, priority: str, now: float, was: str) -> bool:
        """Give a ticket a higher priority that can be taken back."""
        return bool(self._change_of(ticket, "lift", now, one_of(priority, PRIORITIES), was))

    def withdraw(self, ticket: str, now: float, was: str) -> bool:
        """Take a caller out of his wait, his place kept."""
        return bool(self._change_of(ticket, "withdraw", now, was))

    def lower(self, ticket: str, now: float, was: str) -> bool:
        """Take back what `lift` gave."""
        return bool(self._change_of(ticket, "lower", now, was))

    def give(self, ticket: str, operator: str, now: float, seconds: float) -> bool:
        """Offer a waiting ticket to this operator, or keep it for him."""
        return bool(self._change_of(ticket, "give", now, operator, _num(seconds)))

    def release(self, ticket: str, operator: str, now: float) -> bool:
        """Let a ticket that is kept for this operator wait for anybody."""
        return bool(self._change_of(ticket, "release", now, operator))

    def promise(self, ticket: str, seconds: float, now: float) -> None:
        """Note the wait that the caller was told."""
        self._change_of(ticket, "promise", now, _num(seconds))

    def ticket(self, ticket: str) -> Ticket | None:
        """Return a ticket."""
        company = self._company_of(ticket)
        if not company:
            return None
        found = self._hashes(company, "ticket:", [ticket])
        return record.slip_of(company, ticket, found[0][1]).ticket if found else None

    def waiting(self, company: str, queue: str = "") -> list[Ticket]:
        """Return the tickets that are not done, in the order of service."""
        with answering():
            names = cast(list[bytes], self._client.zrange(prefix(company) + "live", 0, -1))
        hashes = self._hashes(company, "ticket:", [name.decode() for name in names])
        tickets = [record.slip_of(company, *found).ticket for found in hashes]
        return [each for each in tickets if each.state != "done" and queue in ("", each.queue)]

    def place(
        self, company: str, queue: str, now: float, priority: str = "normal", ticket: str = ""
    ) -> Place:
        """Return where a ticket stands, or a new one would."""
        return record.place_of(self._run("place", company, [_num(now), queue, priority, ticket]))

    # ------------------------------------------------------------------ operators

    def sign_in(self, operator: Operator, now: float) -> Operator:
        """Take note of an operator."""
        one_of(operator.status, STATUSES)
        self._note(operator.company)
        chosen = [operator.status, operator.reason]
        where = [operator.shown, operator.node, operator.endpoint, operator.tab]
        args = [operator.name, _skills(operator.skills), *chosen, *where]
        return self._operator(operator, self._change("sign_in", operator.company, now, args))

    def set_status(
        self,
        company: str,
        name: str,
        status: str,
        now: float,
        reason: str = "",
        limit: float = 0.0,
        tab: str = "",
        version: int | None = None,
        by: str = "",
    ) -> Operator | None:
        """Change what the operator chose."""
        one_of(status, STATUSES)
        known = "" if version is None else version
        args = [name, status, reason, _num(limit), tab, known, by]
        flat = self._change("set_status", company, now, args)
        return self._operator(Operator(name, company), flat) if flat else None

    def set_skills(
        self, company: str, name: str, skills: Mapping[str, int], now: float, was: Mapping[str, int]
    ) -> Operator | None:
        """Change what an operator serves."""
        args = [name, _skills(skills), _skills(was)]
        flat = self._change("set_skills", company, now, args)
        return self._operator(Operator(name, company), flat) if flat else None

    def operator(self, company: str, name: str) -> Operator | None:
        """Return an operator."""
        found = self._hashes(company, "operator:", [name])
        return record.seat_of(company, *found[0]).operator if found else None

    def operators(self, company: str) -> list[Operator]:
        """Return all operators who are known, by name."""
        with answering():
            names = cast(set[bytes], self._client.smembers(prefix(company) + "operators"))
        hashes = self._hashes(company, "operator:", sorted(name.decode() for name in names))
        return [record.seat_of(company, *found).operator for found in hashes]

    def finish(self, company: str, name: str, now: float) -> bool:
        """End the wrap-up early."""
        return bool(self._change("finish", company, now, [name]))

    def extend(self, company: str, name: str, seconds: float, now: float) -> bool:
        """Give the wrap-up more time."""
        return bool(self._change("extend", company, now, [name, _num(seconds)]))

    # ------------------------------------------------------------------ offers and talks

    def ring(self, token: str, now: float) -> Ticket | None:
        """Claim an offer that is about to be dialled."""
        flat = self._change_by(token, "ring", now)
        if not flat:
            return None
        company, name = company_of(token), ticket_of(token)
        return record.slip_of(company, name, record.hash_of(flat)).ticket

    def answered(self, token: str, now: float) -> bool:
        """The operator answered."""
        return bool(self._change_by(token, "answered", now))

    def unanswered(self, token: str, now: float, why: str = "no_answer") -> bool:
        """The operator did not answer, declined, or could not be reached."""
        return bool(self._change_by(token, "unanswered", now, why))

    def ended(self, ticket: str, now: float) -> bool:
        """The talk is over."""
        return bool(self._change_of(ticket, "ended", now))

    def dropped(self, ticket: str, now: float) -> bool:
        """The operator vanished in the talk."""
        return bool(self._change_of(ticket, "dropped", now))

    def returned(self, company: str, name: str, now: float) -> Offer | None:
        """A disconnected operator is there again."""
        return self._offer(company, self._change("returned", company, now, [name]))

    def transfer(self, ticket: str, now: float, queue: str = "", operator: str = "") -> bool:
        """End a talk by passing the caller on."""
        return bool(self._change_of(ticket, "transfer", now, queue, operator))

    def take(self, ticket: str, operator: str, now: float) -> Offer | None:
        """Offer a waiting ticket to this operator out of turn."""
        row = self._change_of(ticket, "take", now, operator)
        return self._offer(self._company_of(ticket), row) if row else None

    def consult(self, company: str, name: str, other: str, token: str, now: float) -> bool:
        """Reserve an operator for a talk among operators."""
        return bool(self._change("consult", company, now, [name, other, token]))

    def consulted(self, token: str, now: float, ticket: str = "") -> bool:
        """The talk among operators is over."""
        with answering():
            company = self._first(lambda pipe, keys: pipe.hexists(keys + "consults", token))
        return bool(company and self._change("consulted", company, now, [token, ticket]))

    def take_over(self, ticket: str, operator: str, token: str, now: float) -> bool:
        """Give a talk to another operator."""
        return bool(self._change_of(ticket, "take_over", now, operator, token))

    # ------------------------------------------------------------------ time and news

    def tick(self, now: float) -> float | None:
        """Do all that is due; the first one of this process also looks at every ticket anew."""
        times = [self._tick(company, now) for company in self.companies()]
        return min((when for when in times if when is not None), default=None)

    def _tick(self, company: str, now: float) -> float | None:
        if company not in self._refreshed:
            start = 0
            while self._change("refresh", company, now, [start, BATCH]) == BATCH:
                start += BATCH
            self._refreshed.add(company)
        while True:
            answer = self._change("tick", company, now, [])
            when = float(answer) if answer else None
            if when is None or when > now:
                return when

    def offers(self) -> list[Offer]:
        """Return the offers that nobody has claimed yet."""
        found = []
        for company in self.companies():
            rows = self._run("offers", company, [])
            found += sorted((record.offer_of(company, row) for row in rows), key=_by_ticket)
        return found

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after each change, in the thread that listens to Redis."""
        return self._news.subscribe(listener)

    def close(self) -> None:
        """Stop telling listeners; the client stays open for whoever gave it."""
        self._news.close()

    def send(self, command: Mapping[str, Any]) -> None:
        """Ask the matchmaker for something."""
        company, what = str(command.get("company", "")), str(command.get("do", ""))
        news = json.dumps({"company": company, "changes": [["command", what]]})
        with answering():
            self._client.rpush(COMMANDS, json.dumps(dict(command)))
            self._client.ltrim(COMMANDS, -LIMIT, -1)
            self._client.publish(CHANGES, news)

    def tell(self, company: str, name: str = "") -> None:
        """Let the desks know that something changed for this operator."""
        news = json.dumps({"company": company, "changes": [["staff", name]]})
        with answering():
            self._client.publish(CHANGES, news)

    def commands(self) -> list[dict[str, Any]]:
        """Take the commands that wait."""
        with answering():
            taken = self._client.lpop(COMMANDS, LIMIT)
        return [json.loads(text) for text in cast(list[bytes], taken or [])]

    def audit(self, company: str, now: float) -> list[str]:
        """Return every invariant that does not hold."""
        return findings(self.snapshot(company), self._rules.get(company, {}), now)

    def snapshot(self, company: str) -> Snapshot:
        """Return all that belongs to a company, as it is at one moment. Redis pauses for it."""
        keys = prefix(company)
        with answering():
            names = [key.decode()[len(keys) :] for key in self._client.scan_iter(f"{keys}*", 1000)]
        return record.snapshot_of(company, self._run("snapshot", company, names))

    def companies(self) -> list[str]:
        """Return the companies that have a profile here or a queue in Redis."""
        with answering():
            known = cast(set[bytes], self._client.smembers(COMPANIES))
        return sorted({name.decode() for name in known} | set(self._rules))

    # ------------------------------------------------------------------ inside

    def _change(self, name: str, company: str, now: float, args: Sequence[Any]) -> Any:
        """Run a script that changes something."""
        rules = self._texts.get(company, self._plain)
        return self._run(name, company, [_num(now), self._seeds(), rules, *args])

    def _run(self, name: str, company: str, args: list[Any]) -> Any:
        with answering():
            return self._scripts(name, company, args)

    def _change_of(self, ticket: str, name: str, now: float, *args: Any) -> Any:
        company = self._company_of(ticket)
        return self._change(name, company, now, [ticket, *args]) if company else None

    def _change_by(self, token: str, name: str, now: float, *args: Any) -> Any:
        ticket = ticket_of(token)
        if not ticket:
            return None
        return self._change(name, company_of(token), now, [ticket, token, *args])

    def _company_of(self, ticket: str) -> str:
        """Return whose ticket this is, "" for an unknown one."""
        company = self._where.get(ticket, "")
        if not company:
            with answering():
                company = self._first(lambda pipe, keys: pipe.exists(f"{keys}ticket:{ticket}"))
            self._remember(ticket, company)
        return company

    def _remember(self, ticket: str, company: str) -> None:
        if company:
            self._where[ticket] = company
            if len(self._where) > REMEMBERED:
                self._where.popitem(last=False)

    def _first(self, ask: Callable[[Any, str], Any]) -> str:
        """Return the first company for which Redis says yes."""
        companies = self.companies()
        pipe = self._client.pipeline(transaction=False)
        for company in companies:
            ask(pipe, prefix(company))
        answers = zip(companies, pipe.execute(), strict=True)
        return next((company for company, yes in answers if yes), "")

    def _note(self, company: str) -> None:
        with answering():
            self._client.sadd(COMPANIES, company)
        self._noted.add(company)

    def _hashes(
        self, company: str, kind: str, names: Sequence[str]
    ) -> list[tuple[str, dict[str, str]]]:
        """Read the hashes of tickets or operators; those that are gone are left out."""
        found: list[tuple[str, dict[str, str]]] = []
        for start in range(0, len(names), BATCH):
            some = names[start : start + BATCH]
            pipe = self._client.pipeline(transaction=False)
            for name in some:
                pipe.hgetall(prefix(company) + kind + name)
            with answering():
                hashes = pipe.execute()
            found += [
                (name, {field.decode(): value.decode() for field, value in texts.items()})
                for name, texts in zip(some, hashes, strict=True)
                if texts
            ]
        return found

    @staticmethod
    def _operator(who: Operator, flat: Sequence[bytes]) -> Operator:
        return record.seat_of(who.company, who.name, record.hash_of(flat)).operator

    @staticmethod
    def _offer(company: str, row: Any) -> Offer | None:
        return record.offer_of(company, row) if row else None


@contextmanager
def answering() -> Iterator[None]:
    """Say QueueDown for whatever Redis or the way to it refuses."""
    try:
        yield
    except redis.RedisError as reason:
        raise QueueDown(str(reason)) from reason


def _skills(skills: Mapping[str, int]) -> str:
    """Return skills that count as one text for each such mapping."""
    return json.dumps(usable(skills), sort_keys=True)


def _num(value: float) -> str:
    return repr(float(value))


def _by_ticket(offer: Offer) -> str:
    return offer.ticket
