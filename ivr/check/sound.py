"""How alike two phrases sound: their spelling is brought down to what a telephone lets through.

A table of a language says what is merged: pairs of voiced and unvoiced consonants, vowels that are
one where they are unstressed, letters without a sound of their own. A language without a table is
compared as it is written.
"""

from __future__ import annotations

import re
from functools import cache

from rapidfuzz.distance import Levenshtein

ALIKE = 0.75
"""Share of equal sounds from which two phrases are taken for alike: six of eight."""
DENIALS = {"uk": ("не",), "ru": ("не",), "en": ("not ",), "vi": ("không ",), "tt": ()}
"""What makes a phrase its contrary; in uk and ru also written together, "неправильно"."""

_MERGED: dict[str, tuple[tuple[str, str], ...]] = {
    "uk": (
        ("ться|тсся", "ця"),
        ("шся", "ся"),
        ("щ", "шч"),
        ("дз", "ц"),
        ("дж", "ч"),
        ("сч|зч|жч", "шч"),
        ("стн|здн", "сн"),
        ("[ьъй]", ""),
        ("[єеиыэё]", "и"),
        ("ї", "і"),
        ("я", "а"),
        ("ю", "у"),
        ("б", "п"),
        ("г", "х"),
        ("ґ", "к"),
        ("д", "т"),
        ("з", "с"),
        ("ж", "ш"),
        ("в", "у"),
    ),
    "ru": (
        ("ться|тся", "ца"),
        ("(?<=[ое])го\\b", "во"),
        ("сч|зч", "щ"),
        ("чт", "шт"),
        ("стн|здн", "сн"),
        ("[ьъй]", ""),
        ("[аоё]", "а"),
        ("[еиэыяєії]", "и"),
        ("ю", "у"),
        ("б", "п"),
        ("в", "ф"),
        ("г", "к"),
        ("д", "т"),
        ("з", "с"),
        ("ж", "ш"),
    ),
    "en": (
        ("wh", "w"),
        ("\\bkn", "n"),
        ("\\bwr", "r"),
        ("ight", "it"),
        ("tion|sion", "shn"),
        ("ph|gh", "f"),
        ("ck|qu?|x", "k"),
        ("c(?=[eiy])", "s"),
        ("c(?!h)", "k"),
        ("e\\b", ""),
        ("[eiy]+", "i"),
        ("[aou]+", "a"),
        ("b", "p"),
        ("v", "f"),
        ("g", "k"),
        ("d", "t"),
        ("z", "s"),
    ),
}


def likeness(one: str, language: str, other: str, its: str) -> float:
    """Return how much of two phrases sounds the same, 0..1; 1: nobody can tell them apart.

    its: language of the other phrase. A phrase and its denial ("світиться", "не світиться") count
    as different: callers say both, and a denial that is not listed is heard as the phrase itself.
    """
    if one != other and _affirmed(one, language) == _affirmed(other, its):
        return 0.0
    return max(
        Levenshtein.normalized_similarity(sounds(one, ear), sounds(other, ear))
        for ear in {language, its}
    )


@cache
def sounds(phrase: str, language: str) -> str:
    """Return what is heard of a phrase: no blanks, no sound twice in a row."""
    text = re.sub("[’ʼ']", "", phrase.casefold())
    for pattern, heard in _MERGED.get(language, ()):
        text = re.sub(pattern, heard, text)
    return re.sub(r"(.)\1+", r"\1", re.sub(r"\s", "", text))


@cache
def _affirmed(phrase: str, language: str) -> str:
    """Return a phrase without its denials."""
    for denial in DENIALS.get(language, ()):
        phrase = re.sub(rf"\b{denial}", "", phrase)
    return " ".join(phrase.split())
