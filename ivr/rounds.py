"""Work that is done again and again beside everything else."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Rounds(threading.Thread, ABC):
    """Does one round, rests `every` seconds, and so on until `stopping` is set."""

    def __init__(self, name: str, stopping: threading.Event, every: float) -> None:
        super().__init__(name=name, daemon=True)
        self._stopping = stopping
        self._every = every

    @abstractmethod
    def round(self) -> None:
        """Do the work once; what cannot be done now is done in the next round. Never raises."""

    def run(self) -> None:
        """Work, rest, work again."""
        while not self._stopping.is_set():
            self.round()
            self._stopping.wait(self._every)


class _Beside(Rounds):
    """Rounds of one function."""

    def __init__(
        self, name: str, stopping: threading.Event, every: float, do: Callable[[], object]
    ) -> None:
        super().__init__(name, stopping, every)
        self._do = do

    def round(self) -> None:
        self._do()


@contextmanager
def beside(name: str, every: float, do: Callable[[], object]) -> Iterator[None]:
    """Do something now and every `every` seconds, in a thread, while the block goes on.

    do: never raises.
    """
    over = threading.Event()
    thread = _Beside(name, over, every, do)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
