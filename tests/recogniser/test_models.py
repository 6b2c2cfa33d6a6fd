"""Models of vosk: what is none is named with the mend, what is one is probed and measured."""

from __future__ import annotations

import shutil
from array import array

import pytest
from telephone_speech import MODELS, digits, silence

from ivr import grammar
from ivr.errors import SetupError
from ivr.speech import models
from ivr.speech.models import doubled, load, measure, plain
from ivr.speech.recogniser import CHUNK, Question, Rules, asked


@pytest.fixture
def copied(tmp_path):
    """A copy of the Ukrainian model, to be broken."""
    return shutil.copytree(MODELS["uk"], tmp_path / "model")


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize(
    ("breaking", "told"),
    [
        (shutil.rmtree, "no such folder"),
        (lambda at: shutil.rmtree(at / "am"), "am/final.mdl is missing"),
        (lambda at: (at / "graph/Gr.fst").unlink(), "static graph"),
        (lambda at: (at / "graph/HCLr.fst").unlink(), "static graph"),
        (lambda at: cut(at / "am/final.mdl", 0), "is empty"),
        (lambda at: cut(at / "am/final.mdl", 9999), "vosk cannot load it"),
        (lambda at: cut(at / "graph/HCLr.fst", 999), "graph is broken"),
        (lambda at: (at / "graph/words.txt").write_bytes(b"\xff\xfe"), "vosk cannot load it"),
        (lambda at: (at / "conf/mfcc.conf").unlink(), "vosk cannot load it"),
        (lambda at: (at / "conf/model.conf").write_text("x"), "vosk cannot load it"),
    ],
)
def test_a_folder_that_is_no_model_is_one_line_with_the_setting(copied, breaking, told):
    breaking(copied)
    with pytest.raises(SetupError, match=told) as raised:
        load("uk", copied)
    assert str(raised.value).startswith(f"[speech] model.uk = {copied}: ")
    assert "\n" not in str(raised.value)


def test_the_folder_above_a_model_names_the_one_below(copied):
    with pytest.raises(SetupError, match=f"did you mean {copied}"):
        load("uk", copied.parent)


def test_a_model_of_another_language_is_refused():
    with pytest.raises(SetupError, match="number words of this language"):
        load("uk", MODELS["en"], grammar.number_words("uk"))


def test_a_model_that_wants_more_samples_gets_them(copied, vocabulary):
    """The official small model for English refuses 8 kHz (no `--allow-upsample`)."""
    settings = copied / "conf/mfcc.conf"
    text = settings.read_text().replace("=8000", "=16000").replace("--allow-upsample=true\n", "")
    settings.write_text(text)
    model = load("uk", copied, grammar.number_words("uk"))
    assert model.rate == 16000
    question = Question({"uk": model}, vocabulary, asked("lang=uk digits=3-3"), Rules())
    samples = digits("uk", "024") + silence(2.0)
    results = [
        question.hear(samples[at : at + CHUNK])
        for at in range(0, len(samples), CHUNK)
        if not question.over
    ]
    assert [each.kind for each in results if each] == ["answer"]


def test_twice_the_samples_keep_the_curve():
    assert list(doubled(array("h", [0, 160, 320, 480])))[2:5] == [160, 240, 320]
    assert list(doubled([32767, 32767, 32767])) == [32767] * 6
    assert list(doubled([5])) == [5, 5]
    assert list(doubled([])) == []


def test_apostrophes_are_one_and_unknown_words_are_told(models):
    uk = models["uk"]
    assert plain(" П’ять  ТИСЯЧ ") == "п'ять тисяч"
    assert uk.spelled("п'ять") == "п'ять"
    assert uk.spelled("їжак") is None
    assert uk.lacks(["п’ять", "білий їжак", "їжак"]) == ("білий", "їжак")


def test_a_phrase_with_an_unknown_word_is_left_out_whole(models):
    assert models["uk"].grammar(["головне меню", "білий їжак", "п`ять", ""]) == {
        "головне меню": "головне меню",
        "п'ять": "п'ять",
    }


def test_a_model_is_measured_in_a_process_of_its_own():
    found = measure("uk", MODELS["uk"], grammar.number_words("uk"), ["білий їжак"])
    assert 4e6 < found.size < 6e6
    assert found.memory > 1e6
    assert (found.rate, found.lacks) == (8000, (*("білий", "їжак"), *found.lacks[2:]))


def test_a_model_that_cannot_be_measured_says_why(copied):
    cut(copied / "am/final.mdl", 9999)
    with pytest.raises(SetupError, match="vosk cannot load it"):
        measure("uk", copied, (), ())


def test_one_thread_is_enough_for_the_library():
    import os

    assert models  # importing it sets them
    assert os.environ["OPENBLAS_NUM_THREADS"] == os.environ["OMP_NUM_THREADS"] == "1"
