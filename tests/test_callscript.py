"""Call scripts: every one is a test; what is wrong in a script is told with its line."""

import contextlib
import json
from io import StringIO
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import app
from ivr import callscript
from ivr.callscript import Report, Script
from ivr.channels.agi_line import AgiExchange
from ivr.channels.console import ConsoleLine, talk
from ivr.channels.operators import Operators
from ivr.channels.twilio.line import TwilioExchange
from ivr.channels.twilio.recogniser import LOCALES
from ivr.errors import ScriptError
from ivr.events import MemoryLog
from ivr.runner import Runner
from ivr.sessions import MemorySessions

CALLS = Path(__file__).parent / "calls"
TRANSCRIPTS = Path(__file__).parent / "transcripts"
SCRIPTS = {
    f"{path.stem}-{number}": script
    for path in sorted(CALLS.rglob("*.yaml"))
    for number, script in enumerate(callscript.read(path), start=1)
}

NOT_YET: dict[str, str] = {}
"""Scripts that need parts which are not built, each with what it lacks."""


def runner_over(house, store, clock, operators):
    parts = (operators.services, store, MemorySessions(), operators.log, clock, "odesa")
    hears = dict.fromkeys(("console", "agi", "twilio"), tuple(LOCALES))
    return Runner(house.flows, house.companies, *parts, queue=operators.reached, hears=hears)


@pytest.fixture
def play(house):
    """Runs a script on the console."""

    def dial(store, clock, operators):
        runner = runner_over(house, store, clock, operators)
        return ConsoleLine(runner, house.catalogues, clock, operators)

    def run(script: Script) -> Report:
        return callscript.run(script, house.companies, house.world, dial)

    return run


@pytest.fixture(scope="module")
def play_by_agi(house):
    """Runs a script through a FastAGI worker, over TCP."""
    with contextlib.closing(AgiExchange(house.catalogues)) as exchange:

        def dial(store, clock, operators):
            return exchange.line(runner_over(house, store, clock, operators), clock, operators)

        yield lambda script: callscript.run(script, house.companies, house.world, dial)


@pytest.fixture(scope="module")
def play_by_twilio(house):
    """Runs a script through the signed webhooks, document after document."""
    with contextlib.closing(TwilioExchange(house.catalogues, house.companies)) as exchange:

        def dial(store, clock, operators):
            return exchange.line(runner_over(house, store, clock, operators), clock, operators)

        yield lambda script: callscript.run(script, house.companies, house.world, dial)


def events(report: Report) -> list[tuple[Any, ...]]:
    """What happened, in order, without what no two runs share: times, tokens, the channel."""
    own = {"channel", "token", "waited", "told_at"}
    return [
        (e.call, e.kind, e.flow, e.step, {k: v for k, v in e.details.items() if k not in own})
        for e in report.log
    ]


def marked(name):
    if name not in NOT_YET:
        return name
    return pytest.param(name, marks=pytest.mark.xfail(reason=NOT_YET[name], strict=True))


@pytest.mark.parametrize("name", [marked(name) for name in SCRIPTS])
def test_script(play, name):
    report = play(SCRIPTS[name])
    assert report.passed, "\n".join([*report.failures, "", *conversation(report)])


@pytest.mark.parametrize("name", [marked(name) for name in SCRIPTS])
def test_script_through_a_worker(play, play_by_agi, name):
    report = play_by_agi(SCRIPTS[name])
    assert report.passed, "\n".join([*report.failures, "", *conversation(report)])
    assert report.outcome["readings"] == play(SCRIPTS[name]).outcome["readings"]


@pytest.mark.parametrize("name", [marked(name) for name in SCRIPTS])
def test_script_through_twilio(play_by_twilio, name):
    report = play_by_twilio(SCRIPTS[name])
    assert report.passed, "\n".join([*report.failures, "", *conversation(report)])


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in NOT_YET])
def test_every_channel_writes_the_same_log(play, play_by_agi, play_by_twilio, name):
    log = events(play(SCRIPTS[name]))
    assert log
    assert events(play_by_twilio(SCRIPTS[name])) == log
    assert events(play_by_agi(SCRIPTS[name])) == log


def test_every_script_that_needs_more_exists():
    assert set(NOT_YET) <= set(SCRIPTS)


# ---------------------------------------------------------------------- golden conversations

GOLDEN = {
    "main.language": "ac-24-language-1",
    "main.silence": "ac-10-silence-1",
    "main.other-companies": "ac-24-other-companies-1",
    "identify.several": "ac-14-two-accounts-1",
    "by_keys.unknown-phone": "ac-02-unknown-phone-1",
    "by_keys.guessing": "ac-09-wrong-account-1",
    "reading.single-zone": "ac-01-single-zone-1",
    "reading.two-zones": "ac-03-two-zones-1",
    "reading.three-zones": "ac-04-three-zones-1",
    "reading.lower": "ac-05-lower-corrected-1",
    "reading.roll-over": "ac-06-roll-over-1",
    "reading.decimal": "ac-07-decimal-digit-1",
    "reading.high-use": "ac-07-high-use-1",
    "reading.unproved": "ac-08-same-reading-unproved-1",
    "reading.resumed": "ac-12-hang-up-and-resume-1",
    "reading.window-closed": "ac-13-window-closed-1",
    "reading.replaced": "ac-01-second-reading-1",
    "reading.star": "ac-01-star-1",
    "last_reading.told": "menu-5-last-reading-1",
    "operator.connected": "ac-26-recording-refused-1",
    "operator.second-in-the-queue": "ac-18-callback-1",
    "operator.nobody": "ac-18-nobody-signed-in-1",
    "operator.not-answered": "ac-21-no-answer-1",
    "operator.lost": "ac-21-operator-lost-1",
    "operator.returned": "ac-21-operator-returns-1",
    "operator.too-long": "ac-19-storm-readings-1",
    "operator.hospital": "ac-20-hospital-1",
    "operator.reading-meanwhile": "queue-keys-2",
    "operator.in-english": "queue-languages-2",
    "callback.another-number": "ac-18-other-number-1",
    "callback.kept-place": "queue-callback-from-the-wait-5",
}


def conversation(report: Report) -> list[str]:
    """The lines of a transcript as a person reads them."""
    lines = []
    for line in report.transcript:
        if "said" in line:
            lines.append(f"{line['language']}: {line['said']}")
        else:
            lines.append("> " + ", ".join(f"{key} {value}".strip() for key, value in line.items()))
    return lines


def golden(script: Script, report: Report) -> str:
    outcome = report.outcome
    lines = [f"# {script.title}", "", *conversation(report), "", f"ended: {outcome['ended']}"]
    if outcome["queued"]:
        lines += ["queued: {queue}, priority {priority}".format(**outcome["queued"])]
        lines += [f"handover: {key} {value}" for key, value in sorted(outcome["handover"].items())
                  if isinstance(value, str | int)]  # fmt: skip
    for row in outcome["readings"]:
        words = [row[key] for key in ("account", "register", "value", "state", "as_of")]
        lines += ["reading: " + " ".join(str(word) for word in (*words, *row["flags"]))]
    lines += [f"call-back: {row['number']} {row['queue']}" for row in outcome["callbacks"]]
    lines += [
        f"ticket: {row['type']} {row['account']} {row['reason']}" for row in outcome["tickets"]
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", GOLDEN)
def test_conversation_is_as_it_was(play, case, update):
    script = SCRIPTS[GOLDEN[case]]
    text = golden(script, play(script))
    path = TRANSCRIPTS / f"{case}.txt"
    if update:
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), "run pytest --update tests/test_callscript.py"
    assert text == path.read_text(encoding="utf-8"), "meant? run pytest --update"


def test_no_golden_conversation_is_left_over():
    assert {path.name for path in TRANSCRIPTS.iterdir()} == {f"{case}.txt" for case in GOLDEN}


# ---------------------------------------------------------------------- what a script expects


def script(folder: Path, text: str) -> Script:
    """Reads a script of the caller of the demo data; `text` is what differs."""
    head = 'script: test\nnow: 2026-10-31T10:00\nfrom: "+380671110001"\n'
    path = folder / "script.yaml"
    path.write_text(head + dedent(text), encoding="utf-8")
    return callscript.read(path)[0]


TURNS = """
    turns:
      - press: "2"
      - press: "1"
      - press: "2421#"
      - press: "1"
      - press: "2"
"""


def test_a_report_tells_what_was_said_keyed_and_stored(play, tmp_path):
    report = play(script(tmp_path, TURNS))
    assert report.passed
    assert {"press": "2421#"} in report.transcript
    assert report.transcript[0] == {"said": "Вітаємо. Одеські електромережі.", "language": "uk"}
    assert report.outcome["ended"] == "completed"
    assert report.outcome["readings"] == [
        {
            "account": "100200301",
            "register": "single",
            "value": "02421",
            "state": "accepted",
            "as_of": "2026-11-01",
            "flags": [],
        }
    ]
    assert json.loads(json.dumps(report.to_json()))["passed"] is True


READING = "account: '100200301', register: single"
EXPECTATIONS = {
    "another value": (
        f"readings: [{{{READING}, value: '02422'}}]",
        ["readings: not found", "readings: not expected"],
    ),
    "one too many": ("readings: []", ["readings: not expected"]),
    "one too few": (
        f"readings: [{{{READING}}}, {{{READING}}}]",
        ["readings: not found"],
    ),
    "another flag": (
        f"readings: [{{{READING}, flags: [equal]}}]",
        ["readings: not found", "readings: not expected"],
    ),
    "a ticket": ("tickets: [{type: outage}]", ["tickets: not found: {'type': 'outage'}"]),
    "a call-back": ("callbacks: [{queue: general}]", ["callbacks: not found"]),
    "a subscription": ("subscriptions: [{event: E1}]", ["subscriptions: not found"]),
    "a queue": ("queued: {queue: general}", ["queued: wanted {'queue': 'general'}, found None"]),
    "something on the screen": (
        "handover: {reason: silence}",
        ["handover: wanted reason: silence, found None"],
    ),
    "another end": ("ended: caller", ["ended: wanted caller, found completed"]),
    "another language": ("language: en", ["language: wanted en, found uk"]),
    "less time": ("within: 3", ["within: wanted 3 s, took"]),
    "words nobody said": ("says: [несказане]", ["says: not heard anywhere: несказане"]),
    "words in another order": (
        "says: [Дякуємо, Вітаємо]",
        ["says: not heard in this place: Вітаємо"],
    ),
    "words that were said": ("never_says: [дяку.мо, Дяку.мо]", ["never_says: heard 'Дякуємо'"]),
}


@pytest.mark.parametrize(("expect", "failures"), EXPECTATIONS.values(), ids=EXPECTATIONS)
def test_what_does_not_hold_is_told(play, tmp_path, expect, failures):
    report = play(script(tmp_path, TURNS + f"    expect: {{{expect}}}\n"))
    assert len(report.failures) == len(failures)
    for found, begins in zip(report.failures, failures, strict=True):
        assert found.startswith(begins)


@pytest.mark.parametrize(
    "expect",
    [
        f"readings: [{{{READING}, value: '02421', state: accepted, as_of: 2026-11-01, flags: []}}]",
        "queued: null, tickets: [], callbacks: [], subscriptions: []",
        "ended: completed, language: uk, within: 600",
        "says: [Вітаємо, '(?i)прийнято', Дякуємо], never_says: [Шевченко]",
    ],
)
def test_what_holds_passes(play, tmp_path, expect):
    assert play(script(tmp_path, TURNS + f"    expect: {{{expect}}}\n")).failures == []


def test_a_queue_may_be_named_without_its_priority(play, tmp_path):
    turns = 'turns: [{press: "0"}]\nexpect: {queued: {queue: general}}\n'
    assert play(script(tmp_path, turns)).passed
    turns = turns.replace("queue: general", "queue: general, priority: danger")
    assert not play(script(tmp_path, turns)).passed


def test_calls_of_a_script_share_a_world(play, tmp_path):
    text = """
        script: two
        calls:
          - {now: 2026-10-31T10:00, from: "+380671110001", turns: [{press: "8"}, {press: "2"}]}
          - {now: 2026-10-31T11:00, from: "+380671110001", turns: []}
        expect: {language: ru}
    """
    path = tmp_path / "two.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    assert play(callscript.read(path)[0]).passed


def test_a_world_replaces_the_lists_it_names(play, tmp_path):
    report = play(script(tmp_path, 'turns: [{press: "2"}]\nworld: {accounts: []}\n'))
    assert report.transcript[-2]["said"].startswith("Введіть номер рахунку")


def test_a_company_answers_in_its_language(play, tmp_path):
    report = play(script(tmp_path, "company: nghean\nturns: []\n"))
    assert report.outcome["language"] == "vi"


def test_what_breaks_in_a_script_fails_it(play, tmp_path, house, monkeypatch):
    monkeypatch.setitem(house.catalogues, "uk", None)
    report = play(script(tmp_path, TURNS))
    assert not report.passed
    assert report.failures[0].startswith("broke: ")


# ---------------------------------------------------------------------- what cannot be read

NOW = "now: 2026-10-31T10:00\n"
UNREADABLE = {
    "nothing": ("", 1, "no script in this file"),
    "a word": ("hello", 1, "a script must be a mapping, found 'hello'"),
    "a list": ("- now", 1, r"a script must be a mapping, found \['now'\]"),
    "not yaml": (f"{NOW}turns: [", 2, "expected the node content"),
    "a tab": (f"{NOW}turns:\n\t- silence", 3, "cannot start any token"),
    "a control character": (f"{NOW}turns: [\x07]", 2, "special characters are not allowed"),
    "an unknown key": (f"{NOW}turn: []", 1, "unknown key `turn` in a script"),
    "a key twice": (f"{NOW}turns: []\nturns: []", 3, "`turns` is there twice"),
    "no time": ("turns: []", 1, "`now` is missing"),
    "no time at all": ("now: soon", 1, "`now: soon` is no date and time"),
    "a time in a list": ("now: [10, 20]", 1, "`now` must be one word or a text"),
    "a time long ago": ("now: 0001-01-01T00:00", 1, "years are 2000 to 2099"),
    "a call without a time": (
        "calls:\n  - turns: []\n",
        2,
        "`now` is missing: when does the call arrive",
    ),
    "no call": ("calls: []", 1, "`calls` is empty"),
    "calls and turns": (f"{NOW}calls: []", 1, "`calls` stands instead of `now`"),
    "an unknown key of a call": (
        "calls:\n  - now: 2026-10-31T10:00\n    world: {}",
        2,
        "unknown key `world` in a call",
    ),
    "turns that are a word": (f"{NOW}turns: silence", 2, "`turns` must be a list"),
    "an unknown turn": (f"{NOW}turns:\n  - silence\n  - shout", 4, "unknown key `shout` in a turn"),
    "a turn of nothing": (f"{NOW}turns:\n  - {{}}", 3, "a turn is exactly one of hangup, operator"),
    "two turns in one": (
        f"{NOW}turns:\n  - {{press: '1', silence: }}",
        3,
        "a turn is exactly one of hangup",
    ),
    "a list for a turn": (f"{NOW}turns:\n  - [silence]", 3, "a turn must be a mapping"),
    "keys of no telephone": (f"{NOW}turns:\n  - press: 12A", 3, "`press: 12A`: keys are 0-9"),
    "keys in a list": (f"{NOW}turns:\n  - press: [1, 2]", 3, "`press` must be one word or a text"),
    "no seconds": (f"{NOW}turns:\n  - wait", 3, "`wait`: seconds are wanted"),
    "seconds in words": (f"{NOW}turns:\n  - wait: long", 3, "`wait: long`: a number is wanted"),
    "confidence in words": (
        f"{NOW}turns:\n  - {{say: так,\n     confidence: high}}",
        4,
        "`confidence: high`: a number is wanted",
    ),
    "an operator who sings": (
        f"{NOW}turns:\n  - operator: sings",
        3,
        "`operator: sings`: one of announces, answers, drops, ends, no_answer, overdue, returns",
    ),
    "an unknown expectation": (f"{NOW}expect:\n  reading: []", 3, "unknown key `reading`"),
    "expectations in a list": (f"{NOW}expect: [readings]", 2, "expect must be a mapping"),
    "readings that are a word": (
        f"{NOW}expect:\n  readings: none",
        3,
        "`readings` must be a list, found 'none'",
    ),
    "a reading that is a word": (
        f"{NOW}expect:\n  readings:\n    - '02421'",
        4,
        "a row of `readings` must be a mapping, found '02421'",
    ),
    "a queue that is a word": (
        f"{NOW}expect:\n  queued: general",
        3,
        "`queued` is {queue, priority} or null, found 'general'",
    ),
    "an unknown key of a queue": (
        f"{NOW}expect:\n  queued: {{name: general}}",
        3,
        "unknown key `name` in queued",
    ),
    "a screen that is a word": (f"{NOW}expect:\n  handover: x", 3, "handover must be a mapping"),
    "an end in a list": (f"{NOW}expect:\n  ended: [caller]", 3, "`ended` must be one word"),
    "time in words": (f"{NOW}expect:\n  within: soon", 3, "`within: soon`: a number is wanted"),
    "a bad pattern": (
        f"{NOW}expect:\n  says:\n    - good\n    - '(bad'",
        5,
        r"'\(bad' is no regular expression: missing \)",
    ),
    "a pattern in a list": (
        f"{NOW}expect:\n  never_says:\n    - [a]",
        4,
        "is no regular expression",
    ),
    "an unknown list of the world": (f"{NOW}world:\n  weather: []", 3, "unknown key `weather`"),
    "an unknown company": (f"company: lviv\n{NOW}", 1, "no company `lviv`; known: kazan"),
    "an account without meters' digits": (
        f"{NOW}world:\n  accounts: [{{account: '1'}}]",
        3,
        "world.accounts",
    ),
}


@pytest.mark.parametrize(("text", "line", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_told_with_its_line(tmp_path, capsys, text, line, reason):
    path = tmp_path / "script.yaml"
    path.write_text(text, encoding="utf-8")
    assert app.main(["call", str(path)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"press2: {path}, line {line}: ")
    assert told.count("\n") == 1
    with pytest.raises(ScriptError, match=reason):
        raise ScriptError(told)


def test_a_file_that_is_no_text_is_told(tmp_path, capsys):
    path = tmp_path / "script.yaml"
    path.write_bytes(b"now: \xff\xfe")
    assert app.main(["call", str(path)]) == 2
    assert f"{path}: cannot be read" in capsys.readouterr().err
    assert app.main(["call", str(tmp_path / "none.yaml")]) == 2
    assert "No such file" in capsys.readouterr().err


SOURCES = [path.read_text(encoding="utf-8") for path in sorted(CALLS.glob("ac-1*.yaml"))]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    source=st.sampled_from(SOURCES),
    place=st.floats(0, 1, exclude_max=True),
    cut=st.integers(0, 12),
    put=st.sampled_from(
        ["", "[]", "{}", "null", ": ", "- ", "\n", "x", '"', "'", "&a ", "*a", "é"]
    ),
)
def test_a_damaged_script_is_read_or_told(tmp_path, source, place, cut, put):
    at = int(place * len(source))
    path = tmp_path / "script.yaml"
    path.write_text(source[:at] + put + source[at + cut :], encoding="utf-8")
    try:
        scripts = callscript.read(path)
    except ScriptError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert all(isinstance(found, Script) for found in scripts)


# ---------------------------------------------------------------------- the command


def test_the_command_tells_each_script_and_the_sum(capsys):
    good = str(CALLS / "ac-01-single-zone.yaml")
    assert app.main(["call", good, good]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 of 2 scripts passed"


def test_the_command_shows_what_failed(tmp_path, capsys):
    path = tmp_path / "script.yaml"
    path.write_text(f"{NOW}turns: [silence]\nexpect: {{ended: completed}}\n", encoding="utf-8")
    assert app.main(["call", str(path), str(CALLS / "ac-10-silence.yaml")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("FAILED")
    assert "    > silence" in lines
    assert "    ended: wanted completed, found caller" in lines
    assert lines[-1] == "1 of 2 scripts passed"


def test_the_command_prints_json(capsys):
    path = CALLS / "ac-13-window-edges.yaml"
    assert app.main(["call", "--json", str(path)]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(objects) == len(callscript.read(path))
    for report in objects:
        assert set(report) == {"script", "passed", "failures", "transcript", "outcome"}
        assert report["passed"] is True
        assert report["failures"] == []
        assert report["outcome"]["seconds"] > 0


# ---------------------------------------------------------------------- a person at the terminal


@pytest.fixture
def terminal(worker, house, demo_store, clock):
    """A line as `app.py console` holds it, with the operators of the demo at its end."""
    odesa = house.companies["odesa"]
    operators = Operators(odesa, house.companies, demo_store, MemoryLog(), clock)
    operators.arrive(house.world)
    return ConsoleLine(worker(queue=operators.queue), house.catalogues, clock, operators)


def test_a_call_at_the_terminal_can_be_saved_and_run(play, terminal, house, caller, tmp_path):
    typed = StringIO('2\n1\n"двадцять"\n\n2421#\nq\n1\n2\n')
    out = StringIO()
    turns = talk(terminal, caller, typed, out)
    assert "uk: Вітаємо. Одеські електромережі." in out.getvalue()
    assert "[the call is over: completed]" in out.getvalue()
    start = caller.arrived.astimezone(house.companies["odesa"].zone)
    path = callscript.save(tmp_path / "mine", caller, start, turns)
    (saved,) = callscript.read(path)
    assert [dict(turn) for turn in saved.calls[0].turns] == [
        {"press": "2"},
        {"press": "1"},
        {"say": "двадцять"},
        {"silence": ""},
        {"press": "2421#"},
        {"press": "1"},
        {"press": "2"},
    ]
    assert play(saved).outcome["readings"][0]["value"] == "02421"
    with pytest.raises(ScriptError, match="exists already"):
        callscript.save(path, caller, start, turns)


def test_the_end_of_the_input_hangs_up(terminal, caller):
    assert talk(terminal, caller, StringIO(""), StringIO()) == [{"hangup": ""}]
    assert terminal.heard.ended == "caller"


def test_who_waits_at_the_terminal_may_press_keys_too(terminal, caller):
    out = StringIO()
    turns = talk(terminal, caller, StringIO("7\n5\nanswers\nw 30\n\n"), out)
    talked = [{"operator": "answers"}, {"wait": "30"}, {"operator": "ends"}]
    assert turns == [{"press": "7"}, {"press": "5"}, *talked]
    assert "uk: Добре, без запису. Залишайтеся на лінії." in out.getvalue()
    assert "[in the queue business;" in out.getvalue()
    assert terminal.heard.ended == "operator"
