"""`app.py run` as a person starts it: parts die, Ctrl-C comes, nothing is left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from running import Press2, until

pytestmark = pytest.mark.asterisk


def processes_of(var: Path) -> list[str]:
    """Command lines of the processes that have a file below `var` open or named."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            files = [str(link.readlink()) for link in (process / "fd").iterdir()]
        except OSError:
            continue
        if str(var) in command or any(file.startswith(str(var)) for file in files):
            found.append(command)
    return found


def well(press2: Press2) -> bool:
    return all(up == of for up, of in press2.health().values())


def test_parts_that_die_come_back_and_ctrl_c_leaves_nothing(start: Callable[..., Press2]) -> None:
    press2 = start(synthetic=10)  # well is also: a call to every company succeeded
    assert until(lambda: well(press2), 120), press2.health()
    assert press2.health()["call"] == (3, 3)
    for part in ("worker1", "redis", "asterisk"):
        first = press2.pids(part)[-1]
        os.kill(first, signal.SIGKILL)
        assert until(lambda part=part, first=first: press2.pids(part)[-1] != first), part
    assert until(lambda: well(press2)), press2.log()[-2000:]
    assert len(processes_of(press2.var)) >= 6
    assert press2.stop() == 0
    assert processes_of(press2.var) == []
    assert "Traceback" not in press2.log()


def test_a_killed_run_leaves_nothing_either(start: Callable[[], Press2]) -> None:
    press2 = start()
    press2.process.kill()
    press2.process.wait()
    assert until(lambda: processes_of(press2.var) == []), processes_of(press2.var)


def test_the_screen_says_what_to_do(press2: Press2) -> None:
    screen = press2.screen.read_text()
    assert f"  Browser phone  {press2.page}\n" in screen
    assert "  Softphone      sip:+380487059090@127.0.0.1:" in screen
    assert f"  Log            {press2.var}/log/press2.log\n" in screen
