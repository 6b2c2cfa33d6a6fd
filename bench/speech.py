"""Answers by speech: how many are right, what noise is taken for one, how soon, how many at once.

    python -m bench.speech [--models "uk=DIR ru=DIR uk=OTHER"] [--recordings DIR] [--json FILE]

The recogniser of the product hears A-law frames of a telephone line (`bench/speech_line.py`): the
shipped recordings joined, the voices of RHVoice where it is installed, and people where a folder of
recordings is named. A language that is named twice is measured with both models, side by side.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import statistics
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench import speech_corpus as corpus
from bench import speech_line as line
from bench import speech_load as load
from bench.speech_corpus import KINDS, LANGUAGES, Clip, Question
from ivr.grammar import number_words, understand
from ivr.listening import Hearing
from ivr.speech import models as vosk_models
from ivr.speech import recogniser
from ivr.speech.g711 import DECODERS

HOME = Path(__file__).parents[1]
TINY = {each: HOME / "tests" / "models" / f"tiny-{each}" for each in LANGUAGES}
BANDS = Hearing()
RULES = recogniser.Rules()
LEAD, TAIL = 0.4, 3.5
"""Seconds of a quiet line before and after what is said."""
PROMPT = 8.0
"""Seconds a prompt plays where `began` is looked for."""
NEAR = 0.98
"""The value expected of a meter, as a share of what is said."""
SPARE = 1.0
"""Seconds that a caller goes on sending after his result is due."""
FOREIGN = 12
"""Clips of each other language that a question hears."""
STRANGE = ("reading", "menu", "yes or no")
"""Kinds of questions that noise and foreign speech are put to."""


@dataclass(frozen=True)
class Job:
    """One clip at one question. noisy: with pink noise under it. prompt: seconds it plays."""

    group: str
    clip: Clip
    question: Question
    noisy: bool = False
    prompt: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    kind: answer, nothing, or silence where no result came. meaning: understood at any confidence.
    late: seconds of audio from the end of speech to the result; work: seconds of processor time;
    began: how often a prompt was cut short.
    """

    kind: str
    text: str = ""
    confidence: float = 0.0
    language: str = ""
    meaning: str = ""
    close: bool = False
    late: float = 0.0
    work: float = 0.0
    began: int = 0

    @property
    def band(self) -> str:
        """Return sure, unsure or unheard, as the engine sees it."""
        if not self.meaning or self.close or self.confidence < BANDS.confirm:
            return "unheard"
        return "sure" if self.confidence >= BANDS.accept else "unsure"


def verdict(clip: Clip, outcome: Outcome) -> str:
    """Return right, wrong (something else is taken, read back or asked about) or unheard."""
    if outcome.band == "unheard":
        return "unheard"
    return "right" if outcome.meaning == clip.means else "wrong"


# ---------------------------------------------------------------- one clip


def on_the_line(clip: Clip, noise: line.Sound | None) -> tuple[line.Sound, float]:
    """Return a clip as a telephone brings it, with quiet around it, and when its speech ends."""
    begin = int(LEAD * line.RATE)
    sound = line.levelled(line.band(clip.sound))
    end = (begin + line.spoken(sound)[1]) / line.RATE
    whole = line.silence(LEAD + len(sound) / line.RATE + TAIL)
    for at, value in enumerate(sound, begin):
        whole[at] += value
    if noise is not None:
        whole = line.over(whole, noise, corpus.NOISY)
    return whole, end


def hear(
    models: Mapping[str, vosk_models.Model], asked: recogniser.Asked, frames: Iterable[bytes]
) -> tuple[recogniser.Result | None, float, float, int]:
    """Put frames to a question: result, when it came, processor time, how often it began."""
    begun = time.process_time()
    listening = recogniser.Question(models, corpus.product()[0], asked, RULES)
    heard, waiting, began = 0, array("h"), 0
    for frame in frames:
        heard += len(frame)
        waiting += DECODERS["alaw"](frame)
        if len(waiting) < recogniser.CHUNK:
            continue
        result = listening.hear(waiting)
        waiting = array("h")
        if result and result.kind != "began":
            return result, heard / line.RATE, time.process_time() - begun, began
        began += result is not None
    return None, heard / line.RATE, time.process_time() - begun, began


def outcome(models: Mapping[str, vosk_models.Model], job: Job, noise: line.Sound | None) -> Outcome:
    """Let the product hear a clip at a question, and the engine's rules make of it what they do."""
    sound, end = on_the_line(job.clip, noise if job.noisy else None)
    grammar = job.question.grammar
    asked = recogniser.asked(f"{grammar.text()} prompt={job.prompt:g}")
    result, at, work, began = hear(models, asked, line.frames(sound))
    if result is None:
        return Outcome("silence", work=work, began=began)
    near = str(int(int(job.clip.means) * NEAR)) if expected(job) else ""
    found = understand(grammar, corpus.product()[0], result.text, near) if result.text else None
    meaning = (found.word or found.key or found.numbers[0]) if found else ""
    return Outcome(
        result.kind,
        result.text,
        result.confidence * (found.share if found else 1.0),
        result.language,
        meaning if result.kind == "answer" else "",
        bool(found and found.close),
        at - end,
        work,
        began,
    )


def expected(job: Job) -> bool:
    """Whether a value is expected at the question: of a meter it is, of an account it is not."""
    return job.question.kind in ("reading", "number") and job.clip.means.isdigit()


# ---------------------------------------------------------------- what is put to what


def jobs(clips: Sequence[Clip], known: Sequence[str], group: str) -> Iterator[Job]:
    """Yield every clip that answers something, clean and in noise."""
    for clip in clips:
        if not clip.kind or clip.language not in known:
            continue
        digits = len(clip.means) if clip.kind in ("reading", "account") else 0
        asked = corpus.question(clip.kind, clip.language, known, digits)
        for noisy in (False, True):
            yield Job(group, clip, asked, noisy)


def strange_jobs(people: Sequence[Clip], known: Sequence[str]) -> Iterator[Job]:
    """Yield noise, foreign speech and sentences that answer nothing, at questions that wait."""
    noises = [each for seed in (3, 4, 5) for each in corpus.noises(seed=seed).items()]
    chance = random.Random(5)
    for language in known:
        asked = [corpus.question(kind, language, known) for kind in STRANGE]
        heard = asked[0].grammar.languages
        if heard[0] != min(heard):
            continue  # its group of languages is asked once
        clips = [Clip(name, "", "", "", "", name, sound) for name, sound in noises]
        for each in LANGUAGES:
            said = [clip for clip in people if clip.language == each]
            said = chance.sample(said, min(FOREIGN, len(said)))
            sentences = corpus.sentences(each, known)
            if each not in heard:
                clips += [*sentences, *said]
            else:
                clips += sentences
        for question in asked:
            for clip in clips:
                own = clip.language in heard
                name = clip.origin if not clip.language else "own" if own else "foreign"
                group = {"own": "other sentences", "foreign": "another language"}.get(name, name)
                yield Job(group, clip, question)
                yield Job(group, clip, question, prompt=PROMPT)


# ---------------------------------------------------------------- many clips


_shared: dict[str, Any] = {}
"""What worker processes take over from this one: models and jobs cannot be sent."""


def _work(place: int) -> tuple[int, Outcome]:
    return place, outcome(_shared["models"], _shared["jobs"][place], _shared["noise"])


def measure(
    loaded: Mapping[str, vosk_models.Model], wanted: Sequence[Job], title: str
) -> list[tuple[Job, Outcome]]:
    """Let every job be done by a process a core; says every ten seconds how far it is."""
    _shared.update(models=loaded, jobs=wanted, noise=corpus.noises()["pink noise"])
    found: dict[int, Outcome] = {}
    shown = time.monotonic()
    with multiprocessing.get_context("fork").Pool() as pool:
        for place, done in pool.imap_unordered(_work, range(len(wanted)), 4):
            found[place] = done
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f"  {title}: {len(found)} of {len(wanted)}", flush=True)
    return [(job, found[place]) for place, job in enumerate(wanted)]


@dataclass
class Set:
    """Models that listen together, and what they heard. names: of those that are measured."""

    models: Mapping[str, vosk_models.Model]
    names: Mapping[str, str]
    answers: list[tuple[Job, Outcome]] = field(default_factory=list)
    strange: list[tuple[Job, Outcome]] = field(default_factory=list)


def sets(given: Mapping[str, Sequence[Path]]) -> Iterator[Set]:
    """Yield the first model of each language, then the second one, and so on."""
    for row in range(max(map(len, given.values()))):
        folders = {each: paths[min(row, len(paths) - 1)] for each, paths in given.items()}
        loaded = {
            each: vosk_models.load(each, folder, number_words(each))
            for each, folder in folders.items()
        }
        names = {each: folders[each].name for each, paths in given.items() if row < len(paths)}
        yield Set(loaded, names)


def sayable(clips: Iterable[Clip], loaded: Mapping[str, vosk_models.Model]) -> list[Clip]:
    """Leave out what a model cannot hear because it lacks a word of it."""
    return [
        clip
        for clip in clips
        if clip.language not in loaded or not loaded[clip.language].lacks([clip.text])
    ]


# ---------------------------------------------------------------- tables


def share(part: int, whole: int) -> str:
    """Return a share in percent."""
    return f"{100 * part / whole:.0f}" if whole else "-"


def percentile(values: Sequence[float], wanted: float) -> float:
    """Return the value below which so much of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * wanted))]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table in Markdown."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


Counted = Callable[[Job, Outcome], bool]


def by_kind(measured: Sequence[Set], counts: Counted) -> Iterator[str]:
    """Yield a table: what share counts, by speech, model and question; clean / in noise."""
    rows = []
    for each in measured:
        cells: dict[tuple[str, str], dict[tuple[str, bool], list[bool]]] = defaultdict(dict)
        for job, done in each.answers:
            if job.clip.language not in each.names:
                continue
            of = cells[job.group, job.clip.language]
            of.setdefault((job.clip.kind, job.noisy), []).append(counts(job, done))
        for (group, language), of in cells.items():
            row = [group, language, each.names[language]]
            for kind in KINDS:
                clean, noisy = of.get((kind, False), []), of.get((kind, True), [])
                shares = f"{share(sum(clean), len(clean))} / {share(sum(noisy), len(noisy))}"
                row.append(f"{shares} ({len(clean)})" if clean else "-")
            rows.append(row)
    yield from table(("speech", "language", "model", *KINDS), sorted(rows))


def false_accepts(measured: Sequence[Set]) -> Iterator[str]:
    """Yield a table: what share of things that answer nothing is taken for an answer."""
    head = ("heard", "languages", "models", *(f"{kind}: taken, asked" for kind in STRANGE), "began")
    rows = []
    for each in measured:
        found: dict[tuple[str, str], list[tuple[Job, Outcome]]] = defaultdict(list)
        for job, done in each.strange:
            found[job.group, "+".join(job.question.grammar.languages)].append((job, done))
        for (group, languages), pairs in found.items():
            folders = (each.models[code].folder.name for code in languages.split("+"))
            row = [group, languages, ", ".join(folders)]
            for kind in STRANGE:
                of = [done for job, done in pairs if job.question.kind == kind and not job.prompt]
                bands = Counter(done.band for done in of)
                asked = bands["sure"] + bands["unsure"]
                row.append(f"{share(bands['sure'], len(of))}, {share(asked, len(of))} ({len(of)})")
            playing = [done.began > 0 for job, done in pairs if job.prompt]
            rows.append([*row, f"{share(sum(playing), len(playing))} ({len(playing)})"])
    yield from table(head, rows)


def latencies(measured: Sequence[Set]) -> Iterator[str]:
    """Yield a table: audio from the end of speech to the result, of right answers."""
    rows = []
    for each in measured:
        of: dict[str, list[float]] = defaultdict(list)
        for job, done in each.answers:
            if verdict(job.clip, done) == "right":
                of[job.clip.kind].append(1000 * done.late)
        of["all"] = [late for kind in KINDS for late in of[kind]]
        for kind, late in of.items():
            if late:
                figures = [statistics.median(late), percentile(late, 0.95)]
                cells = [f"{figure:.0f}" for figure in figures]
                early = f"{share(sum(each < 0 for each in late), len(late))}"
                rows.append([kind, str(len(late)), *cells, early])
    yield from table(("question", "right answers", "median ms", "p95 ms", "before the end %"), rows)


def failures(measured: Sequence[Set], most: int = 40) -> Iterator[str]:
    """Yield what was said and what was heard instead."""
    for each in measured:
        wrong = [pair for pair in each.answers if verdict(*_pair(pair)) != "right"]
        for job, done in wrong[:most]:
            noise = " in noise" if job.noisy else ""
            yield (
                f"{job.group} {job.clip.language} {job.clip.kind}{noise}: {job.clip.text!r} -> "
                f"{done.kind} {done.text!r} {done.confidence:.2f} {done.meaning!r} "
                f"{1000 * done.late:.0f} ms"
            )


def _pair(pair: tuple[Job, Outcome]) -> tuple[Clip, Outcome]:
    return pair[0].clip, pair[1]


def plain(measured: Sequence[Set]) -> list[dict[str, Any]]:
    """Return every outcome as JSON can hold it."""
    return [
        {
            "models": {code: str(model.folder) for code, model in each.models.items()},
            "from": job.group,
            "file": job.clip.name,
            "language": job.clip.language,
            "question": job.question.grammar.text(),
            "noisy": job.noisy,
            "prompt": job.prompt,
            "said": job.clip.text,
            "means": job.clip.means,
            "verdict": verdict(job.clip, done),
            "band": done.band,
            **asdict(done),
        }
        for each in measured
        for job, done in (*each.answers, *each.strange)
    ]


# ---------------------------------------------------------------- at the pace of speech


def utterances(
    loaded: Mapping[str, vosk_models.Model], clips: Iterable[Clip], most: int = 16
) -> list[load.Utterance]:
    """Return clips as callers say them, with the moment each is answered if nothing is late."""
    found = []
    for clip in clips:
        grammar = corpus.question(clip.kind, clip.language, list(loaded)).grammar.text()
        sound, end = on_the_line(clip, None)
        frames = tuple(line.frames(sound))
        result, at, _, _ = hear(loaded, recogniser.asked(grammar), frames)
        if result and result.kind == "answer":
            sent = frames[: int((at + SPARE) * 50)]
            found.append(load.Utterance(grammar, sent, at, end))
        if len(found) == most:
            break
    return found


def paced(measured: Set, shipped: Sequence[Clip]) -> Iterator[str]:
    """Yield a table: callers at once on one core, and how late their results are."""
    clips = list(sayable(shipped, measured.models))
    random.Random(6).shuffle(clips)
    said = utterances(measured.models, clips)
    folders = {language: model.folder for language, model in measured.models.items()}
    rows = []
    for level in load.capacity(folders, said):
        print(f"  {level.callers} callers at once", flush=True)
        late = [1000 * each for each in level.late] or [0.0]
        rows.append(
            (
                str(level.callers), str(len(level.lags)), str(level.failed),
                f"{1000 * level.p(0.5):.0f}", f"{1000 * level.p(0.99):.0f}",
                f"{statistics.median(late):.0f}", f"{percentile(late, 0.95):.0f}",
                f"{100 * level.cpu:.0f}", f"{1000 * level.slipped:.0f}",
            )
        )  # fmt: skip
    head = (
        "callers", "results", "failed", "lag median ms", "lag p99 ms",
        "end of speech to result: median ms", "p95 ms", "CPU of the core %", "bench late ms",
    )  # fmt: skip
    yield from table(head, rows)


def weights(given: Mapping[str, Sequence[Path]]) -> Iterator[str]:
    """Yield a table: what each model takes."""
    rows = []
    for language, paths in given.items():
        for folder in paths:
            weight = load.weigh(language, folder)
            cells = (
                f"{weight.size / 1e6:.1f}",
                f"{weight.seconds:.2f}",
                f"{weight.model / 1e6:.1f}",
            )
            rows.append((language, folder.name, *cells, f"{weight.question / 1e6:.1f}"))
    head = ("language", "model", "MB on disk", "loads in s", "MB of memory", "MB a recogniser")
    yield from table(head, rows)


# ---------------------------------------------------------------- the command


def folders(text: str) -> dict[str, list[Path]]:
    """Read "uk=DIR ru=DIR uk=OTHER"."""
    found: dict[str, list[Path]] = {}
    for part in text.split():
        language, _, folder = part.partition("=")
        if language not in LANGUAGES or not folder:
            raise SystemExit(f"{part}: write LANGUAGE=FOLDER, of {', '.join(LANGUAGES)}")
        found.setdefault(language, []).append(Path(folder))
    return found


def main() -> None:
    """Measure, print tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", default="", help='"uk=DIR ru=DIR ..."; the tiny ones')
    parser.add_argument("--recordings", type=Path, help="folder with labels.tsv")
    parser.add_argument("--json", type=Path, help="file for every single outcome")
    parser.add_argument("--failures", action="store_true", help="list what was not right")
    wish = parser.parse_args()
    given = folders(wish.models) or {each: [folder] for each, folder in TINY.items()}
    busy = os.getloadavg()[0]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {busy:.1f}")
    known = tuple(given)
    begun = time.monotonic()
    shipped = [clip for each in known for clip in corpus.recorded(each)]
    print("  voices speak ...", flush=True)
    voices = [clip for each in known for clip in corpus.synthesised(each)]
    people = corpus.human(wish.recordings, known) if wish.recordings else []
    strange = list(strange_jobs(people, known))
    measured = list(sets(given))
    for each in measured:
        wanted: list[Job] = []
        for group, clips in (("recordings", shipped), ("voices", voices), ("people", people)):
            wanted += jobs(sayable(clips, each.models), known, group)
        each.answers = measure(each.models, wanted, "answers")
        each.strange = measure(each.models, strange, "no answers")
    show("Right, clean / in noise, % (clips)", by_kind(measured, judged("right")))
    show("Wrong, clean / in noise, % (clips)", by_kind(measured, judged("wrong")))
    show("Taken for an answer, % (clips)", false_accepts(measured))
    show("End of speech to result, audio time", latencies(measured))
    if wish.failures:
        show("Not right", failures(measured))
    if wish.json:
        wish.json.write_text(json.dumps(plain(measured), ensure_ascii=False, indent=1), "utf-8")
    show("Models", weights(given))
    for each in measured:
        title = ", ".join(model.folder.name for model in each.models.values())
        show(f"One core at the pace of speech: {title}", paced(each, shipped))
    print(f"\n{time.monotonic() - begun:.0f} s")


def judged(wanted: str) -> Counted:
    """Return what counts one verdict."""
    return lambda job, done: verdict(job.clip, done) == wanted


def show(title: str, lines: Iterable[str]) -> None:
    """Print a part of the report."""
    shown = list(lines)
    print(f"\n{title}:\n", *shown, sep="\n", flush=True)


if __name__ == "__main__":
    main()
