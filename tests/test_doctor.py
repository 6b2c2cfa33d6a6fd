"""`app.py doctor`: a line for each thing a start needs, and the mend of what is wrong."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ivr.doctor import examine
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
sip_port = 34060
websocket_port = 34088
[agi]
port = 34573
"""


def test_a_fresh_set_up_has_no_problem(doctor):
    found = doctor("[web]\nport = 34080\n")
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
        found = doctor("[web]\nport = 34080\n")
    assert found["running"][0].level == "problem"
    assert "Asterisk, the start page, the worker on port 34573" in found["running"][0].text


def test_an_unknown_company_is_a_problem(doctor):
    found = doctor("[press2]\ncompany = atlantis\n[web]\nport = 34080\n")
    assert "company = atlantis: no such profile" in found["companies"][0].text
    assert "odesa" in found["companies"][0].mend


def test_servers_that_do_not_answer_are_problems(doctor, tmp_path):
    found = doctor(
        "[web]\nport = 34080\n[redis]\nurl = unix:///nowhere/redis.sock\n"
        "[store]\nurl = postgresql://me@127.0.0.1:1/none\n"
    )
    assert found["redis"][0].level == "problem"
    assert found["store"][0].level == "problem"
    assert "[store] url" in found["store"][0].text


def test_callers_from_outside_need_more_settings(doctor):
    found = doctor("[asterisk]\nbind = 0.0.0.0\n[web]\nhost = 0.0.0.0\nport = 34080\n")
    assert found["reach"][0].mend == "add their network to [asterisk] softphones"
    assert "TLS" in found["microphone"][0].mend


def test_missing_programs_are_named(doctor, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    found = doctor("[web]\nport = 34080\n")
    for program in ("ffmpeg", "espeak-ng", "redis-server"):
        assert found[program][0].level == "problem"
        assert found[program][0].mend == "run `make setup`"


@pytest.mark.parametrize(("text", "code"), [("", 0), ("[web]\nport = x\n", 1)])
def test_the_exit_code_tells_whether_there_are_problems(tmp_path, text, code):
    path = tmp_path / "telephony.conf"
    path.write_text(PORTS + (text or "[web]\nport = 34080\n"))
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
