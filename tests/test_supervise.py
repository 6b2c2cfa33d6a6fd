"""Parts that run together: real processes that die, hang and are killed."""

import asyncio
import contextlib
import io
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ivr import supervise
from ivr.errors import ConfigError, SetupError
from ivr.supervise import Part, Supervisor

HOME = Path(__file__).parent.parent


def until(true, seconds=20.0):
    """Poll until `true()`; the answer of the last poll."""
    deadline = time.monotonic() + seconds
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


def alive(pid):
    """A zombie that nobody waited for yet is dead."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def pids(folder):
    return {path.name: int(path.read_text() or 0) for path in folder.glob("*.pid")}


DRIVER = """
import asyncio, pathlib, sys
from ivr import supervise
from ivr.supervise import Part, Supervisor
supervise.POLITE = 0.3
folder = pathlib.Path(sys.argv[1])

def part(name, line):
    return Part(name, ("sh", "-c", line), ready=(folder / f"{name}.pid").exists)

keeper = f"echo $$ > {folder}/keeper.pid; sleep 1000 & echo $! > {folder}/child.pid; wait"
deaf = f"trap '' TERM; echo $$ > {folder}/deaf.pid; while true; do sleep 1; done"
parts = [part("keeper", keeper)], [part("deaf", deaf)] if "deaf" in sys.argv else []
supervisor = Supervisor(parts)
asyncio.run(supervisor.run(lambda: (folder / "started").touch()))
"""


@pytest.fixture
def driver(tmp_path):
    """A supervisor in a process of its own; whatever it leaves behind is killed at the end."""
    processes = []

    def start(*words):
        process = subprocess.Popen([sys.executable, "-c", DRIVER, tmp_path, *words], cwd=HOME)
        processes.append(process)
        assert until((tmp_path / "started").exists)
        assert until(lambda: all(pids(tmp_path).values()))
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
    for pid in pids(tmp_path).values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_leaves_no_process_behind(driver, tmp_path, stop):
    process = driver()
    assert len(pids(tmp_path)) == 2
    process.send_signal(stop)
    assert process.wait(20) == 0
    assert not [pid for pid in pids(tmp_path).values() if alive(pid)]


def test_a_part_that_will_not_stop_is_killed(driver, tmp_path):
    process = driver("deaf")
    assert "deaf.pid" in pids(tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert not [pid for pid in pids(tmp_path).values() if alive(pid)]


def test_a_killed_supervisor_takes_its_parts_along(driver, tmp_path):
    process = driver()
    process.kill()
    process.wait()
    assert until(lambda: not alive(pids(tmp_path)["keeper.pid"]))


def run(stages, started=lambda: None):
    supervisor = Supervisor(stages)
    asyncio.run(supervisor.run(started))
    return supervisor


def stop():
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_part_that_dies_starts_again(tmp_path):
    lives = tmp_path / "lives"
    starts = []

    def ready():
        """Say when this life has written its number; stop the supervisor in the second."""
        numbers = lives.read_text().split() if lives.exists() else []
        if len(numbers) == 2:
            stop()
        return len(numbers) == len(starts)

    def kill_the_first():
        os.kill(int(lives.read_text()), signal.SIGKILL)

    command = ("sh", "-c", f"echo $$ >> {lives}; exec sleep 1000")
    part = Part("worker", command, ready, before=lambda: starts.append(1))
    run([[part]], kill_the_first)
    first, second = lives.read_text().split()
    assert first != second
    assert not alive(first)
    assert not alive(second)


def test_stages_start_in_order_and_stop_in_the_opposite_order(tmp_path):
    diary = tmp_path / "diary"
    text = (
        "trap 'echo stop {0} >> {1}; exit' TERM; echo start {0} >> {1};"
        " while :; do sleep 0.05; done"
    )
    parts = [
        Part(
            name,
            ("sh", "-c", text.format(name, diary)),
            lambda name=name: diary.exists() and f"start {name}" in diary.read_text(),
        )
        for name in ("redis", "asterisk", "web")
    ]
    run([[part] for part in parts], stop)
    assert diary.read_text().splitlines() == [
        "start redis",
        "start asterisk",
        "start web",
        "stop web",
        "stop asterisk",
        "stop redis",
    ]


def test_a_part_that_does_not_come_up_is_named_with_its_last_words(tmp_path):
    mark = tmp_path / "first.pid"
    first = Part("redis", ("sh", "-c", f"echo $$ > {mark}; exec sleep 1000"), mark.exists)
    broken = Part("web", ("sh", "-c", "echo no such port; exit 3"), lambda: False)
    with pytest.raises(SetupError) as caught:
        run([[first], [broken]])
    assert str(caught.value) == "web ended with exit code 3; its last words: no such port"
    assert not alive(mark.read_text().strip())


def test_a_part_that_hangs_at_the_start_is_named():
    with pytest.raises(SetupError) as caught:
        run([[Part("web", ("sleep", "1000"), lambda: False, patience=0.2)]])
    assert str(caught.value) == "web is not ready after 0 s; its last words: none"


def test_what_cannot_be_prepared_is_not_started(tmp_path):
    def before():
        raise SetupError("no sounds; run `app.py prompts build`")

    mark = tmp_path / "mark"
    with pytest.raises(SetupError, match="no sounds"):
        run([[Part("web", ("touch", str(mark)), lambda: True, before)]])
    assert not mark.exists()


def test_every_line_stands_under_the_name_of_its_part(tmp_path):
    screen = io.StringIO()
    supervise.log_to(tmp_path / "log" / "press2.log", screen)
    text = "printf 'one\\ntwo \\377\\n\\nlast'; exec sleep 1000"
    supervisor = Supervisor([])

    def heard():
        return "last" in screen.getvalue() or supervisor.last_words.get("web") == "two \ufffd"

    supervisor.stages = [[Part("web", ("sh", "-c", text), heard)]]
    asyncio.run(supervisor.run(stop))
    lines = screen.getvalue().splitlines()
    assert "web       | one" in lines
    assert "web       | two \ufffd" in lines
    assert "web       | last" in lines
    assert "press2    | stopping ..." in lines
    assert "web       | last" in (tmp_path / "log" / "press2.log").read_text()
    for handler in logging.getLogger("ivr.supervise").handlers:
        handler.close()


def test_one_press2_a_folder(tmp_path):
    lock = tmp_path / "var" / "press2.lock"
    with supervise.alone(lock), pytest.raises(SetupError) as caught, supervise.alone(lock):
        pass
    assert f"press2 already runs here as process {os.getpid()};" in str(caught.value)
    with supervise.alone(lock):
        pass


@pytest.mark.parametrize(
    ("protocol", "kind"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)]
)
def test_a_taken_port_names_the_setting_and_the_program(protocol, kind):
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if protocol == "tcp":
            holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            supervise.check_ports("telephony.conf", [("[web] port", protocol, "127.0.0.1", port)])
    name = Path("/proc/self/comm").read_text().strip()
    assert str(caught.value) == (
        f"telephony.conf: [web] port = {port}: taken by {name} (process {os.getpid()});"
        " stop that program or write another port"
    )


def test_an_address_of_another_machine_is_named():
    with pytest.raises(ConfigError) as caught:
        supervise.check_ports("telephony.conf", [("[web] port", "tcp", "192.0.2.1", 8080)])
    assert str(caught.value) == (
        "telephony.conf: [web] port = 8080: cannot be used on 192.0.2.1 (Cannot assign requested"
        " address); write another address or port"
    )


def test_free_ports_are_fine():
    supervise.check_ports("telephony.conf", [("[web] port", "tcp", "127.0.0.1", 0)])
