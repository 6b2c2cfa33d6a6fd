"""The bench of speech measures what it says: the line, the noise, the verdicts, the tables."""

from __future__ import annotations

import math
import random
from array import array
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("vosk", reason="vosk has no package for this machine")

from bench import speech, speech_corpus, speech_line
from bench.speech_corpus import Clip
from ivr.grammar import number_words
from ivr.speech.g711 import DECODERS
from ivr.speech.models import load


def tone(hertz: float, seconds: float = 0.5) -> speech_line.Sound:
    turn = math.tau * hertz / speech_line.RATE
    return array("d", (0.1 * math.sin(turn * at) for at in range(int(seconds * speech_line.RATE))))


def decibels(sound: speech_line.Sound) -> float:
    return 20 * math.log10(speech_line.level(sound) / speech_line.level(tone(1000)))


@pytest.mark.parametrize(
    ("hertz", "least", "most"), [(1000, -1, 1), (150, -99, -20), (3800, -99, -20)]
)
def test_the_line_lets_300_to_3400_hertz_through(hertz: float, least: float, most: float) -> None:
    assert least < decibels(speech_line.band(tone(hertz))[2000:]) < most


def test_frames_are_a_law_that_the_product_decodes() -> None:
    sound = tone(440)
    frames = list(speech_line.frames(sound))
    assert {len(frame) for frame in frames} == {160}
    decoded = DECODERS["alaw"](b"".join(frames))
    assert all(
        abs(heard - 32768 * value) < 80 for heard, value in zip(decoded, sound, strict=False)
    )


def test_noise_lies_so_far_below_the_speech() -> None:
    silent = array("d", bytes(8 * speech_line.RATE))
    sound = silent[:2000] + tone(1000) + silent[:2000]
    noise = speech_line.pink(1, random.Random(1))
    begin, end = speech_line.spoken(sound)
    assert (begin, end) == (2000, 6000)
    mixed = speech_line.over(sound, noise, 15)
    left = array("d", (m - s for m, s in zip(mixed, sound, strict=True)))
    assert decibels(tone(1000)) - decibels(left) == pytest.approx(15, abs=0.1)


def test_every_noise_is_as_long_as_asked() -> None:
    noises = speech_corpus.noises(0.5)
    assert {len(noise) for noise in noises.values()} == {4000}
    assert len(noises) == 8


LABELS = "file\tlang\ttext\tdigits\tspeaker\n"


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Three recordings of a person, as a folder brings them."""
    folder: Path = tmp_path_factory.mktemp("recordings")
    said = {"number": ["n_2", "n_4", "n_2", "n_1", "n_0"], "yes": ["word_yes"], "other": ["n_7"]}
    for name, ids in said.items():
        sound = speech_corpus.joined("uk", ids, [80] * len(ids))
        write(folder / f"{name}.wav", sound)
    (folder / "labels.tsv").write_text(
        LABELS
        + "number.wav\tuk\tдва чотири два один нуль\t24210\tanna\n"
        + "yes.wav\tuk\tтак\t\tanna\n"
        + "other.wav\tuk\tдобрий день\t\tanna\n",
        encoding="utf-8",
    )
    return speech_corpus.human(folder, ["uk"])


def write(path: Path, sound: speech_line.Sound) -> None:
    import wave

    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, speech_line.RATE, 0, "NONE", ""))
        file.writeframes(array("h", (round(32000 * value) for value in sound)).tobytes())


def test_labels_tell_which_question_a_recording_answers(clips: list[Clip]) -> None:
    assert [(clip.kind, clip.means) for clip in clips] == [
        ("reading", "24210"), ("yes or no", "yes"), ("", ""),
    ]  # fmt: skip


def test_clips_are_heard_by_the_products_recogniser(clips: list[Clip]) -> None:
    models = {"uk": load("uk", speech.TINY["uk"], number_words("uk"))}
    jobs = [job for job in speech.jobs(clips, ["uk"], "people") if not job.noisy]
    found = [(job, speech.outcome(models, job, None)) for job in jobs]
    assert [speech.verdict(job.clip, done) for job, done in found] == ["right", "right"]
    heard = speech.Set(models, {"uk": "tiny-uk"}, found)
    table = list(speech.by_kind([heard], speech.judged("right")))
    assert table[-1] == "| people | uk | tiny-uk | 100 / - (1) | - | - | - | 100 / - (1) |"
    assert all(done.late > 0 for _, done in found)


def test_a_verdict_counts_what_the_engine_would_take() -> None:
    clip = Clip("", "menu", "uk", "", "reading", "", array("d"))
    heard = speech.Outcome("answer", "показання", 0.9, "uk", "reading")
    assert (heard.band, speech.verdict(clip, heard)) == ("sure", "right")
    assert speech.verdict(clip, replace(heard, meaning="outage")) == "wrong"
    unsure = replace(heard, confidence=0.5)
    assert (unsure.band, speech.verdict(clip, unsure)) == ("unsure", "right")
    for unheard in (
        replace(heard, confidence=0.4), replace(heard, meaning=""), replace(heard, close=True),
    ):  # fmt: skip
        assert speech.verdict(clip, unheard) == "unheard"


def test_models_are_named_by_language() -> None:
    given = speech.folders("uk=/a ru=/b uk=/c")
    assert given == {"uk": [Path("/a"), Path("/c")], "ru": [Path("/b")]}
    with pytest.raises(SystemExit, match="write LANGUAGE=FOLDER"):
        speech.folders("uk")
