"""Uploaded recordings: what is taken, how it is measured, who hears which version of it."""

from __future__ import annotations

import io
import subprocess
import threading
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydub import AudioSegment
from pydub.generators import Sine
from waiting import until

from ivr import actions, prompts, recorded
from ivr.company import load
from ivr.errors import Changed, Unfit
from ivr.model import Say
from ivr.speech import upload
from ivr.speech.placed import Looks, Placed, name_of
from ivr.speech.voice import Voice
from ivr.store.database import memory_store

HOME = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
TEXT = "Добрий день. Це пробний запис."


def tone(seconds=2.0, hertz=440, gain=-20.0, rate=44_100):
    return Sine(hertz, sample_rate=rate).to_audio_segment(seconds * 1000, gain)


def packed(segment, kind="wav", **how):
    file = io.BytesIO()
    segment.export(file, format=kind, **how)
    return file.getvalue()


@pytest.fixture
def store():
    store = memory_store()
    yield store
    store.close()


def keep(store, data, prompt="greeting", language="uk", company="odesa", who="vira"):
    with store.session() as db:
        row = recorded.keep(db, company, prompt, language, TEXT, upload.read(data, TEXT), who, NOW)
        return row.number


def publish(store, number, seen=None, company="odesa", prompt="greeting", who="vira"):
    with store.session() as db:
        version = recorded.find(db, company, prompt, "uk", number).version
        recorded.publish(db, company, prompt, "uk", number, version, seen, who, NOW)


def roll_back(store, seen, **how):
    with store.session() as db:
        return recorded.roll_back(db, "odesa", "greeting", "uk", seen, "vira", NOW, **how)


# ---------------------------------------------------------------------- what is taken


@pytest.mark.parametrize("kind", ["wav", "mp3", "ogg", "flac"])
def test_a_recording_of_each_kind_becomes_two_wav_files(kind):
    found = upload.read(packed(tone().set_channels(2), kind), TEXT)
    for data, rate in ((found.sound, 8000), (found.wide, 16_000)):
        with wave.open(io.BytesIO(data)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (rate, 1, 2)
            assert file.getnframes() / rate == pytest.approx(2.0, abs=0.2)
    assert found.seconds == pytest.approx(2.0, abs=0.2)
    assert found.findings == []


@pytest.mark.parametrize(
    "junk",
    [
        b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(200),
        b"OggS" + bytes(range(256)) * 40, b"ID3" + bytes(5000), b"fLaC" + bytes(100),
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"PK\x03\x04" + bytes(2000),
        b"ffconcat version 1.0\nfile '/etc/passwd'\n", bytes(100_000), b"\xff\xfb" + b"x" * 3000,
    ],
)  # fmt: skip
def test_junk_is_refused(junk):
    with pytest.raises(Unfit, match="sound_unreadable"):
        upload.read(junk, TEXT)


def test_a_playlist_in_a_wav_s_clothes_opens_no_file(tmp_path):
    """ffmpeg is told the kind: it does not look for itself."""
    secret = tmp_path / "secret.wav"
    secret.write_bytes(packed(tone()))
    listed = f"#EXTM3U\n#EXTINF:2,\nfile://{secret}\n".encode()
    with pytest.raises(Unfit, match="sound_unreadable"):
        upload.read(b"RIFF" + len(listed).to_bytes(4, "little") + b"WAVE" + listed, TEXT)


def test_a_small_file_that_plays_long_is_refused(tmp_path):
    long = tmp_path / "long.ogg"
    source = ["-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "900"]
    subprocess.run(
        ["ffmpeg", "-v", "error", *source, "-c:a", "libopus", "-b:a", "6k", str(long)], check=True
    )
    assert long.stat().st_size < upload.LARGEST
    with pytest.raises(Unfit, match="sound_long"):
        upload.read(long.read_bytes(), TEXT)


@pytest.mark.parametrize(("data", "why"), [
    (packed(AudioSegment.silent(2000)), "sound_silent"),
    (packed(tone(61, rate=8000)), "sound_long"),
    (bytes(upload.LARGEST + 1), "sound_large"),
])  # fmt: skip
def test_silence_and_lengths_are_refused(data, why):
    with pytest.raises(Unfit, match=why):
        upload.read(data, TEXT)


@pytest.mark.parametrize(
    ("segment", "finding"),
    [
        (tone(9), "long_for_text"),
        (tone(0.2), None),
        (tone(2, gain=-50), "too_quiet"),
        (tone(2, gain=0) + 6, "clipped"),
        (tone(25), "too_long"),
        (AudioSegment.silent(2500) + tone(2), "silence_cut"),
        (tone(2) + AudioSegment.silent(2500), "silence_cut"),
    ],
)
def test_it_is_measured_against_its_text(segment, finding):
    findings = upload.read(packed(segment), TEXT).findings
    assert (finding in findings) if finding else findings == []
    long = upload.read(packed(tone(1)), TEXT * 5).findings
    assert long == ["short_for_text"]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_without_ffmpeg_wav_is_taken_and_nothing_else(monkeypatch, tmp_path, width):
    plain, other = packed(tone().set_sample_width(width)), packed(tone(), "mp3")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = upload.read(plain, TEXT)
    assert found.seconds == pytest.approx(2.0, abs=0.2)
    with pytest.raises(Unfit, match="sound_no_ffmpeg"):
        upload.read(other, TEXT)
    with pytest.raises(Unfit, match="sound_unreadable"):
        upload.read(b"RIFF\0\0\0\0WAVEjunk", TEXT)
    assert upload.read(plain[:-1], TEXT).findings == found.findings


@pytest.mark.parametrize(("at", "value"), [(24, 1), (24, 2**31), (22, 5000)])
def test_a_wav_that_lies_about_itself_is_refused_without_ffmpeg(monkeypatch, tmp_path, at, value):
    """A rate of one sample a second would become gigabytes."""
    plain = bytearray(packed(tone(1)))
    width = 4 if at == 24 else 2
    plain[at : at + width] = value.to_bytes(width, "little")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unfit, match="sound_unreadable"):
        upload.read(bytes(plain), TEXT)


# ---------------------------------------------------------------------- versions


def test_the_same_sound_again_is_the_version_that_is_there(store):
    assert keep(store, packed(tone())) == keep(store, packed(tone())) == 1
    assert keep(store, packed(tone(hertz=880))) == 2
    assert keep(store, packed(tone()), company="kazan") == 1


def test_published_and_rolled_back_down_to_the_program_s_own(store):
    first, second = keep(store, packed(tone())), keep(store, packed(tone(hertz=880)))
    publish(store, first)
    publish(store, second, seen=first)
    assert roll_back(store, second) == first
    assert roll_back(store, first) is None
    with pytest.raises(Unfit, match="recording_none"):
        roll_back(store, None)
    publish(store, second)
    publish(store, first, seen=second)
    assert roll_back(store, first, to_own=True) is None


def test_of_two_who_publish_the_second_is_told(store):
    first, second = keep(store, packed(tone())), keep(store, packed(tone(hertz=880)))
    publish(store, first, who="inna")
    with pytest.raises(Changed, match="inna"):
        publish(store, second, seen=None)
    with store.session(read_only=True) as db:
        assert recorded.live_number(db, "odesa", "greeting", "uk") == first


def test_a_draft_is_thrown_away_and_had_back_a_live_one_is_not(store):
    odesa = load(HOME / "flows" / "companies")["odesa"]
    number = keep(store, packed(tone()))
    with store.session() as db:
        recorded.discard(db, "odesa", "greeting", "uk", number, 1, "vira", NOW)
        row = actions.last(db, "odesa", "uk/greeting", "prompt.discard")
        assert recorded.history(db, "odesa", "greeting", "uk") == []
    with store.session() as db:
        actions.undo(db, None, odesa, row.id, "vira", NOW)
    publish(store, number)
    with store.session() as db:
        published = actions.last(db, "odesa", "uk/greeting", "prompt.publish")
        version = recorded.find(db, "odesa", "greeting", "uk", number).version
        with pytest.raises(Unfit, match="recording_fixed"):
            recorded.discard(db, "odesa", "greeting", "uk", number, version, "vira", NOW)
    with store.session() as db:
        actions.undo(db, None, odesa, published.id, "inna", NOW)
        assert recorded.live_number(db, "odesa", "greeting", "uk") is None


# ---------------------------------------------------------------------- what is played


@pytest.fixture
def placed(store, house):
    return Placed(store, house.sounds)


def voice(house, placed):
    return Voice(house.catalogues, house.recordings, house.sounds, house.synthesiser, placed.name)


def test_the_next_say_plays_what_was_published_and_what_was_before(store, house, placed):
    house.build()
    own, say = voice(house, placed), Say("greeting")
    assert own.files(say, "uk", company="odesa") == ["uk/greeting"]
    first, second = keep(store, packed(tone())), keep(store, packed(tone(hertz=880)))
    publish(store, first)
    placed.look()
    (one,) = own.files(say, "uk", company="odesa")
    assert one.startswith("uk/r_greeting_")
    assert own.files(say, "uk") == own.files(say, "uk", company="kazan") == ["uk/greeting"]
    assert house.sound(one).duration_seconds == pytest.approx(2.0, abs=0.2)
    publish(store, second, seen=first)
    placed.look()
    (two,) = own.files(say, "uk", company="odesa")
    assert two != one
    assert (house.sounds / f"{one}.wav").exists(), "a running call may still play it"
    assert not own.lacks(say, "uk", "odesa")
    roll_back(store, second)
    placed.look()
    assert own.files(say, "uk", company="odesa") == [one]
    roll_back(store, first)
    placed.look()
    assert own.files(say, "uk", company="odesa") == ["uk/greeting"]


def test_every_machine_gets_the_sound_and_goes_on_while_the_store_is_away(
    store, house, tmp_path, caplog
):
    publish(store, keep(store, packed(tone())))
    machines = [Placed(store, tmp_path / name / "sounds") for name in "ab"]
    for machine in machines:
        machine.look()
    name = machines[0].name("odesa", "uk", "greeting")
    for folder in "ab":
        for ending in ("wav", "wav16"):
            assert (tmp_path / folder / "sounds" / f"{name}.{ending}").stat().st_size > 10_000
    store.close()
    machines[0].look()
    assert machines[0].name("odesa", "uk", "greeting") == name
    assert "the store does not answer" in caplog.text


def test_what_cannot_be_written_is_not_played(store, tmp_path, caplog):
    publish(store, keep(store, packed(tone())))
    (tmp_path / "sounds").write_text("a file, no folder")
    machine = Placed(store, tmp_path / "sounds")
    machine.look()
    assert machine.name("odesa", "uk", "greeting") is None
    assert "cannot be placed" in caplog.text


def test_a_worker_looks_by_itself(store, house, placed):
    stopping = threading.Event()
    looks = Looks(placed, stopping, every=0.02)
    looks.start()
    number = keep(store, packed(tone()))
    publish(store, number)
    with store.session(read_only=True) as db:
        name = name_of(recorded.find(db, "odesa", "greeting", "uk", number))
    assert until(lambda: placed.name("odesa", "uk", "greeting") == name)
    stopping.set()
    looks.join(5)


def test_a_sound_that_was_taken_from_the_disk_is_the_program_s_own_again(store, house, placed):
    house.build()
    publish(store, keep(store, packed(tone())))
    placed.look()
    own, say = voice(house, placed), Say("greeting")
    (name,) = own.files(say, "uk", company="odesa")
    (house.sounds / f"{name}.wav").unlink()
    assert own.files(say, "uk", company="odesa") == ["uk/greeting"]
    placed.look()
    assert own.files(say, "uk", company="odesa") == [name]


def test_a_free_text_that_was_recorded_is_not_spoken_by_the_voice(store, house, placed):
    house.build()
    own, say = voice(house, placed), Say("street", {"name": "Довга"})
    before = own.files(say, "uk", company="odesa")
    piece = prompts.free("uk", "Довга")
    publish(store, keep(store, packed(tone()), prompt=piece), prompt=piece)
    placed.look()
    after = own.files(say, "uk", company="odesa")
    assert [name.startswith(f"uk/r_{piece}_") for name in after].count(True) == 1
    assert own.files(say, "uk", company="kazan") == before
    other = Say("street", {"name": "Інша"})
    assert not any("/r_" in name for name in own.files(other, "uk", company="odesa"))
