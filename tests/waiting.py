"""Waiting for something with a condition instead of a sleep."""

import time
from collections.abc import Callable


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Poll until `true()`; the last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return answer
