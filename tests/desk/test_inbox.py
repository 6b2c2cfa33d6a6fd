"""Call-backs and voice messages in one list; recordings by role; every listening is noted."""

from datetime import UTC, datetime, timedelta

import pytest

from ivr.store.models import Callback, Conversation, VoiceMessage


@pytest.fixture
def filled(world):
    """A world with two call-backs, a voice message between them, and a recorded talk."""
    now = datetime.fromtimestamp(world.watch.now, UTC)
    sound = world.var / "recordings" / "talks" / "one.wav"
    sound.parent.mkdir(parents=True)
    sound.write_bytes(b"RIFF" + bytes(96))
    (world.var / "secret.wav").write_bytes(b"nobody's")

    def ago(minutes):
        return now - timedelta(minutes=minutes)

    with world.store.session() as db:
        for key, minutes in ((1, 30), (2, 10)):
            db.add(
                Callback(
                    id=key,
                    company="odesa",
                    number=f"+38067111000{key}",
                    queue="general",
                    language="uk",
                    call=f"c{key}",
                    key=f"k{key}",
                    entered_at=ago(minutes),
                    created_at=ago(minutes),
                    next_at=ago(0),
                    context={"account": "100200301"},
                )  # fmt: skip
            )
        for key, path in ((1, "talks/one.wav"), (2, "../secret.wav"), (3, "talks/none.wav")):
            db.add(
                VoiceMessage(
                    id=key,
                    company="odesa" if key < 3 else "kazan",
                    call="c",
                    key=f"m{key}",
                    number="+380671110005",
                    queue="outage",
                    path=path,
                    created_at=ago(20 if key == 1 else 5),
                )  # fmt: skip
            )
            db.add(
                Conversation(
                    id=key,
                    company="odesa" if key < 3 else "kazan",
                    call="pbx1-1.1",
                    token=f"t{key}",
                    operator="taras",
                    queue="general",
                    entered_at=ago(9),
                    answered_at=ago(8),
                    recording=path,
                )  # fmt: skip
            )
    return world


def test_one_list_the_oldest_promise_first(filled):
    browser = filled.desk()
    items = browser.get("inbox").json["items"]
    assert [(item["kind"], item["id"]) for item in items] == [
        ("callback", 1), ("message", 1), ("callback", 2), ("message", 2),
    ]  # fmt: skip
    assert items[0]["account"] == "100200301"
    filled.watch.now += 2
    state = browser.state(lambda s: s["inbox"].get("callbacks"))
    assert state["inbox"] == {"callbacks": 2, "messages": 2, "late": 0}


def test_a_call_back_is_taken(filled):
    browser = filled.desk()
    assert browser.send("inbox/callback/1", {"do": "take"}).json["error"] == "not_free"
    browser.ready()
    assert browser.send("inbox/callback/1", {"do": "take"}).status_code == 200
    order = filled.queue.commands()[-1]
    assert order == {"do": "call_back", "callback": 1, "operator": "olena"}


def test_a_call_back_is_done_or_cancelled_once(filled):
    browser = filled.desk()
    assert browser.send("inbox/callback/1", {"do": "done"}).status_code == 200
    assert browser.send("inbox/callback/1", {"do": "done"}).status_code == 409
    assert browser.send("inbox/callback/2", {"do": "cancel"}).status_code == 400
    answer = browser.send("inbox/callback/2", {"do": "cancel", "reason": "he rang himself"})
    assert answer.status_code == 200
    assert [(row.state, row.live) for row in filled.rows(Callback)] == [
        ("done", None), ("cancelled", None),
    ]  # fmt: skip
    assert browser.send("inbox/callback/99", {"do": "done"}).status_code == 404
    assert ("olena", "callback_cancel", True) in filled.audit()


def test_a_message_is_heard_and_done(filled):
    browser = filled.desk()
    sound = browser.get("inbox/message/1/sound", buffered=True)
    assert (sound.status_code, sound.mimetype, sound.data[:4]) == (200, "audio/wav", b"RIFF")
    assert sound.headers["Cache-Control"] == "no-store"
    part = browser.get("inbox/message/1/sound", headers={"Range": "bytes=0-3"}, buffered=True)
    assert (part.status_code, part.data) == (206, b"RIFF")
    assert ("olena", "play_message", True) in filled.audit()
    assert browser.send("inbox/message/1", {"do": "done"}).status_code == 200
    assert browser.send("inbox/message/1", {"do": "done"}).status_code == 409
    assert filled.rows(VoiceMessage)[0].handled_by == "olena"


def test_no_sound_from_elsewhere(filled):
    browser = filled.desk("vira")
    assert browser.get("inbox/message/2/sound").status_code == 404
    assert browser.get("inbox/message/3/sound").status_code == 404, "another company's"
    assert browser.get("recordings/2/sound").status_code == 404
    assert browser.get("recordings/3/sound").status_code == 404


def test_recordings_are_for_supervisors(filled):
    operator, supervisor = filled.desk("olena"), filled.desk("vira")
    for path in ("recordings?call=pbx1-1.1", "recordings/1/sound"):
        answer = operator.get(path)
        assert (answer.status_code, answer.json["error"]) == (403, "not_allowed")
    listed = supervisor.get("recordings?call=pbx1-1.1").json["recordings"]
    assert [row["id"] for row in listed] == [2, 1] or [row["id"] for row in listed] == [1, 2]
    assert supervisor.get("recordings?call=other").json["recordings"] == []
    assert supervisor.get("recordings/1/sound", buffered=True).data[:4] == b"RIFF"
    assert [row for row in filled.audit() if "recording" in row[1]] == [
        ("olena", "list_recordings", False),
        ("olena", "play_recording", False),
        ("vira", "play_recording", True),
    ]
