"""Any sequence of events gives the same queue in memory and in Redis, and every invariant holds."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ivr.agent_queue import keys
from ivr.agent_queue.audit import Snapshot
from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import (
    OUTCOMES,
    PRIORITIES,
    SEEN_OF_OPERATOR,
    SEEN_OF_TICKET,
    STATUSES,
    Operator,
    Record,
    Rules,
    Ticket,
)
from ivr.agent_queue.record import record_of
from ivr.agent_queue.redis_queue import RedisQueue

START = 1_795_000_000.0
COMPANY = "odesa"
RULES = {
    "general": Rules(relax=((0, 3), (20, 2), (60.5, 1)), wrap_up=10),
    "metering": Rules(
        overflow_to="general", overflow_after=40, unanswered=2, wrap_up=0, relax=((0, 2), (30, 1))
    ),
    "hot/line": Rules(away=30, redial=60, relax=()),
}
QUEUES = (*RULES, "юридичні")
TICKETS = ("a-1.1", "a-1.2", "a-1.10", "b-2.1", "b-2.2", "callback-7")
NAMES = ("olena", "ivan", "їжак")

tickets = st.sampled_from(TICKETS)
names = st.sampled_from(NAMES)
queues = st.sampled_from(QUEUES)
skills = st.dictionaries(queues, st.integers(0, 6), max_size=3)
steps = st.sampled_from([0.0, 0.0, 0.25, 1.1, 4.9, 10.0, 20.0, 30.0, 100.0, 700.0])


def without_empty(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without sets that hold nothing: Redis has none."""
    return replace(
        snapshot,
        sorted_sets={name: each for name, each in snapshot.sorted_sets.items() if each},
        sets={name: each for name, each in snapshot.sets.items() if each},
    )


class Twins(RuleBasedStateMachine):
    """Does the same to both queues and compares answers and all they keep."""

    client = None

    @initialize()
    def begin(self):
        self.client.flushall()
        self.now = START
        rules = {COMPANY: RULES}
        self.step = 0
        self.journal: list[Record] = []
        self.seen: dict[tuple[str, str], dict] = {}
        self.memory = MemoryQueue(rules, self.seed, self.journal.append)
        self.redis = RedisQueue(self.client, rules, self.seed)
        self.redis.tick(self.now)
        self.tokens = ["odesa.none.a-1.1", "nonsense", "", "lviv.x.a-1.1"]

    def seed(self) -> str:
        """Return what tokens are made of: the same in both."""
        return f"step {self.step}"

    def new_records(self) -> list[Record]:
        """Take the records that Redis has and memory gave; they are the same ones."""
        stream = self.client.xrange(keys.journal(COMPANY))
        texts = [{k.decode(): v.decode() for k, v in fields.items()} for _, fields in stream]
        records = [record_of(COMPANY, each) for each in texts]
        assert records == self.journal
        if stream:
            self.client.xdel(keys.journal(COMPANY), *(message for message, _ in stream))
        self.journal.clear()
        return records

    def both(self, name, *args, **kwargs):
        self.step += 1
        one = getattr(self.memory, name)(*args, **kwargs)
        other = getattr(self.redis, name)(*args, **kwargs)
        assert one == other, name
        return one

    # -------------------------------------------------------------- events

    @rule(seconds=steps)
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def tick(self):
        self.both("tick", self.now)

    @rule(
        name=tickets,
        queue=queues,
        priority=st.sampled_from(PRIORITIES),
        number=st.sampled_from([None, "+380671110001", "+380671110002"]),
        ago=st.sampled_from([-1.0, 0.0, 0.0, 0.1, 25.0, 650.0]),
        sticky=st.sampled_from(["", "", "", *NAMES]),
    )
    def enter(self, name, queue, priority, number, ago, sticky):
        kind = "callback" if name.startswith("callback") else "call"
        context = {"reason": "bill", "nested": {"a": [1, 2.5, None]}, "text": "ї\n"}
        ticket = Ticket(name, COMPANY, queue, self.now - ago, priority, kind, number=number)
        ticket = replace(ticket, sticky=sticky, context=context, leg=f"leg {self.now}")
        self.both("enter", ticket, self.now)

    @rule(name=tickets, back_to=st.sampled_from(["", "", *NAMES]))
    def away(self, name, back_to):
        self.both("away", name, self.now, back_to)

    @rule(name=tickets, outcome=st.sampled_from(OUTCOMES))
    def leave(self, name, outcome):
        self.both("leave", name, outcome, self.now)

    @rule(name=tickets, priority=st.sampled_from(PRIORITIES))
    def raise_to(self, name, priority):
        self.both("raise_to", name, priority, self.now)

    # what supervisors do: they name what they see, which may be over by now

    def seen_of(self, name, field, other):
        ticket = self.memory.ticket(name)
        return getattr(ticket, field) if ticket is not None and other is None else other or ""

    @rule(name=tickets, queue=queues, was=st.one_of(st.none(), st.none(), queues))
    def move(self, name, queue, was):
        was = self.seen_of(name, "queue", was)
        moved = self.both("move", name, queue, self.now, was)
        if moved:
            ticket = self.memory.ticket(name)
            assert (ticket.queue, was in ticket.moved) == (queue, True)

    @rule(
        name=tickets,
        priority=st.sampled_from(PRIORITIES),
        was=st.one_of(st.none(), st.none(), st.sampled_from(PRIORITIES)),
    )
    def lift(self, name, priority, was):
        self.both("lift", name, priority, self.now, self.seen_of(name, "priority", was))

    @rule(name=tickets, was=st.one_of(st.none(), st.none(), st.sampled_from(PRIORITIES)))
    def lower(self, name, was):
        ticket = self.memory.ticket(name)
        own = ticket.lifted if ticket is not None else ""
        if self.both("lower", name, self.now, self.seen_of(name, "priority", was)):
            ticket = self.memory.ticket(name)
            assert (ticket.priority, ticket.lifted) == (own, "")

    @rule(name=tickets, was=st.one_of(st.none(), st.none(), queues))
    def withdraw(self, name, was):
        self.both("withdraw", name, self.now, self.seen_of(name, "queue", was))

    @rule(name=tickets, operator=names, seconds=st.sampled_from([0.0, 15.0, 120.0]))
    def give(self, name, operator, seconds):
        self.both("give", name, operator, self.now, seconds)

    @rule(name=tickets, operator=names)
    def release(self, name, operator):
        self.both("release", name, operator, self.now)

    @rule(name=names, skills=skills, was=st.one_of(st.none(), st.none(), skills))
    def set_skills(self, name, skills, was):
        known = self.memory.operator(COMPANY, name)
        was = known.skills if known is not None and was is None else was or {}
        self.both("set_skills", COMPANY, name, skills, self.now, was)

    @rule(name=tickets)
    def promise(self, name):
        self.both("promise", name, 90.5, self.now)

    @rule(name=names, skills=skills, status=st.sampled_from(["ready", "ready", *STATUSES]))
    def sign_in(self, name, skills, status):
        operator = Operator(name, COMPANY, "Олена", skills, status, tab=f"tab {name}")
        self.both("sign_in", operator, self.now)

    @rule(
        name=names,
        status=st.sampled_from(["ready", "ready", "ready", *STATUSES]),
        tab=st.sampled_from(["", "", "tab olena"]),
        version=st.one_of(st.none(), st.none(), st.integers(0, 60)),
        limit=st.sampled_from([0.0, 60.0]),
        by=st.sampled_from(["", "vira"]),
    )
    def set_status(self, name, status, tab, version, limit, by):
        chosen = {"reason": "break", "limit": limit, "tab": tab, "version": version, "by": by}
        self.both("set_status", COMPANY, name, status, self.now, **chosen)

    @rule(name=names)
    def finish(self, name):
        self.both("finish", COMPANY, name, self.now)

    @rule(name=names)
    def extend(self, name):
        self.both("extend", COMPANY, name, 33.3, self.now)

    @rule(which=st.integers(0, 9), then=st.sampled_from(["ring", "answered", "unanswered"]))
    def token(self, which, then):
        """Use a late token now and then, the newest ones mostly."""
        self.both(then, self.tokens[-1 - which % len(self.tokens)], self.now)

    @rule(which=st.integers(0, 9), why=st.sampled_from(["declined", "failed"]))
    def unanswered(self, which, why):
        self.both("unanswered", self.tokens[-1 - which % len(self.tokens)], self.now, why)

    @rule()
    def everybody_talks(self):
        for offer in self.both("offers"):
            self.both("answered", offer.token, self.now)

    @rule(name=tickets)
    def ended(self, name):
        self.both("ended", name, self.now)

    @rule(name=tickets)
    def dropped(self, name):
        self.both("dropped", name, self.now)

    @rule(name=names)
    def returned(self, name):
        self.both("returned", COMPANY, name, self.now)

    @rule(name=tickets, queue=st.sampled_from(["", *QUEUES]), to=st.sampled_from(["", *NAMES]))
    def transfer(self, name, queue, to):
        self.both("transfer", name, self.now, queue, to)

    @rule(name=tickets, operator=names)
    def take(self, name, operator):
        self.both("take", name, operator, self.now)

    @rule(name=names, other=names, token=st.sampled_from(["c1", "c2"]))
    def consult(self, name, other, token):
        self.both("consult", COMPANY, name, other, token, self.now)

    @rule(token=st.sampled_from(["c1", "c2", "c3"]), ticket=st.sampled_from(["", *TICKETS]))
    def consulted(self, token, ticket):
        self.both("consulted", token, self.now, ticket)

    @rule(name=tickets, operator=names, token=st.sampled_from(["taken-1", "taken-2"]))
    def take_over(self, name, operator, token):
        self.both("take_over", name, operator, f"{COMPANY}.{token}.{name}", self.now)

    # -------------------------------------------------------------- what always holds

    @invariant()
    def the_same_in_both(self):
        if not hasattr(self, "memory"):
            return
        one, other = (without_empty(q.snapshot(COMPANY)) for q in (self.memory, self.redis))
        assert one == other
        found = self.memory.audit(COMPANY, self.now) + self.redis.audit(COMPANY, self.now)
        assert [each for each in found if "nobody ticks" not in each] == []
        for offer in self.both("offers"):
            if offer.token not in self.tokens:
                self.tokens.append(offer.token)
        self.both("waiting", COMPANY)
        self.both("waiting", COMPANY, "metering")
        self.both("operators", COMPANY)
        for name in (*TICKETS, ""):
            self.both("ticket", name)
            for queue in ("general", "metering"):
                self.both("place", COMPANY, queue, self.now, ticket=name)
        self.both("place", COMPANY, "general", self.now, "raised")

    @invariant()
    def the_journal_says_how_all_stand(self):
        if not hasattr(self, "memory"):
            return
        for record in self.new_records():
            fields = SEEN_OF_TICKET if record.kind == "ticket" else SEEN_OF_OPERATOR
            now = {field: record.details[field] for field in fields}
            now |= {"entered": record.details.get("entered")}
            gone = record.kind == "operator" and not record.details["skills"]
            assert gone or now != self.seen.get((record.kind, record.id)), "nothing changed"
            assert record.at == self.now
            self.seen[record.kind, record.id] = now
        tickets = {name: slip.ticket for name, slip in self.memory._state(COMPANY).slips.items()}
        for name, ticket in tickets.items():
            seen = self.seen["ticket", name]
            assert all(getattr(ticket, field) == seen[field] for field in SEEN_OF_TICKET)
        known = self.memory.operators(COMPANY)
        for operator in known:
            seen = self.seen["operator", operator.name]
            assert all(getattr(operator, field) == seen[field] for field in SEEN_OF_OPERATOR)
        for kind, name in self.seen.keys() - {("operator", each.name) for each in known}:
            status = self.seen[kind, name].get("status", "offline")
            assert kind == "ticket" or status == "offline", "forgotten"


def test_any_sequence_of_events_gives_the_same_queue_in_memory_and_in_redis(redis_client):
    Twins.client = redis_client
    run_state_machine_as_test(
        Twins,
        settings=settings(
            max_examples=40,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
