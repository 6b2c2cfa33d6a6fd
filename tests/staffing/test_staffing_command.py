"""The commands staffing forecast, need and whatif, on a store in a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from made_days import busy_house, calls, keep, plain, put

import app
from ivr.company import Company
from ivr.staffing.calendar import Calendar
from ivr.staffing.replay import live
from ivr.store.database import open_store
from ivr.store.world import keep_company


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, house: object) -> Path:
    """A settings file, and a store with four weeks of calls; yesterday was a busy day."""
    folder = tmp_path_factory.mktemp("staffing")
    company: Company = house.companies["odesa"]
    url = f"sqlite:///{folder}/press2.db"
    store = open_store(url, migrate=True)
    with store.session() as db:
        keep_company(db, "odesa")
    today = datetime.now(UTC).astimezone(company.zone).date()
    slots = [12 if 16 <= slot < 40 else 1 for slot in range(50)]
    for back in range(2, 30):
        day = today - timedelta(days=back)
        count = len(Calendar(company).half_hours(day))
        put(store, calls(company, day, slots[:count]))
    made = busy_house(company, today - timedelta(days=1), calls=300)
    keep(store, company, made, live(made, plain(dict(company.queues)), 1))
    store.close()
    path = folder / "telephony.conf"
    path.write_text(f"[press2]\nvar = {folder}\n[store]\nurl = {url}\n", "utf-8")
    return path


Run = Callable[..., str]


@pytest.fixture
def run(settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """What the command prints; wrong: that it is a mistake of the user, and its sentence."""
    monkeypatch.setenv("PRESS2_CONF", str(settings))

    def running(*words: str, wrong: bool = False) -> str:
        code = app.main(["staffing", *words])
        told = capsys.readouterr()
        assert code == (2 if wrong else 0), told.err
        return told.err if wrong else told.out

    return running


def test_a_forecast_says_on_what_it_stands(run: Run) -> None:
    table = run("forecast", "--type", "ordinary")
    assert "stands on 8 of 8 days: " in table
    assert "trend: none that is clear" in table
    rows = list(csv.DictReader(io.StringIO(run("forecast", "--format", "csv"))))
    assert len(rows) in (46, 48, 50)
    assert set(rows[0]) == {"day", "begins", "clock", "calls", "least", "most"}


def test_a_backtest_prints_wape(run: Run) -> None:
    found = run("forecast", "--backtest", "14")
    assert found.startswith("WAPE of")
    assert found.splitlines()[-1].startswith("all ")
    rows = json.loads(run("forecast", "--backtest", "14", "--format", "json"))
    assert rows[-1]["days"] == 14


def test_operators_by_half_hour(run: Run) -> None:
    found = run("need", "--type", "ordinary", "--handling", "210", "--patience", "300")
    assert "handling 210 s (as wished)" in found
    assert "hours at the telephones" in found
    document = json.loads(run("need", "--days", "2", "--format", "json"))
    assert len(document["days"]) == 2
    assert document["inputs"]["target"]["level"] == 0.75
    assert all(slot["operators"] >= 2 for slot in document["days"][0]["slots"])


def test_a_day_lived_again(run: Run) -> None:
    found = run("whatif", "--operators", "+2", "--runs", "2", "--queues")
    assert found.splitlines()[0].split() == [
        "the", "log", "replayed", "changed", "difference",
    ]  # fmt: skip
    assert "general: service level" in found
    assert "operators who come make no pauses" in found
    rule = ("--rule", "outage.wrap_up=10", "--handling", "150", "--runs", "1", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(run("whatif", *rule))))
    assert rows[0]["queue"] == "all"
    assert {row["figure"] for row in rows} >= {"level", "lost", "p50", "p90", "busy"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("forecast", "--queue", "moon"), "moon is no queue of odesa"),
        (("forecast", "--days", "0"), "--days is 1 to 31"),
        (("forecast", "--day", "2031-01-01"), "more than a year ahead"),
        (("forecast", "--day", "2020-01-01"), "nobody called"),
        (("forecast", "--type", "storm"), "no type of day"),
        (("need", "--shrinkage", "1"), "shrinkage is 0 to 0.95"),
        (("need", "--least", "-3"), "least is 0 to 1000"),
        (("need", "--target", "nan"), "level is 0 to 0.999"),
        (("whatif", "--day", "2020-01-01"), "nobody called"),
        (("whatif", "--day", "2031-01-01"), "is not over"),
        (("whatif", "--operators", "-1", "--skills", "danger"), "nobody can go"),
        (("whatif", "--skills", "outage:much"), "write outage:5"),
        (("whatif", "--rule", "outage.limit=5"), "cannot be tried out"),
        (("whatif", "--handling", "soon"), "write 200"),
        (("whatif", "--runs", "0"), "runs are 1 to 50"),
    ],
)
def test_bad_questions_are_answered_in_a_sentence(
    run: Run, words: tuple[str, ...], why: str
) -> None:
    told = run(*words, wrong=True)
    assert why in told
    assert told.count("\n") == 1
