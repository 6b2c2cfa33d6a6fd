"""How answers by speech were heard, counted from calls through the real flows."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import app
from ivr import callscript
from ivr.composition import dialler
from ivr.events import Entry, write
from ivr.reporting import speech
from ivr.store.database import memory_store

ZONE = ZoneInfo("Europe/Kyiv")
DAY = date(2026, 10, 31)
NOON = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)


@pytest.fixture
def store():
    store = memory_store()
    yield store
    store.close()


@pytest.fixture
def calls(store, house, tmp_path):
    """Run call scripts on the console channel, and put what they logged into the store."""

    def run(*turns, caller="+380671110001", number=1):
        path = tmp_path / f"{number}.yaml"
        lines = [f"  - {turn}" for turn in turns]
        head = ["script: a call", "now: 2026-10-31T10:00", f'from: "{caller}"', "turns:"]
        path.write_text("\n".join([*head, *lines]), encoding="utf-8")
        (script,) = callscript.read(path)
        dial, done = dialler("console", house.flows, house.companies, house.catalogues)
        report = callscript.run(script, house.companies, house.world, dial)
        done()
        assert report.passed, report.failures
        write(store, [Entry(**{**vars(e), "call": f"call-{number}"}) for e in report.log])

    return run


def _rows(store, first=DAY, last=DAY, company="odesa"):
    found = speech.rows(store, company, ZONE, first, last)
    return {(row.question, row.language): row for row in found}


def _figures(row):
    return row.asked, row.right, row.wrong, row.unheard, row.to_keys, row.keys


def test_a_reading_that_was_heard_wrong_and_said_again(store, calls):
    calls('press: "2"', 'press: "1"', "say: двадцять чотири двадцять п’ять", "say: ні",
          "say: двадцать четыре двадцять один", "say: так")  # fmt: skip
    rows = _rows(store)
    assert _figures(rows["reading.enter", "all"]) == (2, 1, 1, 0, 0, 0)
    assert _figures(rows["reading.read_back", "all"]) == (2, 2, 0, 0, 0, 0)
    assert _figures(rows["main.menu", "all"]) == (1, 0, 0, 0, 0, 1)
    assert _figures(rows["identify.this_one", "all"]) == (1, 0, 0, 0, 0, 1)
    assert _figures(rows["all", "uk"]) == _figures(rows["all", "all"]) == (6, 3, 1, 0, 0, 2)


def test_not_heard_and_then_keyed(store, calls):
    calls('press: "2"', 'press: "1"', '{say: "дві тисячі двадцять один", confidence: 0.3}',
          'press: "2421#"', "say: так")  # fmt: skip
    assert _figures(_rows(store)["reading.enter", "all"]) == (1, 0, 0, 1, 1, 0)


def test_a_doubt_that_was_right_and_one_that_was_wrong(store, calls):
    calls("{say: показання, confidence: 0.6}", "say: так", 'press: "1"', 'press: "2421#"')
    calls("{say: показання, confidence: 0.6}", "say: ні", "say: графік", number=2)
    assert _figures(_rows(store)["main.menu", "all"]) == (2, 2, 1, 0, 0, 0)


def test_straight_back_from_what_was_heard(store, calls):
    calls("say: заявка", 'press: "*"', 'press: "2"')
    rows = _rows(store)
    assert _figures(rows["main.menu", "all"]) == (2, 0, 1, 0, 0, 1)


def test_questions_of_a_caller_who_only_presses_keys(store, calls):
    calls('press: "2"', 'press: "1"', 'press: "2421#"', 'press: "1"', 'press: "2"')
    total = _rows(store)["all", "all"]
    assert _figures(total) == (5, 0, 0, 0, 0, 5)
    assert (total.ms_50, total.ms_95) == (None, None)


def _heard(store, call, at=NOON, company="odesa", step="menu", **details):
    known = {"kind": "speech", "text": "a", "understood": "outage", "open": "key", "language": "uk"}
    write(store, [Entry(company, call, at, "heard", "main", step, {**known, **details})])


def test_the_time_to_a_result(store):
    for number in range(1, 101):
        _heard(store, f"call-{number}", ms=number * 10, language="ru" if number % 2 else "uk")
    _heard(store, "call-101")
    rows = _rows(store)
    assert (rows["main.menu", "all"].ms_50, rows["main.menu", "all"].ms_95) == (500.0, 950.0)
    assert (rows["all", "ru"].asked, rows["all", "ru"].ms_50) == (50, 490.0)
    assert rows["all", "uk"].right == 51


def test_nobody_listened(store):
    _heard(store, "call-1", kind="keys", text="2", deaf="full", understood="")
    _heard(store, "call-2", kind="keys", text="2", deaf="down", understood="")
    _heard(store, "call-3", text="", outcome="down", understood="down")
    row = _rows(store)["main.menu", "all"]
    assert (row.asked, row.full, row.down, row.keys, row.unheard) == (3, 1, 2, 0, 0)


def test_an_answer_belongs_to_the_local_day_and_the_company(store):
    _heard(store, "call-1", at=datetime(2026, 10, 31, 21, 59, tzinfo=UTC))
    _heard(store, "call-2", at=datetime(2026, 10, 31, 22, 0, tzinfo=UTC))
    _heard(store, "call-3", company="kazan")
    assert _rows(store)["all", "all"].asked == 1
    assert _rows(store, DAY, DAY + timedelta(days=1))["all", "all"].asked == 2


def test_what_the_caller_did_after_midnight_still_counts(store):
    late = datetime(2026, 10, 31, 21, 59, 59, tzinfo=UTC)
    _heard(store, "call-1", at=late)
    keys = {"kind": "keys", "text": "*", "open": "key"}
    _heard(store, "call-1", at=late + timedelta(seconds=5), step="other", **keys)
    row = _rows(store)["main.menu", "all"]
    assert (row.asked, row.right, row.wrong) == (1, 0, 1)


def test_speech_was_not_open(store):
    details = {"kind": "keys", "text": "2"}
    write(store, [Entry("odesa", "call-1", NOON, "heard", "main", "menu", details)])
    assert speech.rows(store, "odesa", ZONE, DAY, DAY) == []


def test_nothing_there_is_said():
    assert speech.as_table([]) == "no question was put with speech open on these days"
    assert speech.as_json([]) == "[]"
    assert speech.FORMATS["csv"]([]).startswith("question,language,asked,")


def test_the_formats_hold_the_same(store):
    _heard(store, "call-1", ms=250)
    _heard(store, "call-2", understood="unheard", step="offer")
    rows = speech.rows(store, "odesa", ZONE, DAY, DAY)
    parsed = list(csv.DictReader(io.StringIO(speech.FORMATS["csv"](rows))))
    listed = json.loads(speech.as_json(rows))
    assert [row["asked"] for row in parsed] == [str(row["asked"]) for row in listed]
    questions, languages, notes = speech.as_table(rows).split("\n\n")
    assert [line.split()[0] for line in questions.splitlines()] == [
        "question", "main.menu", "main.offer", "all",
    ]  # fmt: skip
    assert [line.split()[0] for line in languages.splitlines()] == ["language", "uk", "all"]
    assert all(f"{name}:" in notes for name in ("asked", "right", "wrong", "not heard", "to keys"))


def test_nothing_that_was_said_is_in_the_report(store, calls):
    calls('press: "2"', 'press: "1"', "say: двадцять чотири двадцять п’ять", "say: ні",
          "say: двадцать четыре двадцять один", "say: так")  # fmt: skip
    rows = speech.rows(store, "odesa", ZONE, DAY, DAY)
    for text in (form(rows) for form in speech.FORMATS.values()):
        assert not any(said in text for said in ("2425", "2421", "двадцять", "+380"))


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    """Run `app.py report ...` over a folder of its own."""
    conf = tmp_path / "telephony.conf"
    conf.write_text(f"[press2]\nvar = {tmp_path}/var\n", encoding="utf-8")
    monkeypatch.setenv("PRESS2_CONF", str(conf))

    def run(*options):
        code = app.main(["report", *options])
        told = capsys.readouterr()
        return code, told.out.strip(), told.err.strip()

    return run


def test_the_command(shell):
    assert shell("speech") == (0, "no question was put with speech open on these days", "")
    assert shell("speech", "--json") == (0, "[]", "")
    assert shell("speech", "--kept") == (0, "0 calls, 0 files", "")


def test_a_caller_withdraws_his_consent(shell, tmp_path):
    folder = tmp_path / "var" / "utterances" / "kept" / "uk"
    folder.mkdir(parents=True)
    (folder / "call-1-3.wav").write_bytes(b"")
    (folder / "call-1-3.json").write_text('{"company": "odesa", "call": "call-1"}', "utf-8")
    code, listed, _ = shell("speech", "--kept")
    assert code == 0 and listed.startswith("call-1 ") and listed.endswith("1 calls, 1 files")
    assert shell("speech", "--forget", "call-1") == (0, "call-1: 1 files deleted", "")
    assert list(folder.iterdir()) == []


def test_what_is_kept_is_no_part_of_other_reports(shell):
    code, _, told = shell("wait", "--kept")
    assert (code, told) == (
        2, "press2: --kept and --forget are of `report speech`, not of wait",
    )  # fmt: skip
