"""Work that is done again and again beside everything else."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod


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
