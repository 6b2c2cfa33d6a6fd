"""`app.py doctor`: looks at the set-up and says what is wrong in words a newcomer understands.

Each check yields findings; one that cannot go on because of an error of ours turns into a problem.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import requests

from ivr import company, config, intake, outbox, prompts
from ivr.agent_queue.model import QueueDown
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.asterisk.process import find_program
from ivr.channels.twilio import doctor as twilio_doctor
from ivr.channels.twilio.sounds import Sounds
from ivr.config import Config
from ivr.erasure import strays
from ivr.errors import ConfigError, Press2Error, SetupError
from ivr.parts import reachable, recognisers, redis_answers, worker_ports
from ivr.speech import doctor as speech_doctor
from ivr.speech.build import MUSIC
from ivr.speech.synthesis import Synthesiser
from ivr.store.database import open_store
from ivr.supervise import alone, answers, check_ports

BROWSER = (
    ("sip.js", "sip.js/lib/index.js", "phone"),
    ("charts", "chart.js/dist/chart.umd.min.js", "charts"),
)
"""What pages load from npm's packages: name, a file of it, what it is."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LITTLE = 500_000_000
"""Bytes of free disk below which calls are soon in danger."""
SOME = 2_000_000_000
LATELY = timedelta(days=7)
"""How long what could not be delivered is told of."""
SETTLED = timedelta(days=1)
"""After that the row of a recording is no longer on its way."""


@dataclass(frozen=True)
class Finding:
    """What one check saw. level: ok, warning or problem; mend: what to do, empty when ok."""

    level: str
    subject: str
    text: str
    mend: str = ""

    def __str__(self) -> str:
        """Write it as one line."""
        return f"{self.level:8} {self.subject:12} {self.text}" + (
            f"; {self.mend}" * bool(self.mend)
        )


Check = Callable[[Config, Path], Iterator[Finding]]


def examine(path: Path, environ: Mapping[str, str], home: Path) -> Iterator[Finding]:
    """Check everything a start needs. path: the settings file; home: folder of app.py."""
    yield from _python()
    try:
        given = config.load(path, environ)
    except ConfigError as error:
        yield Finding("problem", "settings", str(error))
        return
    yield Finding("ok", "settings", str(path))
    for check in CHECKS:
        try:
            yield from check(given, home)
        except Press2Error as error:
            yield Finding("problem", check.__name__.strip("_"), str(error))


def examine_queue(queue: RedisQueue, now: float) -> tuple[list[str], str]:
    """Audit the queue of every company: the findings, one line each, and a line about it all."""
    findings, tickets, operators = [], 0, 0
    try:
        for name in queue.companies():
            findings += [f"{name}: {sentence}" for sentence in queue.audit(name, now)]
            tickets += len(queue.waiting(name))
            operators += len(queue.operators(name))
    except QueueDown as reason:
        raise SetupError(f"the queue does not answer: {reason}") from reason
    return findings, f"the queue: {tickets} tickets, {operators} operators, nothing wrong"


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info < (3, 13):
        yield Finding("ok", "python", version)
    else:
        yield Finding("problem", "python", version, "press2 needs 3.11 or 3.12")


def _programs(given: Config, home: Path) -> Iterator[Finding]:
    needed = {"ffmpeg": "sounds", "espeak-ng": "speech", "setpriv": "app.py run"}
    if not given.redis.url:
        needed["redis-server"] = "calls in progress"
    for program, purpose in needed.items():
        if found := shutil.which(program):
            yield Finding("ok", program, found)
        else:
            yield Finding("problem", program, f"not here, needed for {purpose}", "run `make setup`")
    for name, file, what in BROWSER:
        if (home / "agent_desk/node_modules" / file).is_file():
            yield Finding("ok", name, f"{what} in the browser: installed")
        else:
            yield Finding(
                "warning", name, f"not here: no {what} in the browser", "run `make setup`"
            )


def _asterisk(given: Config, home: Path) -> Iterator[Finding]:
    program = find_program(home / "var" / "asterisk-root")
    answer = subprocess.run([*program.words, "-V"], capture_output=True, text=True, check=False)
    yield Finding("ok", "asterisk", f"{answer.stdout.strip()}, {program.words[-1]}")


def _ports(given: Config, home: Path) -> Iterator[Finding]:
    """A press2 that runs here holds its ports itself; then its parts are asked."""
    try:
        with alone(given.press2.var / "press2.lock"):
            check_ports(given.path.name, config.ports(given))
    except ConfigError:
        raise
    except Press2Error:
        yield from _running(given)
        return
    numbers = ", ".join(str(port) for *_, port in config.ports(given))
    yield Finding("ok", "ports", f"{numbers} are free")


def _running(given: Config) -> Iterator[Finding]:
    exchange = reachable(given.asterisk.bind), given.asterisk.websocket_port
    workers = [(reachable(given.agi.host), port) for port in worker_ports(given)]
    page = reachable(given.web.host), given.web.port
    wanted = {"Asterisk": exchange, "the start page": page}
    wanted |= {f"the worker on port {worker[1]}": worker for worker in workers}
    silent = [name for name, place in wanted.items() if not answers(*place)]
    if silent:
        yield Finding(
            "problem",
            "running",
            f"press2 runs, but {', '.join(silent)} does not answer",
            f"see {given.press2.var}/log/press2.log",
        )
    else:
        yield Finding("ok", "running", "press2 runs here and all its parts answer")


def _redis(given: Config, home: Path) -> Iterator[Finding]:
    if not given.redis.url:
        yield Finding("ok", "redis", "a private server, started by app.py run")
    elif redis_answers(given.redis_url()):
        yield Finding("ok", "redis", given.redis.url)
    else:
        yield Finding(
            "problem",
            "redis",
            f"{given.redis.url} does not answer",
            "start it, or empty [redis] url for a private one",
        )


def _store(given: Config, home: Path) -> Iterator[Finding]:
    if not given.store.url and not (given.press2.var / "press2.db").exists():
        yield Finding("ok", "store", "none yet; the first start makes it, with demo data")
        return
    open_store(given.store_url()).close()
    yield Finding("ok", "store", given.store.url or str(given.press2.var / "press2.db"))


def _outbox(given: Config, home: Path) -> Iterator[Finding]:
    """What waits although nobody can deliver it, and what could not be delivered lately."""
    if not given.store.url and not (given.press2.var / "press2.db").exists():
        return
    with contextlib.closing(open_store(given.store_url())) as store:
        found = outbox.survey(store, datetime.now(UTC) - LATELY)
    waiting = found.waiting.get("sms", 0)
    if waiting and not given.twilio.sms_from:
        yield Finding(
            "warning",
            "outbox",
            f"{waiting} SMS wait, no sender is configured",
            "write [twilio] sms_from, or take `notices` out of the company's profile",
        )
    if found.newest is not None:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.dead.items()))
        yield Finding(
            "warning",
            "outbox",
            f"not delivered in the last {LATELY.days} days: {kinds}; newest: {found.newest[1]}",
            "see `app.py outbox list`; `app.py outbox retry` tries again",
        )
    elif not waiting or given.twilio.sms_from:
        yield Finding("ok", "outbox", f"{sum(found.waiting.values())} wait, none failed lately")


def stray_recordings(given: Config) -> dict[Path, int]:
    """Return the sounds older than a day that no row of the store names, with their bytes."""
    folder = given.press2.var / "recordings"
    before = (datetime.now(UTC) - SETTLED).timestamp()
    with contextlib.closing(open_store(given.store_url())) as store:
        found = strays.strays(store, folder, before)
    return {folder / path: size for path, size in found.items()}


def _recordings(given: Config, home: Path) -> Iterator[Finding]:
    """Sounds of callers that nobody can hear and nothing deletes."""
    if not _has_store(given):
        return
    found = stray_recordings(given)
    if not found:
        yield Finding("ok", "recordings", "all older than a day are talks or voice messages")
        return
    yield Finding(
        "warning",
        "recordings",
        f"{len(found)} older than a day, {sum(found.values()) / 1e6:.1f} MB, belong to no row of"
        " the store: nobody can hear them, and retention leaves them",
        "`app.py doctor recordings` names them; delete them (docs/retention.md)",
    )


def _data(given: Config, home: Path) -> Iterator[Finding]:
    """How old the data about outages is: callers hear no time that is older than the profile's."""
    profile = company.load(home / "flows" / "companies").get(given.press2.company)
    if profile is None or not _has_store(given):
        return
    with contextlib.closing(open_store(given.store_url())) as store:
        known = intake.age(store, profile.id)
    since = known.since(datetime.now(UTC))
    if since is None:
        yield Finding("ok", "outages", "no open accident is known")
        return
    minutes = int(since.total_seconds() // 60)
    text = f"{known.events} open accidents, last told of {minutes} minutes ago"
    if minutes > profile.terms.outages.fresh:
        yield Finding(
            "warning",
            "outages",
            f"{text}: callers hear no time of restoration",
            "send them by the API or `app.py import events` (docs/data.md)",
        )
    else:
        yield Finding("ok", "outages", text)


def _feed(given: Config, home: Path) -> Iterator[Finding]:
    """Whether the company's system answers, and whether anything is sent there."""
    profiles = company.load(home / "flows" / "companies").values()
    fed = [profile.id for profile in profiles if profile.terms.feed]
    if not given.feed.url:
        if fed:
            yield Finding(
                "warning",
                "feed",
                f"{', '.join(fed)}: documents wait, nobody is told where they go",
                "write [feed] url, or take `feed` out of the profile",
            )
        return
    parts = urlsplit(given.feed.url)
    place = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    there = f"{place[0]}:{place[1]}"
    if not answers(*place):
        yield Finding(
            "warning", "feed", f"{there} does not answer", "documents wait and are tried again"
        )
    elif not fed:
        yield Finding("ok", "feed", f"{there} answers; no profile says `feed: [ticket]` yet")
    else:
        yield Finding("ok", "feed", f"{there} answers, and is told of {', '.join(fed)}")


def _alerts(given: Config, home: Path) -> Iterator[Finding]:
    """Whether whoever is told of alerts can be reached; nothing is sent."""
    if not given.alerts.url:
        yield Finding("ok", "alerts", "on the supervisors' screens only ([alerts] url is empty)")
        return
    parts = urlsplit(given.alerts.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    there = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=5) as line:
            if parts.scheme == "https":
                context = ssl.create_default_context(
                    cafile=given.alerts.ca or requests.utils.DEFAULT_CA_BUNDLE_PATH
                )
                context.wrap_socket(line, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        text = f"{there}: its certificate is refused: {error.verify_message}"
        mend = "mend it, or write what vouches for it into [alerts] ca"
        yield Finding("warning", "alerts", text, mend)
    except OSError as error:
        text = f"{there} cannot be reached: {error.strerror or error}"
        mend = "alerts wait and are tried again for 6 hours; look at [alerts] url and the network"
        yield Finding("warning", "alerts", text, mend)
    else:
        text = f"{there} can be reached; the page Alerts of the supervisor sends a test"
        yield Finding("ok", "alerts", text)


def _api(given: Config, home: Path) -> Iterator[Finding]:
    """Whose systems may use the API."""
    companies = company.load(home / "flows" / "companies")
    for token in given.api.tokens:
        if token.company not in companies:
            yield Finding(
                "problem",
                "api",
                f"[api] tokens: {token.name}@{token.company}: no such company",
                f"write one of {', '.join(companies)}",
            )
    names = ", ".join(f"{token.name}@{token.company}" for token in given.api.tokens)
    yield Finding("ok", "api", names or "no tokens; data comes by `app.py import`")


def _has_store(given: Config) -> bool:
    return bool(given.store.url) or (given.press2.var / "press2.db").exists()


def _companies(given: Config, home: Path) -> Iterator[Finding]:
    """Time zones are asked for first: without them every profile would fail on its own."""
    try:
        ZoneInfo("Europe/Kyiv")
    except ZoneInfoNotFoundError:
        yield Finding(
            "problem", "time zones", "Europe/Kyiv is not known here", "run `make setup` (tzdata)"
        )
        return
    yield Finding("ok", "time zones", "Europe/Kyiv is known")
    companies = company.load(home / "flows" / "companies")
    if given.press2.company not in companies:
        yield Finding(
            "problem",
            "companies",
            f"[press2] company = {given.press2.company}: no such profile",
            f"write one of {', '.join(companies)}",
        )
        return
    yield Finding("ok", "companies", f"{', '.join(companies)}; calls go to {given.press2.company}")


def _sounds(given: Config, home: Path) -> Iterator[Finding]:
    for language, catalogue in prompts.load(home / "prompts").items():
        folder = given.press2.var / "sounds" / language
        pieces = catalogue.fixed()
        missing = sum(not (folder / f"{piece}.wav").is_file() for piece in pieces)
        if missing:
            yield Finding(
                "warning",
                "sounds",
                f"{language}: {missing} of {len(pieces)} are not built",
                "run `app.py prompts build`; app.py run does it, too",
            )
        else:
            yield Finding("ok", "sounds", f"{language}: all {len(pieces)} are built")


def _voices(given: Config, home: Path) -> Iterator[Finding]:
    synthesiser = Synthesiser(given.speech.voices(), given.speech.piper())
    for language in prompts.load(home / "prompts"):
        voice = synthesiser.engines(language)[0].name
        if language in given.speech.voices() and voice.startswith("espeak"):
            yield Finding(
                "warning",
                "voice",
                f"{language}: {voice} speaks what has no recording, hard to understand",
                "run `make voices`",
            )
        else:
            yield Finding("ok", "voice", f"{language}: {voice}")


def _speech(given: Config, home: Path) -> Iterator[Finding]:
    """Answers by speech; a machine without models is none the worse for it."""
    folders, said = given.speech.models(), given.speech
    if not folders:
        yield from _told(speech_doctor.off(given.path.name, given.twilio.speech))
        return
    try:
        from ivr import speech_parts  # it loads vosk, which takes a second
    except ImportError as error:
        mend = "callers answer by keys; run deploy/setup.sh, which tells whether vosk is to be had"
        yield Finding("problem", speech_doctor.SUBJECT, f"no recogniser here: {error}", mend)
        return
    known = prompts.vocabulary(prompts.load(home / "prompts"))
    if not said.servers:
        limit = speech_parts.limit(given)
        yield from _told(speech_doctor.models(folders, known, said.processes, limit))
    running = bool(said.servers) or _runs(given)
    yield from _told(speech_doctor.processes(recognisers(given), running))
    yield from _told(speech_doctor.modules(find_program(home / "var" / "asterisk-root").modules))
    profiles = company.load(home / "flows" / "companies")
    languages = {name: each.languages for name, each in profiles.items() if each.terms.speech.heard}
    yield from _told(speech_doctor.without(languages, list(folders)))


def _told(found: Iterable[tuple[str, str, str, str]]) -> Iterator[Finding]:
    return (Finding(*each) for each in found)


def _runs(given: Config) -> bool:
    """Whether a press2 runs here."""
    try:
        with alone(given.press2.var / "press2.lock"):
            return False
    except Press2Error:
        return True


def _disk(given: Config, home: Path) -> Iterator[Finding]:
    given.press2.var.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(given.press2.var).free
    text = f"{free / 1e9:.1f} GB free for {given.press2.var}"
    if free < LITTLE:
        yield Finding("problem", "disk", text, "make room: readings could soon not be stored")
    elif free < SOME:
        yield Finding("warning", "disk", text, "make room soon")
    else:
        yield Finding("ok", "disk", text)


def _reach(given: Config, home: Path) -> Iterator[Finding]:
    """What stands in the way of callers from outside this machine, and of operators."""
    if given.asterisk.bind in LOOPBACK:
        yield Finding("ok", "reach", "calls from this machine only ([asterisk] bind)")
    elif all(network.startswith("127.") for network in given.asterisk.softphones):
        yield Finding(
            "warning",
            "reach",
            "softphones of other machines are refused",
            "add their network to [asterisk] softphones",
        )
    if given.web.host not in LOOPBACK:
        yield Finding(
            "warning",
            "microphone",
            "a browser gives its microphone only to localhost or over TLS",
            "put a TLS proxy before [web] port for calls from other machines",
        )
    if not given.asterisk.ring_group:
        yield Finding(
            "warning",
            "operators",
            "nobody rings when a caller asks for an operator",
            "write their SIP addresses into [asterisk] ring_group",
        )


def _twilio(given: Config, home: Path) -> Iterator[Finding]:
    """Nothing where no calls come from Twilio."""
    if not given.twilio.account_sid:
        return
    below = f"{given.twilio.public_url.rstrip('/')}/twilio/"
    yield Finding(
        "ok", "twilio", f"account {given.twilio.account_sid[:6]}..., calls come to {below}"
    )
    if not given.twilio.sms_from:
        yield Finding(
            "warning", "twilio", "no SMS can be sent", "write a sender into [twilio] sms_from"
        )
    url = _sound_for_twilio(given)
    if url and answers(reachable(given.web.host), given.web.port):
        yield Finding(*twilio_doctor.sound(url))
    else:
        yield Finding("ok", "twilio", "run `app.py doctor webhooks` when press2 runs")


def _sound_for_twilio(given: Config) -> str:
    """Return where one sound is fetched, "" while none is built."""
    folder = given.press2.var / "sounds"
    built = next(folder.glob("??/*.wav"), None)
    base, key = given.twilio.public_url.rstrip("/"), given.twilio.auth_token.value
    sounds = Sounds(folder, folder / MUSIC, base, key)
    return sounds.urls([f"{built.parent.name}/{built.stem}"])[0] if built else ""


CHECKS: tuple[Check, ...] = (
    _programs,
    _asterisk,
    _ports,
    _redis,
    _store,
    _outbox,
    _recordings,
    _data,
    _feed,
    _alerts,
    _api,
    _companies,
    _sounds,
    _voices,
    _speech,
    _disk,
    _reach,
    _twilio,
)
