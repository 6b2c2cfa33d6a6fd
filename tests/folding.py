"""Folding what was logged in a test, and what holds for the facts of every call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ivr.agent_queue.model import Record
from ivr.events import Entry, entry_of
from ivr.facts.calls import Facts, Surroundings, fold
from ivr.facts.model import ENDERS, RESULTS, TOPICS, VISIT_OUTCOMES, WHYS, Happening
from ivr.store.facts import CallFact, FlowFact, VisitFact


def happenings(entries: Sequence[Entry]) -> list[Happening]:
    """Return events as rows of the log."""
    return [
        Happening(number, e.call, e.at, e.kind, e.flow, e.step, e.details)
        for number, e in enumerate(entries, 1)
    ]


def in_order(log: Sequence[Entry], journal: Sequence[Record]) -> list[Entry]:
    """Return the log and the queue's journal as one, by time."""
    return sorted([*map(entry_of, journal), *log], key=lambda entry: entry.at)


def fold_all(entries: Sequence[Entry], known: Surroundings) -> dict[str, Facts]:
    """Return the facts of each call, and of each call-back."""
    rows: dict[str, list[Happening]] = {}
    for each in happenings(entries):
        if each.call:
            rows.setdefault(each.call, []).append(each)
    return {name: fold(own, known) for name, own in rows.items()}


def check_facts(facts: Facts, log: Sequence[Entry]) -> None:
    """Check the facts of a call that is over. log: its events, the journal apart."""
    call: Any = facts.call
    assert call is not None, "a call without an end"
    assert call["why"] in WHYS
    assert call["ended_by"] in ENDERS
    assert call["topic"] in TOPICS
    assert call["began"] <= call["ended"]
    assert set(call) == columns(CallFact)
    check_flows(facts, log)
    for visit in facts.visits:
        assert visit["outcome"] in VISIT_OUTCOMES
        assert (visit["outcome"] == "answered") == (visit["waited"] is not None)
        assert (visit["waited"] is None) != (visit["left"] is None)
        assert set(visit) == columns(VisitFact)
    assert call["served"] or not any(each["outcome"] == "answered" for each in facts.visits)
    assert not (call["automatic"] and (call["served"] or not call["tasks"]))
    accepted = [each for each in log if each.details.get("service") == "readings.accept"]
    assert call["readings"] == sum(e.details["outcome"].startswith("accepted") for e in accepted)


def check_flows(facts: Facts, log: Sequence[Entry]) -> None:
    """Check that each flow that was entered has exactly one result."""
    first = next(e for e in log if e.kind == "answered" and "operator" not in e.details)
    entered = [way[1:] for e in log for way in e.details.get("ways", ()) if way[0] == "+"]
    runs = Counter(flow["flow"] for flow in facts.flows)
    assert runs == Counter([first.flow, *entered])
    assert [flow["number"] for flow in facts.flows] == list(range(1, len(facts.flows) + 1))
    for flow in facts.flows:
        assert flow["result"] in RESULTS
        assert set(flow) == columns(FlowFact)


def columns(table: Any) -> set[str]:
    """Return the names of the columns of a table."""
    return {column.name for column in table.__table__.columns}
