"""Rows of digits out of number words: every way to split them into groups.

    number = group { group }
    group  = [millions] [thousands] [below a thousand] | zero | figures | count and "zeros"

A plural zero behind a digit may be a single one, misheard; every other reading comes before it.

Each group is written out in digits, one after the other. Whether a word ends a group is not heard,
so all splits are made: "twenty four" is 24 and 20|4. A pause ends a group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

MOST_WORDS = 40
MOST_ROWS = 200
"""Rows that are followed at once; those of the fewest groups are kept."""
_NEVER = 10_000
MISHEARD = 100
"""Groups that a misheard one counts for: more than an utterance has words."""


class Numeral(NamedTuple):
    """What a number word is in the grammar of numbers.

    kind: `zero`; `unit` 1 to 9; `teen` 11 to 19 and a 10 that takes no unit; `ten`, a 10 that does;
    `tens` 20 to 90; `tens_of`, times ten; `hundreds` 100 to 900; `hundred`, `thousand`, `million`,
    times so many (value 0: only after a count, 1: also alone, 2: also after 11 to 99, 3: after 1 to
    99, never alone); `figures`; `zeros` and `many`, the plural of a digit; `times`, "double";
    `and`; `half`; `one_and_half`.
    """

    kind: str
    value: int = 0
    text: str = ""


CLOSED = frozenset({"zero", "unit", "teen", "figures", "zeros", "many"})
"""Kinds after which a number does not go on without getting longer."""
_BEFORE_ZERO = CLOSED | {"ten", "tens", "hundreds"}
"""Kinds behind which a plural zero may be a single one."""
_REPEATED = {"times": ("unit", "zero"), "unit": ("zeros", "many")}
"""Words that say how often a digit comes, by the words of the digit: "double five", "two zeros"."""

Span = tuple[int, int]
"""Where something ends, and its value."""


class Chart:
    """All groups of a row of numerals. pauses: places that no group goes across."""

    def __init__(self, numerals: Sequence[Numeral], pauses: frozenset[int]) -> None:
        self.numerals = numerals
        self.pauses = pauses
        self.size = len(numerals)
        self._below_at = [list(self._below(i)) for i in range(self.size)] + [[]]
        self.groups = [list(dict.fromkeys(self._groups(i))) for i in range(self.size)]
        self.fewest = [_NEVER] * self.size + [0]
        self.most = [-_NEVER] * self.size + [0]
        for i in reversed(range(self.size)):
            for end, row in self.groups[i]:
                self.fewest[i] = min(self.fewest[i], len(row) + self.fewest[end])
                self.most[i] = max(self.most[i], len(row) + self.most[end])

    @property
    def readable(self) -> bool:
        """Whether there is a way to split it all."""
        return self.fewest[0] < _NEVER

    def rows(self, shortest: int, longest: int) -> dict[str, int]:
        """Return the rows of shortest to longest digits, each with its number of groups."""
        found: list[dict[str, int]] = [{} for _ in range(self.size + 1)]
        found[0][""] = 0
        for i in range(self.size):
            for before, count in _best(found[i]):
                for end, digits in self.groups[i]:
                    row = before + digits
                    if (
                        len(row) + self.fewest[end] <= longest
                        and len(row) + self.most[end] >= shortest
                    ):
                        misheard = self.numerals[i].kind == "zeros"
                        groups = count + (MISHEARD if misheard else bool(digits))
                        found[end][row] = min(groups, found[end].get(row, groups))
        return dict(_best(found[self.size]))

    def plainest(self) -> dict[str, int]:
        """Return the rows of the fewest groups, of whatever length."""
        rows = self.rows(0, _NEVER - 1)
        fewest = min(rows.values(), default=0)
        return {row: groups for row, groups in rows.items() if groups == fewest}

    def _kind(self, i: int, joined: bool = True) -> str:
        if i >= self.size or (joined and i in self.pauses):
            return ""
        return self.numerals[i].kind

    def _groups(self, i: int) -> Iterator[tuple[int, str]]:
        kind, value, text = self.numerals[i]
        after = self._kind(i + 1)
        if kind == "and" and i:
            yield i + 1, ""
        elif kind == "zero" or (kind == "zeros" and self._may_be_zero(i)):
            yield i + 1, "0"
        elif kind == "figures":
            yield i + 1, text
        elif after in _REPEATED.get(kind, ()):
            yield i + 2, str(self.numerals[i + 1].value) * value
        for end, number in self._millions(i):
            yield end, str(number)

    def _millions(self, i: int) -> Iterator[Span]:
        yield from self._thousands(i)
        for end, count in self._counted(i, "million"):
            yield end, count
            for last, rest in self._thousands(self._on(end)):
                yield last, count + rest
            for last, rest in self._empty_hundreds(end):
                yield last, count + rest

    def _thousands(self, i: int) -> Iterator[Span]:
        yield from self._below_at[i]
        for end, count in self._counted(i, "thousand"):
            yield end, count
            if count % 1000 == 0:
                for last, rest in (
                    *self._below_at[self._on(end)],
                    *self._empty_hundreds(end),
                    *self._empty_places(end),
                ):
                    yield last, count + rest

    def _counted(self, i: int, kind: str) -> Iterator[Span]:
        """A count and the noun, the noun alone, "one and a half thousand"."""
        times = 1000 if kind == "thousand" else 1_000_000
        for end, count in self._below_at[i]:
            if self._kind(end) == kind:
                yield end + 1, count * times
            half = self._on(end)
            if self._kind(half) == "half" and self._kind(half + 1) == kind:
                yield half + 2, count * times + times // 2
        here = self._kind(i, joined=False)
        if here == kind and self.numerals[i].value and not self._may_count(i):
            yield i + 1, times
        elif here == "one_and_half" and self._kind(i + 1) == kind:
            yield i + 2, times + times // 2

    def _below(self, i: int) -> Iterator[Span]:
        """1 to 999."""
        yield from self._figures(i)
        yield from self._small(i)
        for end, hundreds in self._hundreds(i):
            yield end, hundreds
            for last, rest in self._small(self._on(end)):
                yield last, hundreds + rest

    def _figures(self, i: int) -> Iterator[Span]:
        """Up to three figures, which may be a count: "2 thousand"."""
        text = self.numerals[i].text if i < self.size else ""
        if 0 < len(text) < 4 and text[0] != "0":
            yield i + 1, int(text)

    def _hundreds(self, i: int) -> Iterator[Span]:
        here = self._kind(i, joined=False)
        if here == "hundreds":
            yield i + 1, self.numerals[i].value
        elif here == "hundred" and self.numerals[i].value in (1, 2) and not self._may_count(i):
            yield i + 1, 100
        for end, count in (*self._small(i), *self._figures(i)):
            if self._kind(end) == "hundred" and count < (
                100 if self.numerals[end].value > 1 else 10
            ):
                yield end + 1, count * 100

    def _empty_hundreds(self, i: int) -> Iterator[Span]:
        """Vietnamese names the empty hundreds after thousands: "không trăm linh năm", 005."""
        if self._kind(i) == "zero" and self._kind(i + 1) == "hundred":
            yield from self._small(self._on(i + 2))

    def _empty_places(self, i: int) -> Iterator[Span]:
        """Zeros for the empty places behind thousands: "two thousand, zero, five" is 2005."""
        for bound in (100, 10):
            if self._kind(i) != "zero":
                return
            i += 1
            for last, rest in self._small(i) if i not in self.pauses else ():
                if rest < bound:
                    yield last, rest

    def _small(self, i: int) -> Iterator[Span]:
        """1 to 99."""
        kind = self._kind(i, joined=False)
        if kind not in ("unit", "ten", "teen", "tens"):
            return
        value, end = self.numerals[i].value, i + 1
        yield end, value
        if kind == "unit" and self._kind(end) == "tens_of":
            kind, value, end = "tens", value * 10, end + 1
            yield end, value
        if kind in ("ten", "tens") and self._kind(end) == "unit":
            yield end + 1, value + self.numerals[end].value

    def _on(self, i: int) -> int:
        """Where a number goes on after its hundreds or thousands; past the end: it does not."""
        if i in self.pauses:
            return self.size
        return i + 1 if self._kind(i) == "and" and i + 1 not in self.pauses else i

    def _may_be_zero(self, i: int) -> bool:
        """Whether the plural zero at i may be a single one, by the word before."""
        return i > 0 and self.numerals[i - 1].kind in _BEFORE_ZERO

    def _may_count(self, i: int) -> bool:
        """Whether the word before counts the noun at i, so that the noun is no number alone."""
        if i == 0 or i in self.pauses:
            return False
        if self.numerals[i].kind == "hundred" and self.numerals[i].value != 2:
            return self.numerals[i - 1].kind == "unit"
        return self.numerals[i - 1].kind in ("unit", "teen", "ten", "tens", "hundreds", "figures")


def whole_hundreds(
    numerals: Sequence[Numeral], pauses: frozenset[int]
) -> tuple[list[Numeral], frozenset[int]]:
    """Return numerals with hundreds, tens and units that stand together as one, and the pauses."""
    whole: list[Numeral] = []
    places: list[int] = []
    i = 0
    while i < len(numerals):
        size, value = _hundreds_tens_units(numerals[i : i + 5])
        if size and not pauses & set(range(i + 1, i + size)):
            whole.append(Numeral("figures", 0, str(value)))
        else:
            size = 1
            whole.append(numerals[i])
        places += [len(whole) - 1, *[-1] * (size - 1)]
        i += size
    return whole, frozenset(places[place] for place in pauses)


def _hundreds_tens_units(numerals: Sequence[Numeral]) -> tuple[int, int]:
    """Return how many numerals make hundreds, tens and units here, and their value; 0 for none."""
    real = [numeral for numeral in numerals if numeral.kind != "and"]
    kinds = [numeral.kind for numeral in real]
    if kinds[:3] == ["hundreds", "tens", "unit"]:
        count, value = 3, sum(numeral.value for numeral in real[:3])
    elif kinds[:4] == ["unit", "hundred", "tens", "unit"]:
        count, value = 4, real[0].value * 100 + real[2].value + real[3].value
    else:
        return 0, 0
    last = [place for place, numeral in enumerate(numerals) if numeral.kind != "and"][count - 1]
    return last + 1, value


def _best(rows: dict[str, int]) -> list[tuple[str, int]]:
    if len(rows) <= MOST_ROWS:
        return list(rows.items())
    return sorted(rows.items(), key=lambda row: (row[1], row[0]))[:MOST_ROWS]
