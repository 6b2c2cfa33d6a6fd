"""Listens to the answer of one question: samples in, results out. No sockets, no clock.

Time is the audio heard so far, in seconds. The end of an answer is ours to find, not vosk's: an
answer may have pauses in it, and one that is whole needs no silence behind it.
"""

from __future__ import annotations

import json
from array import array
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Literal

from ivr import grammar as grammars
from ivr.grammar import UNKNOWN, Grammar, Heard, Vocabulary
from ivr.speech import mixture
from ivr.speech.endpoint import BEGUN, HUSH, Waits
from ivr.speech.g711 import RATE
from ivr.speech.levels import Levels
from ivr.speech.mixture import Row, Word
from ivr.speech.models import Model

Kind = Literal["answer", "began", "nothing", "full", "broken"]

CHUNK = RATE // 10
"""Samples that are recognised at once: 100 ms."""
PAUSE = 0.7
"""Seconds of silence between two parts of an answer: a number said in groups."""
UNCHANGED = 1.0
"""Seconds without a further word after which an answer that is whole has ended on a line that is
never silent, or ..."""
NOISY = 1.5
"""... seconds longer than the silence that would have ended another one."""
BEFORE = 0.3
"""Seconds of audio that are kept from before an utterance."""
LATE = 2.0
"""Seconds from the beginning of an utterance until its first word shows, at most."""
AGAIN = 0.2
"""Seconds between two looks whether the words under the prompt are words indeed."""
CERTAIN = 0.8
"""Confidence from which they are."""
DRAWN_OUT = 0.25
"""Seconds one of them lasts at least, and ..."""
LONE = 0.45
"""... seconds a single one does."""
UNBROKEN = 0.3
"""Seconds of voice without a break there must be under the prompt: a dog barks shorter."""
LETTERS = 30.0
"""Letters a second that nobody speaks faster than."""
DRAWN = 0.15
"""Seconds of voice a letter takes at most, and ..."""
BESIDE = 0.5
"""... seconds of voice there may be besides: more, and words were said that are not known."""
LIKELY = 0.5
"""Confidence from which an answer counts while the prompt plays."""
ECHO = -38.0
"""dBFS below which words under the prompt may be its echo."""
UNSURE = 0.7
"""What is left of the confidence where two languages are as sure of different answers."""
AS_SURE = 0.95
"""Share of the best language's confidence from which another one is as sure."""
OWN = 1.05
"""How much more the caller's own language counts than the others."""
LONG = 0.6
"""Seconds of voice in unknown words from which they count as speech."""
TONE = 0.3
"""Share of the voice that does not change from which it is tones: of a key, of a busy line, music.
Of forty clips of speech the highest was 0.15."""
LEAD = 4
"""Chunks from before a voice that the recognisers are fed with: soft beginnings."""
WORDLESS = 1.0
"""Seconds without a word after which a recogniser starts anew."""
SEGMENT = 6.0
"""Seconds after which what was heard is made final."""
IDLE = 1.0
"""Seconds without voice after which the recognisers are not fed."""


@dataclass(frozen=True)
class Rules:
    """The settings. Seconds: of `[speech] end_of_speech`, `longest` and `barge_in`."""

    end_of_speech: float = 0.7
    longest: float = 15.0
    barge_in: float = 0.3


@dataclass(frozen=True)
class Asked:
    """One question. prompt: seconds for which it is spoken; keep: name for the utterance's file."""

    grammar: Grammar
    prompt: float = 0.0
    keep: str = ""


def asked(text: str) -> Asked:
    """Read the text that a worker sends. ValueError: what is wrong with it."""
    parts = dict(part.partition("=")[::2] for part in text.split())
    try:
        prompt = float(parts.get("prompt") or 0)
    except ValueError:
        raise ValueError(f"`prompt` is seconds in the grammar {text[:80]!r}") from None
    if not 0 <= prompt < 600:
        raise ValueError(f"`prompt` is 0 to 600 seconds in the grammar {text[:80]!r}")
    return Asked(Grammar.parse(text), prompt, parts.get("keep", ""))


@dataclass(frozen=True)
class Result:
    """What became of an utterance. confidence: 0..1; end: when the speech ended.

    audio: the utterance, from shortly before it began; of an answer and of nothing only.
    """

    kind: Kind
    text: str = ""
    confidence: float = 0.0
    language: str = ""
    end: float = 0.0
    audio: array[int] = field(default_factory=lambda: array("h"), repr=False)


class Stream:
    """One language: a vosk recogniser of the question's phrases, and the words it has heard.

    expected: every word it may hear. given: seconds of audio it got. skipped: those it did not get;
    its times are moved by them.
    """

    def __init__(self, model: Model, phrases: Sequence[str]) -> None:
        ours = model.grammar(phrases)
        self.language = model.language
        self.given = 0.0
        self.skipped = 0.0
        self._anew = 0.0
        self.words: list[Word] = []
        self.partial: tuple[str, ...] = ()
        self._model = model
        self._phrases = tuple(ours)
        self._kaldi = model.recogniser(self._phrases)
        self._ours = {
            word: our
            for phrase, our_phrase in ours.items()
            for word, our in zip(phrase.split(), our_phrase.split(), strict=True)
        }
        self.expected = frozenset(self._ours.values())

    def clear(self) -> None:
        """Forget what was heard."""
        self.words.clear()
        self.partial = ()

    def hear(self, samples: array[int]) -> None:
        """Take the next samples.

        What vosk weighs grows with every second of noise, and its time a hundredfold: after a
        second without a word it starts anew.
        """
        self.given += len(samples) / RATE
        if self._kaldi.AcceptWaveform(self._model.fed(samples)):
            self._take(self._kaldi.Result())
            return
        partial = json.loads(self._kaldi.PartialResult())["partial"]
        self.partial = tuple(self._ours.get(word, word) for word in partial.split())
        if not self.partial and self.given - self._anew >= WORDLESS:
            self._kaldi.Reset()
            self._anew = self.given
        elif self.given - self._anew >= SEGMENT:
            self.finish()

    def finish(self) -> None:
        """Hear out what was begun."""
        self._take(self._kaldi.FinalResult())

    def again(self, samples: array[int]) -> Row:
        """Return what is heard in samples by themselves; what is being heard is left alone."""
        other = self._model.recogniser(self._phrases)
        words = []
        if other.AcceptWaveform(self._model.fed(samples)):
            words += self._words(other.Result())
        return tuple(words + self._words(other.FinalResult()))

    def _take(self, result: str) -> None:
        self.words += self._words(result)
        self.partial = ()
        self._anew = self.given

    def _words(self, result: str) -> list[Word]:
        words = []
        for word in json.loads(result).get("result", ()):
            text = self._ours.get(word["word"], word["word"])
            begin, end = word["start"] + self.skipped, word["end"] + self.skipped
            words.append(Word(text, begin, end, min(1.0, word["conf"]), self.language))
        return words


class Question:
    """The answer to one question, listened for until there is a result.

    models: by language; the grammar's languages without one are left out. vocabulary: what callers
    say. over: there was a result; nothing more is heard. Raises ValueError where no language is
    left.
    """

    def __init__(
        self, models: Mapping[str, Model], vocabulary: Vocabulary, question: Asked, rules: Rules
    ) -> None:
        spoken = tuple(each for each in question.grammar.languages if each in models)
        if not spoken:
            raise ValueError(f"no model for {'+'.join(question.grammar.languages)}")
        self.over = False
        self._grammar = replace(question.grammar, languages=spoken)
        self._vocabulary = vocabulary
        self._rules = rules
        self._prompt = question.prompt
        self._levels = Levels()
        self._streams = [
            Stream(models[each], grammars.phrases(self._grammar, vocabulary, each))
            for each in spoken
        ]
        words = {word for stream in self._streams for word in stream.expected}
        self._waits = Waits(self._grammar, vocabulary, words, rules.end_of_speech)
        self._kept: deque[array[int]] = deque()
        self._now = 0.0
        self._lead: deque[array[int]] = deque(maxlen=LEAD)
        self._idle = True
        self._forget()

    def _forget(self) -> None:
        """Wait for the next utterance."""
        for stream in self._streams:
            stream.clear()
        self._began = -1.0
        self._changed = self._tried = self._now
        self._seen: tuple[str, ...] = ()
        self._looked: Row = ()

    @property
    def speaking(self) -> bool:
        """Whether an answer has begun."""
        return self._began >= 0

    def hear(self, samples: array[int]) -> Result | None:
        """Take the next 100 ms or less."""
        self._now += len(samples) / RATE
        self._levels.hear(samples)
        self._keep(samples)
        self._feed(samples)
        seen = tuple(map(self._text, self._streams))
        if seen != self._seen:
            self._seen, self._changed = seen, self._now
        if not any(seen):
            self._began = -1.0
            return None
        if self._began < 0:
            self._began = max(self._levels.began, self._now - LATE)
        return self._judge()

    def _feed(self, samples: array[int]) -> None:
        """Give the recognisers what may be speech, with a moment before it; silence is skipped."""
        silent = self._now - self._levels.voiced
        if self._idle and (silent >= IDLE or not self._levels.voiced):
            self._lead.append(samples)
            return
        if self._idle:
            self._idle = False
            before = array("h", chain.from_iterable(self._lead))
            for stream in self._streams:
                stream.skipped = self._now - (len(before) + len(samples)) / RATE - stream.given
            samples = before + samples
            self._lead.clear()
        for stream in self._streams:
            stream.hear(samples)
        if silent >= IDLE and self._began < 0:
            self._idle = True
            self._finish()

    def _judge(self) -> Result | None:
        """Decide whether the utterance is over, or cuts the prompt short."""
        if self._now - self._began >= self._rules.longest:
            return self._too_long()
        self._cut()
        leading = self._leading()
        if self._whole(leading) or self._silent(leading):
            return self._end()
        if self._playing and self._barges_in(leading):
            self._prompt = 0.0
            return Result("began", language=self._streams[0].language, end=self._now)
        return None

    @property
    def _playing(self) -> bool:
        return self._now < self._prompt

    def _text(self, stream: Stream) -> str:
        """Return what a language has heard so far."""
        return " ".join((*_joined(stream.words, self._levels), *stream.partial))

    def _leading(self) -> str:
        """Return the likeliest of what was heard so far."""
        if not any(stream.partial for stream in self._streams):
            return " ".join(_joined(self._best(), self._levels))
        return min(self._seen, key=lambda text: _strange(text.split()))

    def _cut(self) -> None:
        """Make final what was heard before a silence, unless an answer cannot end there.

        Until then the last word is a guess of vosk's: "eleven" while it was "one".
        """
        begun = [self._seen[i] for i, stream in enumerate(self._streams) if stream.partial]
        if not begun or all(map(self._open, begun)):
            return
        silent, unchanged = self._pause
        wait = BEGUN if silent < BEGUN and any(map(self._waits.begun, begun)) else HUSH
        if silent >= wait or unchanged >= UNCHANGED:
            self._finish()
            self._seen = tuple(map(self._text, self._streams))

    def _open(self, text: str) -> bool:
        """Whether an answer must go on behind this, whatever its last word is."""
        shorter = text.rpartition(" ")[0]
        must_go_on = self._waits.must_go_on
        return must_go_on(text) and (not shorter or must_go_on(shorter))

    @property
    def _pause(self) -> tuple[float, float]:
        """Seconds of silence, and seconds without a further word."""
        return self._now - self._levels.voiced, self._now - self._changed

    def _whole(self, text: str) -> bool:
        """Whether all that was asked for is said."""
        silent, unchanged = self._pause
        if any(stream.partial for stream in self._streams) or max(silent, unchanged) < HUSH:
            return False
        if not self._waits.whole(text):
            return False
        return silent >= (BEGUN if self._waits.begun(text) else HUSH) or unchanged >= UNCHANGED

    def _silent(self, text: str) -> bool:
        """Whether the caller has ended."""
        wait = self._waits.after(text)
        silent, unchanged = self._pause
        return (silent >= wait and unchanged >= HUSH) or unchanged >= wait + NOISY

    def _barges_in(self, text: str) -> bool:
        """Whether words of the grammar were spoken for long enough, and not by our own prompt."""
        words, least = text.split(), self._rules.barge_in
        if not least or _strange(words) >= 0.5 or not self._spoken(words, least):
            return False
        if self._now - self._tried < AGAIN:
            return False
        self._tried = self._now
        audio = self._audio()
        row = max((stream.again(audio) for stream in self._streams), key=mixture.confidence)
        before, self._looked = self._looked, row
        return _same_beginning(before, row) and _certain(row, least)

    def _spoken(self, words: Sequence[str], least: float = 0.0) -> bool:
        """Whether there was voice enough for the words, and loud enough beside a prompt."""
        voice = self._levels.since(self._began)
        letters = sum(len(word) for word in words if word != UNKNOWN)
        if voice.seconds < max(least, letters / LETTERS) or voice.steady > TONE:
            return False
        if not self._playing:
            return True
        return voice.loud > ECHO and voice.run >= UNBROKEN

    def _too_long(self) -> Result | None:
        """End an utterance that does not end."""
        told = self._spoken((), LONG) and not self._playing
        language, end, audio = self._streams[0].language, self._levels.voiced, self._audio()
        self._finish()
        self._forget()
        if not told:
            return None
        return self._last(Result("nothing", language=language, end=end, audio=audio))

    def _end(self) -> Result | None:
        """End the utterance; None where it is nothing to tell of."""
        self._finish()
        row = self._best()
        text = " ".join(_joined(row, self._levels))
        heard = self._understood(text)
        known = any(word.known for word in row)
        sure = self._confidence(row, heard)
        told = self._spoken(text.split(), 0.0 if known else LONG)
        if self._playing:
            told = told and heard is not None and sure >= LIKELY
        result = Result(
            "answer" if known else "nothing",
            text if known else "",
            sure,
            mixture.language(row) or self._streams[0].language,
            self._levels.voiced,
            self._audio(),
        )
        self._forget()
        return self._last(result) if told else None

    def _finish(self) -> None:
        for stream in self._streams:
            stream.finish()

    def _last(self, result: Result) -> Result:
        """Stop listening: the recognisers are freed."""
        self.over = True
        self._streams.clear()
        return result

    def _understood(self, text: str) -> Heard | None:
        return grammars.understand(self._grammar, self._vocabulary, text)

    def _best(self) -> Row:
        """Return the likeliest words: of one language, or of several put together."""
        rows = [tuple(stream.words) for stream in self._streams]
        mixed = mixture.merged(rows)

        def merit(row: Row) -> tuple[bool, float]:
            own = all(word.language == self._streams[0].language for word in row)
            text = " ".join(_joined(row, self._levels))
            return self._understood(text) is not None, mixture.worth(row) * (OWN if own else 1.0)

        return max((*rows, mixed), key=merit)

    def _confidence(self, row: Row, heard: Heard | None) -> float:
        """Return how sure the answer is, 0..1.

        It is the mean of vosk's confidences, times the share of known words, times the share of the
        voice that these words can fill; less where a language heard another answer as surely.
        """
        letters = sum(len(word.text) for word in row if word.known)
        voiced = max(self._levels.since(self._began).seconds, 1 / RATE)
        sure = mixture.confidence(row) * min(1.0, (DRAWN * letters + BESIDE) / voiced)
        for stream in self._streams:
            other = tuple(stream.words)
            if mixture.confidence(other) < AS_SURE * mixture.confidence(row):
                continue
            told = self._understood(" ".join(_joined(other, self._levels)))
            if told and _meaning(told) != _meaning(heard):
                return sure * UNSURE
        return sure

    def _keep(self, samples: array[int]) -> None:
        """Hold the audio of the utterance, and of a moment before its first word shows."""
        self._kept.append(samples)
        since = self._began if self._began >= 0 else self._now - LATE
        surplus = sum(map(len, self._kept)) / RATE - (self._now - since + BEFORE)
        while surplus > len(self._kept[0]) / RATE:
            surplus -= len(self._kept.popleft()) / RATE

    def _audio(self) -> array[int]:
        return array("h", chain.from_iterable(self._kept))


def _joined(words: Sequence[Word], levels: Levels) -> Iterator[str]:
    """Yield the words of a row, and a comma where the caller paused."""
    last: Word | None = None
    for word in words:
        if last and (
            word.begin - last.end >= PAUSE or levels.pause(last.end - PAUSE / 2, word.end, PAUSE)
        ):
            yield ","
        yield word.text
        last = word


def _strange(words: Sequence[str]) -> float:
    """Return the share of unknown words, 1 where there are none at all."""
    return sum(word == UNKNOWN for word in words) / len(words) if words else 1.0


def _same_beginning(before: Row, row: Row) -> bool:
    """Whether two looks at the same utterance agree on the words of the earlier one."""
    return (
        bool(before)
        and all(
            one.text == other.text for one, other in zip(before, row[: len(before)], strict=False)
        )
        and len(row) >= len(before)
    )


def _certain(row: Row, least: float) -> bool:
    """Whether words are long and sure enough to cut a prompt. least: seconds of all together."""
    lengths = [word.end - word.begin for word in row if word.known]
    sure = [word.end - word.begin for word in row if word.known and word.confidence >= CERTAIN]
    if mixture.confidence(row) < CERTAIN or sum(lengths) < least:
        return False
    return max(sure, default=0.0) >= (DRAWN_OUT if len(lengths) > 1 else LONE)


def _meaning(heard: Heard | None) -> tuple[str, str, tuple[str, ...]] | None:
    return (heard.word, heard.key, heard.numbers[:1]) if heard else None
