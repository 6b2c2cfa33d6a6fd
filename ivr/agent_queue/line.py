"""A sorted set in memory, with the order of a Redis one: by score, then by member."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator


class Line:
    """Members with a score each."""

    def __init__(self) -> None:
        self.scores: dict[str, float] = {}
        self._sorted: list[tuple[float, str]] = []

    def add(self, member: str, score: float) -> None:
        """Put a member in, or move it to another score."""
        self.remove(member)
        self.scores[member] = score
        insort(self._sorted, (score, member))

    def remove(self, member: str) -> None:
        """Take a member out, if it is there."""
        score = self.scores.pop(member, None)
        if score is not None:
            del self._sorted[bisect_left(self._sorted, (score, member))]

    def first(self) -> tuple[float, str] | None:
        """Return the least score and its member."""
        return self._sorted[0] if self._sorted else None

    def until(self, score: float, limit: int) -> list[str]:
        """Return the members up to this score, at most `limit`."""
        end = bisect_right(self._sorted, score, key=lambda pair: pair[0])
        return [member for _, member in self._sorted[: min(end, limit)]]

    def below(self, score: float) -> int:
        """Count the members with a lesser score."""
        return bisect_left(self._sorted, score, key=lambda pair: pair[0])

    def up_to(self, score: float) -> int:
        """Count the members with this score or a lesser one."""
        return bisect_right(self._sorted, score, key=lambda pair: pair[0])

    def __len__(self) -> int:
        return len(self._sorted)

    def __iter__(self) -> Iterator[str]:
        return (member for _, member in self._sorted)
