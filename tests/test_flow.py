"""Reading flows: what is written arrives as it was written, and a bad file names its place."""

from pathlib import Path
from textwrap import dedent, indent

import pytest

from ivr import flow
from ivr.errors import FlowError
from ivr.flow import (
    AskStep,
    EnqueueStep,
    HangupStep,
    LookupStep,
    MenuStep,
    Option,
    RecordStep,
    Retry,
    RunStep,
    Saying,
    SayStep,
)

GOOD = """
    flow: good
    start: hello
    operator: desk
    otherwise: desk
    ends: [on, off]
    steps:
      hello: {say: [one, {say: two, each: rows, in: lang}], to: number}
      number:
        ask: [type_it]
        short: again
        silence: [hush]
        nomatch: [what]
        as: typed
        to: check
        empty: same
        back: hello
        operator: same
        otherwise: desk
        digits: "1-5"
        near: expected
        read_back: yes
        speech: off
        invite: say_it
      check:
        lookup: meters.check
        with: {strict: yes}
        on: {fine: choose}
        retry: {low: {ask: number, say: [low, lower]}}
        again: {odd: {ask: number, say: odd}}
      choose:
        menu: []
        options:
          "0": {to: same, words: zero, at_once: yes}
        each: rows
        option: row
        as: choice
        to: same
        another: {say: other, to: hello}
        closing: that_is_all
      same: {run: deeper, on: {out: record}}
      record: {record: tone, as: message, limit: "30", to: desk}
      desk:
        enqueue: general
        priority: raised
        say: wait
        show: [typed]
        keys: {"2": number, "*": hello}
        on: {ended: bye}
      other: {enqueue: {slot: queue}, on: {ended: bye}}
      queued: {run: deeper, with: {queue: metering}, on: {out: bye}}
      bye: {hangup: completed, say: bye}
"""


def read(folder: Path, text: str, name: str = "good.yaml") -> flow.Flow:
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return flow.read(path)


def test_every_kind_of_step_is_read(tmp_path):
    good = read(tmp_path, GOOD)
    assert (good.name, good.start, good.operator, good.otherwise) == (
        "good", "hello", "desk", "desk",
    )  # fmt: skip
    assert good.ends == ("on", "off"), "words stay words: on and off are no booleans"
    assert good.steps == {
        "hello": SayStep((Saying("one"), Saying("two", each="rows", language="lang")), "number"),
        "number": AskStep(
            says=(Saying("type_it"),),
            short=(Saying("again"),),
            silence=(Saying("hush"),),
            nomatch=(Saying("what"),),
            slot="typed",
            to="check",
            empty="same",
            back="hello",
            operator="same",
            otherwise="desk",
            digits="1-5",
            near="expected",
            read_back=True,
            speech=False,
            invite=(Saying("say_it"),),
        ),
        "check": LookupStep(
            "meters.check",
            on={"fine": "choose"},
            retry={"low": Retry("number", (Saying("low"), Saying("lower")))},
            again={"odd": Retry("number", (Saying("odd"),))},
            arguments={"strict": "yes"},
        ),
        "choose": MenuStep(
            says=(),
            options={"0": Option("same", words=("zero",), at_once=True)},
            each="rows",
            option="row",
            slot="choice",
            to="same",
            another=Option("hello", (Saying("other"),)),
            closing=(Saying("that_is_all"),),
        ),
        "same": RunStep("deeper", {"out": "record"}),
        "record": RecordStep((Saying("tone"),), "message", 30.0, "desk"),
        "desk": EnqueueStep(
            "general",
            {"ended": "bye"},
            (Saying("wait"),),
            "raised",
            ("typed",),
            keys={"2": "number", "*": "hello"},
        ),
        "other": EnqueueStep("", {"ended": "bye"}, slot="queue"),
        "queued": RunStep("deeper", {"out": "bye"}, {"queue": "metering"}),
        "bye": HangupStep("completed", (Saying("bye"),)),
    }
    assert set(flow.questions(good)) == {"number", "choose"}


def test_a_folder_is_read_by_the_names_of_its_files(tmp_path):
    read(tmp_path, GOOD)
    read(tmp_path, GOOD.replace("flow: good", "flow: better"), "better.yaml")
    (tmp_path / "notes.txt").write_text("no flow")
    assert list(flow.load(tmp_path)) == ["better", "good"]


def test_a_folder_without_flows_is_an_error(tmp_path):
    with pytest.raises(FlowError, match=rf"{tmp_path}: no flow files"):
        flow.load(tmp_path)


FILES = {
    "not yaml": ("flow: [good", r"expected ',' or ']'.* line 1"),
    "empty": ("", "a mapping is wanted, found None"),
    "a list": ("- flow", r"a mapping is wanted, found \['flow'\]"),
    "no name": ("start: a\nsteps: {}", "`flow` is missing"),
    "another name": ("flow: other\nstart: a\nsteps: {}", "says `flow: other`, .* named good"),
    "no start": ("flow: good\nsteps: {}", "`start` is missing"),
    "an empty start": ("flow: good\nstart:\nsteps: {}", "`start` is missing"),
    "no steps": ("flow: good\nstart: a", "`steps` is missing"),
    "a list of steps": (
        "flow: good\nstart: a\nsteps: [a]",
        r"`steps` must be a mapping, found \['a'\]",
    ),
    "ends of another kind": (
        "flow: good\nstart: a\nends: done\nsteps: {}",
        "`ends` must be a list of words, found 'done'",
    ),
    "a list for a word": (
        "flow: good\nstart: [a]\nsteps: {}",
        r"`start` must be one word, found \['a'\]",
    ),
    "an unknown key": ("flow: good\nstart: a\nsteps: {}\ntitle: x", "unknown key `title`"),
    "a step twice": (
        "flow: good\nstart: a\nsteps:\n  a: {hangup: x}\n  a: {hangup: y}",
        r"`a` is there twice.* line 5",
    ),
    "a step named like an end": (
        "flow: good\nstart: a\nends: [a]\nsteps:\n  a: {hangup: x}",
        "`ends`: a is a step too; give one of them another name",
    ),
}


@pytest.mark.parametrize(("text", "error"), FILES.values(), ids=FILES)
def test_a_bad_file_is_named_with_its_key(tmp_path, text, error):
    with pytest.raises(FlowError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/good.yaml: ")
    caught.match(error)
    assert "\n" not in str(caught.value)


STEPS = {
    "a word": ("x", "a mapping is wanted, found 'x'"),
    "no kind": ("{to: a}", "wants exactly one kind of say, ask, .* hangup"),
    "two kinds": ("{ask: a, menu: b}", "wants exactly one kind of say, ask, .* hangup"),
    "a say that ends": ("{say: a}", "`to` is missing"),
    "a say to nowhere": ("{say: a, to: }", "`to` is missing"),
    "an unknown key": ("{say: a, to: b, colour: red}", "unknown key `colour`"),
    "a say beside an ask": ("{ask: a, say: b, as: c, to: d}", "unknown key `say`"),
    "a saying without its prompt": ("{say: {each: rows}, to: a}", "say: `say` is missing"),
    "an unknown key of a saying": (
        "{say: [{say: a, language: b}], to: c}",
        "say: unknown key `language`",
    ),
    "a list in a list": ("{say: [[a]], to: b}", r"say: a mapping is wanted, found \['a'\]"),
    "a saying of nothing": ("{say: [''], to: b}", "`say`: a prompt is wanted, found nothing"),
    "an ask without a slot": ("{ask: a, to: b}", "an ask wants `as` and `to`"),
    "an ask without a target": ("{ask: a, as: b}", "an ask wants `as` and `to`"),
    "digits of no number": (
        "{ask: a, as: b, to: c, digits: 4-five}",
        "`digits` is 4-9 or a slot, found 4-five",
    ),
    "read back perhaps": (
        "{ask: a, as: b, to: c, read_back: maybe}",
        "`read_back` is yes or no, found maybe",
    ),
    "speech of another kind": (
        "{ask: a, as: b, to: c, speech: loud}",
        "`speech` is on or off, found 'loud'",
    ),
    "at once, or not": (
        '{menu: a, options: {"1": {to: b, at_once: now}}}',
        "option 1: `at_once` is yes or no, found now",
    ),
    "words that are none": (
        '{menu: a, options: {"1": {to: b, words: {c: d}}}}',
        "option 1: `words` must be a list of words",
    ),
    "a menu without a choice": ("{menu: a}", "a menu wants `options` or `each`"),
    "an option of two keys": ('{menu: a, options: {"12": {to: b}}}', "option 12: a key is one of"),
    "an option of no key": ("{menu: a, options: {yes: {to: b}}}", "option yes: a key is one of"),
    "an option to nowhere": ('{menu: a, options: {"1": {say: b}}}', "option 1: `to` is missing"),
    "an option that is a word": ('{menu: a, options: {"1": b}}', "option 1: a mapping is wanted"),
    "an unknown key of an option": (
        '{menu: a, options: {"1": {to: b, as: c}}}',
        "option 1: unknown key `as`",
    ),
    "a list without its words": (
        "{menu: a, each: rows, to: b, as: c}",
        "a menu with `each` wants `option`, `as` and `to`",
    ),
    "another choice of no list": (
        '{menu: a, options: {"1": {to: b}}, another: {to: c}}',
        "`another` goes with `each`",
    ),
    "another choice to nowhere": (
        "{menu: a, each: rows, option: o, to: b, as: c, another: {say: d}}",
        "another: `to` is missing",
    ),
    "a recording without a slot": ("{record: a, to: b}", "`as` is missing"),
    "a recording without an end": (
        '{record: a, as: b, to: c, limit: "301"}',
        "`limit` is 1..300 seconds, found 301",
    ),
    "a recording of words": (
        "{record: a, as: b, to: c, limit: ²}",
        "`limit` is 1..300 seconds, found ²",
    ),
    "outcomes that are a word": ("{lookup: a.b, on: c}", "`on` must be a mapping, found 'c'"),
    "an outcome of two targets": (
        "{lookup: a.b, on: {c: [d, e]}}",
        r"`on: c` must be one word, found \['d', 'e'\]",
    ),
    "a retry without a question": (
        "{lookup: a.b, retry: {c: {say: d}}}",
        "retry c: `ask` is missing",
    ),
    "an unknown key of a retry": (
        "{lookup: a.b, again: {c: {ask: d, to: e}}}",
        "again c: unknown key `to`",
    ),
    "a queue without a name": ("{enqueue: {}}", "enqueue: `slot` is missing"),
    "a queue by an unknown word": ("{enqueue: {name: a}}", "enqueue: `slot` is missing"),
    "a queue by too many words": ("{enqueue: {slot: a, b: c}}", "enqueue: unknown key `b`"),
    "a queue in a list": ("{enqueue: [a]}", r"`enqueue` must be one word, found \['a'\]"),
    "a key no telephone has": ("{enqueue: a, keys: {A: b}}", r"key A: a key is one of 0 1"),
    "a key to two steps": ("{enqueue: a, keys: {'1': [b]}}", r"`keys: 1` must be one word"),
    "what is shown as a word": ("{enqueue: a, show: b}", "`show` must be a list of words"),
    "a hang-up that goes on": ("{hangup: a, to: b}", "unknown key `to`"),
}


@pytest.mark.parametrize(("body", "error"), STEPS.values(), ids=STEPS)
def test_a_bad_step_is_named_with_its_key(tmp_path, body, error):
    with pytest.raises(FlowError) as caught:
        read(tmp_path, "flow: good\nstart: a\nsteps:\n" + indent(f"first: {body}\n", "  "))
    assert str(caught.value).startswith(f"{tmp_path}/good.yaml: step first")
    caught.match(error)


def test_a_file_that_is_no_text_is_an_error(tmp_path):
    (tmp_path / "good.yaml").write_bytes(b"flow: \xff\xfe")
    with pytest.raises(FlowError, match=rf"{tmp_path}/good.yaml: cannot be read"):
        flow.load(tmp_path)


def test_a_file_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(FlowError, match=r"good.yaml: cannot be read: .*No such file"):
        flow.read(tmp_path / "good.yaml")


def test_numbers_and_times_stay_as_they_were_written(tmp_path):
    text = """
        flow: good
        start: a
        steps:
          a: {lookup: 12:30, with: {n: 0123, d: 2026-10-31}, on: {yes: no}}
        """
    step = read(tmp_path, text).steps["a"]
    assert step == LookupStep("12:30", {"yes": "no"}, arguments={"n": "0123", "d": "2026-10-31"})
