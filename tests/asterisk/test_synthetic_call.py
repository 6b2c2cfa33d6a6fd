"""press2 calls itself: a real Asterisk, a worker, the sounds, the log; and what it finds broken."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime

import pytest
import redis
from hall import until
from sqlalchemy import select

from ivr import prompts
from ivr.channels.ami_synthetic import AsteriskSelfCaller
from ivr.channels.ami_wire import Exchange
from ivr.events import drain
from ivr.speech import build
from ivr.speech.synthesis import Synthesiser
from ivr.store.database import open_store
from ivr.store.models import CallEvent
from ivr.store.supervision import SyntheticCall
from ivr.synthetic import Synthetic

pytestmark = pytest.mark.asterisk

ODESA = "+380487059090"


class Always:
    """It is always this process's turn."""

    def hold(self) -> bool:
        return True

    def release(self) -> None:
        pass


class House:
    """`app.py jobs` as far as it calls itself, over the store and the Redis of a real worker."""

    def __init__(self, pbx, redis_server, folder) -> None:
        settings = pbx.asterisk.settings
        exchange = Exchange("pbx1", "127.0.0.1", settings.ami_port, "press2", settings.ami_secret)
        self.store = open_store(f"sqlite:///{folder}/press2.db", migrate=True)
        self.caller = AsteriskSelfCaller([exchange])
        self.caller.start()
        until(lambda: self.caller.line() is not None)
        self.stopping = threading.Event()
        self.client = redis.Redis.from_url(redis_server.url)
        self.draining = threading.Thread(target=self.drain)
        self.draining.start()
        parts = (self.store, self.caller, {"odesa": ODESA}, Always(), lambda: datetime.now(UTC))
        self.synthetic = Synthetic(*parts, threading.Event(), 60.0)

    def drain(self) -> None:
        while not self.stopping.is_set():
            drain(self.client, self.store, "test", wait=100)

    def last(self) -> SyntheticCall:
        with self.store.session(read_only=True) as db:
            return db.scalars(select(SyntheticCall).order_by(SyntheticCall.id.desc())).first()

    def close(self) -> None:
        self.stopping.set()
        self.draining.join()
        self.caller.stop()
        self.client.close()
        self.store.close()


@pytest.fixture
def house(pbx, asterisk, redis_server, tmp_path, pytestconfig):
    _, _, sounds = asterisk
    home = pytestconfig.rootpath
    catalogues = {"uk": prompts.load(home / "prompts")["uk"]}
    built = home / "var/sounds"
    build.run(catalogues, home / "prompts", built, Synthesiser(), sys.stderr)
    for sound in (built / "uk").iterdir():
        if not (sounds / "uk" / sound.name).exists():
            (sounds / "uk" / sound.name).symlink_to(sound)
    house = House(pbx, redis_server, tmp_path)
    yield house
    house.close()


def test_a_call_to_ourselves_hears_the_menu_and_is_heard(pbx, redis_server, house) -> None:
    pbx.start_worker(0, "real_worker.py", redis_server.url)
    house.synthetic.round()
    row = house.last()
    assert (row.ok, row.stage) == (True, "done"), row.details
    with house.store.session(read_only=True) as db:
        events = db.scalars(
            select(CallEvent).where(CallEvent.call == row.details["call"]).order_by(CallEvent.id)
        ).all()
    assert events[0].kind == "answered"
    assert events[0].details["entrance"] == "synthetic"
    assert events[0].details["from"] is None
    assert [e.details["text"] for e in events if e.kind == "heard" and "text" in e.details] == ["9"]
    assert not any(e.kind == "queued" for e in events)


def test_no_worker_answers(pbx, house) -> None:
    house.synthetic.round()
    assert not house.last().ok  # what is heard is the apology, and no key is understood


def test_the_exchange_is_gone(pbx, house) -> None:
    house.caller.stop()
    house.synthetic.round()
    assert (house.last().ok, house.last().stage) == (False, "no_exchange")
    house.caller._wires.clear()
