"""What is said and what is noise: clips with what they mean, and the questions they are put to.

Numbers and words come from the shipped recordings, joined; where RHVoice is installed its other
voices say whole sentences besides. Human recordings come from a folder that the command names.
"""

from __future__ import annotations

import csv
import random
import re
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bench import speech_line as line
from ivr import numbers
from ivr.composition import PROMPTS, house
from ivr.flow import MenuStep
from ivr.grammar import Grammar, Vocabulary, phrases, understand
from ivr.listening import COMMANDS, SAME, YES_NO, Hearing, grammar_of, languages
from ivr.speech.audio import NARROW, Sound, decode
from ivr.speech.synthesis import RHVOICE_VOICES, Synthesiser, speak

LANGUAGES = ("uk", "ru", "en")
KINDS = ("reading", "account", "number", "menu", "yes or no")
"""Five digits one by one, nine digits one by one, a number as one says it, a choice, a yes."""
VOICES = {
    "uk": ("anatol",),
    "ru": ("aleksandr", "anna", "irina"),
    "en": ("bdl", "clb", "alan"),
}
"""Voices of RHVoice beside those of the recordings."""
APART = (60, 160)
"""Milliseconds between digits said one by one."""
NOISY = 15.0
"""dB of speech over noise."""
NOISE = 6.0
"""Seconds of each noise."""


@dataclass(frozen=True)
class Question:
    """A question of the product. kind: of KINDS, or "number" for any number of unknown length."""

    kind: str
    grammar: Grammar


@dataclass(frozen=True)
class Clip:
    """Something heard on the line. means: the word or the digits it stands for; "": nothing.

    origin: "recordings", a voice of RHVoice, or the speaker.
    """

    name: str
    kind: str
    language: str
    text: str
    means: str
    origin: str
    sound: line.Sound = field(repr=False)


@cache
def product() -> tuple[Vocabulary, MenuStep, Mapping[str, Mapping[str, str]]]:
    """Return what callers say, the first menu, and the text of every sound by language."""
    flows, _, catalogues = house()
    menu = flows.flows["main"].steps["menu"]
    assert isinstance(menu, MenuStep)
    return flows.vocabulary, menu, {lang: known.fixed() for lang, known in catalogues.items()}


def question(kind: str, language: str, known: Sequence[str], digits: int = 0) -> Question:
    """Return the question of a kind as a caller of a language hears it. digits: of its answer."""
    spoken = languages(known, language, Hearing())
    if kind == "menu":
        return Question(kind, grammar_of(product()[1], "", spoken, {}, []))
    if kind == "yes or no":
        return Question(kind, Grammar(spoken, (*YES_NO, *COMMANDS), "12"))
    if kind == "account":
        return Question(kind, Grammar(spoken, COMMANDS, "", digits or 9, digits or 9))
    return Question(kind, Grammar(spoken, (*COMMANDS, SAME), "", 1, digits or 5))


# ---------------------------------------------------------------- from the recordings


def recorded(language: str, seed: int = 1) -> Iterator[Clip]:
    """Yield clips of every kind, joined from the shipped recordings of a language."""
    chance = random.Random(seed)
    texts = product()[2][language]
    for kind, size, count in (("reading", 5, 10), ("account", 9, 8)):
        for _ in range(count):
            digits = "".join(chance.choices("0123456789", k=size))
            ids = numbers.digits(digits)
            sound = joined(language, ids, [chance.randint(*APART) for _ in ids])
            said = " ".join(texts[each] for each in ids)
            yield Clip(f"{kind} {digits}", kind, language, said, digits, "recordings", sound)
    for number in natural(chance, 10):
        ids = numbers.number(language, number)
        said = " ".join(texts[each] for each in ids)
        sound = joined(language, ids, [20 for _ in ids])
        yield Clip(f"number {number}", "number", language, said, str(number), "recordings", sound)
    for kind, word in choices():
        said = texts[f"word_{word}"]
        sound = joined(language, [f"word_{word}"], [0])
        yield Clip(f"{kind} {said}", kind, language, said, word, "recordings", sound)


def choices() -> Iterator[tuple[str, str]]:
    """Yield the words of the first menu and of a question for yes or no."""
    grammar = question("menu", "uk", LANGUAGES).grammar
    yield from (("menu", word) for word in grammar.words)
    yield from (("yes or no", word) for word in YES_NO)


def natural(chance: random.Random, count: int) -> list[int]:
    """Return numbers up to 99,999, as many of each length."""
    return [chance.randrange(10 ** (size % 5), 10 ** (size % 5 + 1)) for size in range(count)]


def joined(language: str, ids: Sequence[str], apart: Sequence[int]) -> line.Sound:
    """Join recordings. apart: milliseconds of silence after each."""
    sound = array("d")
    for said, pause in zip(recordings(language, ids), apart, strict=True):
        sound += trimmed(said)
        sound += array("d", bytes(8 * (pause * NARROW // 1000)))
    return sound


_heard: dict[Path, line.Sound] = {}


def recordings(language: str, ids: Iterable[str]) -> list[line.Sound]:
    """Return shipped recordings; those not heard before are read by one ffmpeg."""
    paths = [PROMPTS / language / f"{id_}.opus" for id_ in ids]
    lacking = list(dict.fromkeys(path for path in paths if path not in _heard))
    _heard.update(zip(lacking, read(lacking), strict=True))
    return [_heard[path] for path in paths]


def read(paths: Sequence[Path]) -> list[line.Sound]:
    """Read files of any format; an empty sound stands for one that holds none."""
    return [plain(sound) for sound in decode(paths)]


def plain(sound: Sound | None) -> line.Sound:
    """Return the samples of a sound, -1..1."""
    samples = sound.narrow.get_array_of_samples() if sound else ()
    return array("d", (sample / 32768 for sample in samples))


def trimmed(sound: line.Sound) -> line.Sound:
    """Cut the silence at both ends away."""
    begin, end = line.spoken(sound)
    return sound[begin:end]


# ---------------------------------------------------------------- from RHVoice


def voices(language: str) -> list[str]:
    """Return the further voices of RHVoice that are installed here."""
    return [name for name in VOICES.get(language, ()) if (RHVOICE_VOICES / name).is_dir()]


def synthesised(language: str, seed: int = 2) -> list[Clip]:
    """Return sentences said by other voices than that of the recordings."""
    chance = random.Random(seed)
    texts, vocabulary = product()[2][language], product()[0][language]
    wanted = []
    for voice in voices(language):
        for kind, size, count in (("reading", 5, 4), ("account", 9, 3)):
            for _ in range(count):
                digits = "".join(chance.choices("0123456789", k=size))
                said = " ".join(texts[each] for each in numbers.digits(digits))
                wanted.append((voice, kind, said, digits))
        for number in natural(chance, 5):
            said = " ".join(texts[each] for each in numbers.number(language, number))
            wanted.append((voice, "number", said, str(number)))
        for kind, word in choices():
            known = vocabulary.get(word, ())
            wanted += [(voice, kind, said, word) for said in known[:3] if chance.random() < 0.35]
    with tempfile.TemporaryDirectory(prefix="press2-bench-") as name:
        paths = []
        for number, (voice, _, said, _) in enumerate(wanted):
            paths.append(Path(name, f"{number}.wav"))
            speak(Synthesiser(voices={language: voice}).engines(language), said, paths[-1])
        sounds = read(paths)
    return [
        Clip(f"{voice}: {said}", kind, language, said, means, voice, sound)
        for (voice, kind, said, means), sound in zip(wanted, sounds, strict=True)
    ]


# ---------------------------------------------------------------- from people


def human(folder: Path, known: Sequence[str]) -> list[Clip]:
    """Read a folder of recordings with `labels.tsv`: file, lang, text, digits, speaker.

    digits: of a number; a row without is a choice, a yes, or, where its text answers nothing,
    foreign speech (kind ""). Rows of a language without a model are foreign speech, too.
    """
    with (folder / "labels.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    sounds = read([folder / row["file"] for row in rows])
    clips = []
    for row, sound in zip(rows, sounds, strict=True):
        if not sound:
            raise SystemExit(f"{folder / row['file']} holds no sound")
        kind, means = told(row, known)
        speaker = row.get("speaker") or "somebody"
        clips.append(Clip(row["file"], kind, row["lang"], row["text"], means, speaker, sound))
    return clips


def told(row: Mapping[str, str], known: Sequence[str]) -> tuple[str, str]:
    """Return which kind of question a labelled recording answers, and what it means there."""
    language, text, digits = row["lang"], row["text"].casefold(), row.get("digits") or ""
    if language not in known:
        return "", ""
    if digits:
        if len(text.split()) < len(digits) or len(digits) == 1:
            return "number", digits
        return ("account" if len(digits) >= 7 else "reading"), digits
    for kind in ("yes or no", "menu"):
        heard = understand(question(kind, language, known).grammar, product()[0], text)
        if heard and heard.word:
            return kind, heard.word
    return "", ""


# ---------------------------------------------------------------- nothing that answers


def noises(seconds: float = NOISE, seed: int = 3) -> dict[str, line.Sound]:
    """Return what a line may carry beside speech, through the band of a telephone."""
    chance = random.Random(seed)
    numbered = [f"n_{number}" for number in range(20, 60)]
    speech = [sound for each in LANGUAGES for sound in recordings(each, numbered)]
    made = {
        "white noise": line.white(seconds, chance),
        "pink noise": line.pink(seconds, chance),
        "hum": line.hum(seconds, chance),
        "music": line.melody(seconds, chance),
        "keys pressed": line.keys(seconds, chance),
        "barking": line.barking(seconds, chance),
        "babble": line.babble(seconds, chance, speech),
    }
    passed = {name: line.band(sound) for name, sound in made.items()}
    shares = {"white noise": 0.2, "pink noise": 0.2, "hum": 0.3, "babble": 0.4}
    return {
        name: line.levelled(sound, line.SPEECH * shares.get(name, 1.0))
        for name, sound in passed.items()
    } | {"silence": line.silence(seconds, seed)}


def sentences(language: str, known: Sequence[str], count: int = 10, seed: int = 4) -> list[Clip]:
    """Return shipped sentences without a word that a question of the bench waits for."""
    vocabulary, _, texts = product()
    awaited = {
        phrase
        for kind in KINDS
        for each in known
        for phrase in phrases(question(kind, each, known).grammar, vocabulary, language)
    }
    ids = []
    for text, id_ in {text: id_ for id_, text in texts[language].items()}.items():
        spoken = " ".join(re.findall(r"[\w']+", text.casefold()))
        if not 4 <= len(spoken.split()) <= 12 or not (PROMPTS / language / f"{id_}.opus").is_file():
            continue
        if not any(f" {phrase} " in f" {spoken} " for phrase in awaited):
            ids.append(id_)
    picked = random.Random(seed).sample(sorted(ids), min(count, len(ids)))
    return [
        Clip(id_, "", language, texts[language][id_], "", "recordings", sound)
        for id_, sound in zip(picked, recordings(language, picked), strict=True)
    ]
