from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from speech_house import House, catalogue, install

from ivr.errors import SetupError


@pytest.fixture
def maintainer(house: House, rhvoice: Path) -> House:
    return dataclasses.replace(
        house, synthesiser=dataclasses.replace(house.synthesiser, voices={"uk": "natalia"})
    )


def test_every_piece_is_rendered_once(maintainer: House) -> None:
    pieces = maintainer.catalogues["uk"].fixed()
    assert maintainer.render() == [f"uk/{piece}" for piece in pieces]
    assert maintainer.render() == []
    assert maintainer.check() == []
    assert {row["recorded"] for row in maintainer.sheet()} == {"shipped"}


def test_changed_text_is_rendered_alone(maintainer: House) -> None:
    maintainer.render()
    maintainer.catalogues = {"uk": catalogue(greeting="Доброго вечора.")}
    assert [finding.piece for finding in maintainer.check()] == ["greeting"]
    assert maintainer.render() == ["uk/greeting"]
    assert maintainer.check() == []


def test_own_recordings_are_never_touched(maintainer: House) -> None:
    beside = maintainer.record("uk/greeting.wav", seconds=2)
    instead = maintainer.record("uk/apology.opus", seconds=2)
    before = beside.read_bytes(), instead.read_bytes()
    assert "uk/greeting" not in maintainer.render()
    maintainer.catalogues = {"uk": catalogue(greeting="Доброго вечора.", apology="Вибачте.")}
    assert maintainer.render() == []
    assert (beside.read_bytes(), instead.read_bytes()) == before


def test_recording_of_a_piece_that_is_gone_is_removed(maintainer: House) -> None:
    maintainer.render()
    old = maintainer.recordings / "uk/reading-2.opus"
    assert old.exists()
    maintainer.catalogues = {"uk": catalogue(reading="Ви ввели {value:digits}")}
    maintainer.render()
    assert not old.exists()
    assert "reading-2" not in (maintainer.recordings / "uk/rendered.json").read_text()


def test_text_that_the_voice_refuses_is_left_out(maintainer: House, rhvoice: Path) -> None:
    install(rhvoice.parent, "RHVoice-test", "echo G2p failed >&2; exit 1")
    assert maintainer.render() == []


def test_other_voices_are_not_shipped(house: House) -> None:
    house.synthesiser = dataclasses.replace(house.synthesiser, voices={"uk": "no_such_voice"})
    with pytest.raises(SetupError, match="make voices"):
        house.render()


def test_language_without_a_free_voice_is_left_to_synthesis(house: House) -> None:
    assert house.render() == []
