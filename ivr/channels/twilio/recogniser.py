"""What Twilio's recogniser is told of a question: language, likely words, model. Pure.

It listens for one language a question and knows no grammars: what it may expect is a list of
hints, and what it heard is read by `ivr.grammar` as everywhere.
https://www.twilio.com/docs/voice/twiml/gather, warnings 13327 to 13343 of /docs/api/errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ivr.grammar import Grammar, Vocabulary, phrases
from ivr.model import Ask, Turn

LOCALES = {"uk": "uk-UA", "ru": "ru-RU", "en": "en-US", "vi": "vi-VN"}
"""Languages of ours that Twilio speaks and understands; Tatar is none of them."""
PAUSE = {"key": 1, "number": 2}
"""Seconds of silence that end an utterance, by the entry asked for: numbers are read off a meter.
Never `auto`: beside a speechModel it is warning 13335, and it ends at the first short pause."""
MOST = 500
"""Hints of a question, ..."""
LONGEST = 100
"""... characters of one (13330), ..."""
ROOM = 24_000
"""... and bytes of all: a page of TwiML has 64 kB, 500 long ones in Cyrillic have 100."""


@dataclass(frozen=True)
class Listening:
    """Twilio's recogniser beside the keys. locale: "uk-UA". hints: likely words, with commas.

    pause: seconds. model: of Twilio's, "" where it shall choose one.
    """

    locale: str
    pause: int = 1
    hints: str = ""
    model: str = ""


def listening(turn: Turn, vocabulary: Vocabulary, model: str = "") -> Listening | None:
    """Return how Twilio listens to the answer of a turn, None where keys only are taken."""
    need = turn.need
    if not isinstance(need, Ask) or not need.grammar or turn.language not in LOCALES:
        return None
    grammar = Grammar.parse(need.grammar)
    likely = [
        phrase
        for language in dict.fromkeys((turn.language, *grammar.languages))
        for phrase in phrases(grammar, vocabulary, language)
    ]
    return Listening(LOCALES[turn.language], PAUSE[need.entry], hints(likely), model)


def hints(texts: Iterable[str]) -> str:
    """Return phrases as Twilio takes them: words of letters with blanks between, each phrase once;
    the first ones where they are too many.
    """
    return ",".join(_fitting(dict.fromkeys(map(_plain, texts))))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w'’-]+|_", " ", text).split())


def _fitting(texts: Iterable[str]) -> Iterator[str]:
    room, left = ROOM, MOST
    for text in texts:
        size = len(text.encode()) + 1
        if text and len(text) <= LONGEST and left and size <= room:
            room, left = room - size, left - 1
            yield text
