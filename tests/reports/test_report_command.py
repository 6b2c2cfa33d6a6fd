"""`app.py report`: names, ranges, formats and files, as a shell sees them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from reading import sheets
from test_report_year import GIVEN, call, visit

import app
from ivr.reporting import REPORTS
from ivr.reporting.words import LANGUAGES, texts
from ivr.store.database import open_store

HOME = Path(__file__).parents[2]
YEAR = ("--from", "2026-01-01", "--to", "2026-12-31")


@pytest.fixture
def shell(tmp_path, monkeypatch, capfdbinary):
    """Runs `app.py report` over the year that was written by hand."""
    settings = tmp_path / "telephony.conf"
    url = f"sqlite:///{tmp_path}/press2.db"
    settings.write_text(f"[press2]\nvar = {tmp_path}/var\ncompany = odesa\n[store]\nurl = {url}\n")
    monkeypatch.setenv("PRESS2_CONF", str(settings))
    app.main(["report", "wait"])  # makes the store
    store = open_store(url)
    with store.session() as db:
        db.add_all(visit(line) for line in GIVEN["visits"])
        db.add_all(call(line) for line in GIVEN["visits"] if line[1] == 1)
    store.close()
    capfdbinary.readouterr()

    def run(*words: str) -> tuple[int, bytes, str]:
        code = app.main(["report", *words])
        told = capfdbinary.readouterr()
        return code, told.out, told.err.decode()

    return run


def test_the_list_names_every_report_and_what_its_rows_may_be(shell) -> None:
    code, out, _ = shell("list")
    assert code == 0
    for name, report in REPORTS.items():
        assert f"{name:10} {report.title}" in out.decode()
    assert "--by queue, half-hour, hour, day, month" in out.decode()


def test_each_format_to_the_terminal_and_to_a_file(shell, tmp_path) -> None:
    code, out, _ = shell("year", *YEAR)
    assert code == 0
    assert b"40.9%" in out
    code, out, _ = shell("year", *YEAR, "--format", "csv")
    assert next(csv.DictReader(io.StringIO(out.decode())))["figure"] == "0.409091"
    code, out, _ = shell("year", *YEAR, "--format", "csv", "--table", "months")
    assert len(out.splitlines()) == 14
    code, out, _ = shell("year", *YEAR, "--json", "--language", "uk")
    found = json.loads(out)
    assert found["tables"][0]["rows"][0]["figure"] == 0.409091
    assert found["title"] == "Показники постанови НКРЕКП № 375"
    for format_ in ("xlsx", "html"):
        file = tmp_path / f"year.{format_}"
        assert shell("year", *YEAR, "--format", format_, "-o", str(file))[:2] == (0, b"")
        assert shell("year", *YEAR, "--format", format_)[1][:4] == file.read_bytes()[:4]
    assert sheets((tmp_path / "year.xlsx").read_bytes())["Indicators"][1][3] == 9.0
    assert sorted(tmp_path.glob("*.part")) == []


@pytest.mark.parametrize("name", ["year", "service", "wait", "callbacks", "speech"])
def test_lines_of_csv_end_in_one_way(shell, name) -> None:
    _, out, _ = shell(name, *YEAR, "--format", "csv")
    assert out.endswith(b"\r\n")
    assert out.count(b"\n") == out.count(b"\r") == out.count(b"\r\n")


def test_rows_and_storms(shell) -> None:
    _, out, _ = shell("service", *YEAR, "--by", "month,queue", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out.decode())))
    march = {row["queue"]: row["offered"] for row in rows if row["month"] == "2026-03"}
    assert march == {"connection": "0", "general": "5"}  # the transfer is no offer
    assert rows[-1]["month"] == "All"
    _, out, _ = shell("service", *YEAR, "--without-storms", "--format", "csv")
    assert list(csv.DictReader(io.StringIO(out.decode())))[-1]["offered"] == "16"


def test_the_year_is_the_usual_range_of_the_year(shell) -> None:
    _, out, _ = shell("year", "--to", "2026-03-31", "--json")
    found = json.loads(out)
    assert (found["from"], found["to"]) == ("2026-01-01", "2026-03-31")


def test_nothing_in_the_range(shell) -> None:
    code, out, err = shell("service", "--from", "2001-01-01", "--to", "2001-12-31")
    assert code == 0
    assert err == "press2: no data from 2001-01-01 to 2001-12-31\n"
    assert b"there is nothing to count" in out
    assert b"no calls" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sevice",), "there is no report sevice; known: service, year, order186"),
        (("service", "--by", "colour"), "--by colour is not known here; known: queue, half-hour"),
        (("wait", "--by", "day"), "--by day is not known here; known: nothing"),
        (("year", "--by", "day"), "--by day is not known here; known: nothing"),
        (("service", "--by", "day,hour"), "at most two different things"),
        (("service", "--by", "queue,queue"), "at most two different things"),
        (("service", "--from", "2026-10-31", "--to", "2026-10-30"), "write the earlier day first"),
        (("service", "--from", "2001-01-01", "--to", "2026-10-30"), "more than 3660 days at once"),
        (("year", *YEAR, "--format", "csv", "--table", "x"), "known: indicators, months, formulas"),
        (("year", *YEAR, "-o", "/nowhere/year.txt"), "/nowhere/year.txt cannot be written"),
        (("service", "--dialled", "x"), "no service or number of odesa"),
    ],
)
def test_mistakes_in_clear_words(shell, words, told) -> None:
    code, out, err = shell(*words)
    assert (code, out) == (2, b"")
    assert told in err


@pytest.mark.parametrize("text", ["2026-02-30", "30.11.2026", "2026-W01", "20261130", ""])
def test_a_day_that_is_none(shell, capfdbinary, text) -> None:
    with pytest.raises(SystemExit):
        shell("service", "--from", text)
    told = capfdbinary.readouterr().err.decode()
    assert f"--from: {text!r} is no day; write it as 2026-10-30" in told


def test_as_a_program_of_its_own(shell, tmp_path) -> None:
    """The spreadsheet is the same, byte for byte of its start, through a pipe."""
    command = [sys.executable, HOME / "app.py", "report", "service", *YEAR, "--format", "xlsx"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert sheets(done.stdout)["Service level"][0][0] == "Queue"


# ---------------------------------------------------------------------- words


def test_every_word_is_there_in_every_language() -> None:
    known = texts()
    assert set(known) == set(LANGUAGES)
    for key, text in known["uk"].items():
        holes = {code: sorted(_holes(words[key])) for code, words in known.items()}
        assert holes["uk"] == holes["ru"] == holes["en"], key
        assert text.strip()


def _holes(text: str) -> list[str]:
    return [part.split("}")[0] for part in text.split("{")[1:]]


def test_every_word_of_a_closed_list_has_a_text(house) -> None:
    from ivr.company import QUEUES
    from ivr.facts.model import ENDERS, RESULTS, TOPICS, WHYS

    known = set(texts()["en"])
    wanted = {f"why_{each}" for each in WHYS} | {f"ender_{each}" for each in ENDERS}
    wanted |= {f"topic_{each}" for each in TOPICS} | {f"queue_{each}" for each in QUEUES}
    wanted |= {f"column_result_{each}" for each in RESULTS}
    for company in house.companies.values():
        wanted |= {f"column_paused_{reason}" for reason in company.pauses}
        wanted |= {f"language_{language}" for language in company.languages}
    assert wanted <= known


def test_every_report_stands_in_the_document() -> None:
    document = (HOME / "docs" / "reports.md").read_text("utf-8")
    headings = {
        name.strip()
        for line in document.splitlines()
        if line.startswith("### ")
        for name in line.removeprefix("### ").split(",")
    }
    assert headings == set(REPORTS)
