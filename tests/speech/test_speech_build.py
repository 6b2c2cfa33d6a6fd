from __future__ import annotations

import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from speech_house import House, catalogue, export, header, read, recorded

from ivr.errors import SetupError
from ivr.speech import audio
from ivr.speech.build import run
from ivr.speech.progress import Progress
from ivr.speech.recordings import Shipped, digest, write_shipped


def test_every_piece_becomes_two_sounds(house: House) -> None:
    report = house.build()
    pieces = house.catalogues["uk"].fixed()
    assert sorted(report.made) == sorted(f"uk/{piece}" for piece in pieces)
    for piece in (*pieces, "silence_300ms", "silence_1s"):
        assert header(house.sounds / f"uk/{piece}.wav") == (1, 2, 8000)
        assert header(house.sounds / f"uk/{piece}.wav16") == (1, 2, 16000)


def test_second_build_finds_all_up_to_date(house: House) -> None:
    house.build()
    before = {path: path.stat().st_mtime_ns for path in house.sounds.rglob("*.wav*")}
    report = house.build()
    assert not report.made
    assert len(report.kept) == len(house.catalogues["uk"].fixed())
    assert before == {path: path.stat().st_mtime_ns for path in house.sounds.rglob("*.wav*")}


def test_changed_text_is_built_alone(house: House) -> None:
    house.build()
    house.catalogues = {"uk": catalogue(greeting="Доброго вечора.")}
    assert house.build().made == ["uk/greeting"]


def test_deleted_sound_is_built_again(house: House) -> None:
    house.build()
    (house.sounds / "uk/greeting.wav16").unlink()
    assert house.build().made == ["uk/greeting"]


@pytest.mark.parametrize("ending", ["wav", "mp3", "ogg", "flac"])
def test_recording_wins_over_synthesis(house: House, ending: str) -> None:
    house.record(f"uk/greeting.{ending}", seconds=2.5)
    report = house.build()
    assert report.sounds["uk"]["greeting"].source == f"greeting.{ending}"
    assert house.sound("uk/greeting").duration_seconds == pytest.approx(2.58, abs=0.06)


def test_new_take_of_a_recording_is_built(house: House) -> None:
    house.record("uk/greeting.wav", seconds=1)
    house.build()
    house.record("uk/greeting.wav", seconds=3)
    assert house.build().made == ["uk/greeting"]
    assert house.sound("uk/greeting").duration_seconds > 3


def test_own_recording_wins_over_the_shipped_one(house: House) -> None:
    ship(house, "greeting", "Добрий день.", seconds=1)
    assert house.build().sounds["uk"]["greeting"].source == "greeting.flac"
    house.record("uk/greeting.mp3", seconds=2)
    assert house.build().sounds["uk"]["greeting"].source == "greeting.mp3"


def test_shipped_recording_of_an_older_text_is_not_played(house: House) -> None:
    ship(house, "greeting", "Вітаємо.", seconds=5)
    assert house.build().sounds["uk"]["greeting"].source == "espeak-ng uk"


def test_shipped_recording_of_an_older_text_is_played_where_nothing_speaks(
    house: House, programs: Path
) -> None:
    ship(house, "greeting", "Вітаємо.", seconds=5)
    assert house.build().sounds["uk"]["greeting"].source == "greeting.flac"


@pytest.mark.parametrize("level", [-38.0, -20.0, -6.0])
def test_ends_are_trimmed_and_levels_made_equal(house: House, level: float) -> None:
    house.record("uk/greeting.wav", seconds=1.0, level=level)
    house.build()
    for suffix in audio.SUFFIXES.values():
        sound = read(house.sounds / f"uk/greeting{suffix}")
        assert sound.duration_seconds == pytest.approx(1.0 + 2 * audio.EDGE / 1000, abs=0.03)
        assert sound[60:-60].dBFS == pytest.approx(audio.LEVEL, abs=0.5)


def test_no_sample_passes_the_peak(house: House) -> None:
    quiet, burst = recorded(1.0, -35, rate=16000), recorded(0.02, -6, 0, rate=16000)
    path = house.recordings / "uk/greeting.wav"
    path.parent.mkdir(parents=True)
    export(quiet + burst + quiet, path)
    house.build()
    sound = house.sound("uk/greeting")
    assert sound.max_dBFS == pytest.approx(audio.PEAK, abs=0.5)
    assert sound.dBFS < audio.LEVEL


def test_stereo_becomes_mono(house: House) -> None:
    path = house.record("uk/greeting.wav")
    export(read(path).set_channels(2), path)
    house.build()
    assert header(house.sounds / "uk/greeting.wav") == (1, 2, 8000)


def test_broken_recording_is_named_and_stops_no_other(house: House) -> None:
    house.record("uk/apology.ogg")
    (house.recordings / "uk/greeting.mp3").write_bytes(b"not audio")
    report = house.build()
    assert report.failed == {"uk/greeting": "greeting.mp3 holds no readable audio"}
    assert report.sounds["uk"]["apology"].source == "apology.ogg"


def test_machine_without_a_synthesiser_names_the_mend(house: House, programs: Path) -> None:
    house.record("uk/greeting.wav")
    report = house.build()
    assert report.made == ["uk/greeting"]
    assert "apt-get install espeak-ng" in report.failed["uk/apology"]


def test_damaged_list_of_built_sounds_is_built_anew(house: House) -> None:
    house.build()
    (house.sounds / "uk/built.json").write_text('{"greeting": {"finger')
    assert len(house.build().made) == len(house.catalogues["uk"].fixed())


def test_damaged_list_of_shipped_recordings_is_named(house: House) -> None:
    ship(house, "greeting", "Добрий день.", seconds=1)
    (house.recordings / "uk/rendered.json").write_text("{")
    with pytest.raises(SetupError, match=r"uk/rendered\.json is damaged"):
        house.build()


def test_two_builds_at_once_share_the_work(house: House) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: house.build(), range(2))
    pieces = len(house.catalogues["uk"].fixed())
    assert sorted([len(first.made), len(second.made)]) == [0, pieces]
    assert not list(house.sounds.rglob(".*.wav*"))


def test_texts_of_long_ago_are_dropped(house: House) -> None:
    house.build()
    old, young = house.sounds / "uk/t_000000000000.wav", house.sounds / "uk/t_111111111111.wav"
    for path in (old, young):
        path.write_bytes(b"")
    os.utime(old, (time.time() - 100 * 24 * 3600,) * 2)
    house.build()
    assert not old.exists()
    assert young.exists()


def test_summary_tells_what_was_done(house: House) -> None:
    out = io.StringIO()
    pieces = len(house.catalogues["uk"].fixed())
    run(house.catalogues, house.recordings, house.sounds, house.synthesiser, out)
    assert f"prompts: {pieces} built, 0 up to date\n" in out.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_on_a_terminal() -> None:
    terminal = Terminal()
    progress = Progress(terminal, "prompts, uk", 3)
    for _ in range(3):
        progress.step(1)
    assert terminal.getvalue().split("\r") == [
        "",
        "prompts, uk: 1 of 3",
        "prompts, uk: 2 of 3",
        "prompts, uk: 3 of 3\n",
    ]


def test_progress_is_sparse_in_a_log() -> None:
    log = io.StringIO()
    progress = Progress(log, "prompts, uk", 1000)
    for _ in range(1000):
        progress.step(1)
    assert len(log.getvalue().splitlines()) == 4


def ship(house: House, piece: str, text: str, seconds: float) -> None:
    path = house.record(f"uk/{piece}.flac", seconds=seconds)
    entry = Shipped(digest(text), "RHVoice natalia", digest(path.read_bytes()))
    write_shipped(house.recordings / "uk", {piece: entry})
