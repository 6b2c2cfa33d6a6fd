"""What is voiced on a line, and the codecs it comes in."""

import warnings
from array import array

import pytest
from telephone_speech import NOISES, RATE, louder, made, recording, silence

from ivr.speech.g711 import DECODERS
from ivr.speech.levels import Levels, level

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import audioop


def heard(*sounds):
    levels = Levels()
    for sound in sounds:
        for start in range(0, len(sound), 333):
            levels.hear(sound[start : start + 333])
    return levels


@pytest.mark.parametrize(("codec", "reference"), [("alaw", "alaw2lin"), ("ulaw", "ulaw2lin")])
def test_every_code_is_decoded_as_the_standard_says(codec, reference):
    codes = bytes(range(256))
    assert DECODERS[codec](codes).tobytes() == getattr(audioop, reference)(codes, 2)


def test_linear_samples_pass_and_half_a_sample_is_left_out():
    assert list(DECODERS["slin"](b"\x01\x00\xff\xff\x07")) == [1, -1]


def test_loudness_is_in_decibels_of_full_scale():
    assert level(array("h", bytes(320))) == -100.0
    assert level(array("h", [32767] * 160)) == pytest.approx(0.0, abs=0.01)
    assert level(array("h", [3277] * 160)) == pytest.approx(-20.0, abs=0.01)


def test_a_word_is_voiced_and_the_silence_around_it_is_not():
    word = recording("uk/n_2")
    levels = heard(silence(1.0), word, silence(1.0))
    assert 1.0 <= levels.began <= 1.2
    assert 1.2 <= levels.voiced <= 1.0 + len(word) / RATE
    voice = levels.since(0.0)
    assert 0.1 < voice.seconds <= len(word) / RATE
    assert voice.loud > -35
    assert voice.steady < 0.5


def test_a_pause_is_found_between_two_words():
    word = recording("uk/n_2")
    levels = heard(silence(0.5), word, silence(0.9), word)
    first, second = 0.5 + len(word) / RATE, 0.5 + 2 * len(word) / RATE + 0.9
    assert levels.pause(first - 0.3, second, 0.7)
    assert not levels.pause(first - 0.3, second, 2.0)
    assert not levels.pause(second, second + 1, 0.7)


@pytest.mark.parametrize("noise", ["silence", "hiss", "music"])
def test_what_never_grows_quiet_is_the_noise_of_the_line(noise):
    assert heard(made(6.0, NOISES[noise])).since(0.0).seconds < 0.2


@pytest.mark.parametrize("noise", ["keys", "busy"])
def test_tones_are_steady(noise):
    assert heard(made(6.0, NOISES[noise])).since(0.0).steady > 0.5


def test_a_voice_above_the_noise_is_found():
    word = louder(recording("uk/n_2"), 0)
    noise = made(2.0, lambda time, chance: chance.gauss(0, 250))
    levels = heard(noise, word)
    assert 2.0 <= levels.began <= 2.3


def test_what_is_remembered_of_a_long_call_is_bounded():
    levels = heard(*[recording("uk/n_2") + silence(0.5)] * 200)
    assert levels.since(0.0).seconds <= 60
