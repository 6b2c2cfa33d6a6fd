"""What the commands share: words on the terminal, the end of a server, one line a command."""

from __future__ import annotations

import argparse
import re
import signal
import threading
from collections.abc import Callable
from datetime import date
from typing import Any


def say(text: str) -> None:
    """Print a line: the terminal is the screen."""
    print(text, flush=True)  # noqa: T201


def day(text: str) -> date:
    """Read an option that is a day."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as 2026-10-30")


def on_stop(stop: Callable[[], None]) -> None:
    """Call `stop` once in a thread of its own at SIGTERM or Ctrl-C."""

    def begin(_signal: int, _frame: object) -> None:
        threading.Thread(target=stop).start()

    signal.signal(signal.SIGTERM, begin)
    signal.signal(signal.SIGINT, begin)


def command(
    commands: Any, name: str, does: Callable[[argparse.Namespace], Any], text: str, **given: Any
) -> argparse.ArgumentParser:
    """Add a command to those of argparse and return its parser. given: options it always has."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=does, **given)
    return parser
