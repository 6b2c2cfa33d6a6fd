from __future__ import annotations

from speech_house import DIGITS, TEXTS, House

from ivr.prompts import Catalogue


def test_sheet_lists_every_piece_with_its_place(house: House) -> None:
    rows = {row["id"]: row for row in house.sheet()}
    assert list(rows) == list(house.catalogues["uk"].fixed())
    assert rows["street-1"]["note"] == (
        "flow outage, step tell; part 1 of: Вулиця {name:text} без світла."
    )
    assert rows["greeting"]["text"] == "Добрий день."
    assert rows["n_1"]["note"].startswith("part of numbers")


def test_recordings_by_the_sheet_leave_nothing_missing(house: House) -> None:
    for row in house.sheet():
        assert row["recorded"] == "no"
        house.record(row["file"].removeprefix("prompts/"), seconds=0.5)
    assert {row["recorded"] for row in house.sheet()} == {"yes"}
    assert house.check() == []


def test_a_word_of_callers_is_noted_with_the_sentence_that_says_it_back(house: House) -> None:
    texts = TEXTS["uk"] | {"sure": "Ви сказали: {heard:word}?"}
    digits = {f"n_{digit}": word for digit, word in enumerate(DIGITS["uk"].split())}
    words = {"reading": ("показання", "передати показання"), "yes": ("так",)}
    house.catalogues = {"uk": Catalogue("uk", texts, digits, words)}
    rows = {row["id"]: row for row in house.sheet()}
    assert rows["word_reading"]["text"] == "показання"
    assert rows["word_reading"]["note"] == "said back in: Ви сказали: {heard:word}?"
    assert {row["recorded"] for row in house.sheet() if row["id"].startswith("word_")} == {"no"}
    house.record("uk/word_yes.wav", seconds=0.5)
    assert {row["id"] for row in house.sheet() if row["recorded"] == "yes"} == {"word_yes"}
