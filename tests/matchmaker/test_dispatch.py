"""`app.py dispatch` as a process: one acts, another takes over, and it ends when told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from matching import until

from ivr.agent_queue.lease import DISPATCH
from ivr.channels.twilio.live import HeldCall, RedisLiveCalls, RedisReports
from ivr.channels.twilio.settings import NODE

HOME = Path(__file__).parents[2]
Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def dispatch(tmp_path: Path, redis_server: Any) -> Iterator[Start]:
    """Start a matchmaker whose exchange is not there yet."""
    conf = tmp_path / "telephony.conf"
    conf.write_text(
        f"[press2]\nvar = {tmp_path}\n[asterisk]\nnode = pbx1\nami_port = 1\n"
        f"[redis]\nurl = {redis_server.url}\n",
        encoding="utf-8",
    )
    environ = {**os.environ, "PRESS2_CONF": str(conf), "PRESS2_AMI_SECRET": "secret"}
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, str(HOME / "app.py"), "dispatch"]
        log = (tmp_path / f"log-{len(started)}").open("wb")
        started.append(subprocess.Popen(command, env=environ, stderr=log))
        log.close()
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_killed_it_is_succeeded_and_told_to_end_it_gives_the_lease_back(
    dispatch: Start, redis_client: redis.Redis
) -> None:
    first = dispatch()
    assert until(lambda: redis_client.get(DISPATCH) is not None, 30)
    holder = redis_client.get(DISPATCH)
    second = dispatch()
    first.kill()
    assert until(lambda: redis_client.get(DISPATCH) not in (holder, None), 30)
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0
    assert redis_client.get(DISPATCH) is None


TWILIO = """
[twilio]
account_sid = AC{zeros}
auth_token = PRESS2_TWILIO_TOKEN
public_url = https://ivr.example.com
api_url = {url}
operators = client
api_key = SK{zeros}
api_secret = PRESS2_TWILIO_SECRET
"""


def test_with_browser_phones_of_twilio_s_no_asterisk_is_needed(
    tmp_path: Path, redis_server: Any, redis_client: redis.Redis
) -> None:
    conf = tmp_path / "telephony.conf"
    twilio = TWILIO.format(zeros="0" * 32, url="http://127.0.0.1:1")
    conf.write_text(
        f"[press2]\nvar = {tmp_path}\n[redis]\nurl = {redis_server.url}\n{twilio}",
        encoding="utf-8",
    )
    environ = {
        **os.environ, "PRESS2_CONF": str(conf), "PRESS2_AMI_SECRET": "",
        "PRESS2_TWILIO_TOKEN": "token", "PRESS2_TWILIO_SECRET": "secret",
    }  # fmt: skip
    live = RedisLiveCalls(redis_client)
    live.put("CA1", HeldCall(1, "wait"))
    command = [sys.executable, str(HOME / "app.py"), "dispatch"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stderr=log)
    try:
        # Who waits without a ticket is told to enter again, at the start and when it is reported.
        assert until(lambda: live.pended("CA1") == "announce", 30)
        RedisReports(redis_client).publish("waiting", call="CA2", node=NODE, leg="")
        assert until(lambda: live.pended("CA2") == "announce")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_without_a_password_it_says_what_to_do(tmp_path: Path) -> None:
    conf = tmp_path / "telephony.conf"
    conf.write_text(f"[press2]\nvar = {tmp_path}\n", encoding="utf-8")
    environ = {**os.environ, "PRESS2_CONF": str(conf), "PRESS2_AMI_SECRET": ""}
    command = [sys.executable, str(HOME / "app.py"), "dispatch"]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "[asterisk] ami_password" in ended.stderr


def test_the_report_of_an_empty_log(tmp_path: Path) -> None:
    conf = tmp_path / "telephony.conf"
    conf.write_text(f"[press2]\nvar = {tmp_path}\n", encoding="utf-8")
    environ = {**os.environ, "PRESS2_CONF": str(conf)}
    command = [sys.executable, str(HOME / "app.py"), "report", "wait"]
    shown = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[1].split()[:3] == ["all", "0", "0"]
    wrong = [*command, "--from", "2026-10-31", "--to", "2026-10-01"]
    ended = subprocess.run(wrong, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 2 and "--from" in ended.stderr
