"""One line of progress: updated in place on a terminal, a few lines elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO


@dataclass
class Progress:
    """Counts `done` of `total`. label: what is counted ("building prompts, uk")."""

    out: TextIO
    label: str
    total: int
    done: int = 0

    def step(self, count: int) -> None:
        """Report `count` more done."""
        before = self.done * 4 // self.total
        self.done += count
        if self.out.isatty():
            end = "\n" if self.done == self.total else ""
            self.out.write(f"\r{self.label}: {self.done} of {self.total}{end}")
        elif self.done * 4 // self.total > before:
            self.out.write(f"{self.label}: {self.done} of {self.total}\n")
        self.out.flush()
