from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from speech_house import header, install

from ivr.errors import SetupError
from ivr.speech.synthesis import Engine, Synthesiser, speak


def names(synthesiser: Synthesiser, language: str) -> list[str]:
    return [engine.name for engine in synthesiser.engines(language)]


@pytest.mark.parametrize("language", ["uk", "ru", "en", "vi", "tt"])
def test_espeak_speaks_every_language(tmp_path: Path, language: str) -> None:
    target = tmp_path / "spoken.wav"
    speak(Synthesiser(voices={}).engines(language), "1 2 3", target, 10)
    assert header(target)[:2] == (1, 2)


def test_best_voice_comes_first(programs: Path, rhvoice: Path, tmp_path: Path) -> None:
    install(programs, "espeak-ng", "")
    install(programs, "piper", "")
    model = tmp_path / "uk_UA-lada.onnx"
    model.touch()
    synthesiser = Synthesiser(piper={"uk": model, "ru": tmp_path / "missing.onnx"})
    assert names(synthesiser, "uk") == ["RHVoice natalia", "piper uk_UA-lada.onnx", "espeak-ng uk"]
    assert names(synthesiser, "ru") == ["espeak-ng ru"]  # its RHVoice voice is not installed
    assert names(synthesiser, "vi") == ["espeak-ng vi"]


def test_nothing_installed_names_the_mends(programs: Path) -> None:
    with pytest.raises(SetupError, match=r"'uk'.*espeak-ng.*make voices.*piper_uk"):
        Synthesiser().engines("uk")


def test_piper_is_run_by_its_documented_command_line(programs: Path, tmp_path: Path) -> None:
    model, target = tmp_path / "voice.onnx", tmp_path / "spoken.wav"
    model.touch()
    install(programs, "piper", f'echo "$@" > {tmp_path}/arguments; cat > "$4"')
    speak(Synthesiser(piper={"uk": model}).engines("uk"), "Добрий день", target, 10)
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments == ["--model", str(model), "--output_file", str(target)]
    assert target.read_text() == "Добрий день"


def test_engine_that_refuses_a_word_is_followed_by_the_next(tmp_path: Path) -> None:
    refusing = Engine("refusing", ("false",))
    silent = Engine("silent", ("true",))
    copying = Engine("copying", ("tee", "{output}"))
    speak((refusing, silent, copying), "Nghe An", tmp_path / "spoken.wav", 10)
    assert (tmp_path / "spoken.wav").read_text() == "Nghe An"


@pytest.mark.parametrize(
    ("engine", "reason"),
    [
        (
            Engine("broken", ("sh", "-c", "echo G2p failed >&2; exit 1")),
            "broken failed.*G2p failed",
        ),
        (Engine("silent", ("true",)), "it wrote no sound"),
        (Engine("gone", ("/no/such/program",)), "gone cannot be started"),
        (Engine("hanging", ("sleep", "60")), "hanging took over 0.2 s"),
    ],
)
def test_failure_names_engine_and_reason(tmp_path: Path, engine: Engine, reason: str) -> None:
    with pytest.raises(SetupError, match=reason):
        engine.speak("Добрий день", tmp_path / "spoken.wav", 0.2)


def test_dash_before_a_key_is_spoken_as_a_pause(tmp_path: Path) -> None:
    engine = Engine("copying", ("tee", "{output}"))
    engine.speak("Так — один, ні — два.", tmp_path / "spoken.wav")
    assert (tmp_path / "spoken.wav").read_text() == "Так: один, ні: два."


def test_settings_choose_another_voice(rhvoice: Path) -> None:
    synthesiser = dataclasses.replace(Synthesiser(), voices={"ru": "natalia"})
    assert names(synthesiser, "ru")[0] == "RHVoice natalia"
