from __future__ import annotations

import io

import pytest
from speech_house import House, catalogue, export, recorded

from ivr.speech import check


def problems(house: House, piece: str) -> list[str]:
    return [finding.problem for finding in house.check() if finding.piece == piece]


def record_all(house: House) -> None:
    for piece in house.catalogues["uk"].fixed():
        house.record(f"uk/{piece}.wav", seconds=0.3, silence=0.1, rate=8000)


def test_complete_set_has_nothing_to_mend(house: House) -> None:
    record_all(house)
    assert house.check() == []


def test_language_without_recordings_is_left_to_its_synthesiser(house: House) -> None:
    assert house.check() == []


@pytest.mark.parametrize(
    ("sine", "problem"),
    [
        ({"seconds": 21.0}, "too long: 21.1 s"),
        ({"level": -46.0}, "too quiet: -4"),
        ({"level": 3.0}, "clipped"),
    ],
)
def test_bad_recording_is_found(house: House, sine: dict[str, float], problem: str) -> None:
    record_all(house)
    house.record("uk/greeting.wav", **sine)
    assert any(found.startswith(problem) for found in problems(house, "greeting"))


def test_recording_held_down_by_a_click_is_found(house: House) -> None:
    record_all(house)
    quiet, click = recorded(1.0, -38, rate=16000), recorded(0.005, -4, 0, rate=16000)
    export(quiet + click + quiet, house.recordings / "uk/greeting.wav")
    assert problems(house, "greeting")[0].startswith("too quiet: -3")


def test_silent_recording_is_found(house: House) -> None:
    record_all(house)
    house.record("uk/greeting.wav", level=-120)
    assert problems(house, "greeting") == ["too quiet: -99 dBFS"]


def test_missing_recording_is_found(house: House) -> None:
    record_all(house)
    (house.recordings / "uk/greeting.wav").unlink()
    assert problems(house, "greeting") == [
        "missing: no recording of its text, espeak-ng uk speaks it"
    ]


def test_unreadable_recording_is_found(house: House) -> None:
    record_all(house)
    (house.recordings / "uk/greeting.wav").write_bytes(b"RIFF")
    assert problems(house, "greeting") == ["missing: greeting.wav holds no readable audio"]


def test_recording_older_than_its_text_is_found(house: House) -> None:
    record_all(house)
    house.build()
    house.catalogues = {"uk": catalogue(greeting="Доброго вечора.")}
    assert problems(house, "greeting") == ["stale: the text changed after greeting.wav"]
    house.record("uk/greeting.wav", seconds=0.6)
    assert problems(house, "greeting") == []


def test_files_that_nothing_plays_are_found(house: House) -> None:
    record_all(house)
    house.record("uk/greting.mp3")
    house.record("uk/greeting.mp3")
    assert [finding[1:] for finding in house.check()] == [
        ("greeting", "greeting.mp3 is not played: greeting.wav is", "keep one of them"),
        ("greting", "greting.mp3 belongs to no prompt", "did you mean greeting?"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Добрий дeнь.", "'дeнь' has Latin e among Cyrillic letters"),
        ("День i ніч.", "'i' has a Latin i that looks Cyrillic"),
        ("Код PIN і SMS-повідомлення.", None),
    ],
)
def test_latin_letters_in_cyrillic_words_are_found(
    house: House, text: str, problem: str | None
) -> None:
    house.catalogues = {"uk": catalogue(greeting=text)}
    assert problems(house, "greeting") == ([problem] if problem else [])


def test_latin_letters_are_found_in_phrases_that_are_never_spoken(house: House) -> None:
    house.catalogues["uk"].words = {"yes": ("так", "добрe")}
    assert problems(house, "words: yes") == ["'добрe' has Latin e among Cyrillic letters"]


def test_cyrillic_letters_in_english_are_found(house: House) -> None:
    house.catalogues = {"en": catalogue("en", greeting="Goоd morning.")}
    assert problems(house, "greeting") == ["'Goоd' has Cyrillic о"]


def test_table_names_language_piece_problem_and_mend(house: House) -> None:
    record_all(house)
    house.record("uk/greting.mp3")
    out = io.StringIO()
    check.run(house.catalogues, house.recordings, house.sounds, house.synthesiser, out)
    assert out.getvalue().splitlines()[-2:] == [
        "language  piece    problem                           mend",
        "uk        greting  greting.mp3 belongs to no prompt  did you mean greeting?",
    ]


def test_origin_of_the_voice_is_told(house: House) -> None:
    house.record("uk/greeting.wav")
    out = io.StringIO()
    check.run(house.catalogues, house.recordings, house.sounds, house.synthesiser, out)
    spoken = len(house.catalogues["uk"].fixed()) - 1
    expected = f"prompts, uk: 1 own recordings, 0 shipped, {spoken} spoken by espeak-ng uk\n"
    assert expected in out.getvalue()
