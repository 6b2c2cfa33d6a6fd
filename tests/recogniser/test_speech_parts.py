"""What `app.py run` starts for speech."""

import os

import pytest
from telephone_speech import HOME, MODELS

from ivr import config, parts
from ivr.speech import aeap
from ivr.speech.pool import Server
from ivr.speech_parts import limit


@pytest.fixture
def settings(tmp_path):
    def load(text):
        file = tmp_path / "telephony.conf"
        file.write_text(f"[speech]\n{text}\n")
        return config.load(file, {})

    return load


ONE = f"model.uk = {MODELS['uk']}\n"


def test_without_models_there_is_no_process(settings):
    assert parts.speech_parts(settings(""), HOME) == []
    assert parts.recognisers(settings("")) == []


def test_each_process_has_a_port_of_its_own(settings):
    given = settings(ONE + "port = 9200\nprocesses = 2")
    started = parts.speech_parts(given, HOME)
    assert [part.name for part in started] == ["speech0", "speech1"]
    assert [part.command[-4:] for part in started] == [
        ["speech", "serve", "--port", "9200"],
        ["speech", "serve", "--port", "9201"],
    ]
    assert parts.recognisers(given) == [
        Server("press2-0", "127.0.0.1", 9200),
        Server("press2-1", "127.0.0.1", 9201),
    ]


def test_processes_elsewhere_are_not_started_here(settings):
    given = settings(ONE + "servers = 10.0.0.5:9099 10.0.0.6:9100")
    assert parts.speech_parts(given, HOME) == []
    assert parts.recognisers(given) == [
        Server("press2-0", "10.0.0.5", 9099),
        Server("press2-1", "10.0.0.6", 9100),
    ]


def test_a_process_that_is_not_there_is_not_ready(settings):
    given = settings(ONE + "port = 1")
    assert not parts.speech_parts(given, HOME)[0].ready()


def test_calls_at_once_come_from_the_cores(settings):
    cores = os.cpu_count() or 1
    assert limit(settings(ONE)) == cores * aeap.A_CORE
    assert limit(settings(ONE + "processes = 2")) == cores * aeap.A_CORE // 2
    assert limit(settings(ONE + "recognisers = 7")) == 7
