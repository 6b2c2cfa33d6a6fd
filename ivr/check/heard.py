"""Rules of answers by speech: every choice has words, and no two of one question sound alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from ivr.check.findings import Finding
from ivr.check.sound import ALIKE, likeness
from ivr.company import Company
from ivr.flow import AskStep, Flow, MenuStep, Option, Question, questions
from ivr.grammar import number_words
from ivr.listening import COMMANDS, SAME, STAR, WAIT, YES_NO, languages
from ivr.prompts import Catalogue
from ivr.services.inquiry import Service

NAMED = 4
"""Places that one warning names; the rest is counted."""
ENGINE_WORDS = frozenset((*COMMANDS, *YES_NO, *STAR, SAME, WAIT))
"""Words that the engine listens for by itself."""
NUMBER = "a number"
KEY = "key "
KEYS = "0123456789"


class _Answer(NamedTuple):
    """One meaning at a question. name: id of words, or what else it is; target: where it leads."""

    name: str
    target: str


@dataclass(frozen=True)
class _Asked:
    """One question that may be answered by speech. silent: keys that no words stand for."""

    place: str
    answers: tuple[_Answer, ...]
    silent: tuple[str, ...] = ()


def named(
    flows: Mapping[str, Flow], companies: Mapping[str, Company], services: Mapping[str, Service]
) -> dict[str, str]:
    """Return who names each id of words: questions of flows, services that hand over a list."""
    spoken = _spoken(companies)
    places: dict[str, list[str]] = {}
    for flow in flows.values():
        for name, step in questions(flow).items():
            for option in _options(step).values():
                for word in option.words:
                    places.setdefault(word, []).append(f"{flow.name}.{name}")
    for service in services.values():
        for slot in service.words:
            for word in _items(service, slot, spoken):
                places.setdefault(word, []).append(f"service {service.name}")
    return {word: ", ".join(dict.fromkeys(where)) for word, where in places.items()}


def of_words(
    flows: Mapping[str, Flow],
    companies: Mapping[str, Company],
    catalogues: Mapping[str, Catalogue],
    services: Mapping[str, Service],
) -> Iterator[Finding]:
    """Tell ids of words that no language has, and those that nobody names."""
    names = named(flows, companies, services)
    there = {word for catalogue in catalogues.values() for word in catalogue.words}
    for word, where in names.items():
        if word not in there:
            text = f"no `words: {word}` in any prompts/LANG.yaml"
            yield Finding("unknown-words", where, text)
    for word in sorted(there - names.keys() - ENGINE_WORDS):
        files = ", ".join(name for name, c in catalogues.items() if word in c.words)
        yield Finding("unused-words", word, f"nobody is asked for them; languages: {files}")


def of_speech(
    flows: Mapping[str, Flow],
    companies: Mapping[str, Company],
    catalogues: Mapping[str, Catalogue],
    services: Mapping[str, Service],
) -> Iterator[Finding]:
    """Tell choices that cannot be said, ids without phrases, and answers that sound alike."""
    asked = [*_asked(flows, companies, services), *_engine_questions()]
    yield from _without_words(asked)
    yield from _missing(flows, companies, catalogues, services)
    yield from _alike(asked, companies, catalogues)


# ---------------------------------------------------------------------- who asks for what


def _spoken(companies: Mapping[str, Company]) -> list[str]:
    return sorted({language for company in companies.values() for language in company.languages})


def _options(step: Question) -> dict[str, Option]:
    """The choices of a menu by key; the one after a list by its name in the file."""
    if not isinstance(step, MenuStep):
        return {}
    return {**step.options, **({"another": step.another} if step.another else {})}


def _items(service: Service, slot: str, spoken: Collection[str]) -> tuple[str, ...]:
    """Words of the items that a service puts into a slot; {language} stands for every language."""
    found = [word.format(language=each) for word in service.words.get(slot, ()) for each in spoken]
    return tuple(dict.fromkeys(found))


def _asked(
    flows: Mapping[str, Flow], companies: Mapping[str, Company], services: Mapping[str, Service]
) -> Iterator[_Asked]:
    """Every question of the flows that may be answered by speech."""
    lists: dict[str, list[str]] = {}
    for service in services.values():
        for slot in service.words:
            lists.setdefault(slot, []).extend(_items(service, slot, _spoken(companies)))
    for flow in flows.values():
        for name, step in questions(flow).items():
            if step.speech and flow.speech:
                items = lists.get(step.each, []) if isinstance(step, MenuStep) else []
                answers = tuple(_Answer(*each) for each in _answers(flow, step, items).items())
                options = [*_options(step).items()]
                silent = [key for key, each in options if not each.words and key not in "09"]
                yield _Asked(f"{flow.name}.{name}", answers, tuple(silent))


def _answers(flow: Flow, step: Question, items: Iterable[str]) -> dict[str, str]:
    """What leads where at a question, as the engine reads it: choices, then what is everywhere."""
    operator = step.operator or flow.operator or "operator"
    back = step.back or ("back" if "back" in flow.ends else "back: again")
    found: dict[str, str] = {}
    for key, option in _options(step).items():
        for name in (*option.words, *((_key(key),) if key in KEYS else ())):
            found.setdefault(name, option.to)
    for word in items:
        found.setdefault(word, f"item {word}")
    if isinstance(step, AskStep):
        found[NUMBER] = step.to
        found |= {SAME: step.empty} if step.empty else {}
    else:
        found |= {_key("0"): operator, _key("9"): "repeat"}
    everywhere = {word: word for word in (*COMMANDS, WAIT)}
    everywhere |= {"operator": operator, "back": back}
    return {**everywhere, **found}


def _engine_questions() -> Iterator[_Asked]:
    """The questions that the engine puts by itself: heard right? and the small menu."""
    for place, keys in (("speech_sure", {**YES_NO}), ("star_menu", {**STAR})):
        words = {**{word: word for word in COMMANDS}, **keys, **{_key(k): k for k in keys.values()}}
        yield _Asked(place, tuple(_Answer(*each) for each in words.items()))


def _key(key: str) -> str:
    return f"{KEY}{key}"


# ---------------------------------------------------------------------- what is missing


def _without_words(asked: Iterable[_Asked]) -> Iterator[Finding]:
    for question in asked:
        for key in question.silent:
            text = f"`{key}` has no `words`: who speaks can only name the key"
            yield Finding("no-words", question.place, text)


def _missing(
    flows: Mapping[str, Flow],
    companies: Mapping[str, Company],
    catalogues: Mapping[str, Catalogue],
    services: Mapping[str, Service],
) -> Iterator[Finding]:
    """Tell what one language of a company lacks while another one has it."""
    spoken = _spoken(companies)
    names = dict.fromkeys(sorted(ENGINE_WORDS), "the engine") | named(flows, companies, services)
    there = {word for catalogue in catalogues.values() for word in catalogue.words}
    for language in (language for language in spoken if language in catalogues):
        for word, where in names.items():
            if word in there and word not in catalogues[language].words:
                text = f"no `words: {word}` in prompts/{language}.yaml"
                yield Finding("missing-words", _short(where.split(", ")), text)
        if there and not number_words(language):
            text = f"no number words in {language}: numbers, and keys by name, are not understood"
            yield Finding("missing-words", "every question", text)


def _short(places: list[str]) -> str:
    return ", ".join(places[:NAMED]) + f" and {len(places) - NAMED} more" * (len(places) > NAMED)


# ---------------------------------------------------------------------- what sounds alike


def _alike(
    asked: Iterable[_Asked],
    companies: Mapping[str, Company],
    catalogues: Mapping[str, Catalogue],
) -> Iterator[Finding]:
    """Tell two answers of one question that are told apart by nobody; each pair once."""
    together = _together(companies, catalogues)
    said = {language: _said(catalogue) for language, catalogue in catalogues.items()}
    found: dict[tuple[str, str, str], _Pair | None] = {}
    places: dict[str, list[str]] = {}
    for question in asked:
        for one, other in combinations(question.answers, 2):
            if one.target == other.target:
                continue
            for pair in together:
                key = (one.name, other.name, "+".join(dict.fromkeys(pair)))
                if key not in found:
                    found[key] = _likest(one.name, other.name, pair, said)
                if (likest := found[key]) is not None:
                    places.setdefault(str(likest), []).append(question.place)
    for text, where in places.items():
        yield Finding("alike-words", _short(where), text)


class _Pair(NamedTuple):
    """Two phrases of two answers. share: of their sounds that is equal."""

    one: str
    phrase: str
    other: str
    like: str
    languages: str
    share: float

    def __str__(self) -> str:
        if self.phrase == self.like:
            return f'"{self.phrase}" ({self.languages}) stands for {self.one} and {self.other}'
        words = f'"{self.phrase}" ({self.one}) and "{self.like}" ({self.other})'
        return f"{words} sound alike in {self.languages}, {self.share:.0%}"


def _together(
    companies: Mapping[str, Company], catalogues: Mapping[str, Catalogue]
) -> list[tuple[str, str]]:
    """Pairs of languages that are heard at one question; each one with itself."""
    pairs: dict[tuple[str, str], None] = {}
    for company in companies.values():
        for own in company.languages:
            heard = languages(company.languages, own, company.terms.speech.hearing())
            for other in heard:
                if own in catalogues and other in catalogues and (other, own) not in pairs:
                    pairs[own, other] = None
    return list(pairs)


def _likest(
    one: str, other: str, pair: tuple[str, str], said: Mapping[str, Mapping[str, tuple[str, ...]]]
) -> _Pair | None:
    """The two phrases of two answers that sound most alike, if any do."""
    first, second = pair
    least = ALIKE if first == second else 1.0  # each recogniser has words of its own to choose from
    named = one.startswith(KEY) or other.startswith(KEY)  # words that are listed win over a key
    found = [
        _Pair(one, phrase, other, like, "+".join(dict.fromkeys(pair)), share)
        for here, there in dict.fromkeys(((first, second), (second, first)))
        for phrase in said[here].get(one, ())
        for like in said[there].get(other, ())
        if (share := likeness(phrase, here, like, there)) >= least
        and not (named and phrase == like)
    ]
    return max(found, key=lambda each: each.share, default=None)


def _said(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """What is said in a language for each answer; a key is named by its number."""
    named = {_key(key): f"n_{key}" for key in KEYS}
    fixed = catalogue.fixed()
    keys = {key: (fixed[piece],) for key, piece in named.items() if piece in fixed}
    return {**catalogue.words, **keys, NUMBER: number_words(catalogue.language)}
