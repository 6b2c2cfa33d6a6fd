"""Flow releases: drafts, the check, canaries, publishing and rolling back, and what calls get."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from ivr import actions
from ivr.errors import Changed, NotUndone, Unfit
from ivr.judge import Judge
from ivr.releases import Files, Pin, Served, records
from ivr.releases.records import State
from ivr.releases.texts import LONGEST, MOST, try_parse
from ivr.store.database import memory_store
from ivr.store.models import Audit
from ivr.store.supervision import Action, FlowFiles

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
FILES = None


@pytest.fixture(scope="module")
def judge():
    return Judge()


@pytest.fixture
def store():
    store = memory_store()
    yield store
    store.close()


class Office:
    """Supervisors at work on the releases of one company."""

    def __init__(self, store, judge):
        self.store, self.judge = store, judge

    def do(self, function, *given, **named):
        with self.store.session() as db:
            return function(db, "odesa", *given, **named)

    @property
    def state(self):
        return self.do(records.state)

    def row(self, number):
        return self.do(records.find, number)

    def draft(self, change=None, who="vira", **texts):
        """A draft that is as `shorter`, or has other texts; its number."""
        row = self.do(records.new, who, NOW)
        main = self.judge.files.texts["main"]
        texts = texts or {"main": (change or shorter)(main)}
        self.do(
            records.edit, row.number, row.version, who, NOW,
            files=self.judge.files, texts=texts,
        )  # fmt: skip
        return row.number

    def check(self, number):
        row = self.row(number)
        found = self.judge.found("odesa", row.changes)
        with self.store.session() as db:
            records.note_check(records.find(db, "odesa", number), self.judge.base, found, NOW)
        return found

    def publish(self, number, who="vira", seen=None, check=True):
        if check:
            self.check(number)
        return self.do(
            records.publish, number, self.row(number).version, seen or self.state,
            self.judge.base, who, NOW,
        )  # fmt: skip

    def canary(self, number, share, who="vira"):
        self.check(number)
        version = self.row(number).version
        return self.do(
            records.canary, number, version, share, self.state, self.judge.base, who, NOW
        )

    def roll_back(self, to_files=False):
        return self.do(
            records.roll_back, self.state, "vira", NOW, base=self.judge.base, to_files=to_files
        )

    def undo(self, house, action):
        with self.store.session() as db:
            return actions.undo(db, None, house.companies["odesa"], action, "inna", NOW)

    def actions(self, *what):
        with self.store.session(read_only=True) as db:
            rows = db.scalars(select(Action).order_by(Action.id)).all()
        return [row for row in rows if not what or row.what in what]


@pytest.fixture
def office(store, judge):
    return Office(store, judge)


def shorter(text):
    """The flow whose priority sites are not greeted."""
    greeted = "    say: [{say: main_greeting, in: house_language}, priority_line]"
    assert greeted in text
    return text.replace(greeted, "    say: [priority_line]")


def other_menu(text):
    """The first menu without its spoken choice of readings."""
    assert '      "2": {say: main_reading, to: reading, words: reading}\n' in text
    return text.replace(
        "{say: main_reading, to: reading, words: reading}", "{to: reading, words: reading}"
    )


# ---------------------------------------------------------------------- texts


def test_a_text_that_is_as_in_the_files_is_no_change(office, judge):
    number = office.draft(main=judge.files.texts["main"])
    assert office.row(number).changes == {}
    number = office.draft(main=judge.files.texts["main"].replace("\n", "\r\n") + "\n\n")
    assert set(office.row(number).changes) == {"main"}
    assert "\r" not in office.row(number).changes["main"]


@pytest.mark.parametrize(
    "name", ["", "../main", "Main", "a/b", "main.yaml", "x" * 41, "mаin", "1a"]
)
def test_a_name_that_is_none_is_refused(office, name):
    with pytest.raises(Unfit, match="flow_name"):
        office.draft(**{name: "x"})
    assert office.row(1).changes == {}


def test_too_much_is_refused_whole(office):
    with pytest.raises(Unfit, match="flow_long"):
        office.draft(main="flow: main\n", menu="x" * (LONGEST + 1))
    with pytest.raises(Unfit, match="flows_many"):
        office.draft(**{f"flow{number}": "x" for number in range(MOST + 1)})
    assert [office.row(number).changes for number in (1, 2)] == [{}, {}]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("flow: x\nstart: [\n", 3, "cannot be read"),
        ("flow: x\nstart: a\nsteps:\n  a: {say: y, to: b}\n  b: {speak: c}\n", 5, "exactly one"),
        ("flow: y\nstart: a\nsteps: {}\n", 1, "the file is named x"),
        ("- a list\n", 1, "mapping is wanted"),
        (BOMB, 5, "too much"),
        ("[" * 5000, 1, "too deep"),
        ("a: &a [*a]\n", 1, "too deep, or too much"),
        ("a: \x07\n", 1, "cannot be read"),
        ("a: 1\na: 2\n", 2, "there twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_its_line(text, line, told):
    flows, found = try_parse({"x": text})
    assert flows == {}
    assert [(each.flow, each.line, each.rule) for each in found] == [("x", line, "unreadable")]
    assert told in found[0].text


def test_findings_have_the_lines_of_their_steps(office, judge):
    number = office.draft(lambda text: text.replace("to: to_outage", "to: nowhere", 1))
    (found,) = office.check(number)
    text = office.row(number).changes["main"].splitlines()
    assert (found.flow, found.rule, found.hint) == ("main", "unknown-step", False)
    assert text[found.line - 1].strip() == "priority_line:"


def test_an_unknown_prompt_is_found_and_one_that_is_used_no_more_only_told(office):
    number = office.draft(lambda text: text.replace("priority_line]", "no_such_prompt]"))
    assert {each.rule: each.hint for each in office.check(number)} == {
        "missing-prompt": False, "unused-prompt": True,
    }  # fmt: skip
    unused = office.draft(lambda text: text.replace(", priority_line]", "]"))
    assert [each.rule for each in office.check(unused)] == ["unused-prompt"]
    assert office.publish(unused) == State(unused)


def test_a_flow_of_the_files_that_nothing_leads_to_does_no_harm(office, judge):
    """A form is taken out of the menu for a day."""
    number = office.draft(
        requests=judge.files.texts["requests"].replace("run: complaint", "run: office")
    )
    assert "unreachable-flow" in {each.rule for each in office.check(number) if each.hint}


# ---------------------------------------------------------------------- publish, canary, roll back


def test_only_what_passed_the_check_is_published(office):
    number = office.draft()
    with pytest.raises(Unfit, match="release_unchecked"):
        office.publish(number, check=False)
    bad = office.draft(lambda text: text.replace("to: to_outage", "to: nowhere", 1))
    for way in (office.publish, lambda number: office.canary(number, 0.05)):
        with pytest.raises(Unfit, match="release_unfit"):
            way(bad)
    empty = office.do(records.new, "vira", NOW).number
    with pytest.raises(Unfit, match="release_empty"):
        office.publish(empty)
    assert office.state == State()
    assert office.publish(number) == State(number) == office.state


def test_a_check_counts_for_its_text_and_its_files_only(office, judge):
    number = office.draft()
    office.check(number)
    row = office.row(number)
    with pytest.raises(Unfit, match="release_unchecked"):
        office.do(
            records.publish, number, row.version, State(), "files of a newer program", "vira", NOW
        )
    office.do(
        records.edit, number, row.version, "vira", NOW, files=judge.files, texts={"main": "flow: x"}
    )
    with pytest.raises(Unfit, match="release_unchecked"):
        office.publish(number, check=False)


def test_what_the_walk_found_keeps_it_back_until_the_text_is_another(office, judge):
    number = office.draft()
    office.check(number)
    changes = office.row(number).changes
    walked = {"state": "done", "base": judge.base, "found": [{"rule": "no-end"}]}
    office.do(records.note_walk, number, {"main": "another text"}, walked)
    assert office.row(number).walked == {}
    office.do(records.note_walk, number, changes, walked)
    with pytest.raises(Unfit, match="release_unfit"):
        office.publish(number)
    row = office.row(number)
    office.do(
        records.edit, number, row.version, "vira", NOW,
        files=judge.files, texts={"main": other_menu(changes["main"])},
    )  # fmt: skip
    assert office.row(number).walked == {}
    office.publish(number)


def test_of_two_the_second_is_told(office, judge):
    first, second = office.draft(), office.draft(other_menu)
    seen = office.state
    office.check(second)
    office.publish(first, who="inna")
    with pytest.raises(Changed, match="inna"):
        office.publish(second, seen=seen)
    assert office.state == State(first)
    draft = office.draft(other_menu)
    row = office.row(draft)
    office.do(
        records.edit, draft, row.version, "inna", NOW, files=judge.files, texts={}, title="Storm"
    )
    with pytest.raises(Changed):
        office.do(records.discard, draft, row.version, "vira", NOW)
    assert office.row(draft).title == "Storm"


def test_a_draft_that_another_one_threw_away_is_gone(office):
    number = office.draft()
    row = office.row(number)
    office.do(records.discard, number, row.version, "inna", NOW)
    with pytest.raises(Unfit, match="release_gone"):
        office.do(records.discard, number, row.version, "vira", NOW)
    with pytest.raises(Unfit, match="release_gone"):
        office.publish(number)
    assert office.do(records.listed) == []


def test_what_calls_have_heard_is_not_edited(office, judge):
    number = office.draft()
    office.canary(number, 0.0)
    office.do(records.stop, office.state, "vira", NOW)
    row = office.row(number)
    assert row.state == "retired"
    with pytest.raises(Unfit, match="release_fixed"):
        office.do(
            records.edit, number, row.version, "vira", NOW, files=judge.files, texts={"main": "x"}
        )
    copy = office.do(records.new, "vira", NOW, like=number)
    assert copy.changes == row.changes


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_share_out_of_range_is_refused(office, share):
    number = office.draft()
    with pytest.raises(Unfit, match="release_share"):
        office.canary(number, share)
    assert office.state == State()


def test_there_is_one_canary(office):
    first, second = office.draft(), office.draft(other_menu)
    office.canary(first, 0.05)
    with pytest.raises(Unfit, match="canary_taken"):
        office.canary(second, 0.05)
    assert office.canary(first, 0.5) == State(None, first, 0.5)
    assert office.publish(second) == State(second, first, 0.5)
    assert office.publish(first) == State(first)
    assert (office.row(first).state, office.row(second).state) == ("live", "retired")


def test_rolled_back_release_by_release_down_to_the_files(office):
    first, second = office.draft(), office.draft(other_menu)
    office.publish(first)
    office.publish(second)
    assert office.do(records.before).number == first
    assert office.roll_back() == State(first)
    assert office.roll_back() == State()
    with pytest.raises(Unfit, match="release_none"):
        office.roll_back()
    office.publish(second)
    office.canary(first, 0.1)
    assert office.roll_back(to_files=True) == State()
    assert office.row(first).state == "retired"


def test_no_roll_back_to_what_does_not_fit_the_program(office):
    first, second = office.draft(), office.draft(other_menu)
    office.publish(first)
    office.publish(second)
    with office.store.session() as db:
        records.find(db, "odesa", first).base = "files of an older program"
    with pytest.raises(Unfit, match="release_unchecked"):
        office.roll_back()
    assert office.state == State(second)
    assert office.roll_back(to_files=True) == State()


def test_each_of_it_is_undone_once_and_not_over_the_head_of_another(office, house):
    first, second = office.draft(), office.draft(other_menu)
    office.publish(first)
    office.canary(second, 0.2)
    office.publish(second)
    published, canary, promoted = office.actions("release.publish", "release.canary")
    with pytest.raises(Changed, match="vira"):
        office.undo(house, published.id)
    office.undo(house, promoted.id)
    assert office.state == State(first, second, 0.2)
    with pytest.raises(NotUndone):
        office.undo(house, promoted.id)
    office.undo(house, canary.id)
    office.undo(house, published.id)
    assert office.state == State()
    discarded = office.draft()
    office.do(records.discard, discarded, office.row(discarded).version, "vira", NOW)
    office.undo(house, office.actions("release.discard")[0].id)
    assert office.row(discarded).state == "draft"
    with office.store.session(read_only=True) as db:
        told = db.scalars(select(Audit.what).where(Audit.who == "inna")).all()
    assert told == ["release.publish", "release.canary", "release.publish", "release.discard"]


def test_companies_have_releases_of_their_own(office):
    number = office.draft()
    office.publish(number)
    with office.store.session() as db:
        assert records.state(db, "kazan") == State()
        with pytest.raises(Unfit, match="release_gone"):
            records.find(db, "kazan", number)


# ---------------------------------------------------------------------- what calls get


@pytest.fixture
def served(store, judge, house):
    return make_served(store, judge, house)


def make_served(store, judge, house, **more):
    return Served(store, judge.files, house.flows, more.pop("fits", judge.fits), **more)


def test_a_call_gets_the_files_where_nothing_is_published(served, house, judge):
    served.look()
    chosen = served.choose("odesa", "call-1")
    assert (chosen.pin, chosen.unfit) == (Pin(None, judge.base), None)
    assert chosen.flows is house.flows
    assert served.flows("odesa", Pin()) is house.flows


def test_a_share_of_five_per_cent_is_one(office, served):
    number = office.draft()
    office.canary(number, 0.05)
    served.look()
    given = Counter(
        served.choose("odesa", f"pbx1-1763800000.{n}").pin.release for n in range(10_000)
    )
    assert 400 <= given[number] <= 600
    again = [served.choose("odesa", f"call-{n}").pin.release for n in range(500)]
    assert again == [served.choose("odesa", f"call-{n}").pin.release for n in range(500)]
    office.canary(number, 0.3)
    served.look()
    wider = [served.choose("odesa", f"call-{n}").pin.release for n in range(500)]
    assert all(new == number for old, new in zip(again, wider, strict=True) if old == number)
    assert {served.choose("kazan", f"call-{n}").pin.release for n in range(50)} == {None}


@pytest.mark.parametrize(("share", "given"), [(0.0, 0), (1.0, 300)])
def test_none_and_all(office, served, share, given):
    number = office.draft()
    office.canary(number, share)
    served.look()
    found = [served.choose("odesa", f"call-{n}").pin.release for n in range(300)]
    assert found.count(number) == given


def test_what_does_not_fit_a_newer_program_is_left_out_and_told(
    office, store, judge, house, caplog
):
    number, canary = office.draft(), office.draft(other_menu)
    office.publish(number)
    office.canary(canary, 1.0)

    newer = make_served(store, judge, house, fits=lambda company, flows: ["no such step"])
    newer.look()
    chosen = newer.choose("odesa", "call-1")
    assert (chosen.pin.release, chosen.unfit) == (None, number)
    assert chosen.flows is house.flows
    assert caplog.text.count("does not fit this program: no such step") == 2
    newer.look()
    assert caplog.text.count("does not fit this program") == 2


def test_a_text_that_a_newer_program_cannot_read_is_left_out(office, served, caplog):
    number = office.draft()
    office.publish(number)
    with office.store.session() as db:
        records.find(db, "odesa", number).changes = {"main": "flow: main\nsteps: []\n"}
    served.look()
    assert served.choose("odesa", "call-1").unfit == number
    assert "cannot be read" in caplog.text


def test_what_is_loaded_goes_on_while_the_store_is_away(office, served, store, caplog):
    number = office.draft()
    office.publish(number)
    served.look()
    pin = served.choose("odesa", "call-1").pin
    store.close()
    served.look()
    assert "the store does not answer" in caplog.text
    assert served.choose("odesa", "call-2").pin == pin
    assert served.flows("odesa", pin).flows["main"].steps != served._own.flows["main"].steps


def test_flows_that_cannot_be_had_are_asked_for_again_after_a_while(office, store, judge, house):
    number = office.draft()
    office.publish(number)
    now = [0.0]
    asked = []

    class Away:
        def session(self, **how):
            asked.append(now[0])
            if now[0] < 6:
                raise OperationalError("", {}, Exception("away"))
            return store.session(**how)

    served = make_served(Away(), judge, house, clock=lambda: now[0])
    pin = Pin(number, judge.base)
    assert served.flows("odesa", pin) is house.flows
    assert served.flows("odesa", pin) is house.flows
    assert len(asked) == 1
    now[0] = 6.0
    assert served.flows("odesa", pin).flows["main"].steps != house.flows.flows["main"].steps


def test_a_call_keeps_the_files_of_the_program_that_began_it(office, store, judge, house):
    """Also where the next program has other files, and with a release over them."""
    number = office.draft(other_menu)
    office.publish(number)
    first = make_served(store, judge, house)
    first.look()
    pin = first.choose("odesa", "call-1").pin
    newer_files = Files({**judge.files.texts, "main": shorter(judge.files.texts["main"])})
    newer = Served(store, newer_files, house.flows, lambda company, flows: [])
    newer.look()
    assert newer.flows("odesa", pin).flows == first.flows("odesa", pin).flows
    old = newer.flows("odesa", Pin(None, judge.base))
    assert old.flows["main"].steps == house.flows.flows["main"].steps
    assert newer.choose("kazan", "call-3").pin == Pin(None, newer_files.digest)
    assert newer.choose("odesa", "call-2").pin == Pin(number, newer_files.digest)
    with store.session(read_only=True) as db:
        kept = set(db.scalars(select(FlowFiles.digest)))
    assert kept == {judge.base, newer_files.digest}


def test_one_process_keeps_a_bounded_number(office, served, judge):
    from ivr.releases.served import KEPT

    numbers = [office.draft() for _ in range(KEPT + 5)]
    for number in numbers:
        served.flows("odesa", Pin(number, judge.base))
    assert len(served._old) == KEPT
    again = served.flows("odesa", Pin(numbers[0], judge.base))
    assert again.flows["main"].steps != served._own.flows["main"].steps
