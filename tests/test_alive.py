"""Parts that are frozen, not dead: their ports listen on, so signs of life tell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from waiting import until

from bench.ports import free_ports
from ivr import company
from ivr.commands.servers import _probes
from ivr.composition import COMPANIES
from ivr.config import load
from ivr.store.database import open_store

HOME = Path(__file__).parents[1]
SETTINGS = """
[press2]
var = {var}
synthetic = 0
[redis]
url = {redis}
[agi]
port = {port}
processes = 1
"""
PARTS = ("dispatch", "jobs", "agi")


@contextmanager
def running(command: str, environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "app.py", command], env=environ, cwd=HOME)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def test_frozen_parts_are_not_up(tmp_path: Path, redis_server: Any) -> None:
    conf = tmp_path / "telephony.conf"
    conf.write_text(SETTINGS.format(var=tmp_path, redis=redis_server.url, port=free_ports(1)[0]))
    environ = {**os.environ, "PRESS2_CONF": str(conf), "PRESS2_AMI_SECRET": "x" * 20}
    store = open_store(f"sqlite:///{tmp_path}/press2.db", migrate=True)
    probes = {
        each.name: each for each in _probes(load(conf, environ), store, company.load(COMPANIES))
    }
    names = ("dispatch", "jobs", "workers")
    with ExitStack() as stack:
        stack.callback(store.close)
        processes = [stack.enter_context(running(part, environ)) for part in PARTS]
        assert until(lambda: all(probes[name].up() for name in names), 60)
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        assert until(lambda: not probes["dispatch"].up(), 15)
        assert until(lambda: not any(probes[name].up() for name in names), 60)
        for process in processes:
            process.send_signal(signal.SIGCONT)
        assert until(lambda: all(probes[name].up() for name in names), 60)
        redis_server.kill()
        assert until(lambda: probes["workers"].up() == 1 and not probes["dispatch"].up(), 15)
