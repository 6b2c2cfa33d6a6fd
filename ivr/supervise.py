"""Runs the parts of press2 together: starts them, restarts one that dies, stops all of them.

A part is a program in a process group of its own. Its output goes, line by line and under its name,
to the screen and to one log file. The kernel ends a part when the process that watches it is gone
(`setpriv --pdeathsig`, prctl(2)), so that even `kill -9` of the watcher leaves no process behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import logging
import logging.handlers
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ivr.errors import ConfigError, SetupError

log = logging.getLogger(__name__)

BACKOFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before each next start of a part that keeps dying."""
STEADY = 60.0
"""Seconds after which a part counts as sound: its next death is the first again."""

POLITE = 8.0
"""Seconds a part has to end by itself before it is killed."""


def _nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Part:
    """One program to be kept running.

    command: the program and its arguments.
    ready: tells whether it serves; asked again and again, in a thread, until it does.
    before: called before each start.
    environ: variables it gets beside those of this process.
    patience: seconds until it must be ready.
    quiet: what it writes goes to the log file only.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    before: Callable[[], None] = _nothing
    environ: Mapping[str, str] = field(default_factory=dict)
    patience: float = 30.0
    quiet: bool = False


class Supervisor:
    """Keeps parts running until it is told to stop.

    stages: parts of one stage start together, a stage when the one before it is ready; they stop in
    the opposite order.
    """

    def __init__(self, stages: Sequence[Sequence[Part]]) -> None:
        self.stages = stages
        self.stopping = asyncio.Event()
        self.running: list[list[asyncio.Task[None]]] = []
        self.last_words: dict[str, str] = {}

    async def run(self, started: Callable[[], None]) -> None:
        """Start everything, call `started`, return after SIGINT or SIGTERM with all parts gone.

        Raises SetupError, with all parts gone, when one does not come up at the first start.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.stopping.set)
        told = asyncio.create_task(self.stopping.wait())
        try:
            for stage in self.stages:
                ups = [loop.create_future() for _ in stage]
                pairs = zip(stage, ups, strict=True)
                self.running.append([asyncio.create_task(self._keep(*pair)) for pair in pairs])
                await self._first(asyncio.gather(*ups), told)
                if told.done():
                    return
            started()
            await self._first(told)
        finally:
            told.cancel()
            log.info("stopping ...")
            await self._stop_all()
            log.info("stopped; nothing is left running")

    async def _first(self, *awaited: asyncio.Future[Any]) -> None:
        """Wait for one of `awaited`, or for a watch that broke; raise the error of what came."""
        watches = [watch for stage in self.running for watch in stage]
        done, _ = await asyncio.wait([*awaited, *watches], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _stop_all(self) -> None:
        for watches in reversed(self.running):
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

    async def _keep(self, part: Part, up: asyncio.Future[None]) -> None:
        """Start `part`, report its first start to `up`, start it again whenever it ends."""
        deaths = 0
        while True:
            begun = time.monotonic()
            try:
                await self._once(part, up)
            except SetupError as error:
                if not up.done():
                    raise
                log.error("%s", error, extra={"part": part.name})
            deaths = 0 if time.monotonic() - begun > STEADY else deaths
            pause = BACKOFF[min(deaths, len(BACKOFF) - 1)]
            deaths += 1
            log.warning("starts again in %s s", pause, extra={"part": part.name})
            await asyncio.sleep(pause)

    async def _once(self, part: Part, up: asyncio.Future[None]) -> None:
        """One life of `part`; raises SetupError when it ends before it was ready."""
        await asyncio.to_thread(part.before)
        # A pipe of our own: asyncio's would make wait() last as long as any grandchild holds it.
        ours, theirs = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL", "--", *part.command),
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | part.environ,
            )
        finally:
            os.close(theirs)
        reading = asyncio.create_task(self._read(part, ours))
        try:
            await self._until_ready(part, process)
            log.info("ready, process %d", process.pid, extra={"part": part.name})
            if not up.done():
                up.set_result(None)
            await process.wait()
            log.error("ended with %s", _ending(process), extra={"part": part.name})
        except SetupError as error:
            await _stop(process)
            await reading
            words = self.last_words.get(part.name, "none")
            raise SetupError(f"{error}; its last words: {words}") from error
        finally:
            await _stop(process)
            await reading

    async def _until_ready(self, part: Part, process: asyncio.subprocess.Process) -> None:
        deadline = time.monotonic() + part.patience
        while not await asyncio.to_thread(part.ready):
            if process.returncode is not None:
                raise SetupError(f"{part.name} ended with {_ending(process)}")
            if time.monotonic() > deadline:
                raise SetupError(f"{part.name} is not ready after {part.patience:.0f} s")
            await asyncio.sleep(0.05)

    async def _read(self, part: Part, pipe: int) -> None:
        """Log what `part` writes; a line without an end is a line when the part ends."""
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(pipe, "rb")
        )
        rest = b""
        while piece := await stream.read(65536):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._say(part, line)
        self._say(part, rest)
        transport.close()

    def _say(self, part: Part, line: bytes) -> None:
        if text := line.decode(errors="replace").strip():
            self.last_words[part.name] = text
            log.info("%s", text, extra={"part": part.name, "quiet": part.quiet})


def _ending(process: asyncio.subprocess.Process) -> str:
    code = process.returncode or 0
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End a process politely, then by force, and whatever is left of its group."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), POLITE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


class Layout(logging.Formatter):
    """A log line under the name of its part: `asterisk | text`."""

    def format(self, record: logging.LogRecord) -> str:
        """Put the part's name, of press2 itself where there is none, before the text."""
        record.part = getattr(record, "part", "press2")
        return super().format(record)


def log_to(path: Path, screen: IO[str]) -> None:
    """Send the log to a file of at most 10 MB (and five older ones) and to the screen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = logging.handlers.RotatingFileHandler(path, maxBytes=10_000_000, backupCount=5)
    file.setFormatter(Layout("%(asctime)s %(part)-9s | %(message)s"))
    shown = logging.StreamHandler(screen)
    shown.setFormatter(Layout("%(part)-9s | %(message)s"))
    shown.addFilter(lambda record: not getattr(record, "quiet", False))
    log.handlers[:] = [file, shown]
    log.propagate = False
    log.setLevel(logging.INFO)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock file `path` while running. Raises SetupError when another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise SetupError(
                f"press2 already runs here as process {file.read()}; stop that one,"
                " or give this one a [press2] var of its own"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def check_ports(file: str, wanted: Iterable[tuple[str, str, str, int]]) -> None:
    """Raise ConfigError for the first port that another program has.

    file: name of the settings file; wanted: (section and key, "tcp" or "udp", address, port).
    """
    for setting, protocol, address, port in wanted:
        if reason := _unusable(protocol, address, port):
            raise ConfigError(f"{file}: {setting} = {port}: {reason}")


def _unusable(protocol: str, address: str, port: int) -> str:
    """Why a port cannot be listened on; empty when it can."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    try:
        family, *_, place = socket.getaddrinfo(address, port, type=kind)[0]
        with socket.socket(family, kind) as probe:
            if protocol == "tcp":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            holder = holder_of(protocol, port)
            return f"taken by {holder}; stop that program or write another port"
        return f"cannot be used on {address} ({error.strerror}); write another address or port"
    return ""


def holder_of(protocol: str, port: int) -> str:
    """Name the process that listens on a port, as far as this user may see it (proc(5))."""
    sockets = set()
    for table in (Path(f"/proc/net/{protocol}"), Path(f"/proc/net/{protocol}6")):
        for row in table.read_text().splitlines()[1:] if table.exists() else []:
            column = row.split()
            # 0A: TCP_LISTEN, 07: what an unconnected UDP socket shows
            if int(column[1].rpartition(":")[2], 16) == port and column[3] in ("0A", "07"):
                sockets.add(f"socket:[{column[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(link.readlink()) in sockets for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return "another program"


def answers(address: str, port: int) -> bool:
    """Tell whether something listens on a TCP port."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False
