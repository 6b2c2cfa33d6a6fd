"""Messages of callers whom nobody can answer, and recordings of talks."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from twilio_process import CALL, SID, Twilio, kinds, played, verbs
from waiting import until

from ivr.channels.line import Clock
from ivr.store.database import Store
from ivr.store.models import OutboxEntry, VoiceMessage

MESSAGE = {
    "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/AC/Recordings/{SID}",
    "RecordingSid": SID,
    "RecordingDuration": "4",
}


@pytest.fixture
def speaking(process: Any) -> Any:
    """Somebody whom nobody can answer, at the tone of a message: (twilio, number of the turn)."""

    def begin(**parts: Any) -> tuple[Twilio, int]:
        twilio = process(**parts)
        twilio.ask("voice")
        twilio.keys("0")
        document = twilio.ask(f"turn/{CALL}/{twilio.open}", Digits="3")
        assert verbs(document)[-2:] == ["Record", "Redirect"], twilio.runner.turn(CALL)
        return twilio, twilio.open

    return begin


def kept(store: Store) -> tuple[list[str], list[dict[str, Any]]]:
    with store.session() as db:
        return list(db.scalars(select(VoiceMessage.path))), list(
            db.scalars(select(OutboxEntry.payload))
        )


@pytest.fixture
def night(clock: Clock) -> None:
    """Nobody is there."""
    clock.pass_(17 * 3600)


@pytest.mark.usefixtures("night")
def test_a_message_is_kept_once_however_often_it_is_told_of(speaking, demo_store):
    twilio, number = speaking()
    name = f"{CALL}-{number}.wav"
    for _ in range(3):
        document = twilio.ask(f"turn/{CALL}/{number}", **MESSAGE)
        assert "message_kept" in played(document)
        done = twilio.post(
            f"recording?call={CALL}&name={name}", RecordingStatus="completed", **MESSAGE
        )
        assert done.status_code == 204
    assert kept(demo_store) == ([name], [{"call": CALL, "name": name, "sid": SID}])


@pytest.mark.usefixtures("night")
def test_who_says_nothing_is_asked_again(speaking, demo_store):
    twilio, number = speaking()
    assert "message_empty" in played(twilio.ask(f"turn/{CALL}/{number}?nothing=1"))
    assert kept(demo_store) == ([], [])


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize("order", ["message first", "end first"])
def test_the_message_of_a_caller_who_hangs_up_is_kept(speaking, demo_store, log, order):
    twilio, number = speaking(message_late=0.2)
    told = [
        lambda: twilio.post(
            f"turn/{CALL}/{number}", Digits="hangup", CallStatus="completed", **MESSAGE
        ),
        lambda: twilio.post("status", CallStatus="completed"),
    ]
    for tell in told if order == "message first" else reversed(told):
        assert tell().status_code < 300
    assert kept(demo_store)[0] == [f"{CALL}-{number}.wav"]
    assert kinds(log).count("ended") == 1


@pytest.mark.usefixtures("night")
def test_a_call_that_ended_at_the_tone_ends_without_a_message(speaking, log):
    twilio, _ = speaking(message_late=0.01)
    twilio.post("status", CallStatus="completed")
    assert until(lambda: "ended" in kinds(log))


@pytest.mark.parametrize("name", ["", "..%2F..%2Fetc%2Fpasswd", "a%0Ab", "%2Fa.wav", ".wav"])
def test_a_recording_of_no_name(twilio, demo_store, name, caplog):
    answer = twilio.post(f"recording?call=a%0Ab&name={name}", RecordingSid=SID)
    assert answer.status_code == 204
    assert kept(demo_store)[1] == []
    assert not any("\n" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("sid", ["", "RE1", "../" + SID, SID + "\n"])
def test_a_recording_of_no_sid(twilio, demo_store, sid):
    assert twilio.post(f"recording?call={CALL}&name=a.wav", RecordingSid=sid).status_code == 204
    assert kept(demo_store)[1] == []
