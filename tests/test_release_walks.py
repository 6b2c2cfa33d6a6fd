"""Walks of releases: one after another, cancelled, begun anew after a kill, with the way there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from waiting import until

from ivr import callscript, check
from ivr.errors import Unfit
from ivr.judge import Judge
from ivr.proof import explore, size
from ivr.releases import records, texts, walks
from ivr.releases.walks import LOST, TRIES, Progress, Walks
from ivr.services import SERVICES
from ivr.services.callers import house as known
from ivr.store.database import memory_store, open_store
from ivr.store.supervision import FlowRelease

HOME = Path(__file__).parents[1]
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SAID = "    say: [restored_thanks]\n"
"""What is said to somebody who has his supply back and pressed 2."""


@pytest.fixture(scope="module")
def judge():
    return Judge()


@pytest.fixture
def store():
    store = memory_store()
    yield store
    store.close()


class Desk:
    """Supervisors who ask for walks, and the processes that do them."""

    def __init__(self, store, judge):
        self.store, self.judge, self.now = store, judge, NOW
        self.stopping = threading.Event()

    def draft(self, company="odesa", ask=True, **changes):
        """A release of a company with a walk that waits; its number."""
        changes = changes or {"restored": self.judge.files.texts["restored"] + "# other\n"}
        with self.store.session() as db:
            number = records.new(db, company, "vira", self.now).number
            records.find(db, company, number).changes = changes
        if ask:
            self.ask(number, company)
        return number

    def ask(self, number, company="odesa"):
        self.now += timedelta(seconds=1)
        with self.store.session() as db:
            row = records.find(db, company, number)
            records.note_check(row, self.judge.base, [], self.now)
            walks.ask(db, company, number, self.judge.base, "vira", self.now)

    def cancel(self, number, company="odesa"):
        with self.store.session() as db:
            walks.cancel(db, company, number)

    def walked(self, number, company="odesa"):
        with self.store.session(read_only=True) as db:
            return dict(records.find(db, company, number).walked)

    def take(self, runner="one"):
        with self.store.session() as db:
            row = walks.take(db, self.judge.base, runner, self.now)
            return (row.company, row.number) if row else None

    def round(self, walker=None):
        Walks(
            self.store, walker or self.judge.walk, self.judge.base, lambda: self.now, self.stopping
        ).round()


@pytest.fixture
def desk(store, judge):
    return Desk(store, judge)


# ---------------------------------------------------------------------- one after another


def test_one_walk_runs_at_a_time_and_the_first_that_was_asked_for_comes_first(desk):
    first, second = desk.draft(), desk.draft("kazan")
    with desk.store.session(read_only=True) as db:
        row = records.find(db, "kazan", second)
        assert walks.ahead(db, row) == 1
    assert desk.take() == ("odesa", first)
    assert desk.take("another machine") is None
    assert desk.walked(second, "kazan")["state"] == "waiting"
    desk.cancel(first)
    assert desk.take("another machine") == ("kazan", second)


def test_who_asks_twice_has_one_walk(desk):
    number = desk.draft()
    asked = desk.walked(number)
    desk.ask(number)
    assert desk.walked(number) == asked
    desk.take()
    running = desk.walked(number)
    desk.ask(number)
    assert desk.walked(number) == running


def test_a_walk_that_is_not_heard_of_is_begun_anew_and_given_up_in_the_end(desk):
    number = desk.draft()
    for attempt in range(TRIES):
        assert desk.take(f"process {attempt}") == ("odesa", number)
        desk.now += timedelta(seconds=LOST)
        assert desk.take("too early") is None
        with desk.store.session() as db:
            row = records.find(db, "odesa", number)
            assert not walks.unheard(row, desk.now.timestamp())
        desk.now += timedelta(seconds=1)
    assert desk.take() is None
    assert desk.walked(number)["state"] == "broken"


def test_a_draft_that_is_edited_or_thrown_away_is_walked_no_more(desk):
    number = desk.draft()

    def edited(company, changes, told):
        assert told(Progress(10, 20, 100))
        assert desk.walked(number)["done"] == 10
        with desk.store.session() as db:
            row = records.find(db, "odesa", number)
            texts = {"restored": "flow: restored\n"}
            given = {"files": desk.judge.files, "texts": texts}
            records.edit(db, "odesa", number, row.version, "vira", NOW, **given)
        return {"state": "done", "found": [], "states": 7}

    desk.round(edited)
    assert desk.walked(number) == {}
    thrown = desk.draft()
    with desk.store.session() as db:
        records.discard(db, "odesa", thrown, 1, "vira", NOW)
    assert desk.take() is None


# ---------------------------------------------------------------------- real walks


def test_a_walk_is_told_with_numbers_and_noted(desk):
    number, told = desk.draft(), []

    def walk(company, changes, go_on):
        return desk.judge.walk(company, changes, lambda far: told.append(far) or go_on(far))

    desk.round(walk)
    walked = desk.walked(number)
    assert (walked["state"], walked["found"], walked["entrances"]) == ("done", [], ["restored"])
    assert walked["states"] > 5000
    assert told[-1].done > 0
    assert all(each.done <= each.known <= each.expected for each in told)
    assert [each.done for each in told] == sorted(each.done for each in told)


def test_what_a_walk_finds_comes_with_the_keys_that_lead_there(desk, tmp_path):
    text = desk.judge.files.texts["restored"]
    assert SAID in text
    number = desk.draft(restored=text.replace(SAID, ""))
    desk.round()
    (found,) = desk.walked(number)["found"]
    assert (found["rule"], found["place"]) == ("mute-end", "restored.thanks")
    assert text.splitlines()[found["line"] - 1].strip() == "thanks:"
    assert found["way"] == [
        ["answers", "restoration.announce restored"], ["press", "2"],
        ["answers", "restoration.heard noted"],
    ]  # fmt: skip
    path = tmp_path / "way.yaml"
    path.write_text(found["script"], encoding="utf-8")
    (script,) = callscript.read(path)
    assert [dict(turn) for turn in script.calls[0].turns] == [{"press": "2"}]
    with desk.store.session() as db, pytest.raises(Unfit) as refused:
        records.refuse_unfit(records.find(db, "odesa", number), desk.judge.base)
    assert refused.value.details["findings"] == 1


def test_a_walk_that_is_cancelled_ends_its_process(desk):
    number = desk.draft(main=desk.judge.files.texts["main"] + "# other\n")
    before = set(_children(os.getpid()))
    doing = threading.Thread(target=desk.round)
    doing.start()
    assert until(lambda: desk.walked(number).get("done"), 60)
    begun = set(_children(os.getpid())) - before
    assert begun
    desk.cancel(number)
    doing.join(20)
    assert not doing.is_alive()
    assert desk.walked(number)["state"] == "cancelled"
    assert not begun & set(_children(os.getpid()))


def test_who_is_told_to_stop_leaves_the_walk_to_the_next(desk):
    number = desk.draft(main=desk.judge.files.texts["main"] + "# other\n")
    doing = threading.Thread(target=desk.round)
    doing.start()
    assert until(lambda: desk.walked(number)["state"] == "running", 20)
    desk.stopping.set()
    doing.join(20)
    assert desk.walked(number)["state"] == "waiting"
    assert desk.take() == ("odesa", number)


def test_a_walk_ends_with_its_time_and_tells_so(desk, caplog):
    number = desk.draft(main=desk.judge.files.texts["main"] + "# other\n")
    desk.round(lambda company, changes, told: desk.judge.walk(company, changes, told, seconds=3))
    assert desk.walked(number)["state"] == "late"
    caplog.clear()


def test_a_walk_nobody_reads_any_more_ends(judge, tmp_path):
    """As after a kill of the process that began it."""
    body = tmp_path / "walk.py"
    body.write_text(
        "import sys\nfrom ivr.judge import Judge\njudge = Judge()\n"
        "text = judge.files.texts['main'] + '# other\\n'\n"
        "judge.walk('odesa', {'main': text}, lambda far: print(*far, flush=True) or True)\n"
    )
    doer = subprocess.Popen(
        [sys.executable, str(body)], stdout=subprocess.PIPE, text=True, cwd=HOME,
        env=os.environ | {"PYTHONPATH": str(HOME)},
    )  # fmt: skip
    assert any(int(line.split()[0]) > 0 for line in doer.stdout)
    children = _children(doer.pid)
    assert children
    os.kill(doer.pid, signal.SIGKILL)
    doer.wait(20)
    doer.stdout.close()
    assert until(lambda: not any(Path(f"/proc/{each}").exists() for each in children), 60)


def test_the_estimate_is_near_what_the_product_s_flows_have(judge, house):
    flows = texts.parse(judge.files.texts)
    profile = house.companies["odesa"]
    slots = known(profile, profile.languages[0])
    book = check.book(flows, judge.catalogues)
    found = explore(book, profile, SERVICES, slots, "restored")
    assert 0.5 < size(flows, "restored") / len(found.states) < 2
    assert size(flows, "nowhere") == 0


# ---------------------------------------------------------------------- app.py jobs


def test_jobs_does_walks_and_another_goes_on_after_a_kill(tmp_path, redis_server, judge):
    config = tmp_path / "telephony.conf"
    config.write_text(f"[press2]\nvar = {tmp_path / 'var'}\n[redis]\nurl = {redis_server.url}\n")
    (tmp_path / "var").mkdir()
    store = open_store(f"sqlite:///{tmp_path / 'var' / 'press2.db'}", migrate=True)
    desk, running = Desk(store, judge), []

    def jobs():
        with (tmp_path / "jobs.log").open("a") as log:
            running.append(subprocess.Popen(
                [sys.executable, str(HOME / "app.py"), "jobs"], stdout=log, stderr=log,
                env=os.environ | {"PRESS2_CONF": str(config)},
            ))  # fmt: skip
        return running[-1]

    try:
        desk.now = datetime.now(UTC)
        number = desk.draft(main=judge.files.texts["main"] + "# other\n")
        first = jobs()
        assert until(lambda: desk.walked(number).get("done"), 120), _log(tmp_path)
        first.kill()
        first.wait(20)
        with store.session() as db:  # a minute later
            row = records.find(db, "odesa", number)
            row.walked = {**row.walked, "seen": row.walked["seen"] - LOST}
        second = jobs()
        assert until(lambda: desk.walked(number).get("tries") == 2, 120), _log(tmp_path)
        second.terminate()
        second.wait(30)
        assert desk.walked(number)["state"] == "waiting"
        with store.session() as db:
            row = db.get(FlowRelease, 1)
            row.changes = {"restored": judge.files.texts["restored"] + "# other\n"}
        jobs()
        assert until(lambda: desk.walked(number)["state"] == "done", 240), _log(tmp_path)
        assert desk.walked(number)["states"] > 5000
    finally:
        for each in running:
            each.kill()
            each.wait(20)
        store.close()


def _log(folder):
    return (folder / "jobs.log").read_text()[-2000:]


def _children(pid):
    """Processes that a process has begun."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(each) for tasks in found for each in tasks.read_text().split()]
