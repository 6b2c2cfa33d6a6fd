"""Reports in any order, twice, late or never: queue, store and log still agree."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from matching import Hall

from ivr.agent_queue.model import QueueDown
from ivr.store.models import Callback, Conversation

OPERATORS = ("olena", "taras", "marta")
WORDS = (
    "enter", "enter", "ready", "ready", "pause", "answered", "answered", "no_answer", "failed",
    "dropped", "gone", "ended", "found", "lost", "wait", "long_wait", "kill", "fall", "die",
    "promise", "called_back", "busy", "operator_failed", "resync", "decline", "queue_away",
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 5)), max_size=80)


class Chaos:
    """Does one word after the other; `number` picks who or which."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.calls = 0
        for name in OPERATORS:
            hall.operator(name)

    def do(self, word: str, number: int) -> None:
        with suppress(QueueDown):
            getattr(self, f"do_{word}", self._report(word))(number)
        self.hall.matchmaker.step()

    def _report(self, word: str) -> Any:
        """One of the reports on some telephone that rang."""
        hall = self.hall

        def report(number: int) -> None:
            if not hall.exchange.ringing:
                return
            rung = hall.exchange.ringing[-1 - number % len(hall.exchange.ringing)]
            token, call = rung.offer.token, rung.ticket.id
            if word in ("no_answer", "failed"):
                hall.matchmaker.unanswered(token, word)
            elif word == "answered":
                hall.matchmaker.answered(token)
            elif word in ("busy", "operator_failed"):
                hall.matchmaker.called_back(token, word)
            elif word == "called_back":
                hall.matchmaker.called_back(token, "answered")
            elif word == "decline":
                hall.queue.unanswered(token, hall.now, "declined")
            elif word == "dropped":
                hall.matchmaker.dropped(call)
            elif word == "ended":
                hall.queue.ended(call, hall.now)
            elif word == "gone":
                hall.exchange.live.pop(call, None)
                hall.matchmaker.gone(call)
            else:
                raise AssertionError(word)

        return report

    def do_enter(self, number: int) -> None:
        self.calls += 1
        self.hall.caller(f"pbx1-{self.calls}.{number}", number=f"+38067111000{number}")

    def do_ready(self, number: int) -> None:
        name = OPERATORS[number % 3]
        self.hall.queue.set_status("odesa", name, "ready", self.hall.now)

    def do_pause(self, number: int) -> None:
        name = OPERATORS[number % 3]
        self.hall.queue.set_status("odesa", name, "paused", self.hall.now, "break")

    def do_found(self, number: int) -> None:
        self.hall.matchmaker.phone_found(f"op-{OPERATORS[number % 3]}", "pbx1")

    def do_lost(self, number: int) -> None:
        self.hall.matchmaker.phone_lost(f"op-{OPERATORS[number % 3]}", "pbx1")

    def do_wait(self, number: int) -> None:
        self.hall.pass_(number)

    def do_long_wait(self, number: int) -> None:
        self.hall.pass_(10 * number)

    def do_kill(self, _number: int) -> None:
        self.hall.matchmaker.close()
        self.hall.clock.pass_(4)
        self.hall.matchmaker = self.hall.another()
        self.hall.matchmaker.lead()

    def do_fall(self, number: int) -> None:
        if number % 2:
            self.hall.exchange.fall("pbx1")
        else:
            self.hall.exchange.down.clear()
            self.hall.matchmaker.resync()

    def do_die(self, _number: int) -> None:
        self.hall.exchange.die("pbx1", again=self.hall.now)
        self.hall.matchmaker.resync()

    def do_resync(self, _number: int) -> None:
        self.hall.matchmaker.resync()

    def do_queue_away(self, number: int) -> None:
        self.hall.queue.away_now = bool(number % 3 == 0)

    def do_promise(self, number: int) -> None:
        number_of = f"+38067222000{number}"
        live = [row for row in self.hall.rows(Callback) if row.live and row.number == number_of]
        if not live:
            self.calls += 1
            self.hall.due_callback(number_of, key=f"k{self.calls}")


def _holds(hall: Hall) -> None:
    assert hall.queue.audit("odesa", hall.now) == []
    entries = [(entry.kind, entry.details.get("token", "")) for entry in hall.log.entries]
    counted = Counter(entries)
    rows = hall.rows(Conversation)
    assert all(counted["answered", row.token] == 1 for row in rows)
    assert sum(kind == "answered" for kind, _ in entries) == len(rows)
    for token in {token for _, token in entries if token}:
        assert counted["answered", token] + counted["unanswered", token] <= 1
        assert counted["dropped", token] <= 1
    talking = {t.token for t in hall.queue.waiting("odesa") if t.state == "talking"}
    assert {row.token for row in rows if row.ended_at is None} == talking
    for row in hall.rows(Callback):
        assert (row.live is True) == (row.state in ("due", "calling"))
        assert row.tries <= 3


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_queue_store_and_log_agree(
    new_hall: Callable[[], AbstractContextManager[Hall]], steps: list[tuple[str, int]]
) -> None:
    with new_hall() as hall:
        chaos = Chaos(hall)
        for word, number in steps:
            chaos.do(word, number)
        hall.queue.away_now = False
        hall.exchange.down.clear()
        hall.pass_(12)
        _holds(hall)
