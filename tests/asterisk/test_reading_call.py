"""The main job: a reading by RTP keys through Asterisk, a worker and the services, into SQL."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta

import pytest
import redis
from listener import hears_nothing_more, say, yes
from sqlalchemy import select

from ivr import company, prompts
from ivr.composition import COMPANIES
from ivr.events import drain
from ivr.speech import build
from ivr.speech.synthesis import Synthesiser
from ivr.store.database import open_store
from ivr.store.models import CallEvent, Reading
from ivr.store.world import load_demo
from ivr.utterances import sweep

pytestmark = pytest.mark.asterisk


@pytest.fixture(scope="session")
def spoken(asterisk, pytestconfig):
    """The product's Ukrainian sounds, where Asterisk finds them; built once a working copy."""
    _, _, sounds = asterisk
    home = pytestconfig.rootpath
    catalogues = {"uk": prompts.load(home / "prompts")["uk"]}
    built = home / "var/sounds"
    build.run(catalogues, home / "prompts", built, Synthesiser(), sys.stderr)
    for sound in (built / "uk").iterdir():
        if not (sounds / "uk" / sound.name).exists():
            (sounds / "uk" / sound.name).symlink_to(sound)


@pytest.fixture
def odesa(pbx, spoken, redis_server, tmp_path):
    """A house of the product's own parts: returns its start_worker."""
    store = open_store(f"sqlite:///{tmp_path}/press2.db", migrate=True)
    load_demo(store)

    def start_worker(place):
        return pbx.start_worker(place, "real_worker.py", redis_server.url)

    def readings():
        with store.session() as db:
            return [(row.value, row.state) for row in db.scalars(select(Reading))]

    yield start_worker, readings
    store.close()


UNKNOWN = "<sip:0500000100@127.0.0.1>"
KEYS = ("2", "100200301#", "1", "2421#", "1")


def test_a_caller_gives_a_reading(pbx, odesa):
    start_worker, readings = odesa
    start_worker(0)
    start_worker(1)
    call = pbx.ring("+380487059090", *KEYS, caller=UNKNOWN, hang_up=True)
    call.hears("main_greeting")
    call.press()
    call.hears("account_enter")
    call.press()
    call.hears("account_read_back")
    call.press()
    call.hears("reading_enter")
    call.press()
    call.hears("confirm_yes")
    assert readings() == [("02421", "incomplete")]
    call.press()
    call.hears("accepted")
    assert readings() == [("02421", "accepted")]
    call.press()
    call.over()
    assert "broke" not in pbx.logs()


def test_a_reading_in_one_breath(pbx, odesa):
    start_worker, readings = odesa
    start_worker(0)
    keys = ("2100200301#", "1", "2421#", "1")
    call = pbx.ring("+380487059090", *keys, every=80, caller=UNKNOWN, hang_up=True)
    call.hears("main_greeting")
    call.press()
    call.hears("account_read_back")
    call.press()
    call.hears("reading_enter")
    call.press()
    call.hears("confirm_yes")
    call.press()
    call.hears("accepted")
    call.press()
    call.over()
    assert readings() == [("02421", "accepted")]


def test_a_worker_killed_in_the_middle_of_a_reading_loses_nothing(pbx, odesa):
    start_worker, readings = odesa
    first = start_worker(0)
    call = pbx.ring("+380487059090", *KEYS, caller=UNKNOWN, hang_up=True)
    call.hears("main_greeting")
    call.press()
    call.hears("account_enter")
    call.press()
    call.hears("account_read_back")
    start_worker(1)
    first.kill()
    first.wait()
    call.press()
    call.hears("reading_enter")
    call.press()
    call.hears("confirm_yes")
    call.press()
    call.hears("accepted")
    call.press()
    call.over()
    assert readings() == [("02421", "accepted")]


def test_a_reading_confirmed_while_hanging_up_is_kept(pbx, odesa):
    start_worker, readings = odesa
    start_worker(0)
    call = pbx.ring("+380487059090", *KEYS, caller=UNKNOWN, hang_up=True)
    for prompt in ("main_greeting", "account_enter", "account_read_back", "reading_enter"):
        call.hears(prompt)
        call.press()
    call.hears("confirm_yes")
    call.press()
    call.wait(lambda e: e.get("Variable") == "PRESS2_KEYS" and e["Value"] == "1")
    call.press()
    call.over()
    assert readings() == [("02421", "accepted")]


KNOWN = "<sip:0671110001@127.0.0.1>"


def utterances() -> tuple[bytes, ...]:
    """Return what he says to give a reading of 2421."""
    return say("word_reading"), yes(), say("n_2", "n_4", "n_2", "n_1"), yes()


def test_a_caller_who_presses_no_key_gives_a_reading(pbx, listener, odesa):
    start_worker, readings = odesa
    start_worker(0)
    start_worker(1)
    call = pbx.ring("+380487059090", *utterances(), caller=KNOWN, hang_up=True)
    call.hears("main_greeting")
    call.press()
    call.hears("account_this")
    call.press()
    call.hears("reading_enter")
    call.press()
    call.hears("confirm_yes")
    assert readings() == [("02421", "incomplete")]
    call.press()
    call.hears("accepted")
    assert readings() == [("02421", "accepted")]
    call.press()
    call.over()
    assert "broke" not in pbx.logs()


def test_what_a_caller_said_is_kept_when_he_says_yes(pbx, listener, odesa, redis_server, tmp_path):
    start_worker, readings = odesa
    (tmp_path / "keeps").touch()
    start_worker(0)
    said = (*utterances(), "2", yes())
    call = pbx.ring("+380487059090", *said, caller=KNOWN)
    for prompt in ("main_greeting", "account_this", "reading_enter", "confirm_yes", "another"):
        call.hears(prompt)
        call.press()
    call.hears("keep_speech")
    call.press()
    call.hears("speech_kept")
    call.over()
    assert readings() == [("02421", "accepted")]
    pending = listener.folder / "utterances" / "pending"
    heard = sorted(pending.glob("*.wav"))
    assert heard
    store = open_store(f"sqlite:///{tmp_path}/press2.db")
    with redis.Redis.from_url(redis_server.url) as client:
        drain(client, store, "test", wait=100)
    with store.session() as db:
        ended = db.scalars(select(CallEvent.at).where(CallEvent.kind == "ended")).one()
    for each in heard:
        os.utime(each, (ended.timestamp(), ended.timestamp()))  # the worker's clock is not ours
    folder, profiles = listener.folder / "utterances", company.load(COMPANIES)
    swept = sweep(store, folder, profiles, ended + timedelta(minutes=1))
    store.close()
    assert swept.kept >= 4
    lines = [json.loads(path.read_text("utf-8")) for path in folder.rglob("*.json")]
    assert {"main.menu", "reading.enter"} <= {line["question"] for line in lines}
    assert [line["heard"] for line in lines if line["question"] == "reading.enter"]
    assert all((folder / "kept" / line["language"] / line["file"]).stat().st_size for line in lines)


def test_a_recogniser_killed_in_a_reading_leaves_the_keys(pbx, mortal, odesa):
    start_worker, readings = odesa
    start_worker(0)
    keys = ("2421#", "1")
    call = pbx.ring("+380487059090", *utterances()[:3], *keys, caller=KNOWN, hang_up=True)
    call.hears("main_greeting")
    call.press()
    call.hears("account_this")
    call.press()
    call.hears("reading_enter")
    call.press()
    hears_nothing_more(call)
    mortal.kill()
    call.hears("speech_down")
    call.press()
    call.hears("confirm_yes")
    call.press()
    call.hears("accepted")
    call.press()
    call.over()
    assert readings() == [("02421", "accepted")]


def test_a_call_goes_on_without_redis(pbx, odesa, redis_server):
    start_worker, readings = odesa
    start_worker(0)
    start_worker(1)
    call = pbx.ring("+380487059090", *KEYS, caller=UNKNOWN, hang_up=True)
    call.hears("main_greeting")
    call.press()
    call.hears("account_enter")
    redis_server.kill()
    for prompt in ("account_read_back", "reading_enter", "confirm_yes", "accepted"):
        call.press()
        call.hears(prompt)
    call.press()
    call.over()
    assert readings() == [("02421", "accepted")]
