"""`app.py doctor`: a line for each thing a start needs, and the mend of what is wrong."""

import json
import os
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ivr.doctor import examine
from ivr.speech import doctor as speech_doctor
from ivr.supervise import alone

HOME = Path(__file__).parent.parent


@pytest.fixture
def doctor(tmp_path):
    """Write a telephony.conf and return the findings by subject."""

    def doctor(text="", **environ):
        path = tmp_path / "telephony.conf"
        path.write_text(PORTS if "[asterisk]" not in text else "")
        with path.open("a") as file:
            file.write(text)
        found = {}
        for finding in examine(path, environ, HOME):
            found.setdefault(finding.subject, []).append(finding)
        return found

    return doctor


PORTS = """
[asterisk]
sip_port = 22060
websocket_port = 22088
[agi]
port = 22573
"""


def test_a_fresh_set_up_has_no_problem(doctor):
    found = doctor("[web]\nport = 22080\n")
    problems = [
        str(finding)
        for findings in found.values()
        for finding in findings
        if finding.level == "problem"
    ]
    assert problems == []
    assert "first start makes it" in found["store"][0].text
    assert found["sounds"][0].level == "warning"
    assert "app.py prompts build" in found["sounds"][0].mend
    assert found["operators"][0].mend == ("write their SIP addresses into [asterisk] ring_group")


def test_settings_that_cannot_be_read_are_the_only_finding(doctor):
    found = doctor("[web]\nprot = 1\n")
    assert list(found) == ["python", "settings"]
    assert found["settings"][0].level == "problem"
    assert 'did you mean "port"?' in found["settings"][0].text


def test_a_taken_port_is_a_problem(doctor):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        found = doctor(f"[web]\nport = {holder.getsockname()[1]}\n")
    assert found["ports"][0].level == "problem"
    assert "[web] port" in found["ports"][0].text
    assert f"process {os.getpid()}" in found["ports"][0].text


def test_a_running_press2_whose_parts_are_silent(doctor, tmp_path):
    with alone(tmp_path / "var" / "press2.lock"):
        found = doctor("[web]\nport = 22080\n")
    assert found["running"][0].level == "problem"
    assert "Asterisk, the start page, the worker on port 22573" in found["running"][0].text


def test_an_unknown_company_is_a_problem(doctor):
    found = doctor("[press2]\ncompany = atlantis\n[web]\nport = 22080\n")
    assert "company = atlantis: no such profile" in found["companies"][0].text
    assert "odesa" in found["companies"][0].mend


def test_servers_that_do_not_answer_are_problems(doctor, tmp_path):
    found = doctor(
        "[web]\nport = 22080\n[redis]\nurl = unix:///nowhere/redis.sock\n"
        "[store]\nurl = postgresql://me@127.0.0.1:1/none\n"
    )
    assert found["redis"][0].level == "problem"
    assert found["store"][0].level == "problem"
    assert "[store] url" in found["store"][0].text


def test_callers_from_outside_need_more_settings(doctor):
    found = doctor("[asterisk]\nbind = 0.0.0.0\n[web]\nhost = 0.0.0.0\nport = 22080\n")
    assert found["reach"][0].mend == "add their network to [asterisk] softphones"
    assert "TLS" in found["microphone"][0].mend


def test_missing_programs_are_named(doctor, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    found = doctor("[web]\nport = 22080\n")
    for program in ("ffmpeg", "espeak-ng", "redis-server"):
        assert found[program][0].level == "problem"
        assert found[program][0].mend == "run `make setup`"


# ---------------------------------------------------------------------- answers by speech

WEB = "[web]\nport = 22080\n"
TINY = HOME / "tests" / "models"


def speech(found):
    return [(each.level, each.text) for each in found["speech"]]


def test_a_machine_without_models_is_told_how_to_switch_speech_on(doctor):
    (finding,) = doctor(WEB)["speech"]
    assert finding.level == "ok"
    assert finding.text == "no model is configured, callers answer by keys"
    assert "app.py speech fetch uk" in finding.mend
    assert "docs/speech.md" in finding.mend


def test_models_are_loaded_and_what_they_lack_is_told(doctor):
    found = doctor(f"{WEB}[speech]\nmodel.uk = {TINY / 'tiny-uk'}\n")
    (uk, *silent) = found["speech"]
    assert uk.level == "warning"
    assert uk.text.startswith("uk: loaded in ")
    assert "never heard" in uk.text
    assert uk.mend == "see `app.py check`"
    assert [(each.level, each.text) for each in silent] == [
        ("ok", "kazan: no model for ru, tt, whose callers answer by keys"),
        ("ok", "nghean: no model for vi, en, whose callers answer by keys"),
        ("ok", "odesa: no model for ru, en, whose callers answer by keys"),
    ]


def test_a_model_of_another_language_or_none_at_all_is_a_problem(doctor, tmp_path):
    (tmp_path / "empty").mkdir()
    found = doctor(
        f"{WEB}[speech]\nmodel.uk = {tmp_path / 'empty'}\nmodel.en = {TINY / 'tiny-ru'}\n"
    )
    uk, en = (each for each in found["speech"] if each.level == "problem")
    assert "no vosk model" in uk.text
    assert "number words of this language" in en.text


def test_more_processes_than_the_memory_holds_are_a_warning():
    ((level, _, text, mend),) = speech_doctor.models({}, {}, processes=10**6, limit=1000)
    assert level == "warning"
    assert text.startswith("1000000 processes want 1400000000 MB of ")
    assert mend == "lower [speech] processes or recognisers"


@pytest.fixture
def recogniser():
    """Something that tells its load; what it tells can be changed."""
    told = {"busy": 1, "limit": 2, "instance": "a", "languages": ["uk"], "ready": True}

    class Load(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Not into the output of the tests."""

    with HTTPServer(("127.0.0.1", 0), Load) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1], told
        server.shutdown()
        thread.join()


def test_recognisers_elsewhere_are_asked_how_busy_they_are(doctor, recogniser):
    port, told = recogniser
    text = f"{WEB}[speech]\nmodel.uk = {TINY / 'tiny-uk'}\nservers = 127.0.0.1:{port} 127.0.0.1:1\n"
    assert speech(doctor(text))[:2] == [
        ("ok", f"127.0.0.1:{port} listens to 1 calls of 2, uk"),
        ("problem", "127.0.0.1:1 does not answer"),
    ]
    told["busy"] = 2
    assert speech(doctor(text))[0] == (
        "warning", f"127.0.0.1:{port} listens to 2 calls of 2, uk"
    )  # fmt: skip
    told["ready"] = False
    assert "still loading" in speech(doctor(text))[0][1]


def test_modules_that_asterisk_lacks_are_named(tmp_path):
    for name in speech_doctor.MODULES[:2]:
        (tmp_path / name).touch()
    ((level, _, text, _),) = speech_doctor.modules(tmp_path)
    assert level == "problem"
    assert "res_speech_aeap.so, app_speech_utils.so" in text


@pytest.mark.parametrize(("text", "code"), [("", 0), ("[web]\nport = x\n", 1)])
def test_the_exit_code_tells_whether_there_are_problems(tmp_path, text, code):
    path = tmp_path / "telephony.conf"
    path.write_text(PORTS + (text or "[web]\nport = 22080\n"))
    run = [sys.executable, HOME / "app.py", "doctor"]
    environ = os.environ | {"PRESS2_CONF": str(path)}
    done = subprocess.run(run, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert f"problems: {code}, warnings: " in done.stdout


def test_a_mistake_in_the_settings_ends_a_start_with_one_line_and_2(tmp_path):
    path = tmp_path / "telephony.conf"
    path.write_text("[web]\nport = x\n")
    environ = os.environ | {"PRESS2_CONF": str(path)}
    run = [sys.executable, HOME / "app.py", "run"]
    done = subprocess.run(run, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "press2: telephony.conf: [web] port = x: not a whole number from 1 to 65535\n"
    )
