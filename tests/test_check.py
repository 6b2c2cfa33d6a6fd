"""The check of flows: each rule finds its smallest example, and nothing else does."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from textwrap import dedent, indent

import pytest
from small_flows import MAIN

import app
from ivr import check, composition, flow
from ivr.check import Finding
from ivr.commands import flows as commands
from ivr.model import Result
from ivr.prompts import Catalogue
from ivr.services import SERVICES, Service

SUB = """\
flow: sub
start: enter
operator: operator
otherwise: operator
ends: [done, operator]
steps:
  enter: {ask: number, as: typed, to: done}
"""
CLEAN = {"main": MAIN, "sub": SUB}
WORDS = Service("words.today", lambda _: Result("good"), frozenset(("good", "bad")), ("sunny",))
OFFICES = Service("offices.find", lambda _: Result("one"), frozenset(("one",)), ())


class Check:
    """Runs the check over small flows; each prompt they speak has a text unless it is said not to.

    texts: replaced ones, by prompt; "" takes the text away. english: those of the other language.
    """

    def __init__(self, folder, profile):
        self.folder = folder
        self.profile = profile

    def __call__(self, *change, flows=CLEAN, services=(WORDS,), texts=(), english=(), words=()):
        return check.run(*self.parts(change, flows, services, texts, english, (words, words)))

    def warnings(self, *change, words, english=None, services=(WORDS,), models=None):
        """Only the rules of answers by speech; words: phrases by id, `english` those of English."""
        said = words, words if english is None else english
        return check.warnings(*self.parts(change, CLEAN, services, (), (), said), models or {})

    def parts(self, change, flows, services, texts, english, words):
        for name, text in self._changed(dict(flows), change).items():
            (self.folder / f"{name}.yaml").write_text(dedent(text), encoding="utf-8")
        read = flow.load(self.folder)
        table = {service.name: service for service in services}
        spoken = dict.fromkeys(check.wanted(read, ["test"], table), "text")
        catalogues = {
            language: Catalogue(language, self._texts(spoken | dict(other)), {}, dict(said))
            for language, other, said in (
                ("uk", texts, words[0]),
                ("en", {**dict(texts), **dict(english)}, words[1]),
            )
        }
        return read, {"test": self.profile}, catalogues, table

    @staticmethod
    def _changed(flows, change):
        for old, new in change:
            assert sum(text.count(old) for text in flows.values()) == 1, old
            flows = {name: text.replace(old, new) for name, text in flows.items()}
        return flows

    @staticmethod
    def _texts(texts):
        return {prompt: text for prompt, text in texts.items() if text}


@pytest.fixture
def run(tmp_path, house):
    profile = replace(house.companies["odesa"], id="test", languages=("uk", "en"))
    return Check(tmp_path, profile)


def lines(steps: str):
    """Changes that add steps to `main`; key 2 of its menu leads to the first of them."""
    first = steps.partition(":")[0]
    return [
        ("{say: one, to: sub}", f'{{say: one, to: sub}}, "2": {{to: {first}}}'),
        ("  bye: {hangup", f"{indent(steps, '  ')}\n  bye: {{hangup"),
    ]


def test_flows_without_a_mistake_have_no_finding(run):
    assert run() == []


SIX = ", ".join(f'"{key}": {{say: c{key}, to: bye}}' for key in range(1, 7))
LONG = "x" * (14 * 21)
ISLAND = """
    flow: island
    start: one
    operator: one
    otherwise: one
    steps:
      one: {hangup: completed, say: goodbye}
"""

EXAMPLES = {
    "unknown-step": ([("to: sub}}", "to: sub}}, otherwise: nowhere")], {}),
    "unknown-flow": ([], {"flows": {"main": MAIN}}),
    "unreachable-step": ([("  bye: {hangup", "  lost: {hangup: x}\n  bye: {hangup")], {}),
    "unreachable-flow": ([], {"flows": {**CLEAN, "island": ISLAND}}),
    "missing-edge": ([("good: menu, bad: menu", "good: menu")], {}),
    "extra-edge": ([("bad: menu", "bad: menu, worse: menu")], {}),
    "missing-service": ([], {"services": ()}),
    "unknown-queue": ([("enqueue: general", "enqueue: lottery")], {}),
    "no-office": (
        lines("where: {lookup: offices.find, on: {one: bye}}"),
        {"services": (WORDS, OFFICES)},
    ),
    "missing-prompt": ([], {"english": {"choose": ""}}),
    "unused-prompt": ([], {"texts": {"old_song": "la la"}}),
    "placeholders-differ": ([], {"english": {"choose": "{name:text}"}}),
    "no-otherwise": ([("operator: desk\notherwise: desk", "operator: desk")], {}),
    "no-operator": ([("operator: desk\notherwise: desk", "otherwise: desk")], {}),
    "silent-cycle": (lines("a: {say: one, to: b}\nb: {say: one, to: a}"), {}),
    "too-many-choices": (lines(f"many: {{menu: choose, options: {{{SIX}}}}}"), {}),
    "late-key": ([], {"texts": {"choose": LONG}}),
    "unknown-words": ([("say: one, to: sub}", "say: one, to: sub, words: sun}")], {}),
    "unused-words": ([], {"words": {"old_song": ("ля ля",)}}),
    "taken-key": (lines("many: {menu: choose, options: {'9': {to: bye}}}"), {}),
}


def test_every_rule_has_an_example():
    assert set(EXAMPLES) == set(check.RULES)


@pytest.mark.parametrize("rule", check.RULES)
def test_the_smallest_example_of_a_rule_breaks_this_rule_only(run, rule):
    change, parts = EXAMPLES[rule]
    if rule == "no-office":
        run.profile = replace(run.profile, terms=replace(run.profile.terms, offices=()))
    assert {finding.rule for finding in run(*change, **parts)} == {rule}


def test_a_finding_tells_place_text_and_rule(run):
    (finding,) = run(("good: menu, bad: menu", "good: menu"))
    assert finding == Finding(
        "missing-edge", "main.word", "words.today may answer 'bad'; no edge for it"
    )
    assert str(finding).endswith(
        "main.word: words.today may answer 'bad'; no edge for it [missing-edge]"
    )


# ---------------------------------------------------------------------- edges


def rules(findings):
    return [(finding.rule, finding.place) for finding in findings]


@pytest.mark.parametrize("head", ["start: word", "operator: desk\n", "otherwise: desk\nsteps"])
def test_the_heads_of_a_flow_name_steps(run, head):
    change = head, re.sub(": [a-z]+", ": nowhere", head)
    assert ("unknown-step", "main") in rules(run(change))


def test_the_operator_of_a_question_is_a_step_from_which_a_queue_is_reached(run):
    assert run(("to: sub}}", "to: sub}}, operator: desk")) == []
    assert rules(run(("to: sub}}", "to: sub}}, operator: bye"))) == [("no-operator", "main.menu")]
    nowhere = run(("to: sub}}", "to: sub}}, operator: nowhere"))
    assert ("unknown-step", "main.menu") in rules(nowhere)


def test_a_failing_service_may_have_an_edge_and_needs_none(run):
    assert run(("bad: menu", "bad: menu, failed: desk")) == []


def test_retries_are_edges(run):
    change = ("on: {good: menu, bad: menu}", "on: {good: menu}, retry: {bad: {ask: menu}}")
    assert run(change) == []
    again = ("on: {good: menu, bad: menu}", "on: {good: menu}, again: {worse: {ask: menu}}")
    assert rules(run(again)) == [("missing-edge", "main.word"), ("extra-edge", "main.word")]


def test_only_a_question_can_be_asked_again(run):
    change = ("on: {good: menu, bad: menu}", "on: {good: menu}, retry: {bad: {ask: bye}}")
    assert rules(run(change)) == [("unknown-step", "main.word")]


def test_every_end_of_a_subflow_has_an_edge(run):
    change = ("done: bye, operator: desk", "operator: desk, back: menu")
    assert rules(run(change)) == [("missing-edge", "main.sub"), ("extra-edge", "main.sub")]


DESK = "on: {ended: bye, unavailable: bye, no_answer: desk, dropped: desk}"


def test_what_always_may_happen_in_a_queue_has_an_edge(run):
    change = (DESK, "on: {ended: bye, busy: bye, dropped: desk}")
    assert rules(run(change)) == [
        ("missing-edge", "main.desk"),
        ("missing-edge", "main.desk"),
        ("extra-edge", "main.desk"),
    ]
    seldom = DESK.replace("}", ", announce: desk, transferred: desk, reading: desk}")
    assert run((DESK, seldom)) == []


def test_keys_of_a_queue_are_edges(run):
    assert rules(run((DESK, DESK + ', keys: {"2": nowhere}'))) == [("unknown-step", "main.desk")]
    reached = (DESK, DESK + ', keys: {"2": note}')
    note = ("  bye: {hangup", "  note: {say: one, to: desk}\n  bye: {hangup")
    assert run(reached, note) == []


def test_a_subflow_is_run_for_a_queue_that_every_company_has(run):
    change = ("{run: sub, on:", "{run: sub, with: {queue: lottery}, on:")
    assert rules(run(change)) == [("unknown-queue", "main.sub")]
    assert run(("{run: sub, on:", "{run: sub, with: {queue: metering}, on:")) == []


def test_an_operator_may_be_reached_through_a_subflow(run):
    change = (
        f"desk: {{enqueue: general, {DESK}}}",
        "desk: {run: desk, on: {left: bye}}",
    )
    desk = f"""
        flow: desk
        start: queue
        operator: queue
        otherwise: queue
        ends: [left]
        steps:
          queue: {{enqueue: general, {DESK.replace("bye", "left").replace("desk", "queue")}}}
    """
    assert run(change, flows={**CLEAN, "desk": desk}) == []


def test_speech_before_a_wait_is_over_when_a_key_is_pressed(run):
    change = (
        (DESK, DESK + ', keys: {"2": menu}'),
        ("{enqueue: general,", "{enqueue: general, say: long,"),
    )
    assert run(*change, texts={"long": LONG}) == []


# ---------------------------------------------------------------------- ways


def test_every_call_begins_in_main(run):
    findings = run(flows={"island": ISLAND}, services=())
    assert rules(findings) == [("unknown-flow", "main")]


def test_flows_that_only_run_each_other_are_not_reached(run):
    islands = {
        name: f"""
            flow: {name}
            start: ask
            operator: end
            otherwise: end
            ends: [end]
            steps:
              ask: {{ask: number, as: typed, to: go}}
              go: {{run: {other}, on: {{end: end}}}}
        """
        for name, other in (("left", "right"), ("right", "left"))
    }
    found = {f.place for f in run(flows=CLEAN | islands) if f.rule == "unreachable-flow"}
    assert found == {"left", "right"}


@pytest.mark.parametrize(
    "steps",
    [
        "a: {lookup: words.today, on: {good: b, bad: b}}\nb: {say: one, to: a}",
        "a: {run: mute, on: {end: a, operator: desk}}",
        "a: {run: mute, on: {end: desk, operator: a}}",
    ],
    ids=["lookup", "subflow", "a subflow whose service fails"],
)
def test_a_circle_may_lead_through_services_and_subflows(run, steps):
    mute = """
        flow: mute
        start: ask
        operator: operator
        otherwise: operator
        ends: [end, operator]
        steps:
          ask: {lookup: words.today, on: {good: end, bad: end}}
    """
    parts = {"flows": {**CLEAN, "mute": mute}} if "mute" in steps else {}
    assert rules(run(*lines(steps), **parts)) == [("silent-cycle", "main.a")]


@pytest.mark.parametrize(
    "steps",
    [
        "a: {say: one, to: b}\nb: {menu: choose, options: {'1': {to: a}}}",
        "a: {run: sub, on: {done: a, operator: desk}}",
        "a: {record: tone, as: voice, to: a}",
    ],
    ids=["menu", "subflow", "recording"],
)
def test_a_circle_with_a_question_is_none(run, steps):
    assert run(*lines(steps)) == []


def test_flows_that_run_each_other_without_a_question_go_round(run):
    twins = {
        name: f"""
            flow: {name}
            start: go
            operator: end
            otherwise: end
            ends: [end]
            steps:
              go: {{run: {other}, on: {{end: end}}}}
        """
        for name, other in (("left", "right"), ("right", "left"))
    }
    findings = run(*lines("a: {run: left, on: {end: bye}}"), flows=CLEAN | twins)
    assert rules(findings) == [("silent-cycle", "left")]


# ---------------------------------------------------------------------- menus, speech, operators


def test_silent_and_common_keys_are_no_choices(run):
    options = SIX.replace("{say: c6, to: bye}", "{to: bye}")
    options += ', "0": {say: c0, to: desk}, "8": {say: c8, to: bye}'
    assert run(*lines(f"many: {{menu: choose, options: {{{options}}}}}")) == []


def test_speech_before_a_question_counts_in_every_language(run):
    change = lines("a: {say: news, to: b}\nb: {menu: choose, options: {'1': {say: one, to: bye}}}")
    fine = {"news": "x" * (14 * 15), "choose": "x" * (14 * 3), "one": "x" * 14}
    assert run(*change, texts=fine) == []
    findings = run(*change, texts=fine, english={"one": "x" * (14 * 3)})
    assert rules(findings) == [("late-key", "main.b")]
    assert findings[0].text == "21 s of speech (en) before the first key"


def test_speech_after_the_first_choice_does_not_count(run):
    change = lines(
        "b: {menu: choose, options: {'1': {say: one, to: bye}, '2': {say: two, to: bye}}}"
    )
    assert run(*change, texts={"two": LONG}) == []


def test_the_first_of_a_list_is_a_first_choice(run):
    change = lines("b: {menu: choose, each: rows, option: row, as: row, to: bye}")
    assert rules(run(*change, english={"row": LONG})) == [("late-key", "main.b")]


@pytest.mark.parametrize(
    "steps",
    ["desk: {enqueue: general", "desk: {say: one, to: desk2}\n  desk2: {enqueue: general"],
)
def test_the_operator_is_reached_without_another_question(run, steps):
    assert run(("desk: {enqueue: general", steps)) == []


@pytest.mark.parametrize(
    "desk",
    [
        "{menu: choose, options: {'1': {to: queue}}}",
        "{say: one, to: bye}",
    ],
)
def test_a_way_to_the_operator_that_asks_or_ends_is_none(run, desk):
    change = (
        "desk: {enqueue: general",
        f"desk: {desk}\n  queue: {{enqueue: general",
    )
    found = {finding.place for finding in run(change) if finding.rule == "no-operator"}
    assert {"main.menu", "sub.enter"} <= found


# ---------------------------------------------------------------------- prompts


def test_prompts_that_services_hand_over_exist(run):
    findings = run(english={"sunny": ""})
    assert findings == [
        Finding("missing-prompt", "service words.today", "no text for sunny in prompts/en.yaml")
    ]


def test_prompts_of_services_may_belong_to_a_company(run):
    service = replace(WORDS, prompts=("hello_{company}",))
    findings = run(services=(service,), texts={"hello_test": ""})
    assert [f.text for f in findings if "/en." in f.text] == [
        "no text for hello_test in prompts/en.yaml"
    ]


def test_prompts_the_engine_speaks_by_itself_exist(run):
    findings = run(texts={"wait_offer": ""})
    assert rules(findings) == [("missing-prompt", "the engine")] * 2


def test_a_prompt_nobody_speaks_is_told_once_with_its_languages(run):
    findings = run(texts={"old_song": "la la"})
    assert findings == [
        Finding("unused-prompt", "old_song", "nothing speaks it; languages: uk, en")
    ]


# ---------------------------------------------------------------------- answers by speech

ENGINE = ("operator", "repeat", "back", "help", "keys_only", "yes", "no", "go_on", "same", "wait")
SOUNDS = ("мамонт", "хвилька", "дощ", "гурт", "плекати", "весло", "жаба", "ціна", "бубон", "хутір")
SAID = dict(zip(ENGINE, ((sound,) for sound in SOUNDS), strict=True))
ENGLISH = {word: (f"{word.replace('_', ' ')}",) for word in ENGINE}
ONE = ("{say: one, to: sub}", "{say: one, to: sub, words: sun}")


def two(first: str, second: str, to: str = "bye"):
    """A menu with two words that lead to `sub` and to another step."""
    options = f'{{say: one, to: sub, words: {first}}}, "2": {{to: {to}, words: {second}}}'
    return [("{say: one, to: sub}", options)]


def alike(run, uk, en=("sun", "rain"), to="bye"):
    words = {**SAID, "sun": (uk[0],), "rain": (uk[1],)}
    english = {**ENGLISH, "sun": (en[0],), "rain": (en[1],)}
    return run.warnings(*two("sun", "rain", to), words=words, english=english)


def test_every_choice_that_can_be_said_has_words(run):
    words = {**SAID, "sun": ("сонце",)}
    assert run.warnings(ONE, words=words, english={**ENGLISH, "sun": ("sun",)}) == []
    assert run.warnings(words=SAID, english=ENGLISH) == [
        Finding("no-words", "main.menu", "`1` has no `words`: who speaks can only name the key")
    ]
    for quiet in ("choose, speech: off", "choose, invite: one, speech: off"):
        assert run.warnings(("choose", quiet), words=SAID, english=ENGLISH) == []


def test_the_choice_after_a_list_has_words(run):
    options = """{say: one, to: sub, words: sun}, "2": {to: rows, words: rain}}}
  rows: {menu: choose, each: rows, option: row, as: row, to: bye, another: {to: bye"""
    words = {**SAID, "sun": ("сонце",), "rain": ("калина",)}
    english = {**ENGLISH, "sun": ("sun",), "rain": ("rain",)}
    (found,) = run.warnings(("{say: one, to: sub}", options), words=words, english=english)
    assert (found.rule, found.place) == ("no-words", "main.rows")
    assert "`another`" in found.text


@pytest.mark.parametrize(
    ("uk", "alike_there"),
    [
        (("один", "одна"), False),
        (("п'ять", "п’ять"), True),
        (("менi час", "мені час"), True),
        (("гора", "кора"), True),
        (("зелений", "зілля"), False),
        (("назад", "фасад"), True),
        (("повторити", "повідомити"), True),
        (("світиться", "не світиться"), False),
        (("правильно", "неправильно"), False),
        (("екран світиться", "екран не світиться"), False),
        (("так", "такий самий"), False),
        (("показання", "графік"), False),
    ],
)
def test_two_answers_are_compared_by_sound(run, uk, alike_there):
    assert rules(alike(run, uk)) == [("alike-words", "main.menu")] * alike_there


@pytest.mark.parametrize(
    ("en", "alike_there"),
    [
        (("call me back", "go back"), False),
        (("callback", "go back"), True),
        (("write", "right"), True),
        (("night", "knit"), True),
        (("reading", "meter"), False),
    ],
)
def test_english_has_a_table_of_its_own(run, en, alike_there):
    assert (
        rules(alike(run, ("сонце", "дерево"), en)) == [("alike-words", "main.menu")] * alike_there
    )


def test_one_phrase_of_two_answers_is_certain_and_one_of_the_same_step_is_none(run):
    (found,) = alike(run, ("сонце", "сонце"))
    assert found.text == '"сонце" (uk) stands for sun and rain'
    assert alike(run, ("сонце", "сонце"), to="sub") == []


def test_what_sounds_like_a_word_of_every_question_is_told(run):
    words = {**SAID, "sun": ("мамонти",)}
    (found,) = run.warnings(ONE, words=words, english={**ENGLISH, "sun": ("sun",)})
    assert found.text == '"мамонт" (operator) and "мамонти" (sun) sound alike in uk, 86%'


def test_languages_that_callers_mix_are_compared_with_each_other(run):
    run.profile = replace(run.profile, languages=("uk", "ru"))
    flows, companies, catalogues, table = run.parts(
        two("sun", "rain"), CLEAN, (WORDS,), (), (), ({}, {})
    )
    said = {
        "uk": {"sun": ("сонце",), "rain": ("калина",)},
        "ru": {"sun": ("калина",), "rain": ("рябина",)},
    }
    catalogues = {name: Catalogue(name, {}, {}, words) for name, words in said.items()}
    found = check.warnings(flows, companies, catalogues, table)
    texts = [each.text for each in found if each.rule == "alike-words"]
    assert texts == ['"калина" (uk+ru) stands for sun and rain']


def test_words_that_one_language_lacks_are_told(run):
    words = {**SAID, "sun": ("сонце",)}
    (found,) = run.warnings(ONE, words=words, english=ENGLISH)
    assert (found.rule, found.place) == ("missing-words", "main.menu")
    assert found.text == "no `words: sun` in prompts/en.yaml"


def test_words_of_the_items_of_a_list_belong_to_a_service(run):
    service = replace(WORDS, words={"rows": ("row_one", "row_{language}")})
    ids = ("row_one", "row_en", "row_uk")
    words = {**SAID, **dict(zip(ids, (("лист",), ("папір",), ("олівець",)), strict=True))}
    assert run(services=(service,), words=words) == []
    assert [each.text for each in run(services=(service,), words=SAID)] == [
        f"no `words: {word}` in any prompts/LANG.yaml" for word in ids
    ]


def test_who_names_words_is_known_by_id(run):
    flows, companies, _, _ = run.parts(two("sun", "rain"), CLEAN, (WORDS,), (), (), ({}, {}))
    services = {"words.today": replace(WORDS, words={"rows": ("sun",)})}
    assert check.named(flows, companies, services) == {
        "sun": "main.menu, service words.today",
        "rain": "main.menu",
    }


# ---------------------------------------------------------------------- the product


def test_the_product_has_no_finding(house):
    assert check.run(house.flows.flows, house.companies, house.catalogues, SERVICES) == []


def test_the_product_has_no_warning(house):
    assert check.warnings(house.flows.flows, house.companies, house.catalogues, SERVICES) == []


def test_every_company_speaks_languages_that_have_prompts(house):
    spoken = {language for c in house.companies.values() for language in c.languages}
    assert spoken == set(house.catalogues)


def test_the_command_tells_what_it_checked(capsys):
    assert app.main(["check"]) == 0
    assert capsys.readouterr().out.endswith(": nothing found\n")


def test_the_command_fails_with_a_finding(capsys, monkeypatch, tmp_path):
    (tmp_path / "main.yaml").write_text(dedent(ISLAND).replace("island", "main"))
    monkeypatch.setattr(commands, "FLOWS", tmp_path)
    monkeypatch.setattr(commands, "COMPANIES", composition.HOME / "flows" / "companies")
    assert app.main(["check"]) == 1
    out = capsys.readouterr().out
    assert "[unused-prompt]" in out
    assert out.splitlines()[-1].startswith("1 flows, 1 steps: ")


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Settings with a model for Ukrainian that knows 78 words, and a folder that is no model."""
    conf = tmp_path / "telephony.conf"
    (tmp_path / "empty").mkdir()
    tiny = composition.HOME / "tests" / "models" / "tiny-uk"
    conf.write_text(f"[speech]\nmodel.uk = {tiny}\nmodel.ru = {tmp_path / 'empty'}\n")
    monkeypatch.setenv("PRESS2_CONF", str(conf))


def test_the_command_warns_of_words_that_a_model_does_not_know(capsys, models):
    assert app.main(["check"]) == 0
    assert app.main(["check", "--strict"]) == 1
    heading, uk, ru, last = capsys.readouterr().out.splitlines()[:4]
    assert heading == "warnings:"
    assert uk.startswith("  model.uk: does not know ")
    assert " and " in uk and uk.endswith(" more [unknown-to-model]")
    assert "показання" not in uk
    assert "no vosk model" in ru
    assert last.endswith(": nothing found, 2 warnings")


def test_a_flow_that_cannot_be_read_is_one_line(capsys, monkeypatch, tmp_path):
    (tmp_path / "main.yaml").write_text("flow: main\nsteps: {a: {sya: hello}}\nstart: a")
    monkeypatch.setattr(commands, "FLOWS", tmp_path)
    assert app.main(["check"]) == 2
    assert capsys.readouterr().err == (
        f"press2: {tmp_path}/main.yaml: step a: wants exactly one kind of say, ask, menu, record, "
        "lookup, run, enqueue, hangup\n"
    )


def test_the_moment_of_the_tests_is_inside_a_window(house, clock):
    """Other tests give readings at this moment and mean an open window."""
    assert clock() == datetime(2026, 10, 31, 6, 30, tzinfo=UTC)
    assert house.companies["odesa"].window.at(clock().date())
