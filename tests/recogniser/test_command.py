"""`app.py speech` at the terminal."""

from __future__ import annotations

import wave

import pytest
from telephone_speech import MODELS, digits

import app


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Write `telephony.conf`."""

    def write(text):
        file = tmp_path / "telephony.conf"
        file.write_text(f"[press2]\nvar = {tmp_path / 'var'}\n[speech]\n{text}\n")
        monkeypatch.setenv("PRESS2_CONF", str(file))

    return write


def models(*languages):
    return "\n".join(f"model.{language} = {MODELS[language]}" for language in languages)


def test_models_tells_what_each_is_and_takes(settings, capsys):
    settings(models("uk", "ru") + "\nprocesses = 2\nrecognisers = 30")
    assert app.main(["speech", "models"]) == 0
    shown = capsys.readouterr().out
    assert f"uk  {MODELS['uk']}" in shown
    assert "4.8 MB on disk, loaded in " in shown
    assert "8 kHz, grammar: yes" in shown
    assert "words it does not know: " in shown
    assert "limit: 30 calls a process, processes: 2" in shown


def test_models_tells_how_to_switch_speech_on_where_there_is_none(settings, capsys):
    settings("")
    assert app.main(["speech", "models"]) == 0
    shown = capsys.readouterr().out
    assert "app.py speech fetch uk" in shown
    assert "model.uk = FOLDER" in shown


def test_a_folder_that_is_no_model_ends_the_command_with_one_line(settings, capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    settings(f"model.uk = {tmp_path / 'empty'}")
    for command in ("models", "serve"):
        assert app.main(["speech", command]) == 2
        told = capsys.readouterr().err
        assert "[speech] model.uk" in told
        assert "am/final.mdl" in told


def test_a_process_without_models_does_not_start(settings, capsys):
    settings("")
    assert app.main(["speech"]) == 2
    assert "[speech] model.uk is empty" in capsys.readouterr().err


def test_a_port_that_is_taken_ends_the_process_with_one_line(settings, capsys):
    import socket

    settings(models("uk"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert app.main(["speech", "serve", "--port", str(port)]) == 2
    assert f"[speech] port {port}" in capsys.readouterr().err


def test_listen_hears_a_file_as_a_call_would(settings, capsys, tmp_path):
    settings(models("uk"))
    file = tmp_path / "reading.wav"
    with wave.open(str(file), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(8000)
        target.writeframes(digits("uk", "02421").tobytes())
    assert app.main(["speech", "listen", str(file), "--grammar", "lang=uk digits=5-5"]) == 0
    assert "answer.uk" in (shown := capsys.readouterr().out)
    assert "нуль два чотири два один" in shown


def test_listen_says_what_is_wrong_with_a_file_or_a_grammar(settings, capsys, tmp_path):
    settings(models("uk"))
    (tmp_path / "no.wav").write_text("no sound")
    listen = ["speech", "listen", str(tmp_path / "no.wav"), "--grammar"]
    assert app.main([*listen, "lang=uk"]) == 2
    assert "cannot be read as a sound file" in capsys.readouterr().err


def test_fetch_without_a_network_says_so_in_one_line(settings, capsys, tmp_path, monkeypatch):
    settings("")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert app.main(["speech", "fetch", "uk", "--to", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "model-list.json does not answer" in told
    assert told.count("\n") == 1
