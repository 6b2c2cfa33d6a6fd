"""What a question listens for beside its keys, and how sure it must be of what it heard. Pure.

The engine asks here for the grammar of the question it is about to put; it is the same one when the
answer comes, because everything it is made of is in the session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ivr.flow import LENGTHS, AskStep, MenuStep, Question
from ivr.grammar import Grammar
from ivr.model import Value

COMMANDS = ("operator", "repeat", "back", "help", "keys_only")
"""Words that mean the same at every question."""
SAME = "same"
"""The word for `#` alone."""
WAIT = "wait"
"""The word of a caller who is asked whether he needs time."""
YES_NO = {"yes": "1", "no": "2"}
"""Keys of the question whether it was heard right."""
STAR = {"go_on": "1", "back": "2", "repeat": "9", "operator": "0"}
"""Keys of the small menu."""
ANY_NUMBER = (1, 14)
"""Digits of a number of which nothing is known."""


@dataclass(frozen=True)
class Hearing:
    """How sure an answer by speech must be, and what is heard together.

    accept: confidence from which an answer is taken. confirm: from which the caller is asked
    whether it was heard right; below it he is asked again. together: groups of languages that
    callers mix. misses: answers not understood at one question before only keys are taken there;
    noisy: in one call before only keys are taken in it.
    """

    accept: float = 0.75
    confirm: float = 0.45
    together: tuple[tuple[str, ...], ...] = (("uk", "ru"),)
    misses: int = 2
    noisy: int = 4


def languages(known: Sequence[str], own: str, hearing: Hearing) -> tuple[str, ...]:
    """Return the languages to listen for, his own first; none where nobody understands his own."""
    if own not in known:
        return ()
    mixed = {each for group in hearing.together if own in group for each in group}
    return (own, *(each for each in known if each in mixed and each != own))


def grammar_of(
    at: Question,
    mode: str,
    spoken: Sequence[str],
    slots: Mapping[str, Value],
    items: Sequence[Mapping[str, Value]],
) -> Grammar:
    """Return the grammar of a question. mode, slots: of the session; items: of a menu of a list."""
    spoken = tuple(spoken)
    if mode == "confirm":
        return Grammar(spoken, (*YES_NO, *COMMANDS), "".join(YES_NO.values()))
    if mode == "star":
        return Grammar(spoken, tuple(STAR), "".join(STAR.values()))
    more = (WAIT,) if mode == "offer" else ()
    if isinstance(at, AskStep):
        words = (*COMMANDS, *((SAME,) if at.empty else ()), *more)
        return Grammar(spoken, words, "", *lengths(at, slots))
    assert isinstance(at, MenuStep)  # noqa: S101 - a question is an ask or a menu
    known = words_of(at, items)
    keys = [key for key in at.options if key.isdigit()]
    keys += [str(n) for n in range(1, len(items) + 1 + bool(at.another)) if n < 10]
    said = tuple(dict.fromkeys((*known, *COMMANDS, *more)))
    return Grammar(spoken, said, "".join(dict.fromkeys((*keys, "0", "9"))))


def words_of(at: MenuStep, items: Sequence[Mapping[str, Value]]) -> dict[str, str]:
    """Return the keys of a menu by the words that stand for them; an item may bring `words`."""
    known = {word: key for key, option in at.options.items() for word in option.words}
    for number, item in enumerate(items[:9], start=1):
        if isinstance(word := item.get("words"), str) and word:
            known.setdefault(word, str(number))
    if at.another:
        for word in at.another.words:
            known.setdefault(word, str(len(items) + 1))
    return known


def lengths(at: AskStep, slots: Mapping[str, Value]) -> tuple[int, int]:
    """Return the fewest and the most digits of a whole answer."""
    text = str(at.digits if "-" in at.digits else slots.get(at.digits) or "")
    if not LENGTHS.fullmatch(text):
        return ANY_NUMBER
    shortest, _, longest = text.partition("-")
    return int(shortest), int(longest)
