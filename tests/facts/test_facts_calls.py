"""Each call has one fact with a reason of the list, and what it counts is what took place."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from folding import check_facts, fold_all, happenings
from test_callscript import SCRIPTS

from ivr.events import Entry
from ivr.facts.calls import Surroundings, Wrap, fold
from ivr.facts.model import TASKS, TOPIC_OF_FLOW, TOPICS
from ivr.services import SERVICES

ZONE = ZoneInfo("Europe/Kyiv")
KNOWN = Surroundings("odesa", ZONE, "uk")
BEGAN = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def test_each_call_of_every_script_has_one_fact(logged):
    whys = Counter()
    for script in SCRIPTS.values():
        report, entries = logged(script)
        found = fold_all(entries, KNOWN)
        begun = {e.call for e in report.log if e.kind == "answered" and "operator" not in e.details}
        assert begun == {name for name, facts in found.items() if facts.call}
        for name in begun:
            check_facts(found[name], [e for e in report.log if e.call == name])
            whys[found[name].call["why"]] += 1
    assert set(whys) >= {
        "completed", "callback", "unserved", "caller_in_menu", "caller_in_question",
        "caller_after_task", "caller_in_queue", "caller_in_talk", "caller_after_talk",
        "operator_hung_up", "silence", "no_match", "limit",
    }  # fmt: skip


def test_the_words_name_what_there_is(house):
    for service, outcome in TASKS:
        assert outcome in SERVICES[service].outcomes, (service, outcome)
    assert set(TOPIC_OF_FLOW) <= set(house.flows.flows)
    assert set(TOPIC_OF_FLOW.values()) <= set(TOPICS)


# ---------------------------------------------------------------------- calls told event by event


def told(*rows: tuple[Any, ...], began: datetime = BEGAN, call: str = "a-1") -> list[Entry]:
    """Return a call's events: (seconds, kind, details, "flow.step")."""
    first = {"from": "+380671110001", "to": "+380487059090", "channel": "agi"}
    entries = [Entry("odesa", call, began, "answered", "main", "menu", first)]
    for after, kind, details, *place in rows:
        flow, _, step = (place[0] if place else "").partition(".")
        at = began + timedelta(seconds=after)
        entries.append(Entry("odesa", call, at, kind, flow, step, details))
    return entries


def ticket(state: str, operator: str = "", **more: Any) -> dict[str, Any]:
    """Return a record of the journal; he entered 10 s after the call began."""
    entered = (BEGAN + timedelta(seconds=10)).timestamp()
    plain = {"queue": "general", "priority": "normal", "kind": "call", "outcome": "", "token": ""}
    return {**plain, "state": state, "operator": operator, "entered": entered, **more}


ASKED = ((9, "heard", {"kind": "keys", "text": "0"}, "main.menu"),
         (9.5, "said", {"prompts": ["operator_queue"], "ways": ["+operator"]}, "operator.queue"),
         (9.5, "queued", {"queue": "general"}, "operator.queue"),
         (10, "ticket", ticket("waiting")))  # fmt: skip
TALKED = (*ASKED, (40, "ticket", ticket("offered", "olena")),
          (41, "ticket", ticket("ringing", "olena")),
          (45, "ticket", ticket("talking", "olena")),
          (45, "answered", {"operator": "olena", "queue": "general"}))  # fmt: skip
OVER = (105, "ticket", ticket("done", outcome="answered"))


def ends(after: float, reason: str, place: str) -> tuple[tuple[Any, ...], ...]:
    """Return how the dialogue ends a call, or how a caller does (reason: what the channel says)."""
    if reason in ("completed", "operator", "callback", "failed", "limit"):
        return ((after, "ended", {"reason": reason}, place),)
    gone = {"kind": "hangup", "text": reason}
    return ((after, "heard", gone, place), (after, "ended", {"reason": "caller"}, place))


ENDED = (105, "heard", {"kind": "operator", "outcome": "ended"}, "operator.queue")
OUT = (100, "transferred", {"operator": "olena", "to": "number"})
READ = (
    (20, "heard", {"kind": "keys", "text": "1"}, "reading.read_back"),
    (20, "looked_up", {"service": "readings.accept", "outcome": "accepted"}, "reading.accept"),
)


@pytest.mark.parametrize(
    ("rows", "why", "ender"),
    [
        (ends(5, "caller", "main.menu"), "caller_in_menu", "caller"),
        (ends(5, "caller", "reading.enter"), "caller_in_question", "caller"),
        ((*READ, *ends(25, "caller", "reading.another")), "caller_after_task", "caller"),
        ((*ASKED, *ends(30, "caller", "operator.queue")), "caller_in_queue", "caller"),
        ((*TALKED, *ends(105, "caller", "operator.queue"), OVER), "caller_in_talk", "caller"),
        # The queue was told first.
        ((*TALKED, OVER, *ends(105.1, "caller", "operator.queue")), "caller_in_talk", "caller"),
        ((*TALKED, OVER, ENDED, *ends(110, "operator", "operator.farewell")),
         "operator_hung_up", "operator"),
        ((*TALKED, OVER, ENDED, *ends(110, "caller", "survey.rate")),
         "operator_hung_up", "operator"),
        ((*TALKED, OVER, ENDED, *ends(110, "caller", "main.menu")), "caller_after_talk", "caller"),
        ((*TALKED, (104, "hung_up", {"operator": "olena"}), OVER,
          *ends(105, "caller", "operator.queue")), "operator_hung_up", "operator"),
        ((*TALKED, OUT, OVER, ENDED, *ends(300, "operator", "operator.farewell")),
         "transferred_out", "operator"),
        ((*TALKED, OUT, OVER, *ends(300, "caller", "operator.queue")), "transferred_out", "caller"),
        ((*TALKED, OVER, (106, "ticket", ticket("waiting")), *ends(120, "caller", "operator.queue"),
          (120, "ticket", ticket("done", outcome="abandoned"))), "caller_in_queue", "caller"),
        (ends(5, "network", "main.menu"), "network", "network"),
        (ends(5, "limit", "main.menu"), "limit", "system"),
        ((*TALKED, *ends(3600, "limit", "operator.queue")[:1], OVER), "limit", "system"),
        (ends(5, "exchange_lost", "main.menu"), "exchange_lost", "network"),
        (((5, "ended", {"reason": "exchange_lost"}),), "exchange_lost", "network"),
        (ends(5, "failure", "main.menu"), "failure", "system"),
        (ends(5, "failed", "reading.enter"), "failure", "system"),
        (ends(5, "callback", "callback.noted"), "callback", "system"),
        (ends(5, "completed", "main.goodbye"), "completed", "system"),
        ((*ASKED, *ends(30, "completed", "operator.goodbye")), "unserved", "system"),
        (((9, "heard", {"kind": "silence"}, "main.offer"),
          (9, "said", {"prompts": ["goodbye"], "ways": ["!silence"]}, "main.goodbye"),
          *ends(9, "completed", "main.goodbye")), "silence", "system"),
        (((9, "heard", {"kind": "keys"}, "main.offer"),
          (9, "said", {"prompts": ["goodbye"], "ways": ["!misses"]}, "main.goodbye"),
          *ends(9, "completed", "main.goodbye")), "no_match", "system"),
    ],
)  # fmt: skip
def test_why_a_call_ended_and_who_ended_it(rows, why, ender):
    found = fold(happenings(told(*rows)), KNOWN).call
    assert (found["why"], found["ended_by"]) == (why, ender)


def test_a_call_that_goes_on_has_no_fact():
    assert fold(happenings(told(*TALKED)), KNOWN).call is None


def test_a_visit_has_its_times():
    wraps = [Wrap("olena", BEGAN + timedelta(seconds=105), 12.5)]
    known = Surroundings("odesa", ZONE, "uk", wraps=wraps)
    rows = ((5, "told", {"seconds": 60, "position": 3}), *TALKED, OVER, ENDED)
    (visit,) = fold(
        happenings(told(*rows, *ends(110, "operator", "operator.farewell"))), known
    ).visits
    assert visit == {
        "call": "a-1", "number": 1, "company": "odesa", "queue": "general", "kind": "call",
        "priority": "normal", "language": "uk", "dialled": "+380487059090",
        "entered": BEGAN + timedelta(seconds=10), "day": date(2026, 11, 2), "interval": BEGAN,
        "outcome": "answered", "waited": 35.0, "left": None, "operator": "olena", "talk": 60.0,
        "wrap": 12.5, "told": 60.0, "storm": False,
    }  # fmt: skip


def test_a_transfer_is_a_new_visit_and_a_menu_meanwhile_is_not():
    rows = (
        *ASKED,
        (20, "ticket", ticket("away")),
        (30, "ticket", ticket("waiting")),
        (40, "ticket", ticket("talking", "olena")),
        (60, "ticket", ticket("broken", "olena")),
        (65, "ticket", ticket("offered", "olena")),
        (66, "ticket", ticket("talking", "olena")),
        (86, "ticket", ticket("waiting", queue="metering")),
        (100, "ticket", ticket("talking", "ivan", queue="metering")),
        (130, "ticket", ticket("done", outcome="answered", queue="metering")),
        *ends(131, "operator", "operator.farewell"),
    )
    first, second = fold(happenings(told(*rows)), KNOWN).visits
    assert (first["waited"], first["talk"], first["operator"]) == (30.0, 40.0, "olena")
    assert (second["waited"], second["talk"], second["operator"]) == (14.0, 30.0, "ivan")
    assert (second["queue"], second["entered"]) == ("metering", BEGAN + timedelta(seconds=86))


def test_a_call_to_ourselves_is_no_visit():
    """Load and service level are counted from visits; nobody waited."""
    rows = [(9, "queued", {"queue": "general"}), (10, "ticket", ticket("waiting"))]
    rows += [(20, "ticket", ticket("done", outcome="abandoned"))]
    first, *rest = told(*rows, (20, "ended", {"reason": "caller"}))
    for entrance, count in (("main", 1), ("synthetic", 0)):
        began = replace(first, details={**first.details, "entrance": entrance})
        facts = fold(happenings([began, *rest]), KNOWN)
        assert (facts.call["entrance"], len(facts.visits)) == (entrance, count)


def test_a_call_back_has_visits_only():
    entries = [
        Entry("odesa", "callback-7", BEGAN + timedelta(seconds=after), "ticket",
              details=ticket(state, who, kind="callback", outcome=outcome))
        for after, state, who, outcome in (
            (0, "waiting", "", ""), (5, "ringing", "olena", ""), (20, "done", "", "deflected"),
            (900, "ringing", "olena", ""), (930, "talking", "olena", ""),
            (960, "done", "", "answered"),
        )
    ]  # fmt: skip
    found = fold(happenings(entries), KNOWN)
    assert (found.call, found.flows) == (None, ())
    assert [(v["kind"], v["outcome"], v["left"], v["waited"]) for v in found.visits] == [
        ("callback", "deflected", 20.0, None), ("callback", "answered", None, 30.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("began", "day", "interval"),
    [
        # The hour from 3 to 4 comes twice on 25 October 2026: two intervals, one day.
        ("2026-10-25T00:40:00", date(2026, 10, 25), "2026-10-25T00:30:00"),
        ("2026-10-25T01:40:00", date(2026, 10, 25), "2026-10-25T01:30:00"),
        ("2026-10-24T20:59:59.999", date(2026, 10, 24), "2026-10-24T20:30:00"),
        ("2026-10-24T21:00:00", date(2026, 10, 25), "2026-10-24T21:00:00"),
        ("2026-10-25T21:59:59", date(2026, 10, 25), "2026-10-25T21:30:00"),
        ("2026-10-25T22:00:00", date(2026, 10, 26), "2026-10-25T22:00:00"),
    ],
)
def test_days_are_local_and_half_hours_are_instants(began, day, interval):
    at = datetime.fromisoformat(began).replace(tzinfo=UTC)
    found = fold(happenings(told((7, "ended", {"reason": "completed"}), began=at)), KNOWN).call
    assert (found["day"], found["interval"].isoformat()) == (day, f"{interval}+00:00")


def test_what_a_call_was_about():
    rows = ((9, "said", {"prompts": ["x"], "ways": ["+schedule"]}, "schedule.told"),)
    entries = happenings(told(*rows, *ends(12, "completed", "main.goodbye")))
    assert fold(entries, KNOWN).call["topic"] == "outage"
    coded = Surroundings("odesa", ZONE, "uk", codes=("reading", "complaint"))
    assert fold(entries, coded).call["topic"] == "complaint"
    stormy = Surroundings("odesa", ZONE, "uk", storms=((BEGAN - timedelta(hours=1), None),))
    assert fold(entries, stormy).call["storm"]


def test_what_is_known_of_the_caller_is_what_was_learnt_last():
    rows = (
        (1, "said", {"prompts": ["a"], "known": {"language": "ru", "account": None}}, "main.menu"),
        (2, "said", {"prompts": ["b", "c"], "known": {"account": "100200301"}}, "reading.enter"),
        (3, "rated", {"rating": 4}, "survey.keep"),
        *ends(12, "completed", "main.goodbye"),
    )
    found = fold(happenings(told(*rows)), KNOWN).call
    assert (found["language"], found["account"]) == ("ru", "100200301")
    assert (found["survey"], found["last_prompt"]) == (4, "c")
