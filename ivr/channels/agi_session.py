"""One AGI session with Asterisk: its commands, and their answers or errors.

The only file that imports pyst2's `asterisk.agi`.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from asterisk.agi import AGI, AGIAppError, AGIError, AGIHangup, AGIUnknownError

from ivr.channels.heard import dialled_keys
from ivr.errors import CallerGone, Press2Error

LINE_LIMIT = 1800
"""Bytes of sound names in one command: res_agi.c reads lines of 2048."""
DEAD_CHANNEL = 511
"""res_agi.c: "511 Command Not Permitted on a dead channel or intercept routine"."""
SOUND = re.compile(r"[\w/-]+")
MOST_STRAYS = 40


class Replies:
    """Asterisk's side of a connection, line by line.

    gone: Asterisk said that the caller hung up; commands for a dead channel still work then.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.gone = False

    def readline(self) -> str:
        """Return the next line that answers; CallerGone when the connection is closed."""
        try:
            while line := self.stream.readline():
                if line == "HANGUP\n":
                    self.gone = True
                # res_agi.c, GOSUB: "100 result=0 Trying..." comes before the answer.
                elif not line.startswith("100 "):
                    return line
        except OSError as error:
            raise CallerGone("the connection to Asterisk broke") from error
        raise CallerGone("Asterisk closed the connection")


class Unread:
    """Where pyst2's trace of every line goes: it holds the digits callers key."""

    def write(self, text: str) -> None:
        """Drop `text`."""


class Line(AGI):  # type: ignore[misc]
    """One AGI session of pyst2, made safe for threads and for what callers send.

    Every end of the call comes out as CallerGone, any other refusal as Press2Error.
    """

    def __init__(self, replies: TextIO, commands: TextIO) -> None:
        # Not pyst2's own: it sets a signal handler, which only the main thread may.
        self.stdin = Replies(replies)
        self.stdout = commands
        self.stderr = Unread()
        self._got_sighup = False
        self.env: dict[str, str] = {}
        self._get_agi_env()

    def _quote(self, string: object) -> str:
        """Return one argument of a command, quoted so that it stays one argument."""
        text = str(string)
        if not text.isprintable():
            raise Press2Error("agi: an argument holds a control character; it was not sent")
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def execute(self, command: str, *args: object) -> Mapping[str, tuple[str, str]]:
        """Return the result of a command whose arguments are quoted already."""
        try:
            result: Mapping[str, tuple[str, str]] = super().execute(command, *args)
        except (AGIHangup, OSError) as error:
            raise CallerGone("the caller hung up") from error
        except AGIUnknownError as error:
            if error.args[0] == DEAD_CHANNEL:
                raise CallerGone("the caller hung up") from error
            raise Press2Error(f"agi: Asterisk refused {command}") from error
        except AGIAppError as error:
            if self.hung_up():
                raise CallerGone("the caller hung up") from error
            raise Press2Error(f"agi: Asterisk could not do {command}") from error
        except (AGIError, ValueError) as error:
            raise Press2Error(f"agi: Asterisk did not understand {command}") from error
        return result

    def hung_up(self) -> bool:
        """Tell whether the call is over; Asterisk says so before it answers the next command."""
        super().execute("NOOP")
        return self.stdin.gone

    def argument(self, number: int) -> str:
        """Return what the dialplan gave to AGI() as its argument `number`, from 1."""
        return self.env.get(f"agi_arg_{number}", "")

    def get(self, variable: str) -> str:
        """Return a channel variable, "" when it is not set."""
        _, value = self.execute("GET VARIABLE", self._quote(variable))["result"]
        return value

    def set(self, variable: str, value: object) -> None:
        """Set a channel variable."""
        self.execute("SET VARIABLE", self._quote(variable), self._quote(value))

    def call_routine(self, context: str, *args: object) -> None:
        """Run a subroutine of the dialplan to its end."""
        values = ",".join(map(str, args))
        self.execute("GOSUB", context, "s", "1", self._quote(values))

    def play(self, sounds: Sequence[str]) -> None:
        """Play `sounds` to their end."""
        for part in parts(sounds):
            self.execute("EXEC", "Playback", self._quote(part))

    def keys(self) -> str:
        """Return the keys that were pressed and that nobody has taken yet."""
        return dialled_keys(self.get("PRESS2_KEYS"))

    def play_until_key(self, sounds: str) -> bool:
        """Play `sounds`, names joined with &, until a key is pressed; True when one was."""
        for _ in range(MOST_STRAYS):
            self.execute("EXEC", "Read", self._quote(f"PRESS2_READ,{sounds},1,e,1,0.01"))
            if self.keys():
                return True
            # A key that was collected before can still end a Read.
            if self.get("READSTATUS") != "OK":
                break
        return False

    def record(self, path: Path, limit: float) -> None:
        """Record into `path`.wav until `#`, five seconds of silence or `limit`."""
        milliseconds = str(round(limit * 1000))
        self.execute("RECORD FILE", self._quote(path), "wav", '"#"', milliseconds, "s=5")


def parts(sounds: Sequence[str], limit: int = LINE_LIMIT) -> list[str]:
    """Return `sounds` joined with &, in as many parts as the length of a command needs."""
    lines: list[str] = []
    for sound in sounds:
        if not SOUND.fullmatch(sound):
            raise Press2Error(f"agi: {sound!r} is no name of a sound")
        if lines and len(lines[-1]) + len(sound) < limit:
            lines[-1] += f"&{sound}"
        else:
            lines.append(sound)
    return lines


@contextlib.contextmanager
def session(connection: socket.socket) -> Iterator[Line]:
    """The AGI session on `connection`, its opening variables read; its streams end with it."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # An Asterisk whose machine died never closes the connection.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    with contextlib.ExitStack() as streams:
        replies = connection.makefile("r", encoding="utf-8", errors="replace", newline="\n")
        streams.callback(_close, replies)
        commands = connection.makefile("w", encoding="utf-8", newline="\n")
        streams.callback(_close, commands)
        yield Line(replies, commands)


def _close(stream: TextIO) -> None:
    """Close one direction; what a caller who has gone did not take is dropped."""
    with contextlib.suppress(OSError):
        stream.close()
