"""A what-if in a process of its own: python -m ivr.staffing.worker

A pickled `Question` comes in at the standard input, JSON goes out, a line each: {"done": 1, "of":
10} after a run, at the end {"answer": ...} or {"refused": "why"}. It gives way to everything else
on the machine and ends by itself after `LONGEST` seconds.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
from dataclasses import asdict
from typing import Any

from ivr.staffing.whatif import Question, answer

LONGEST = 600
"""Seconds."""


def tell(line: dict[str, Any]) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Answer one question."""
    os.nice(10)
    signal.alarm(LONGEST)
    question: Question = pickle.load(sys.stdin.buffer)  # noqa: S301 - of our own parent
    try:
        found = answer(question, lambda done, of: tell({"done": done, "of": of}))
    except ValueError as reason:
        tell({"refused": str(reason)})
    else:
        tell({"answer": asdict(found)})


if __name__ == "__main__":
    main()
