"""`app.py jobs` delivers the outbox; `doctor` and `app.py outbox` tell what it could not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from small_rest import ACCOUNT, TOKEN, SmallRest
from sqlalchemy import select
from waiting import until

from ivr import outbox
from ivr.channels.twilio import recordings
from ivr.doctor import examine
from ivr.store.database import Store, open_store
from ivr.store.models import OutboxEntry

HOME = Path(__file__).parents[1]
SID = "RE" + "1" * 32
SETTINGS = """
[press2]
var = {var}
[redis]
url = {redis}
[twilio]
account_sid = {account}
auth_token = TWILIO_TOKEN
public_url = https://ivr.example.com
api_url = {url}
sip_address = pbx.example.com
sip_password = TWILIO_SIP
{sender}
"""


class House:
    """Settings, a store and the commands over them."""

    def __init__(self, folder: Path, redis: str, url: str) -> None:
        self.folder, self._redis, self._url = folder, redis, url
        self.path = folder / "telephony.conf"
        secrets = {"TWILIO_TOKEN": TOKEN, "TWILIO_SIP": "x"}
        self.environ = {**os.environ, "PRESS2_CONF": str(self.path), **secrets}
        self.configure()
        self.store: Store = open_store(f"sqlite:///{folder}/var/press2.db", migrate=True)

    def configure(self, sender: str = "sms_from = +380440000001") -> None:
        var = self.folder / "var"
        text = SETTINGS.format(
            var=var, redis=self._redis, account=ACCOUNT, url=self._url, sender=sender
        )
        self.path.write_text(text)

    def put(self, **fields: Any) -> None:
        now = datetime.now(UTC)
        payload = {"to": "+380671110009", "language": "uk", "text": "promised_soon", "values": {}}
        given = {"key": "k", "until": now + timedelta(hours=1), **fields}
        with self.store.session() as db:
            outbox.put(db, company="odesa", kind="sms", payload=payload, now=now, **given)

    def states(self) -> list[str]:
        with self.store.session(read_only=True) as db:
            return list(db.scalars(select(OutboxEntry.state).order_by(OutboxEntry.id)))

    def app(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(HOME / "app.py"), *words]
        return subprocess.run(
            command, env=self.environ, capture_output=True, text=True, check=False
        )

    def told(self) -> list[str]:
        found = examine(self.path, self.environ, HOME)
        return [str(finding) for finding in found if finding.subject == "outbox"]


@pytest.fixture
def twilio() -> Iterator[SmallRest]:
    server = SmallRest(recordings={SID: b"RIFF" + bytes(1000)})
    server.start()
    yield server
    server.stop()


@pytest.fixture
def house(tmp_path: Path, redis_server: Any, twilio: SmallRest) -> Iterator[House]:
    (tmp_path / "var").mkdir()
    house = House(tmp_path, redis_server.url, twilio.url)
    yield house
    house.store.close()


@pytest.fixture
def jobs(house: House) -> Iterator[Any]:
    """Starts `app.py jobs`; it ends by SIGTERM, cleanly."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, str(HOME / "app.py"), "jobs"]
        process = subprocess.Popen(command, env=house.environ, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_messages_and_recordings_are_delivered(house: House, twilio: SmallRest, jobs: Any) -> None:
    house.put()
    with house.store.session() as db:
        recordings.keep(db, "odesa", "CA1", "CA1-7.wav", SID, datetime.now(UTC))
    process = jobs()
    assert until(lambda: house.states() == ["done", "done"], 30)
    assert [message["to"] for message in twilio.messages] == ["+380671110009"]
    assert (house.folder / "var" / "recordings" / "CA1-7.wav").stat().st_size == 1004
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "+380671110009" not in errors, "numbers of callers are not logged"


def test_without_a_sender_messages_wait_and_die_untold(house: House, jobs: Any) -> None:
    house.configure(sender="")
    house.put(key="waits")
    house.put(key="late", until=datetime.now(UTC) + timedelta(seconds=1))
    jobs()
    assert until(lambda: house.states() == ["due", "dead"], 30)
    told = house.told()
    assert "1 SMS wait, no sender is configured; write [twilio] sms_from" in told[0]
    assert "not delivered in the last 7 days: 1 sms; newest: too late" in told[1]


def test_two_jobs_and_one_is_killed(house: House, twilio: SmallRest, jobs: Any) -> None:
    for number in range(20):
        house.put(key=f"k{number}")
    first, _second = jobs(), jobs()
    assert until(lambda: len(twilio.messages) >= 3, 30)
    first.kill()
    assert until(lambda: house.states().count("done") >= 19, 30)
    assert len(twilio.messages) <= 20


def test_people_see_what_is_dead_and_try_it_again(house: House) -> None:
    house.put()
    assert house.app("outbox", "list").stdout.split()[1:4] == ["due", "sms", "odesa"]
    with house.store.session() as db:
        entry = outbox.of_key(db, "k")
        assert entry is not None
        outbox.bury(entry, "HTTP 400, Twilio error 21211", datetime.now(UTC))
    listed = house.app("outbox", "list").stdout
    assert "dead" in listed and "HTTP 400, Twilio error 21211" in listed and "38067" not in listed
    assert "newest: HTTP 400, Twilio error 21211" in house.told()[0]
    assert house.app("outbox", "retry", "7").returncode == 1
    assert house.app("outbox", "retry").stdout == "to be tried again: 1\n"
    assert house.states() == ["due"]
    assert house.told() == ["ok       outbox       1 wait, none failed lately"]
