"""Answers by speech inside a question: a part of the walk of one turn.

What is said becomes the key or the number it stands for (`ivr.listening`, `ivr.grammar`) and goes
the way of keys; only what was not heard well enough goes another one. Each function takes the walk
(`ivr.engine.walk`) that stands at the question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.flow import AskStep, Question, Saying, Sayings
from ivr.grammar import Grammar, Heard, understand
from ivr.listening import SAME, WAIT, YES_NO, at_once, grammar_of, keys_of, languages
from ivr.model import Event

if TYPE_CHECKING:
    from ivr.engine.walk import Walk


def grammar_at(walk: Walk, at: Question) -> Grammar | None:
    """Return what may be said at a question, None where only keys answer it."""
    session, hearing = walk.session, walk.limits.hearing
    spoken = languages(session.hears, session.language, hearing)
    missed = walk.missed().count("unheard") >= hearing.misses
    if not spoken or missed or not (at.speech and walk.flow.speech):
        return None
    items = walk.items_of(at)
    return grammar_of(at, session.mode, spoken, session.slots, items, session.doubt)


def spoken(walk: Walk, at: Question, event: Event) -> None:
    """Something was said: take it, ask whether it was heard right, or ask again."""
    session, grammar, hearing = walk.session, grammar_at(walk, at), walk.limits.hearing
    if grammar is None:
        walk.nomatch(at)
        return
    if event.outcome:
        deafened(walk, at)
        return
    heard = understand(grammar, walk.flows.vocabulary, event.text, expected(walk, at))
    confidence = event.confidence * heard.share if heard else 0.0
    session.understood = "unheard"
    if heard is None or confidence < hearing.confirm:
        unheard(walk, at)
        return
    session.slots["spoke"] = True
    if isinstance(at, AskStep) and heard.numbers:
        spoken_number(walk, at, heard)
        return
    word, mode = heard.word, session.mode
    key = heard.key or keys_of(at, mode, walk.items_of(at), session.doubt).get(word, "")
    if confidence >= hearing.accept or at_once(at, mode, word, key):
        session.understood = word or key
        said(walk, at, word, key)
    elif word in YES_NO:
        unheard(walk, at)
    else:
        session.understood = word or key
        doubt(walk, at, word, key)


def said(walk: Walk, at: Question, word: str, key: str) -> None:
    """Do what a word stands for, or press the key that was named."""
    session = walk.session
    if key:
        session.typed = key + session.typed
        walk.keys(at, ended=False)
    elif word == SAME and isinstance(at, AskStep):
        walk.entered(at, "")
    elif word == WAIT:
        walk.wait(at)
    elif word == "operator":
        walk.operator(at)
    elif word == "repeat":
        walk.repeat(at)
    elif word == "back":
        walk.back(at)
    elif word == "help":
        session.mode = "star"
        walk.small_menu(at)
    else:
        session.hears = []
        walk.again(at, (Saying("speech_off"),))


def spoken_number(walk: Walk, at: AskStep, heard: Heard) -> None:
    """A number; of several the likeliest that was not wrong before.

    It goes no further unless the caller hears it: the flow reads it back, or we do.
    """
    session, place = walk.session, place_of(walk, at)
    wrong = session.tried.get(place, [])
    if heard.close and not wrong:
        unheard(walk, at, (Saying("speech_digits"),))
        return
    number = next((each for each in heard.numbers if each not in wrong), heard.numbers[0])
    session.taken = [place, number] if len(heard.numbers) > 1 else []
    session.understood = session.slots["heard_number"] = number
    if heard.cut and at.near:
        walk.speak((Saying("speech_cut"),))
    if at.read_back:
        session.slots |= {"heard": "speech_heard", "unread": True}
        walk.entered(at, number)
    else:
        doubt(walk, at, "", number)


def expected(walk: Walk, at: Question) -> str:
    """Return the value that is expected, "" where none is."""
    return str(walk.session.slots.get(at.near) or "") if isinstance(at, AskStep) else ""


def place_of(walk: Walk, at: AskStep) -> str:
    """Return what tells a question from itself for another meter."""
    return f"{walk.question} {expected(walk, at)}"


def was_wrong(walk: Walk, at: Question) -> None:
    """The caller is asked anew: what was taken for his answer the last time was none."""
    session = walk.session
    if not isinstance(at, AskStep):
        return
    place, taken, session.taken = place_of(walk, at), session.taken, []
    if taken and taken[0] == place:
        session.tried[place] = [*session.tried.get(place, []), taken[1]]


def doubt(walk: Walk, at: Question, word: str, keys: str) -> None:
    """Ask whether it was heard right: 1 yes, 2 no."""
    session = walk.session
    session.mode, session.typed, session.doubt = "confirm", "", [word, keys]
    session.slots["heard_word"], session.slots["heard_number"] = word, keys
    walk.speak((Saying("speech_sure_word" if word else "speech_sure_number"),))
    walk.listen(at)


def confirm(walk: Walk, at: Question) -> None:
    """A key, or what was said for it, at the question whether it was heard right.

    A key that means nothing there is taken as the answer itself.
    """
    session = walk.session
    session.typed = session.typed.lstrip("#")
    if not session.typed:
        walk.listen(at)
        return
    key, (word, keys) = walk.take_key(), session.doubt
    if key == "9":
        doubt(walk, at, word, keys)
    elif key == "0":
        walk.operator(at)
    elif key in "2*":
        session.mode = ""
        was_wrong(walk, at)
        unheard(walk, at)
    else:
        session.mode = ""
        if key != "1":
            session.typed = key + session.typed
            walk.keys(at, ended=False)
        elif isinstance(at, AskStep) and not word:
            walk.entered(at, keys)
        else:
            said(walk, at, word, keys)


def unheard(walk: Walk, at: Question, says: Sayings = ()) -> None:
    """Not heard well enough: a miss; ask again, and soon for keys only."""
    session, hearing = walk.session, walk.limits.hearing
    session.unheard += 1
    if session.unheard >= hearing.noisy:
        session.hears = []
    times = walk.miss(at, "unheard")
    if not times:
        return
    if not session.hears or times >= hearing.misses:
        says = (Saying("speech_keys"),)
    elif not says:
        says = (Saying("speech_again_number" if isinstance(at, AskStep) else "speech_again"),)
    walk.asked_anew(at, says)


def deafened(walk: Walk, at: Question) -> None:
    """The recogniser broke while it listened: tell it once, and go on with keys."""
    walk.session.hears = []
    walk.session.understood = "down"
    walk.asked_anew(at, (Saying("speech_down"),))
