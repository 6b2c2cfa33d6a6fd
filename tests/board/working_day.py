"""A day at work on simulated time: callers arrive, wait, talk or give up at the real queue (in
memory); in the end many more of them than operators. The log of it, as the store would have it.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from simulated import Log

from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Operator, Ticket
from ivr.company import Company
from ivr.events import Entry

NAMES = (
    "Олена Коваль", "Петро Бондар", "Віра Ткач", "Тарас Мельник", "Ірина Шевчук", "Олег Гончар",
    "Наталія Лисенко", "Андрій Кравець", "Світлана Поліщук", "Юрій Савченко", "Марія Руденко",
    "Богдан Мороз", "Ганна Павленко", "Микола Литвин", "Оксана Гриценко", "Роман Яценко",
)  # fmt: skip
SHARES = {"general": 5, "metering": 4, "outage": 3, "connection": 1, "business": 1, "danger": 0.2}
FLOWS = ("main", "reading", "schedule", "outage", "identify", "last_reading")


class Day:
    """Steps of everybody, in the order of time."""

    def __init__(self, company: Company, begin: float, seed: int = 1) -> None:
        self.company, self.now = company, begin
        self.log = Log()
        self.chance = random.Random(seed)
        seeds = itertools.count().__str__
        self.queue = MemoryQueue({company.id: company.queues}, seeds, self.log.note)
        self.steps: list[tuple[float, int, Callable[[], None]]] = []
        self.count = itertools.count()
        self.rate = 1 / 40

    def later(self, seconds: float, step: Callable[[], None]) -> None:
        heapq.heappush(self.steps, (self.now + seconds, next(self.count), step))

    def run(self, until: float) -> None:
        while self.steps and self.steps[0][0] <= until:
            self.now, _, step = heapq.heappop(self.steps)
            self.queue.tick(self.now)
            step()
        self.now = until

    def note(self, call: str, kind: str, flow: str = "", **details: Any) -> None:
        at = datetime.fromtimestamp(self.now, UTC)
        self.log.append([Entry(self.company.id, call, at, kind, flow, "", details)])

    def staff(self, count: int) -> None:
        for number in range(count):
            name = f"op{number:02}"
            skills = dict.fromkeys(self.company.queues, 3)
            one = Operator(name, self.company.id, NAMES[number], skills, endpoint=f"op-{name}")
            self.queue.sign_in(one, self.now)
            self.queue.set_status(self.company.id, name, "ready", self.now)
            self.later(self.chance.uniform(600, 9000), lambda name=name: self.rest(name))

    def rest(self, name: str) -> None:
        reason = self.chance.choice(("break", "lunch", "technical"))
        self.queue.set_status(self.company.id, name, "paused", self.now, reason=reason)
        self.later(self.chance.uniform(300, 1500), lambda: self.back(name))

    def back(self, name: str) -> None:
        self.queue.set_status(self.company.id, name, "ready", self.now)
        self.later(self.chance.uniform(3000, 9000), lambda: self.rest(name))

    def arrive(self) -> None:
        self.later(self.chance.expovariate(self.rate), self.arrive)
        call = f"pbx1-{next(self.count)}.1"
        told = {"from": "+380671110001", "to": "+380487059090", "channel": "agi"}
        self.note(call, "answered", "main", **told)
        self.later(self.chance.uniform(5, 20), lambda: self.choose(call))

    def choose(self, call: str) -> None:
        flow = self.chance.choice(FLOWS)
        self.note(call, "said", flow)
        if self.chance.random() < 0.45:
            self.later(self.chance.uniform(20, 90), lambda: self.note(call, "ended", flow))
            return
        self.later(self.chance.uniform(5, 40), lambda: self.wait(call))

    def wait(self, call: str) -> None:
        queue = self.chance.choices(list(SHARES), list(SHARES.values()))[0]
        if self.rate > 0.1 and self.chance.random() < 0.7:
            queue = "outage"
        priority = "danger" if queue == "danger" else "normal"
        self.note(call, "queued", "operator")
        self.queue.enter(Ticket(call, self.company.id, queue, self.now, priority), self.now)
        self.later(0.5, lambda: self.look(call))
        patience = self.chance.expovariate(1 / 400)
        self.later(min(patience, 3), lambda: self.leave(call) if patience < 3 else None)
        self.later(patience, lambda: self.leave(call))

    def look(self, call: str) -> None:
        ticket = self.queue.ticket(call)
        if ticket is None or ticket.state == "done":
            return
        if ticket.state in ("waiting", "away"):
            self.later(1.0, lambda: self.look(call))
        elif ticket.state == "offered" and self.queue.ring(ticket.token, self.now):
            self.later(self.chance.uniform(2, 6), lambda: self.pick_up(call, ticket.token))

    def pick_up(self, call: str, token: str) -> None:
        if self.queue.answered(token, self.now):
            self.later(self.chance.lognormvariate(4.9, 0.5), lambda: self.hang_up(call))
        else:
            self.later(0.0, lambda: self.look(call))

    def hang_up(self, call: str) -> None:
        if self.queue.ended(call, self.now):
            self.note(call, "ended", "operator")

    def leave(self, call: str) -> None:
        ticket = self.queue.ticket(call)
        if ticket and ticket.state in ("waiting", "offered", "ringing"):
            self.queue.leave(call, "abandoned", self.now)
            self.note(call, "ended", "operator")


def working_day(company: Company, now: float, hours: float = 9.0, storm: float = 25.0) -> Day:
    """A day that ends now; in its last `storm` minutes it storms."""
    day = Day(company, now - 3600 * hours)
    day.staff(len(NAMES))
    day.later(0, day.arrive)
    day.run(now - 60 * storm)
    day.rate = 1 / 7
    until = datetime.fromtimestamp(now, UTC) + timedelta(hours=4)
    if storm:
        day.note("", "storm", storm=1, state="on", by="vira", until=until.isoformat())
    day.run(now)
    day.note(
        "",
        "measured",
        speech={"busy": 5, "limit": 16, "up": 2, "of": 2},
        callbacks={"due": 14, "late": 2},
        outbox={"due": 0, "dead": 0, "oldest": None},
        storm={"state": "on" if storm else "off", "until": until.isoformat() if storm else None},
    )
    return day
