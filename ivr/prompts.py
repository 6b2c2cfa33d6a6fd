"""What is said: the texts of `prompts/LANG.yaml`, cut into the pieces that are recorded one by one.

A text is fixed segments and placeholders `{slot:kind}`; a piece is one recording. A prompt with
one segment gives it its own id, one with more numbers them `reading_enter-1`, `reading_enter-2`.
Number words are pieces of `prompts/numbers/LANG.yaml`. The key `words` of a file holds what callers
say, by id; the first phrase of each is a piece too, `word_ID`, and what {slot:word} speaks.
Pure but for `load`, which reads the files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from ivr import numbers
from ivr.errors import PromptError
from ivr.model import Value

KINDS = numbers.KINDS | {"text", "prompt", "word"}
WORDS = "words"
"""Key of a file of prompts that is none: what callers say."""
DEPTH = 3
"""How many prompts may stand one inside the other below the one that is said."""

_CHARACTERS_A_SECOND = 14
_ID = re.compile(r"[a-z0-9_]+")
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*):([a-z_]+)\}")
_STOPS = ".,;:!?…"
_SENTENCE_ENDS = ".!?…"
_DASHES = "—–"
_SURPLUS = re.compile(
    rf"[.,;:]? (?=[{_STOPS}](?:\s|$))|(?<!\.)\.(?=\.(?:\s|$))|(?<=[(«]) | (?=[)»])"
)
"""What empty values and joins leave: spaces and stops before a stop, two dots after "8 a.m."."""
_LOADER: type[yaml.BaseLoader] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Piece(NamedTuple):
    """One recording. dynamic: there is none, `text` is synthesised when it is needed."""

    id: str
    text: str
    dynamic: bool = False


_PAUSE = Piece(numbers.PAUSE, ",")


class _Fixed(NamedTuple):
    """Text between placeholders, as written.

    piece: None where it holds punctuation only. opens, closes: it begins with a stop or a dash,
    ends with a sentence; the voice pauses there.
    """

    text: str
    piece: Piece | None
    opens: bool = False
    closes: bool = False


_JOIN = _Fixed(" ", None)


class _Slot(NamedTuple):
    name: str
    kind: str


class Catalogue:
    """The prompts of one language and the words of its numbers.

    texts: the whole text of each prompt as written, by id. words: phrases of callers, by id.
    """

    def __init__(
        self,
        language: str,
        texts: Mapping[str, str],
        number_words: Mapping[str, str],
        words: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.language = language
        self.texts = dict(texts)
        self.words = dict(words or {})
        self._templates = {prompt: _template(prompt, text) for prompt, text in texts.items()}
        self._words = {piece: Piece(piece, text) for piece, text in number_words.items()}

    def pieces(self, prompt: str, values: Mapping[str, Value]) -> tuple[Piece, ...]:
        """Returns what is played for the prompt, with pauses between sentences and after values."""
        played = [_PAUSE]
        for part in self._parts(prompt, values):
            if isinstance(part, Piece):
                played.append(part)
                continue
            if part.opens and played[-1] is not _PAUSE:
                played.append(_PAUSE)
            if part.piece:
                played.append(part.piece)
            if part.closes and played[-1] is not _PAUSE:
                played.append(_PAUSE)
        last = len(played) - (played[-1] is _PAUSE)
        return tuple(played[1:last])

    def text(self, prompt: str, values: Mapping[str, Value]) -> str:
        """Returns what is said as a person would write it, numbers in words."""
        written = ""
        after_value = False
        for part in self._parts(prompt, values):
            is_value = isinstance(part, Piece)
            gap = " " if is_value and after_value and part is not _PAUSE else ""
            written += gap + part.text
            after_value = is_value
        return _SURPLUS.sub("", " ".join(written.split())).lstrip(".,;: ")

    def placeholders(self, prompt: str) -> dict[str, str]:
        """Returns the kind of each slot of the prompt; of a slot named twice, the first kind."""
        slots = [part for part in self._template_of(prompt) if isinstance(part, _Slot)]
        return {slot.name: slot.kind for slot in reversed(slots)}

    def fixed(self) -> dict[str, str]:
        """Returns the text of every piece to be recorded, by id; silences are not among them."""
        parts = [part for template in self._templates.values() for part in template]
        segments = [part.piece for part in parts if isinstance(part, _Fixed) and part.piece]
        said = [_label(word, phrases) for word, phrases in self.words.items()]
        return {piece.id: piece.text for piece in (*segments, *self._words.values(), *said)}

    def _template_of(self, prompt: str) -> tuple[_Fixed | _Slot, ...]:
        try:
            return self._templates[prompt]
        except KeyError:
            raise PromptError(
                f"no prompt {prompt!r} in {self.language}; add it to prompts/{self.language}.yaml"
            ) from None

    def _parts(
        self, prompt: str, values: Mapping[str, Value], depth: int = 0
    ) -> Iterator[_Fixed | Piece]:
        """Yields fixed texts and the pieces of values, nested prompts opened."""
        for part in self._template_of(prompt):
            if isinstance(part, _Fixed):
                yield part
                continue
            try:
                value = _given(part, values)
                if part.kind != "prompt":
                    yield from self._value_pieces(part.kind, value)
                    continue
                nested = _nested(value, depth)
            except PromptError as error:
                where = f"prompt {prompt!r} in {self.language}, slot {part.name!r}"
                raise PromptError(f"{where}: {error}") from None
            if nested:
                yield _JOIN
                yield from self._parts(nested, values, depth + 1)
                yield _JOIN

    def _value_pieces(self, kind: str, value: Value) -> tuple[Piece, ...]:
        if kind == "text":
            return self._free(value)
        if kind == "word":
            return self._word(value)
        ids = numbers.spoken(self.language, kind, value)
        try:
            return tuple(_PAUSE if id_ == _PAUSE.id else self._words[id_] for id_ in ids)
        except KeyError as missing:
            raise PromptError(
                f"no number word {missing}; add it to prompts/numbers/{self.language}.yaml"
            ) from None

    def _word(self, value: Value) -> tuple[Piece, ...]:
        if not isinstance(value, str) or value not in self.words:
            raise PromptError(f"no words {value!r}; add them to prompts/{self.language}.yaml")
        return (_label(value, self.words[value]),)

    def _free(self, value: Value) -> tuple[Piece, ...]:
        if not isinstance(value, str):
            raise PromptError(f"{value!r} is not text")
        if not (text := " ".join(value.split())):
            return ()
        return (Piece(free(self.language, text), text, dynamic=True),)


def free(language: str, text: str) -> str:
    """Return the id of the piece that a free text is in a language."""
    digest = hashlib.sha256((language + " ".join(text.split())).encode()).hexdigest()
    return f"t_{digest[:12]}"


def _label(word: str, phrases: tuple[str, ...]) -> Piece:
    return Piece(f"word_{word}", phrases[0])


def _given(slot: _Slot, values: Mapping[str, Value]) -> Value:
    if slot.name not in values:
        raise PromptError(f"no value; hand one over for {{{slot.name}:{slot.kind}}}")
    return values[slot.name]


def _nested(value: Value, depth: int) -> str:
    if not isinstance(value, str):
        raise PromptError(f"{value!r} is not the id of a prompt")
    if value and depth == DEPTH:
        raise PromptError(f"{value!r} stands more than {DEPTH} prompts deep")
    return value


def _template(prompt: str, text: str) -> tuple[_Fixed | _Slot, ...]:
    """Cuts a text at its placeholders and numbers the segments that hold a word."""
    fixed_and_slots = _PLACEHOLDER.split(" ".join(text.split()))
    fixed, names, kinds = (fixed_and_slots[start::3] for start in range(3))
    for piece in fixed:
        if brace := re.search(r"[{}]", piece):
            raise PromptError(
                f"the brace near {piece[max(brace.start() - 10, 0) :][:20]!r} is no part of "
                "a placeholder like {value:digits}"
            )
    for name, kind in zip(names, kinds, strict=True):
        if kind not in KINDS:
            known = ", ".join(sorted(KINDS))
            raise PromptError(f"unknown kind in {{{name}:{kind}}}; the kinds are {known}")
    segments = [_segment(piece) for piece in fixed]
    count = sum(map(bool, segments))
    parts: list[_Fixed | _Slot] = []
    number = 0
    for place, (written, segment) in enumerate(zip(fixed, segments, strict=True)):
        number += bool(segment)
        id_ = prompt if count == 1 else f"{prompt}-{number}"
        spoken = Piece(id_, segment) if segment else None
        if written:
            opens = written.lstrip().startswith(tuple(_STOPS + _DASHES))
            closes = written.rstrip().endswith(tuple(_SENTENCE_ENDS))
            parts.append(_Fixed(written, spoken, opens, closes))
        if place < len(names):
            parts.append(_Slot(names[place], kinds[place]))
    return tuple(parts)


def _segment(written: str) -> str:
    """Returns what the voice reads: without the punctuation that belongs to its neighbours."""
    text = written.strip().lstrip(f"{_STOPS}{_DASHES} -)»”").rstrip(f"{_DASHES} -(«„")
    return text if any(map(str.isalnum, text)) else ""


def load(folder: Path) -> dict[str, Catalogue]:
    """Reads every `LANG.yaml` of the folder with its `numbers/LANG.yaml`, by language.

    Raises PromptError with file, line and id.
    """
    catalogues = {path.stem: _catalogue(path) for path in sorted(folder.glob("*.yaml"))}
    if not catalogues:
        raise PromptError(f"{folder} holds no prompts; a language is a file like uk.yaml")
    return catalogues


def _catalogue(path: Path) -> Catalogue:
    language = path.stem
    if language not in numbers.LANGUAGES:
        have = ", ".join(numbers.LANGUAGES)
        raise PromptError(f"{path}: no number rules for {language!r}; there are rules for {have}")
    root = _root(path)
    texts = _texts(path, root)
    numbers_path = path.parent / "numbers" / path.name
    number_words = _texts(numbers_path, _root(numbers_path))
    if taken := sorted(texts.keys() & (number_words.keys() | {numbers.PAUSE})):
        raise PromptError(f"{path}: {taken[0]} is the id of a number word; rename the prompt")
    return Catalogue(language, texts, number_words, _phrases(path, root))


def _root(path: Path) -> yaml.MappingNode:
    try:
        root = yaml.compose(path.read_bytes(), Loader=_LOADER)
    except FileNotFoundError:
        raise PromptError(f"{path} is missing") from None
    except yaml.YAMLError as error:
        what = " ".join(str(error).split())
        raise PromptError(f"{path}: {what}; a text with a colon or braces needs quotes") from None
    if not isinstance(root, yaml.MappingNode):
        raise PromptError(f"{path} is not a mapping of prompt ids to texts")
    return root


def _phrases(path: Path, root: yaml.MappingNode) -> dict[str, tuple[str, ...]]:
    """Reads `words`: a mapping of ids to lists of phrases."""
    node = next((value for key, value in root.value if key.value == WORDS), None)
    if node is None:
        return {}
    place = f"{path}, line {node.start_mark.line + 1}"
    if not isinstance(node, yaml.MappingNode):
        raise PromptError(f"{place}: `{WORDS}` is a mapping of ids to lists of phrases")
    words: dict[str, tuple[str, ...]] = {}
    for key, value in node.value:
        where = f"{path}, line {key.start_mark.line + 1}"
        if not _ID.fullmatch(str(key.value)) or key.value in words:
            raise PromptError(f"{where}: {key.value!r} is there twice or no id (a-z, 0-9, _)")
        phrases = value.value if isinstance(value, yaml.SequenceNode) else ()
        texts = [p.value.strip() for p in phrases if isinstance(p, yaml.ScalarNode)]
        if not texts or len(texts) != len(phrases) or not all(texts):
            raise PromptError(f"{where}: {key.value}: a list of phrases is wanted, [так, ага]")
        words[key.value] = tuple(texts)
    return words


def _texts(path: Path, root: yaml.MappingNode) -> dict[str, str]:
    """Reads a flat mapping of ids to texts, each value as a string (as BaseLoader reads it)."""
    texts: dict[str, str] = {}
    for key, value in root.value:
        if key.value == WORDS:
            continue
        where = f"{path}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode) or not _ID.fullmatch(key.value):
            raise PromptError(f"{where}: {key.value!r} is no id; use only a-z, 0-9 and _")
        if key.value in texts:
            raise PromptError(f"{where}: {key.value} is there twice; remove one")
        if not isinstance(value, yaml.ScalarNode):
            raise PromptError(f"{where}: {key.value} is not a text; put it into quotes")
        try:
            _template(key.value, value.value)
        except PromptError as error:
            raise PromptError(f"{where}: {key.value}: {error}") from None
        texts[key.value] = value.value
    return texts


def vocabulary(catalogues: Mapping[str, Catalogue]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Returns what callers say, by language and id (`ivr.grammar.Vocabulary`)."""
    return {language: catalogue.words for language, catalogue in catalogues.items()}


def seconds(text: str) -> float:
    """Estimates how long a text takes to say."""
    return len(text) / _CHARACTERS_A_SECOND
