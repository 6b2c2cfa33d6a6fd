"""What stands between callers and answers by speech: models, processes, Asterisk's modules.

Each function yields (level, subject, text, mend) as `app.py doctor` shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ivr.errors import SetupError
from ivr.grammar import Vocabulary, everything, number_words
from ivr.speech.pool import Recognisers, Server

Told = tuple[str, str, str, str]
SUBJECT = "speech"
MODULES = ("res_speech.so", "res_aeap.so", "res_speech_aeap.so", "app_speech_utils.so")
"""What Asterisk hands a caller's sound to a recogniser with."""
A_CALL = 1_400_000
"""Bytes of memory that listening to one call takes (measured)."""
ROOM = 0.8
"""Share of the machine's memory that recognisers may take at most."""
PATIENCE = 1.0
"""Seconds within which a process must tell how busy it is."""


def off(file: str, twilio: bool) -> Iterator[Told]:
    """Tell a machine without models how to switch speech on.

    file: name of the settings. twilio: callers of Twilio are heard there.
    """
    text = f"no model is configured, callers{' over Asterisk' * twilio} answer by keys"
    mend = f"to switch it on: `app.py speech fetch uk`, then [speech] in {file} (docs/speech.md)"
    yield "ok", SUBJECT, text, mend


def models(
    folders: Mapping[str, Path], vocabulary: Vocabulary, processes: int, limit: int
) -> Iterator[Told]:
    """Load every model, one after the other. limit: calls that a process listens to at once."""
    from ivr.speech import models as loader  # vosk takes a second

    total, available = _memory("MemTotal"), _memory("MemAvailable")
    taken = limit * A_CALL
    for language, folder in folders.items():
        on_disk = loader.size(folder)
        if available and on_disk > available:
            text = f"{language}: {folder} has {_megabytes(on_disk)}, more than the memory free here"
            yield "problem", SUBJECT, text, "take a smaller model, or another machine"
            continue
        said = everything(vocabulary, language)
        try:
            model = loader.measure(language, folder, number_words(language), said)
        except SetupError as reason:
            yield "problem", SUBJECT, str(reason), "callers of that language answer by keys"
            continue
        taken += max(model.memory, on_disk)
        text = f"{language}: loaded in {model.seconds:.1f} s, {_megabytes(model.memory)} of memory"
        if model.lacks:
            text += f"; {len(model.lacks)} words that callers say are unknown to it and never heard"
            yield "warning", SUBJECT, text, "see `app.py check`"
        else:
            yield "ok", SUBJECT, text, ""
    if total and taken * processes > ROOM * total:
        text = f"{processes} processes want {_megabytes(taken * processes)} of {_megabytes(total)}"
        yield "warning", SUBJECT, text, "lower [speech] processes or recognisers"


def processes(servers: Sequence[Server], running: bool) -> Iterator[Told]:
    """Ask every process how busy it is. running: they ought to be there."""
    for server, load in Recognisers(servers, PATIENCE).loads().items():
        place = f"{server.host}:{server.port}"
        if load is None and running:
            yield "problem", SUBJECT, f"{place} does not answer", "callers have keys only; start it"
        elif load is not None and not load.ready:
            yield "warning", SUBJECT, f"{place} is still loading its models", "ask again"
        elif load is not None:
            busy = f"{place} listens to {load.busy} calls of {load.limit}"
            level, mend = ("ok", "") if load.free else ("warning", "the next caller has keys only")
            yield level, SUBJECT, f"{busy}, {' '.join(load.languages)}", mend


def modules(folder: Path) -> Iterator[Told]:
    """Look for what Asterisk needs. folder: of its modules."""
    if missing := [name for name in MODULES if not (folder / name).is_file()]:
        text = f"Asterisk has no {', '.join(missing)}: its callers answer by keys"
        yield (
            "problem",
            SUBJECT,
            text,
            "install them, or run `make setup` for an Asterisk with them",
        )


def without(companies: Mapping[str, Sequence[str]], known: Sequence[str]) -> Iterator[Told]:
    """Tell of languages that no model understands. companies: languages by company."""
    for company, languages in companies.items():
        if silent := [language for language in languages if language not in known]:
            text = f"{company}: no model for {', '.join(silent)}, whose callers answer by keys"
            yield "ok", SUBJECT, text, ""


def _memory(name: str) -> int:
    """Return a figure of the machine's memory in bytes, 0 where it is unknown (proc(5))."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
