from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from speech_house import House, catalogue, install

from ivr.model import Say

STREET = Say("street", {"name": "Дерибасівська"})


def test_prompt_is_its_pieces_in_order(house: House) -> None:
    house.build()
    names = house.voice().files(Say("reading", {"value": "024"}), "uk")
    assert [name for name in names if "silence" not in name] == [
        "uk/reading-1",
        "uk/n_0",
        "uk/n_2",
        "uk/n_4",
        "uk/reading-2",
    ]
    assert house.stand(names)


def test_language_of_the_say_comes_first(house: House) -> None:
    house.catalogues = {"uk": catalogue(), "en": catalogue("en")}
    house.build()
    assert house.voice().files(Say("greeting", language="en"), "uk") == ["en/greeting"]


def test_prompt_that_says_nothing_has_no_sounds(house: House) -> None:
    assert house.voice().files(Say("nothing", {"name": ""}), "uk") == []


def test_slow_caller_hears_pauses_between_pieces(house: House) -> None:
    house.build()
    voice, say = house.voice(), Say("street", {"name": "Дерибасівська"})
    plain, slow = voice.files(say, "uk"), voice.files(say, "uk", slow=True)
    assert slow[::2] == plain
    assert set(slow[1::2]) == {"uk/silence_300ms"}
    assert house.stand(slow)


def test_nothing_built_still_speaks(house: House) -> None:
    names = house.voice().files(Say("reading", {"value": "1"}), "uk", slow=True)
    assert house.stand(names)
    assert "uk/n_1" in names


def test_sound_deleted_in_mid_run_is_made_again(house: House) -> None:
    house.record("uk/greeting.mp3", seconds=2)
    house.build()
    voice = house.voice()
    voice.files(Say("greeting"), "uk")
    (house.sounds / "uk/greeting.wav").unlink()
    assert house.stand(voice.files(Say("greeting"), "uk"))
    assert house.sound("uk/greeting").duration_seconds == pytest.approx(2.08, abs=0.06)


def test_free_text_is_synthesised_once(house: House) -> None:
    house.build()
    voice = house.voice()
    names = voice.files(STREET, "uk")
    assert house.stand(names)
    spoken = house.sounds / f"{names[1]}.wav"
    made = spoken.stat().st_mtime_ns
    assert voice.files(STREET, "uk") == house.voice().files(STREET, "uk") == names
    assert spoken.stat().st_mtime_ns == made
    assert voice.files(Say("street", {"name": "Канатна"}), "uk")[1] != names[1]


def test_better_voice_does_not_reuse_the_old_sound(house: House, rhvoice: Path) -> None:
    house.build()
    with_rhvoice = House(house.folder)
    with_rhvoice.synthesiser = dataclasses.replace(house.synthesiser, voices={"uk": "natalia"})
    install(rhvoice.parent, "espeak-ng", 'exec real-espeak "$@"')
    assert house.voice().files(STREET, "uk")[1] != with_rhvoice.voice().files(STREET, "uk")[1]


def test_hanging_synthesiser_is_given_up_and_left_alone(house: House, programs: Path) -> None:
    calls = programs / "calls"
    house.record("uk/street-1.wav")
    house.record("uk/street-2.wav")
    install(programs, "espeak-ng", f"echo call >> {calls}; exec sleep 60")
    house.synthesiser = dataclasses.replace(house.synthesiser, limit=0.5)
    voice = house.voice()
    for _ in range(3):
        assert voice.files(STREET, "uk") == ["uk/street-1", "uk/street-2"]
    assert calls.read_text().count("call") == 1


def test_time_is_bounded_for_all_pieces_together(house: House, programs: Path) -> None:
    calls = programs / "calls"
    house.record("uk/reading-2.wav")
    install(programs, "espeak-ng", f"echo call >> {calls}; exec sleep 60")
    house.synthesiser = dataclasses.replace(house.synthesiser, limit=0.5)
    names = house.voice().files(Say("reading", {"value": "12345"}), "uk")
    assert house.stand(names)
    assert calls.read_text().count("call") == 1


def test_callers_share_one_synthesis(house: House, programs: Path, rhvoice: Path) -> None:
    calls = programs / "calls"
    script = f'echo call >> {calls}; sleep 0.2; exec {programs}/real-espeak "$@"'
    install(programs, "espeak-ng", script)
    voice = house.voice()
    with ThreadPoolExecutor(8) as pool:
        say = Say("name", {"name": "Дерибасівська"})
        heard = list(pool.map(lambda _: voice.files(say, "uk"), range(8)))
    assert heard == [heard[0]] * 8
    assert house.stand(heard[0])
    assert calls.read_text().count("call") == 1


def test_digit_that_cannot_be_made_is_taken_from_another_language(
    house: House, programs: Path
) -> None:
    house.catalogues = {"uk": catalogue(), "en": catalogue("en")}
    for name in ("uk/reading-1", "uk/reading-2", "uk/n_1", "en/n_1", "en/n_2"):
        house.record(f"{name}.wav")
    house.build()
    names = house.voice().files(Say("reading", {"value": "12"}), "uk")
    assert [name for name in names if "silence" not in name] == [
        "uk/reading-1",
        "uk/n_1",
        "en/n_2",
        "uk/reading-2",
    ]


@pytest.mark.parametrize(
    "say",
    [
        Say("name", {"name": "Дерибасівська"}),
        Say("greeting"),
        Say("no_such_prompt"),
        Say("reading", {"value": "many"}),
        Say("reading"),
        Say("greeting", language="xx"),
    ],
)
def test_excuse_is_heard_where_nothing_can_be_said(house: House, programs: Path, say: Say) -> None:
    house.record("uk/apology.wav")
    house.build()
    assert house.voice().files(say, "uk") == ["uk/apology"]


def test_tone_is_heard_where_not_even_an_excuse_stands(house: House, programs: Path) -> None:
    names = house.voice().files(Say("greeting"), "uk")
    assert names == ["uk/tone"]
    assert house.stand(names)


def test_full_disk_does_not_raise(house: House) -> None:
    house.sounds.write_text("a file where the folder should be")
    assert house.voice().files(Say("greeting"), "uk") == ["uk/tone"]


def test_damaged_list_of_shipped_recordings_does_not_raise(house: House) -> None:
    house.record("uk/greeting.wav")
    (house.recordings / "uk/rendered.json").write_text("{")
    names = house.voice().files(Say("greeting"), "uk")
    assert names == ["uk/greeting"]
    assert house.stand(names)


def test_log_keeps_the_callers_values_to_itself(
    house: House, programs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    voice = house.voice()
    voice.files(Say("reading", {"value": "100200301x"}), "uk")
    voice.files(STREET, "uk")
    assert "uk" in caplog.text
    assert "100200301" not in caplog.text
    assert "Дерибасівська" not in caplog.text
