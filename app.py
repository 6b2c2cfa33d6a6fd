"""press2: the command line. `python app.py --help` lists the commands.

The commands stand in `ivr/commands`; every part is made in `ivr/composition.py` and handed over by
constructor; nothing else reads `telephony.conf`.
"""

from __future__ import annotations

import argparse
import os
import sys

from ivr.commands import GROUPS
from ivr.errors import Press2Error


def main(arguments: list[str] | None = None) -> int:
    """Run one command; exit code 0: well, 1: a finding, 2: a mistake of the user."""
    options = _parser().parse_args(arguments)
    try:
        code = options.command(options)
    except Press2Error as error:
        print(f"press2: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return int(code or 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py", description="press2: the telephone side of an electricity grid operator"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for group in GROUPS:
        group.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
