"""What may be said at a question, and what an utterance means there. Pure.

`Grammar` is what a question asks the recogniser for, a short text that every process and every
exchange can hand on. `understand` reads what was recognised; `phrases` and `number_words` tell a
recogniser what to expect; `whole` and `open_ended` tell it whether to go on listening.
"""

from ivr.grammar.grammar import Grammar, Heard, Vocabulary
from ivr.grammar.reading import (
    everything,
    number_words,
    open_ended,
    phrases,
    understand,
    whole,
)
from ivr.grammar.spelling import UNKNOWN

__all__ = [
    "UNKNOWN",
    "Grammar",
    "Heard",
    "Vocabulary",
    "everything",
    "number_words",
    "open_ended",
    "phrases",
    "understand",
    "whole",
]
