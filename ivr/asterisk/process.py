"""Asterisk's process: finding the program, starting it, waiting for it, stopping it."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ivr.asterisk.render import render
from ivr.asterisk.settings import AsteriskSettings
from ivr.errors import SetupError

OLDEST = 20
"""The oldest Asterisk the configuration is written for."""
MODULE_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu/asterisk/modules",
    "/usr/lib/aarch64-linux-gnu/asterisk/modules",
    "/usr/lib64/asterisk/modules",
    "/usr/lib/asterisk/modules",
)
DOCUMENTATION_FOLDERS = ("/usr/share/asterisk/documentation", "/var/lib/asterisk/documentation")


@dataclass(frozen=True)
class Program:
    """An Asterisk that can be started: the words that start it and where its parts are."""

    words: tuple[str, ...]
    modules: Path
    documentation: Path
    version: int


def find_program(root: Path) -> Program:
    """Return the system's Asterisk when it is new enough, else the private one below `root`.

    Raises SetupError when there is neither.
    """
    system = shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if system and (program := program_of((system,), Path("/"))):
        return program
    if (root / ".complete").is_file() and (program := program_of(private_words(root), root)):
        return program
    raise SetupError(f"no Asterisk {OLDEST} or later here: run `make setup`")


def private_words(root: Path) -> tuple[str, ...]:
    """Return the words that start the program below `root` with the libraries it came with.

    Its own loader starts it, so it needs no chroot, no mounts and no root rights.
    """
    loaders = sorted(root.glob("usr/lib/*-linux-gnu*/ld-linux-*.so.*"))
    if not loaders:
        return ()
    libraries = loaders[0].parent
    return (str(loaders[0]), "--library-path", str(libraries), str(root / "usr/sbin/asterisk"))


def program_of(words: tuple[str, ...], root: Path) -> Program | None:
    """Return the Asterisk that `words` start, or None when it is too old or has no modules."""
    if not words:
        return None
    answer = subprocess.run([*words, "-V"], capture_output=True, text=True, check=False)
    version = re.match(r"Asterisk (\d+)", answer.stdout)
    modules = first_folder(root, MODULE_FOLDERS)
    documentation = first_folder(root, DOCUMENTATION_FOLDERS)
    if not version or int(version[1]) < OLDEST or not modules or not documentation:
        return None
    return Program(words, modules, documentation, int(version[1]))


def first_folder(root: Path, folders: tuple[str, ...]) -> Path | None:
    """Return the first of `folders` that exists below `root`."""
    places = (root / folder.lstrip("/") for folder in folders)
    return next((place.resolve() for place in places if place.is_dir()), None)


class Asterisk:
    """One running Asterisk with everything of it below its run directory."""

    def __init__(self, program: Program, settings: AsteriskSettings) -> None:
        self.program = program
        self.settings = settings
        self.run_dir = settings.run_dir.resolve()
        self.config = self.run_dir / "etc/asterisk.conf"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id; 0 when it was not started."""
        return self.process.pid if self.process else 0

    def running(self) -> bool:
        """Tell whether the process is alive."""
        return self.process is not None and self.process.poll() is None

    def start(self, seconds: float = 30) -> None:
        """Write the configuration, start, return when fully booted.

        Raises SetupError when a port is taken, when it dies, or after `seconds`.
        """
        self.check_ports()
        render(self.settings, self.program.modules, self.program.documentation)
        with (self.run_dir / "log/console").open("wb") as console:
            self.process = subprocess.Popen(
                [*self.program.words, "-f", "-C", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while not self.booted():
            if not self.running() or time.monotonic() > deadline:
                self.stop()
                raise SetupError(f"Asterisk did not start: {self.last_words()}")
            time.sleep(0.05)

    def check_ports(self) -> None:
        """Raise SetupError naming the first port that another program holds."""
        settings = self.settings
        wanted = [
            (socket.SOCK_DGRAM, settings.sip_address, settings.sip_port, "sip_port"),
            (socket.SOCK_STREAM, settings.http_address, settings.http_port, "http_port"),
            (socket.SOCK_STREAM, "127.0.0.1", settings.ami_port, "ami_port"),
        ]
        for kind, address, port, name in wanted:
            with socket.socket(socket.AF_INET, kind) as probe:
                if kind is socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port))
                except OSError as error:
                    raise SetupError(
                        f"asterisk: {name} {port} on {address}: {error.strerror}; "
                        "stop the program that has it or choose another port"
                    ) from error

    def booted(self) -> bool:
        """Tell whether every module is loaded; waits for that once the control socket is there."""
        socket_path = self.run_dir / "run/asterisk.ctl"
        return socket_path.exists() and "fully booted" in self.command("core waitfullybooted")

    def command(self, text: str) -> str:
        """Return what Asterisk answers to a line of its command line interface."""
        words = [*self.program.words, "-C", str(self.config), "-rx", text]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout

    def last_words(self) -> str:
        """Return the last line of its log files, for an error message."""
        for name in ("messages", "console"):
            path = self.run_dir / "log" / name
            lines = path.read_text(errors="replace").split("\n") if path.is_file() else []
            if text := [line for line in lines if line.strip()]:
                return f"{text[-1].strip()} ({path})"
        return f"it said nothing ({self.run_dir / 'log'})"

    def stop(self, seconds: float = 10) -> None:
        """End the process: politely, after `seconds` by force."""
        if self.process is None:
            return
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        (self.run_dir / "run/asterisk.ctl").unlink(missing_ok=True)

    def __enter__(self) -> Asterisk:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()
