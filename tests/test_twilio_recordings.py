"""Recordings fetched from Twilio: whole or not at all, once, and the token to nobody else."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from small_rest import ACCOUNT, LOGIN, TOKEN, SmallRest
from sqlalchemy import select

from ivr import outbox
from ivr.channels.line import Clock
from ivr.channels.twilio import recordings, rest
from ivr.channels.twilio.recordings import Recordings
from ivr.channels.twilio.settings import TwilioSettings
from ivr.store.database import Store, memory_store
from ivr.store.models import OutboxEntry

NOW = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)
SID = "RE" + "1" * 32
SOUND = b"RIFF" + bytes(range(256)) * 1000


@pytest.fixture
def twilio() -> Iterator[SmallRest]:
    server = SmallRest(recordings={SID: SOUND})
    server.start()
    yield server
    server.stop()


class Fetching:
    """An outbox whose recordings come from a server into `folder`."""

    def __init__(self, store: Store, url: str, folder: Path) -> None:
        self.store, self.clock, self.folder = store, Clock(NOW), folder
        settings = TwilioSettings(ACCOUNT, TOKEN, "https://ivr.example.com", api_url=f"{url}/")
        self.handler = Recordings(settings, rest.client(settings), folder)

    def keep(self, name: str = "CA1-7.wav", sid: str = SID) -> None:
        with self.store.session() as db:
            recordings.keep(db, "odesa", "CA1", name, sid, self.clock())

    def deliver(self) -> OutboxEntry:
        outbox.deliver(self.store, {"recording": self.handler}, self.clock)
        with self.store.session(read_only=True) as db:
            row = db.scalars(select(OutboxEntry)).one()
        self.clock.now = max(self.clock.now, row.next_at)
        return row

    def files(self) -> dict[str, bytes]:
        found = [path for path in self.folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}


@pytest.fixture
def fetching(twilio: SmallRest, tmp_path: Path) -> Iterator[Fetching]:
    store = memory_store()
    yield Fetching(store, twilio.url, tmp_path / "recordings")
    store.close()


def test_fetched_and_deleted_there(fetching: Fetching, twilio: SmallRest) -> None:
    fetching.keep()
    fetching.keep()
    row = fetching.deliver()
    assert (row.state, row.details) == ("done", {"bytes": len(SOUND)})
    assert fetching.files() == {"CA1-7.wav": SOUND}
    assert twilio.recordings == {}
    assert [method for method, _, _ in twilio.asked] == ["GET", "DELETE"]


def test_a_talk_goes_into_its_folder(fetching: Fetching) -> None:
    fetching.keep("talks/2026-10-31/CA1-t1.wav")
    fetching.deliver()
    assert list(fetching.files()) == ["talks/2026-10-31/CA1-t1.wav"]


@pytest.mark.parametrize(
    "name",
    [
        "../x.wav", "/etc/x.wav", "a/../../x.wav", ".hidden.wav", "a/.b/x.wav", "x.py", "",
        "x.wav\n", "a//x.wav", "a\\..\\x.wav", "дім.wav", "x\0.wav",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere(fetching: Fetching, twilio: SmallRest, name: str) -> None:
    fetching.keep(name)
    row = fetching.deliver()
    assert (row.state, row.last_error) == ("dead", "the name of the file is not one of ours")
    assert twilio.asked == [] and fetching.files() == {}


def test_a_link_out_of_the_folder_is_not_followed(fetching: Fetching, tmp_path: Path) -> None:
    fetching.folder.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (fetching.folder / "talks").symlink_to(tmp_path / "elsewhere")
    fetching.keep("talks/x.wav")
    assert fetching.deliver().state == "dead"
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("sid", ["", "RE1", "RE" + "g" * 32, "../Messages", f"{SID}?x"])
def test_sids_that_are_none(fetching: Fetching, twilio: SmallRest, sid: str) -> None:
    fetching.keep(sid=sid)
    row = fetching.deliver()
    assert (row.state, row.last_error) == ("dead", "no sid of a recording")
    assert twilio.asked == []


def test_half_a_file_is_none(fetching: Fetching, twilio: SmallRest) -> None:
    twilio.cut_short = True
    fetching.keep()
    row = fetching.deliver()
    assert row.state == "due" and row.last_error.startswith("Twilio is not reached: ")
    assert fetching.files() == {} and SID in twilio.recordings
    twilio.cut_short = False
    assert fetching.deliver().state == "done"
    assert fetching.files() == {"CA1-7.wav": SOUND}


@pytest.mark.parametrize(
    ("sound", "why"),
    [(b"", "the recording is empty"), (b"<html>", "the recording is no WAV file")],
)
def test_what_is_no_sound_is_not_kept(
    fetching: Fetching, twilio: SmallRest, sound: bytes, why: str
) -> None:
    twilio.recordings[SID] = sound
    fetching.keep()
    row = fetching.deliver()
    assert (row.state, row.last_error) == ("due", why)
    assert fetching.files() == {} and SID in twilio.recordings


def test_one_that_never_ends(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch, twilio: SmallRest
) -> None:
    monkeypatch.setattr(recordings, "LARGEST", 100_000)
    fetching.keep()
    assert "too large" in fetching.deliver().last_error
    assert fetching.files() == {}


def test_not_there_yet_is_asked_for_again(fetching: Fetching, twilio: SmallRest) -> None:
    twilio.recordings = {}
    fetching.keep()
    row = fetching.deliver()
    assert (row.state, row.last_error) == ("due", "HTTP 404 for the recording")
    twilio.recordings = {SID: SOUND}
    assert fetching.deliver().state == "done"


def test_a_worker_that_died_before_it_was_noted(fetching: Fetching, twilio: SmallRest) -> None:
    """The file is here, deleted there: done."""
    fetching.keep()
    parcel = outbox.claim(fetching.store, "recording", NOW)
    assert parcel is not None
    fetching.handler(parcel)
    fetching.clock.pass_(outbox.LEASE.total_seconds())
    row = fetching.deliver()
    assert (row.state, row.details, row.tries) == ("done", {"bytes": len(SOUND)}, 2)


def test_what_cannot_be_deleted_is_deleted_later(fetching: Fetching, twilio: SmallRest) -> None:
    twilio.trouble = lambda method, path: (503, {"code": 20503}) if method == "DELETE" else None
    fetching.keep()
    assert fetching.deliver().last_error == "HTTP 503, Twilio error 20503"
    assert fetching.files() == {"CA1-7.wav": SOUND}
    twilio.trouble = lambda method, path: None
    assert fetching.deliver().state == "done"
    assert twilio.recordings == {}


def test_somebody_deleted_it_meanwhile(fetching: Fetching, twilio: SmallRest) -> None:
    twilio.trouble = lambda method, path: (404, {"code": 20404}) if method == "DELETE" else None
    fetching.keep()
    assert fetching.deliver().state == "done"


def test_another_host_never_sees_the_token(fetching: Fetching, twilio: SmallRest) -> None:
    other = SmallRest(recordings={SID: SOUND})
    other.start()
    twilio.moved_to = other.url.replace("127.0.0.1", "localhost")
    fetching.keep()
    assert fetching.deliver().state == "done"
    other.stop()
    assert other.asked == [("GET", f"/media/{SID}", "")]
    assert [login for _, _, login in twilio.asked] == [LOGIN, LOGIN]
    assert fetching.files() == {"CA1-7.wav": SOUND}


def test_moved_below_the_same_host(fetching: Fetching, twilio: SmallRest) -> None:
    twilio.moved_to = "/elsewhere"
    fetching.keep()
    fetching.deliver()
    assert twilio.asked[1][1:] == (f"/elsewhere/media/{SID}", "")
    assert fetching.files() == {"CA1-7.wav": SOUND}


def test_a_wrong_password_passes(fetching: Fetching, twilio: SmallRest) -> None:
    twilio.trouble = lambda method, path: (401, {"code": 20003})
    fetching.keep()
    assert fetching.deliver().last_error == "HTTP 401 for the recording"


def test_what_a_killed_worker_left_is_cleared_away(fetching: Fetching) -> None:
    fetching.folder.mkdir()
    (fetching.folder / f".{SID}.0123.part").write_bytes(b"RIFF")
    fetching.keep()
    fetching.deliver()
    assert fetching.files() == {"CA1-7.wav": SOUND}
