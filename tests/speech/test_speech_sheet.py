from __future__ import annotations

from speech_house import House


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
