"""What `app.py speech` does: serves as a recogniser, shows the models, brings one, tries one."""

from __future__ import annotations

import asyncio
import logging
import os
from array import array
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ivr import grammar as grammars
from ivr.config import Config
from ivr.errors import ConfigError, SetupError
from ivr.prompts import Catalogue, vocabulary
from ivr.speech import audio, fetch
from ivr.speech.aeap import A_CORE, Server
from ivr.speech.g711 import RATE
from ivr.speech.models import Model, load, measure
from ivr.speech.recogniser import CHUNK, Question, Rules, asked

log = logging.getLogger("press2.speech")

Say = Callable[[str], None]

OFF = """No vosk model is configured: callers answer by keys.
To switch speech on: `app.py speech fetch uk` brings a model (or unpack one of your own), then write
its folder into {file}, section [speech], as `model.uk = FOLDER`. docs/speech.md tells more."""
SILENCE = 3
"""Seconds of silence behind a file that is tried."""
SHOWN = 12
"""Unknown words that are named; the rest are counted."""


def serve(config: Config, catalogues: Mapping[str, Catalogue], port: int, say: Say) -> None:
    """Serve one recogniser process until SIGTERM. Raises ConfigError, SetupError: it cannot."""
    if not config.speech.models():
        raise ConfigError(f"{config.path.name}: [speech] model.uk is empty; name a vosk model")
    models = {model.language: model for model in _loaded(config)}
    known = vocabulary(catalogues)
    for language, model in models.items():
        if unknown := model.lacks(grammars.everything(known, language)):
            log.warning(
                "%s: phrases with words that its model lacks are not heard: %s",
                language, shown(unknown),
            )  # fmt: skip
    server = Server(
        models, known, rules(config), limit(config), config.press2.var / "utterances" / "pending"
    )
    host = config.speech.host
    try:
        asyncio.run(server.run(host, port, lambda at: say(ready_line(server, host, at))))
    except OSError as error:
        raise SetupError(f"[speech] port {port}: {error.strerror or error}") from error


def ready_line(server: Server, host: str, port: int) -> str:
    """Return what is printed when calls are taken."""
    return f"ready: {host}:{port}, {' '.join(server.models)}, {server.limit} calls at once"


def rules(config: Config) -> Rules:
    """Return the settings of a question."""
    given = config.speech
    return Rules(given.end_of_speech, given.longest, given.barge_in)


def limit(config: Config) -> int:
    """Return how many calls a process listens to at once."""
    cores = os.cpu_count() or 1
    return config.speech.recognisers or max(1, cores * A_CORE // config.speech.processes)


def shown(unknown: tuple[str, ...]) -> str:
    """Return words as a list of bearable length."""
    more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
    return ", ".join(unknown[:SHOWN]) + more


def show_models(config: Config, catalogues: Mapping[str, Catalogue], say: Say) -> None:
    """Load every configured model and tell what it is, what it takes and what it lacks."""
    if not config.speech.models():
        say(OFF.format(file=config.path.name))
        return
    known = vocabulary(catalogues)
    for language, folder in config.speech.models().items():
        numbers = grammars.number_words(language)
        found = measure(language, folder, numbers, grammars.everything(known, language))
        rate = "8 kHz" if found.rate == RATE else f"{found.rate // 1000} kHz, audio is upsampled"
        say(f"{language}  {folder}")
        say(
            f"    {found.size / 1e6:.1f} MB on disk, loaded in {found.seconds:.1f} s,"
            f" {found.memory / 1e6:.0f} MB of memory, {rate}, grammar: yes"
        )
        named = f": {shown(found.lacks)}" if found.lacks else ""
        say(f"    words it does not know: {len(found.lacks)}{named}")
    say(f"limit: {limit(config)} calls a process, processes: {config.speech.processes}")


def bring(config: Config, language: str, folder: Path, say: Say) -> None:
    """Fetch a model, and tell the line that makes it the language's."""
    target = fetch.fetch(language, folder, say)
    say(f"Write into {config.path.name}, section [speech]:")
    say(f"model.{language} = {target}")


def _loaded(config: Config) -> Iterator[Model]:
    """Load the configured models, one after the other."""
    for language, folder in config.speech.models().items():
        yield load(language, folder, grammars.number_words(language))


def listen(
    config: Config, catalogues: Mapping[str, Catalogue], file: Path, grammar: str, say: Say
) -> None:
    """Recognise a sound file as a process would, and tell its results with their times."""
    models = {model.language: model for model in _loaded(config)}
    samples = _samples(file)
    try:
        question = Question(models, vocabulary(catalogues), asked(grammar), rules(config))
    except ValueError as error:
        raise SetupError(f"--grammar: {error}; write one such as `lang=uk digits=4-5`") from error
    heard = 0
    while heard < len(samples) and not question.over:
        result = question.hear(samples[heard : heard + CHUNK])
        heard += CHUNK
        if result:
            say(
                f"{heard / RATE:6.1f} s  {result.kind}.{result.language}  "
                f"confidence {result.confidence:.2f}  {result.text}"
            )
    if not question.over:
        say(f"{heard / RATE:6.1f} s  the file is over, there is no result")


def _samples(file: Path) -> array[int]:
    """Return a sound file as telephone samples, with silence behind it."""
    sound = audio.decode([file])[0] if file.is_file() else None
    if sound is None:
        raise SetupError(f"{file}: cannot be read as a sound file")
    return array("h", sound.narrow.raw_data + bytes(2 * SILENCE * RATE))
