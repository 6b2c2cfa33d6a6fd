"""Every report against a count in plain Python over random facts, on each kind of store."""

from __future__ import annotations

import json
import math
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from ivr import company
from ivr.facts.model import ENDERS, RESULTS, TOPICS, WHYS
from ivr.reporting import REPORTS, Asked, named, render
from ivr.reporting.words import Words
from ivr.store.database import Store
from ivr.store.facts import CallFact, FlowFact, OperatorSpan, VisitFact
from ivr.terms import ServiceTerms

HOME = Path(__file__).parents[2]
ODESA = company.load(HOME / "flows" / "companies")["odesa"]
ZONE = ZoneInfo("Europe/Kyiv")
FIRST, LAST = date(2026, 10, 22), date(2026, 10, 28)
"""With the day of 25 hours."""
BEGIN = datetime(2026, 10, 22, tzinfo=ZONE).astimezone(UTC)
END = datetime(2026, 10, 29, tzinfo=ZONE).astimezone(UTC)
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
EN = Words("en")
NUMBERS = [f"+3806711100{number:02}" for number in range(20)]
ACCOUNTS = [str(number) for number in range(100, 120)]
HOW = ("served", "automatic", "neither")
Row = dict[str, Any]
STATES = ("idle", "idle", "talking", "wrap_up", "offered", "disconnected")


def half(at: datetime) -> datetime:
    utc = at.astimezone(UTC)
    return utc - timedelta(
        minutes=utc.minute % 30, seconds=utc.second, microseconds=utc.microsecond
    )


class Facts:
    """Random rows of every table, some outside the range, some of another company."""

    def __init__(self, seed: int, size: int = 900) -> None:
        self.random = random.Random(seed)
        self.calls: list[Row] = []
        self.visits: list[Row] = []
        self.flows: list[Row] = []
        self.spans: list[Row] = []
        for number in range(size):
            self._call(number)
        for operator in ("olena", "taras", "yulia"):
            self._spans(operator)

    def _moment(self) -> datetime:
        seconds = self.random.randrange(-9 * 86400, 17 * 86400) + self.random.random()
        return (BEGIN + timedelta(seconds=round(seconds, 3))).astimezone(UTC)

    def _call(self, number: int) -> None:
        choose, chance = self.random.choice, self.random.random
        at = self._moment()
        served = chance() < 0.4
        stamps: Row = {
            "call": f"c{number}",
            "company": "kazan" if chance() < 0.05 else "odesa",
            "language": choose(("uk", "ru", "en")),
            "dialled": choose((*ODESA.numbers, None)),
            "storm": chance() < 0.2,
        }
        self.calls.append(
            stamps
            | {
                "began": at,
                "ended": at + timedelta(seconds=120),
                "day": at.astimezone(ZONE).date(),
                "interval": half(at),
                "number": choose((None, *NUMBERS)),
                "channel": choose(("agi", "twilio")),
                "entrance": choose(("main",) * 8 + ("restored", "synthetic")),
                "account": choose((*(None,) * 20, *ACCOUNTS)),
                "topic": choose(TOPICS),
                "tasks": [],
                "automatic": not served and chance() < 0.6,
                "served": served,
                "readings": choose((0, 0, 0, 1, 2)),
                "ended_by": choose(ENDERS),
                "why": choose(WHYS),
                "last_prompt": choose(("", "menu", "goodbye")),
                "survey": choose((None, None, 1, 2, 3, 4, 5)) if served else None,
                "release": choose((None, 1, 2)),
            }
        )
        for place in range(1, choose((1, 1, 2, 2, 3, 4))):
            self._visit(stamps, place, at + timedelta(seconds=10 * place))
        for place in range(1, choose((1, 2, 3))):
            self.flows.append(
                {
                    "call": f"c{number}",
                    "number": place,
                    "company": stamps["company"],
                    "day": at.astimezone(ZONE).date(),
                    "flow": choose(("main", "reading", "outage")),
                    "language": stamps["language"],
                    "result": choose(RESULTS),
                    "step": choose(("menu", "enter")),
                    "seconds": 3.0,
                }
            )

    def _visit(self, stamps: Row, place: int, at: datetime) -> None:
        choose, chance = self.random.choice, self.random.random
        outcome = choose(("answered",) * 5 + ("abandoned",) * 3 + ("called_back", "deflected"))
        lasted = choose((4.999, 5.0, 29.999, 30.0, 30.001, round(chance() * 90, 3)))
        answered = outcome == "answered"
        self.visits.append(
            stamps
            | {
                "number": place,
                "queue": choose(tuple(ODESA.queues)),
                "kind": choose(("call",) * 9 + ("callback",)),
                "priority": choose(("normal", "danger")),
                "entered": at,
                "day": at.astimezone(ZONE).date(),
                "interval": half(at),
                "outcome": outcome,
                "waited": lasted if answered else None,
                "left": None if answered else lasted,
                "operator": choose(("olena", "taras")) if answered else None,
                "talk": round(chance() * 200, 3) if answered else None,
                "wrap": round(chance() * 30, 3) if answered else None,
                "told": None,
            }
        )

    def _spans(self, operator: str) -> None:
        """One after the other without a gap, some over a day long; the last one lasts."""
        at = BEGIN + timedelta(seconds=self.random.randrange(-5 * 86400, 2 * 86400))
        while at < END:
            lasts = timedelta(seconds=self.random.choice((7, 400, 3600, 20000, 100000)))
            status = self.random.choice(("ready", "paused", "offline"))
            self.spans.append(
                {
                    "company": "odesa",
                    "operator": operator,
                    "began": at,
                    "ended": at + lasts if at + lasts < END else None,
                    "status": status,
                    "reason": self.random.choice(("break", "lunch", "")),
                    "state": self.random.choice(STATES),
                    "ticket": "",
                    "queue": "",
                }
            )  # fmt: skip
            at += lasts

    def write(self, store: Store) -> None:
        with store.session() as db:
            db.execute(insert(CallFact), self.calls)
            db.execute(insert(VisitFact), self.visits)
            db.execute(insert(FlowFact), self.flows)
            db.execute(insert(OperatorSpan), self.spans)

    # ------------------------------------------------------------------ what is counted

    def offered(self) -> list[Row]:
        """Visits of customers' calls whom no operator had answered before."""
        answered = {
            (each["call"], each["number"]) for each in self.visits if each["outcome"] == "answered"
        }
        return [
            each
            for each in self.visits
            if mine(each)
            and each["kind"] == "call"
            and not any((each["call"], n) in answered for n in range(1, each["number"]))
        ]

    def runs(self, storms: bool = True) -> list[Row]:
        """Runs of flows in calls of customers and of press2, without its calls to itself."""
        known = {
            each["call"]
            for each in self.calls
            if each["entrance"] != "synthetic" and (storms or not each["storm"])
        }
        return [each for each in self.flows if mine(each) and each["call"] in known]

    def inbound(self) -> list[Row]:
        return [each for each in self.calls if mine(each) and each["entrance"] == "main"]


def mine(row: Row) -> bool:
    return row["company"] == "odesa" and FIRST <= row["day"] <= LAST


@pytest.fixture(params=[1, 2])
def facts(request: pytest.FixtureRequest, store: Store) -> Facts:
    found = Facts(request.param)
    found.write(store)
    return found


def tables(
    store: Store,
    name: str,
    *by: str,
    terms: ServiceTerms | None = None,
    storms: bool = True,
    last: date = LAST,
) -> Any:
    profile = ODESA
    if terms:
        profile = replace(ODESA, terms=replace(ODESA.terms, service_level=terms))
    with store.session(read_only=True) as db:
        answer = named(name).answer(Asked(db, profile, FIRST, last, NOW, by, storms))
    written = json.loads(render.as_json(answer, EN))
    return {each["name"]: each["rows"] for each in written["tables"]}


def part(numerator: float, denominator: float) -> float | None:
    return round(numerator / denominator, 6) if denominator else None


def having(rows: Iterable[Row], **wanted: Any) -> int:
    return sum(all(row[key] == value for key, value in wanted.items()) for row in rows)


# ---------------------------------------------------------------------- visits


def service_of(rows: list[Row], began: dict[str, datetime]) -> Row:
    """The figures of `service`, in plain Python."""
    waits = sorted(each["waited"] for each in rows if each["outcome"] == "answered")
    lefts = [each["left"] for each in rows if each["outcome"] == "abandoned"]
    within = sum(wait <= 30 for wait in waits)
    short = sum(left < 5 for left in lefts)
    late = [
        each
        for each in rows
        if each["outcome"] == "answered"
        and each["waited"] + (each["entered"] - began[each["call"]]).total_seconds() <= 30.0005
    ]
    return {
        "offered": len(rows),
        "answered": len(waits),
        "lost": len(lefts) - short,
        "short": short,
        "called_back": having(rows, outcome="called_back"),
        "deflected": having(rows, outcome="deflected"),
        "within": within,
        "level": part(within, len(rows)),
        "lost_share": part(len(lefts), len(rows)),
        "level_offered": part(within, len(rows)),
        "level_without_short": part(within, len(rows) - short),
        "level_answered": part(within, len(waits)),
        "level_asterisk_2": part(
            within + sum(left <= 30 for left in lefts), len(waits) + len(lefts)
        ),
        "level_from_call": part(len(late), len(rows)),
        "asa": round(statistics.mean(waits), 3) if waits else None,
        "median": round(statistics.median(waits), 3) if waits else None,
        "ninety": waits[math.ceil(0.9 * len(waits)) - 1] if waits else None,
        "longest": waits[-1] if waits else None,
        "in_storm": having(rows, storm=True),
    }


def same(found: Row, wanted: Row) -> None:
    for key, value in wanted.items():
        if isinstance(value, float):
            assert found[key] == pytest.approx(value, abs=0.002), key
        else:
            assert found[key] == value, key


@pytest.mark.parametrize(
    ("by", "field"),
    [("queue", "queue"), ("language", "language"), ("number", "dialled"), ("priority", "priority")],
)
def test_service_level_by_what_visits_have(store: Store, facts: Facts, by: str, field: str) -> None:
    rows = facts.offered()
    began = {each["call"]: each["began"] for each in facts.calls}
    *found, total = tables(store, "service", by)["service"]
    same(total, service_of(rows, began))
    assert {each[by] for each in found} >= {each[field] for each in rows}
    for each in found:
        same(each, service_of([row for row in rows if row[field] == each[by]], began))
    calm = [row for row in rows if not row["storm"]]
    assert total["level_calm"] == service_of(calm, began)["level"]
    assert total["lost_share_calm"] == service_of(calm, began)["lost_share"]


@pytest.mark.parametrize(("by", "count"), [("half-hour", 338), ("hour", 169), ("day", 7)])
def test_service_level_by_time(store: Store, facts: Facts, by: str, count: int) -> None:
    rows = facts.offered()
    began = {each["call"]: each["began"] for each in facts.calls}
    *found, total = tables(store, "service", by)["service"]
    assert len(found) == count  # seven days and one hour
    same(total, service_of(rows, began))

    def key(row: Row) -> Any:
        if by == "day":
            return row["day"].isoformat()
        local = row["interval"].astimezone(ZONE)
        minute = 0 if by == "hour" else local.minute
        return f"{local.replace(minute=minute):%Y-%m-%dT%H:%M%z}"

    own = defaultdict(list)
    for row in rows:
        own[key(row)].append(row)
    for each in found:
        name = each["day"] if by == "day" else each["begins"][:-3] + each["begins"][-2:]
        same(each, service_of(own.pop(name, []), began))
    assert not own


@pytest.mark.parametrize("clock", ["queue", "call"])
@pytest.mark.parametrize("denominator", ["offered", "without_short", "answered"])
def test_the_declared_formula(store: Store, facts: Facts, clock: str, denominator: str) -> None:
    terms = ServiceTerms(within=20, short=10, clock=clock, denominator=denominator)  # type: ignore[arg-type]
    began = {each["call"]: each["began"] for each in facts.calls}
    rows = facts.offered()
    short = sum(each["outcome"] == "abandoned" and each["left"] < 10 for each in rows)
    answered = [each for each in rows if each["outcome"] == "answered"]
    hung_up = having(rows, outcome="abandoned")
    within = sum(
        each["waited"]
        + ((each["entered"] - began[each["call"]]).total_seconds() if clock == "call" else 0)
        <= (20.0005 if clock == "call" else 20)
        for each in answered
    )
    whole = {
        "offered": len(rows), "without_short": len(rows) - short, "answered": len(answered),
    }[denominator]  # fmt: skip
    level, lost = tables(store, "year", terms=terms)["indicators"][:2]
    assert [level["numerator"], level["denominator"]] == [within, whole]
    less = short if denominator == "without_short" else 0
    assert [lost["numerator"], lost["denominator"]] == [hung_up - less, len(rows) - less]


# ---------------------------------------------------------------------- calls


def test_automatic(store: Store, facts: Facts) -> None:
    *days, total = tables(store, "automatic")["automatic"]

    def check(found: Row, rows: list[Row]) -> None:
        alone, served = having(rows, automatic=True), having(rows, served=True)
        wanted = {
            "calls": len(rows),
            "automatic": alone,
            "served": served,
            "neither": len(rows) - alone - served,
            "automatic_share": part(alone, alone + served),
            "containment": part(alone, len(rows)),
        }
        same(found, wanted)

    check(total, facts.inbound())
    for each in days:
        check(each, [row for row in facts.inbound() if row["day"].isoformat() == each["day"]])
    assert sum(day["calls"] for day in days) == total["calls"]
    mean, benchmark = tables(store, "automatic")["working_days"]
    # 22 and 23 October 2026 are Thursday and Friday, 26 to 28 Monday to Wednesday; no holidays
    working = [r for r in facts.inbound() if r["day"].weekday() < 5]
    assert mean["served"] == part(having(working, served=True), 5)
    assert mean["automatic"] == part(having(working, automatic=True), 5)
    (longer, _) = tables(store, "automatic", last=LAST + timedelta(days=90))["working_days"]
    until = max(row["day"] for row in facts.calls if row["company"] == "odesa")
    known = [FIRST + timedelta(days=number) for number in range((until - FIRST).days + 1)]
    count = sum(day.weekday() < 5 for day in known)
    assert longer["mean_of"] == f"Working day (of {count})" and 5 < count < 20
    assert (benchmark["served"], benchmark["automatic"]) == (928, 986)
    assert benchmark["automatic_share"] == 0.515152


def test_funnel(store: Store, facts: Facts) -> None:
    rows = facts.runs()
    *found, total = tables(store, "funnel")["funnel"]
    assert [each["flow"] for each in found] == ["main", "outage", "reading"]
    for each in found:
        own = [row for row in rows if row["flow"] == each["flow"]]
        assert each["entered"] == len(own) == sum(each[f"result_{name}"] for name in RESULTS)
        for name in RESULTS:
            assert each[f"result_{name}"] == having(own, result=name)
        assert each["done_share"] == part(having(own, result="done"), len(own))
    assert total["entered"] == len(rows)
    calm = tables(store, "funnel", storms=False)["funnel"][-1]
    assert calm["entered"] == len(facts.runs(storms=False)) < len(rows)
    steps = tables(store, "funnel")["steps"]
    assert sum(each["runs"] for each in steps) == len(rows) - having(rows, result="done")


def test_endings(store: Store, facts: Facts) -> None:
    rows = [each for each in facts.calls if mine(each) and each["entrance"] != "synthetic"]
    *found, total = tables(store, "endings")["endings"]
    assert [each["why"] for each in found] == list(WHYS)
    for each in found:
        own = [row for row in rows if row["why"] == each["why"]]
        assert each["calls"] == len(own) == sum(each[f"ender_{name}"] for name in ENDERS)
        for name in ENDERS:
            assert each[f"ender_{name}"] == having(own, ended_by=name)
    assert total["calls"] == len(rows) == sum(each["calls"] for each in found)
    *days, all_ = tables(store, "endings", "day")["endings_by"]
    assert sum(each["calls"] for each in days) == all_["calls"] == len(rows)
    for each in [*days, all_]:
        assert sum(each[f"why_{name}"] for name in WHYS) == each["calls"]


def test_readings_and_survey(store: Store, facts: Facts) -> None:
    *_, total = tables(store, "readings")["readings"]
    rows = facts.inbound()
    entered = {each["call"] for each in facts.runs() if each["flow"] == "reading"}
    accepted = sum(each["readings"] for each in rows)
    same(total, {
        "calls": len(rows), "reading_entered": len(entered), "readings": accepted,
        "reading_calls": sum(each["readings"] > 0 for each in rows),
        "per_call": part(accepted, len(rows)), "per_entered": part(accepted, len(entered)),
    })  # fmt: skip
    *_, total = tables(store, "survey")["survey"]
    talked = [
        each
        for each in facts.calls
        if mine(each) and each["entrance"] != "synthetic" and each["served"]
    ]
    grades = Counter(each["survey"] for each in talked if each["survey"])
    same(total, {
        "talked": len(talked), "answers": grades.total(),
        **{f"grade_{grade}": grades[grade] for grade in range(1, 6)},
        "mean": part(sum(g * n for g, n in grades.items()), grades.total()),
        "satisfied": part(grades[4] + grades[5], grades.total()),
    })  # fmt: skip


def test_contacts_of_this_year_and_last(store: Store, facts: Facts) -> None:
    with store.session() as db:
        old = [
            each | {"call": f"old{each['call']}", "day": each["day"].replace(year=2025)}
            for each in facts.calls[::3]
        ]
        db.execute(insert(CallFact), old)
    last = [
        each for each in old
        if each["company"] == "odesa" and each["entrance"] == "main"
        and date(2025, 10, 22) <= each["day"] <= date(2025, 10, 28)
    ]  # fmt: skip
    *found, total = tables(store, "order186")["order186"]
    assert [each["category"] for each in found] == list(TOPICS)
    for each in found:
        own = [row for row in facts.inbound() if row["topic"] == each["category"]]
        before = [row for row in last if row["topic"] == each["category"]]
        assert each["by_telephone"] == len(own)
        assert each["by_telephone"] == sum(each[how] for how in HOW)
        assert each["last_by_telephone"] == len(before)
        assert each["change"] == part(len(own) - len(before), len(before))
        assert each["post"] is None
    assert total["by_telephone"] == len(facts.inbound())


def neighbours(facts: Facts, row: Row, later: bool) -> list[Row]:
    """Calls of the same customer about the same topic before a call or after it, nearest first."""
    key = "account" if row["account"] else "number"
    others = [
        each
        for each in facts.calls
        if each["company"] == "odesa"
        and each["entrance"] == "main"
        and each[key] == row[key]
        and each["topic"] == row["topic"]
        and (each["began"] > row["began"] if later else each["began"] < row["began"])
        and abs(each["began"] - row["began"]) <= timedelta(days=7)
    ]
    return sorted(others, key=lambda each: each["began"], reverse=not later)


def test_repeats(store: Store, facts: Facts) -> None:
    *found, total = tables(store, "repeats")["repeats"]
    for each in [*found, total]:
        own = [r for r in facts.inbound() if each["topic"] in (r["topic"], "All")]
        known = [r for r in own if r["account"] or r["number"]]
        before = [found for r in known if (found := neighbours(facts, r, later=False))]
        same(each, {
            "calls": len(own), "customer_known": len(known),
            "customer_unknown": len(own) - len(known),
            "repeats": len(before), "repeat_share": part(len(before), len(known)),
            "after_served": sum(calls[0]["served"] for calls in before),
            "after_automatic": sum(calls[0]["automatic"] for calls in before),
        })  # fmt: skip
        assert each["repeats"] == sum(each[f"after_{how}"] for how in HOW)
    assert total["repeats"] > 10


def test_first_contact_resolution(store: Store, facts: Facts) -> None:
    *found, total = tables(store, "fcr")["fcr"]
    for each in [*found, total]:
        first = [
            r for r in facts.inbound()
            if each["topic"] in (r["topic"], "All") and (r["account"] or r["number"])
            and (r["served"] or r["automatic"]) and not neighbours(facts, r, later=False)
        ]  # fmt: skip
        old = [r for r in first if r["began"] <= NOW - timedelta(days=7)]
        resolved = [r for r in old if not neighbours(facts, r, later=True)]
        same(each, {
            "too_new": len(first) - len(old), "first_contacts": len(old), "resolved": len(resolved),
            "fcr": part(len(resolved), len(old)),
            "fcr_served": part(having(resolved, served=True), having(old, served=True)),
            "fcr_automatic": part(having(resolved, automatic=True), having(old, automatic=True)),
        })  # fmt: skip
    assert total["too_new"]
    assert total["resolved"]


# ---------------------------------------------------------------------- operators


def spent(facts: Facts, begin: datetime, end: datetime) -> dict[str, Counter[str]]:
    """Seconds by operator and column between two moments."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for span in facts.spans:
        since, until = max(span["began"], begin), min(span["ended"] or NOW, end)
        if since >= until:
            continue
        name = {"offered": "ringing"}.get(span["state"], span["state"])
        if span["state"] == "idle":
            name = span["status"]
            if name == "paused":
                name = f"paused_{span['reason'] or 'other'}"
        found[span["operator"]][name] += (until - since).total_seconds()
    return found


def test_operators_time_is_the_wall_time(store: Store, facts: Facts) -> None:
    *found, total = tables(store, "operators")["operators"]
    wanted = spent(facts, BEGIN, END)
    assert [each["operator"] for each in found] == sorted(wanted)
    for each in found:
        for name, seconds in wanted[each["operator"]].items():
            assert each[name] == pytest.approx(seconds, abs=0.01), name
        assert each["sum"] == pytest.approx(each["wall"], abs=0.01)
        first = min(s["began"] for s in facts.spans if s["operator"] == each["operator"])
        assert each["wall"] == pytest.approx((END - max(BEGIN, first)).total_seconds(), abs=0.01)
        assert abs(each["check"]) < 0.01
        calls = [
            v for v in facts.visits
            if mine(v) and v["outcome"] == "answered" and v["operator"] == each["operator"]
        ]  # fmt: skip
        assert each["answered"] == len(calls)
        if calls:
            talk, wrap = sum(v["talk"] for v in calls), sum(v["wrap"] for v in calls)
            assert each["aht"] == pytest.approx((talk + wrap) / len(calls), abs=0.002)
    assert total["sum"] == pytest.approx(sum(each["sum"] for each in found), abs=0.01)


@pytest.mark.parametrize("by", ["day", "hour"])
def test_operators_time_by_time(store: Store, facts: Facts, by: str) -> None:
    *found, total = tables(store, "operators", "operator", by)["operators"]
    step = timedelta(days=1) if by == "day" else timedelta(hours=1)
    for each in found:
        if by == "day":
            begin = datetime.fromisoformat(each["day"]).replace(tzinfo=ZONE)
            end = (begin + step).astimezone(UTC)  # the next local midnight
        else:
            begin = datetime.fromisoformat(each["begins"]).astimezone(UTC)
            end = begin + step
        own = spent(facts, begin, end)[each["operator"]]
        for name, seconds in own.items():
            assert each[name] == pytest.approx(seconds, abs=0.01), (name, each)
        assert abs(each["check"]) < 0.01
    whole = tables(store, "operators")["operators"][-1]
    away = total["wall"] - total["offline"]
    assert away == pytest.approx(whole["wall"] - whole["offline"], abs=0.05)


def test_a_hole_in_the_log_of_an_operator_shows(store: Store, facts: Facts) -> None:
    hole = OperatorSpan(
        company="odesa", operator="vira", began=BEGIN, ended=BEGIN + timedelta(hours=1),
        status="ready", state="idle",
    )  # fmt: skip
    with store.session() as db:
        db.add(hole)
    found = {each["operator"]: each for each in tables(store, "operators")["operators"]}
    assert found["vira"]["ready"] == 3600.0
    assert found["vira"]["check"] == (END - BEGIN).total_seconds() - 3600
    assert abs(found["olena"]["check"]) < 0.01


# ---------------------------------------------------------------------- all of them


def test_every_report_writes_every_format_by_everything(store: Store) -> None:
    Facts(4, 120).write(store)
    for report in REPORTS.values():
        for by in ((), *((word,) for word in report.by), *_pairs(report.by)):
            with store.session(read_only=True) as db:
                answer = report.answer(Asked(db, ODESA, FIRST, LAST, NOW, by))
            for language in ("uk", "ru", "en"):
                words = Words(language)
                for format_ in ("table", "csv", "json"):
                    assert render.write(answer, format_, words)
                assert render.as_sheet_csv(answer, words)


def _pairs(by: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    if "day" in by:
        yield from (
            ("day", word) for word in by if word in ("queue", "operator", "language", "flow")
        )
