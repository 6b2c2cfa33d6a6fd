"""What is wrong in data that came in: up to twenty problems, each with its place."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.errors import ImportFileError

MOST = 20
"""Problems that are told; whoever has more mends these first."""


@dataclass(frozen=True)
class Problem:
    """One of them. line: of a CSV file, else None. entry: from 1, 0: it is about all of them.

    pointer: the place in a JSON document (RFC 6901). field: the same for people, "" for an entry.
    """

    line: int | None
    entry: int
    pointer: str
    field: str
    message: str

    def __str__(self) -> str:
        """Write it as one line."""
        place = f"line {self.line}" if self.line else f"entry {self.entry}"
        return ", ".join(part for part in (place, self.field) if part) + f": {self.message}"


class Refusal(ImportFileError):
    """Nothing of the data was stored. problems: in the order of their places."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda one: (one.line or 0, one.entry))[:MOST]
        super().__init__(self.told("the data"))

    def told(self, source: str) -> str:
        """Write it for people; source: name of the file."""
        more = " (and perhaps more)" if len(self.problems) >= MOST else ""
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        return f"{source}: nothing was imported, mend{more}:\n{lines}"


class Problems:
    """Collects problems; the twentieth ends it."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, problem: Problem) -> None:
        """Note one."""
        self.found.append(problem)
        if len(self.found) >= MOST:
            self.settle()

    def settle(self) -> None:
        """Raise Refusal when there are any."""
        if self.found:
            raise Refusal(self.found)
