"""The grammar of one question as data, and what was understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Vocabulary = Mapping[str, Mapping[str, tuple[str, ...]]]
"""What callers say: language, id of `words:` in `prompts/LANG.yaml`, its phrases."""


@dataclass(frozen=True)
class Grammar:
    """What may be said at one question.

    languages: recognised side by side, the caller's own first. words: ids of the vocabulary.
    keys: keys that may be named by their number ("120": "one", "two", "zero"). shortest, longest:
    digits of a whole number that is asked for; longest 0: none is.
    """

    languages: tuple[str, ...]
    words: tuple[str, ...] = ()
    keys: str = ""
    shortest: int = 0
    longest: int = 0

    def text(self) -> str:
        """Return it as one line, of letters, digits and `_ . + = -`: "lang=uk+ru words=yes.no"."""
        parts = [f"lang={'+'.join(self.languages)}"]
        if self.words:
            parts.append(f"words={'.'.join(self.words)}")
        if self.keys:
            parts.append(f"keys={self.keys}")
        if self.longest:
            parts.append(f"digits={self.shortest}-{self.longest}")
        return " ".join(parts)

    @staticmethod
    def parse(text: str) -> Grammar:
        """Read what `text` wrote; parts of other names are skipped. ValueError: what is wrong."""
        parts = dict(part.partition("=")[::2] for part in text.split())
        languages = tuple(filter(None, parts.get("lang", "").split("+")))
        if not languages:
            raise ValueError(f"no language in the grammar {text[:80]!r}")
        shortest, _, longest = parts.get("digits", "0-0").partition("-")
        try:
            bounds = int(shortest), int(longest)
        except ValueError:
            raise ValueError(f"`digits` is 4-9 in the grammar {text[:80]!r}") from None
        words = tuple(filter(None, parts.get("words", "").split(".")))
        return Grammar(languages, words, parts.get("keys", ""), *bounds)


@dataclass(frozen=True)
class Heard:
    """What an utterance means at a question: a word of the vocabulary, a key, or a number.

    word: id; key: the key named by its number; numbers: rows of digits it may stand for, the
    likeliest first, at least one where it is a number. close: the second one is as likely as the
    first, or the first one was only made by breaking a number (`reading`). cut: a fraction was left
    out. share: 0..1, how much of what was said belongs to it.
    """

    word: str = ""
    key: str = ""
    numbers: tuple[str, ...] = ()
    close: bool = False
    cut: bool = False
    share: float = 1.0
