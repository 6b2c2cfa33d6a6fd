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
CONFIRM = {**YES_NO, "operator": "0", "repeat": "9", "back": "*"}
"""Keys of the question whether it was heard right."""
STAR = {"go_on": "1", "back": "2", "repeat": "9", "operator": "0"}
"""Keys of the small menu."""
HARMLESS = ("repeat", "back", "help", SAME, WAIT)
"""Nothing is lost by them: he is asked the same, or hears what he gives before it counts."""
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
    doubt: Sequence[str] = (),
) -> Grammar:
    """Return the grammar of a question. mode, slots, doubt: of the session; items: of its list."""
    spoken = tuple(spoken)
    words = (*keys_of(at, mode, items, doubt), *COMMANDS, *((WAIT,) if mode == "offer" else ()))
    if mode == "confirm":
        return Grammar(spoken, _once(words), "1209")
    if mode == "star":
        return Grammar(spoken, _once(words), "1290")
    if isinstance(at, AskStep):
        return Grammar(spoken, (*words, *((SAME,) if at.empty else ())), "", *lengths(at, slots))
    assert isinstance(at, MenuStep)  # noqa: S101 - a question is an ask or a menu
    named = [key for key in at.options if key.isdigit()]
    named += [str(n) for n in range(1, len(items) + 1 + bool(at.another)) if n < 10]
    return Grammar(spoken, _once(words), "".join(_once((*named, "0", "9"))))


def _once(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def keys_of(
    at: Question, mode: str, items: Sequence[Mapping[str, Value]], doubt: Sequence[str] = ()
) -> dict[str, str]:
    """Return the keys of a question by the words that stand for them.

    Who is asked "did you say operator?" may say it again instead of yes.
    """
    if mode == "confirm":
        return {**CONFIRM, **{word: "1" for word in doubt[:1] if word}}
    if mode == "star":
        return STAR
    return words_of(at, items) if isinstance(at, MenuStep) else {}


def at_once(at: Question, mode: str, word: str, key: str) -> bool:
    """Whether an answer of middle confidence is taken without asking for it a second time.

    word: that was heard, "" where a key was named; key: it stands for. What answers "did you say
    ...?" is, else there were no end of asking.
    """
    if mode == "confirm" or word in HARMLESS:
        return True
    if mode == "star":
        return key != STAR["operator"]
    option = at.options.get(key) if isinstance(at, MenuStep) else None
    return option is not None and option.at_once


def words_of(at: MenuStep, items: Sequence[Mapping[str, Value]]) -> dict[str, str]:
    """Return the keys of a menu by the words that stand for them; an item may bring `words`.

    There are nine keys: what comes tenth in a list has none.
    """
    known = {word: key for key, option in at.options.items() for word in option.words}
    for number, item in enumerate(items[:9], start=1):
        if isinstance(word := item.get("words"), str) and word:
            known.setdefault(word, str(number))
    if at.another and len(items) < 9:
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
