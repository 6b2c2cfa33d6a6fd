"""The yearly pair against a year counted by hand, in every format."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from reading import Page, sheets

from ivr import company
from ivr.events import Entry, write
from ivr.reporting import Answer, Asked, named, render
from ivr.reporting.words import Words
from ivr.store.database import Store, memory_store
from ivr.store.facts import CallFact, FactsMark, VisitFact
from ivr.terms import ServiceTerms

HOME = Path(__file__).parents[2]
ZONE = ZoneInfo("Europe/Kyiv")
GIVEN = yaml.safe_load(Path(__file__).with_name("yearly.yaml").read_text("utf-8"))
NOW = datetime(2027, 1, 10, 9, 0, tzinfo=UTC)
ODESA = company.load(HOME / "flows" / "companies")["odesa"]
YEAR = (date(2026, 1, 1), date(2026, 12, 31))
EN = Words("en")
MONTHS = [f"2026-{month:02}" for month in range(1, 13)]


def visit(line: list[Any], company: str = "odesa") -> VisitFact:
    call, number, queue, kind, entered, outcome, lasted, storm, _ = line
    at = datetime.fromisoformat(str(entered))
    half = at.astimezone(UTC)
    answered = outcome == "answered"
    return VisitFact(
        company=company, call=call, number=number, queue=queue, kind=kind, language="uk",
        dialled="+380487050505", entered=at, day=at.astimezone(ZONE).date(),
        interval=half - timedelta(minutes=half.minute % 30, seconds=half.second),
        outcome=outcome, waited=lasted if answered else None, left=None if answered else lasted,
        operator="olena" if answered else None, talk=100.0 if answered else None,
        wrap=20.0 if answered else None, storm=storm,
    )  # fmt: skip


def call(line: list[Any], company: str = "odesa", entrance: str = "main") -> CallFact:
    at = datetime.fromisoformat(str(line[4])) - timedelta(seconds=float(str(line[8])))
    half = at.astimezone(UTC)
    return CallFact(
        call=line[0], company=company, began=at, ended=at + timedelta(minutes=9),
        day=at.astimezone(ZONE).date(),
        interval=half - timedelta(minutes=half.minute % 30, seconds=half.second),
        number="+380671110001", channel="agi", language="uk", entrance=entrance, topic="outage",
        ended_by="caller", why="caller_in_menu", storm=bool(line[7]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def year() -> Store:
    """The year, a call of another company, a call of press2 to itself, a caller in the menu."""
    store = memory_store()
    with store.session() as db:
        db.add_all(visit(line) for line in GIVEN["visits"])
        db.add_all(call(line) for line in GIVEN["visits"] if line[1] == 1 and line[3] == "call")
        other = ["k1", 1, "general", "call", "2026-01-15 10:00:00+02:00", "abandoned", 99, False, 1]
        db.add_all((visit(other, "kazan"), call(other, "kazan")))
        db.add(
            call(
                ["syn", 1, "", "", "2026-01-15 10:00:00+02:00", "", 0, False, 1],
                "odesa",
                "synthetic",
            )
        )
        db.add(call(["menu", 1, "", "", "2026-01-15 10:00:00+02:00", "", 0, False, 1]))
        db.add(FactsMark(name="facts/odesa", upto=4711, at=NOW))
    first, last = (datetime.fromisoformat(each) for each in GIVEN["storm"])
    on = {"storm": 1, "state": "on", "until": last.isoformat(), "reason": "wind", "by": "vira"}
    write(store, [Entry("odesa", "", first, "storm", details=on)])
    return store


def answer(store: Store, name: str = "year", days: tuple[date, date] = YEAR, **more: Any) -> Answer:
    profile = more.pop("company", ODESA)
    with store.session(read_only=True) as db:
        return named(name).answer(Asked(db, profile, *days, NOW, **more))


def rows(found: Answer, table: str) -> list[dict[str, Any]]:
    written = json.loads(render.as_json(found, EN))
    return next(each["rows"] for each in written["tables"] if each["name"] == table)


def share(pair: list[int]) -> float:
    return round(pair[0] / pair[1], 6)


# ---------------------------------------------------------------------- the figures


def test_the_pair_with_and_without_storms(year: Store) -> None:
    found = rows(answer(year), "indicators")
    assert [(each["indicator"], each["intervals"]) for each in found] == [
        ("level", "all"), ("lost", "all"), ("level", "calm"), ("lost", "calm"),
    ]  # fmt: skip
    for each in found:
        wanted = GIVEN["indicators"][each["indicator"]]
        place = ("all", "calm").index(each["intervals"])
        assert [each["numerator"], each["denominator"]] == wanted[place]
        assert each["figure"] == share(wanted[place])
        assert each["verdict"] == wanted[2 + place]
    assert [each["target"] for each in found] == ["≥ 75.0%", "≤ 10.0%"] * 2
    assert found[0]["definition"] == (
        "answered by an operator within 30 s of the entry into the queue / all offered to a queue"
    )
    assert found[1]["definition"] == (
        "share lost = hung up in the queue, short abandons too / offered"
    )


def test_every_month_is_a_row(year: Store) -> None:
    *months, total = rows(answer(year), "months")
    keys = ("offered", "answered", "lost", "short", "called_back", "deflected", "within")
    assert [each["month"] for each in months] == MONTHS
    for each in months:
        assert [each[key] for key in keys] == GIVEN["months"].get(each["month"], [0] * 7)
    assert [total[key] for key in keys] == GIVEN["all"]
    assert [total["offered_calm"], total["within_calm"]] == [GIVEN["calm"][0], GIVEN["calm"][6]]
    assert [months[5][key] for key in ("level", "lost_share", "level_calm")] == [None] * 3
    assert months[9]["level"] == share([2, 8])
    assert months[9]["level_calm"] == share([1, 2])


def test_the_formulas_side_by_side(year: Store) -> None:
    for each in rows(answer(year), "formulas"):
        wanted = GIVEN["formulas"][each["formula"]]
        assert [each["numerator"], each["denominator"]] == wanted[0], each
        assert [each["numerator_calm"], each["denominator_calm"]] == wanted[1], each
        assert [each["figure"], each["figure_calm"]] == [share(wanted[0]), share(wanted[1])]


def test_settings_of_the_formula(year: Store) -> None:
    def level(**terms: Any) -> list[Any]:
        told = replace(ODESA.terms, service_level=ServiceTerms(**terms))
        found = rows(answer(year, company=replace(ODESA, terms=told)), "indicators")
        return [
            found[0]["numerator"],
            found[0]["denominator"],
            found[1]["numerator"],
            found[1]["denominator"],
        ]

    assert level(clock="call") == [4, 22, 5, 22]
    assert level(denominator="without_short") == [9, 20, 3, 20]
    assert level(denominator="answered") == [9, 14, 5, 22]
    assert level(within=20) == [7, 22, 5, 22]  # 12, 20, 5, 8, 10, 20, 15
    assert level(short=46, denominator="without_short") == [9, 18, 1, 18]  # 4.9, 5, 3, 45 are short
    met = ServiceTerms(target=9 / 22, lost=5 / 22)
    found = rows(
        answer(year, company=replace(ODESA, terms=replace(ODESA.terms, service_level=met))),
        "indicators",
    )
    assert [each["verdict"] for each in found] == ["met"] * 4


def test_what_it_was_counted_from_can_be_counted_again(year: Store) -> None:
    found = {each["what"]: each["value"] for each in rows(answer(year), "source")}
    mine = [
        line for line in GIVEN["visits"]
        if line[3] == "call" and line[:2] != ["t1", 2] and line[0] not in ("x1", "x2")
    ]  # fmt: skip
    written = ""
    for name, number, queue, _, entered, outcome, lasted, storm, _ in sorted(mine):
        at = datetime.fromisoformat(entered).timestamp()
        seconds = (f"{lasted:.3f}", "-") if outcome == "answered" else ("-", f"{lasted:.3f}")
        written += (
            f"{name}|{number}|{queue}|{at:.6f}|{outcome}|{seconds[0]}|{seconds[1]}|{storm:d}\n"
        )
    assert found["sha256"] == hashlib.sha256(written.encode()).hexdigest()
    # 21 calls that were offered (d1 twice), one in the menu, and x1, which began before midnight
    assert (found["visits"], found["calls"], found["events_upto"]) == ("22", "23", "4711")
    assert rows(answer(year), "storms") == [
        {
            "started": "2026-10-20T14:00+03:00", "ended": "2026-10-20T18:00+03:00",
            "by": "vira", "reason": "wind",
        }
    ]  # fmt: skip


def test_the_same_year_by_queue_and_without_storms(year: Store) -> None:
    total = rows(answer(year, "service"), "service")[-1]
    keys = ("offered", "answered", "lost", "short", "called_back", "deflected", "within")
    waits = GIVEN["waits"]
    assert [total[key] for key in keys] == GIVEN["all"]
    assert total["transfers"] == 1
    assert total["asa"] == round(waits["sum"] / waits["of"], 3)
    assert [total[key] for key in ("median", "ninety", "longest")] == [
        waits[key] for key in ("median", "ninety", "longest")
    ]
    assert total["in_storm"] == 6
    calm = rows(answer(year, "service", storms=False), "service")[-1]
    assert [calm[key] for key in keys] == GIVEN["calm"]
    assert rows(answer(year, storms=False), "indicators")[0]["denominator"] == 16


# ---------------------------------------------------------------------- clocks


def test_the_hour_that_comes_twice_is_two_rows(year: Store) -> None:
    day = date(2026, 10, 25)
    *halves, _ = rows(answer(year, "service", (day, day), by=("half-hour",)), "service")
    assert len(halves) == 50
    twice = [each for each in halves if str(each["begins"]).startswith("2026-10-25T03:30")]
    assert [(each["offset"], each["offered"], each["within"]) for each in twice] == [
        ("+03:00", 1, 1), ("+02:00", 1, 0),
    ]  # fmt: skip
    *hours, _ = rows(answer(year, "service", (day, day), by=("hour",)), "service")
    assert len(hours) == 25
    assert [each["offered"] for each in hours if "T03:00" in str(each["begins"])] == [1, 1]


def test_a_day_of_23_hours(year: Store) -> None:
    day = date(2026, 3, 29)
    *hours, total = rows(answer(year, "service", (day, day), by=("hour",)), "service")
    assert len(hours) == 23
    assert [each["begins"] for each in hours[2:4]] == [
        "2026-03-29T02:00+02:00",
        "2026-03-29T04:00+03:00",
    ]
    assert [each["offered"] for each in hours[2:4]] == [1, 1]
    assert total["offered"] == 2


def test_midnight_is_local(year: Store) -> None:
    first = rows(
        answer(year, "service", (date(2026, 1, 31), date(2026, 2, 1)), by=("day",)), "service"
    )
    assert [(each["day"], each["offered"]) for each in first[:2]] == [
        ("2026-01-31", 1),
        ("2026-02-01", 1),
    ]


# ---------------------------------------------------------------------- formats


def test_every_format_says_the_same(year: Store) -> None:
    found = answer(year)
    levels = [9 / 22, 5 / 22, 8 / 16, 2 / 16]

    listed = list(csv.DictReader(io.StringIO(render.as_csv(found, EN).decode())))
    assert [float(each["figure"]) for each in listed] == [round(each, 6) for each in levels]
    assert [each["verdict"] for each in listed] == ["missed"] * 4
    months = list(csv.DictReader(io.StringIO(render.as_csv(found, EN, "months").decode())))
    assert [each["month"] for each in months] == [*MONTHS, "All"]
    assert [months[0]["offered"], months[5]["level"]] == ["7", ""]

    printed = ["40.9%", "22.7%", "50.0%", "12.5%"]
    page = Page(render.write(found, "html", EN).decode())
    assert [row[5] for row in page.tables["Indicators"][1:]] == printed
    assert [row[0] for row in page.tables["By month"]] == ["Month", *MONTHS, "All"]
    assert page.tables["By month"][6][8] == "no calls"
    assert page.drawings == 1

    book = sheets(render.write(found, "xlsx", EN))
    assert list(book) == [
        "Indicators", "By month", "Formulas side by side", "Storm intervals",
        "What it was counted from", "Formulas",
    ]  # fmt: skip
    assert [row[5] for row in book["Indicators"][1:]] == pytest.approx(levels, rel=1e-14)
    assert book["By month"][-1][1:8] == [float(each) for each in GIVEN["all"]]
    assert book["By month"][1][0] == (date(2026, 1, 1) - date(1899, 12, 30)).days
    assert book["Storm intervals"][1][0] == pytest.approx(
        (datetime(2026, 10, 20, 14) - datetime(1899, 12, 30)) / timedelta(days=1)
    )

    table = render.as_text(found, EN).decode()
    for figure in printed:
        assert figure in table
    assert "no calls" in table
    assert found.tables[1].notes
    for note in found.tables[1].notes:
        assert EN.say(note) in table


def test_people_read_it_in_their_language(year: Store) -> None:
    found = answer(year)
    for language, word in (("uk", "не виконано"), ("ru", "не выполнено"), ("en", "missed")):
        words = Words(language)
        page = render.write(found, "html", words).decode()
        assert f'<html lang="{language}">' in page
        assert word in page
        sheet = render.as_sheet_csv(found, words).decode()
        assert sheet.startswith("\ufeff" + words.heading(found.tables[0].columns[0]))
        assert word in sheet


# ---------------------------------------------------------------------- nothing


def test_a_year_of_no_calls() -> None:
    store = memory_store()
    found = answer(store)
    assert found.empty
    assert [each["verdict"] for each in rows(found, "indicators")] == ["none"] * 4
    assert [each["figure"] for each in rows(found, "indicators")] == [None] * 4
    for format_ in ("table", "html"):
        written = render.write(found, format_, EN).decode()
        assert "No data from 2026-01-01 to 2026-12-31: there is nothing to count." in written
        assert written.count("no calls") > 4
    store.close()
