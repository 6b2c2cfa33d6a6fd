"""What is made from the settings, and handed over by constructor: stores, queues, runners.

The heavy parts are imported where they are made: a tool that needs none of them starts at once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ivr import check, company, flow, prompts
from ivr.engine import Flows, Trace
from ivr.errors import Press2Error
from ivr.services import SERVICES

if TYPE_CHECKING:
    import redis
    from flask import Blueprint

    from ivr.agent_queue.model import AgentQueue
    from ivr.callscript import Dial
    from ivr.channels.ami_notice import AsteriskDialler
    from ivr.channels.switchboard import Exchanges
    from ivr.channels.twilio.notice import TwilioDialler
    from ivr.channels.twilio.settings import TwilioSettings
    from ivr.company import Company
    from ivr.config import Config
    from ivr.events import EventLog
    from ivr.outbox import Handler
    from ivr.prompts import Catalogue
    from ivr.releases import Served
    from ivr.runner import Runner
    from ivr.sessions import Sessions
    from ivr.speech.synthesis import Synthesiser
    from ivr.speech.voice import Voice
    from ivr.store.database import Store
    from ivr.synthetic import SelfCaller

HOME = Path(__file__).resolve().parents[1]
FLOWS = HOME / "flows"
COMPANIES = FLOWS / "companies"
PROMPTS = HOME / "prompts"
MESSAGES = PROMPTS / "sms"
DEMO = HOME / "deploy" / "demo-data.yaml"


def settings() -> Config:
    """Read `telephony.conf` (or the file PRESS2_CONF names)."""
    from ivr import config

    return config.load(config.path_of(os.environ, HOME), os.environ)


def house() -> tuple[Flows, dict[str, Company], dict[str, Catalogue]]:
    """Load flows, company profiles and prompts."""
    catalogues = prompts.load(PROMPTS)
    return check.book(flow.load(FLOWS), catalogues), company.load(COMPANIES), catalogues


def store_of(config: Config, migrate: bool = True) -> Store:
    """Open the store; an empty one gets the demo data."""
    from ivr.store.database import open_store
    from ivr.store.world import load_demo

    config.press2.var.mkdir(parents=True, exist_ok=True)
    store = open_store(config.store_url(), migrate=migrate)
    load_demo(store, DEMO, now())
    return store


def redis_of(config: Config) -> redis.Redis:
    """Return a client that gives up soon: a caller is waiting."""
    import redis

    return redis.Redis.from_url(
        config.redis_url(), socket_timeout=0.5, socket_connect_timeout=0.2, retry=None
    )


def queue_of(config: Config, companies: Mapping[str, Company]) -> AgentQueue:
    """Return the queue that all processes share."""
    from ivr.agent_queue.redis_queue import RedisQueue

    return RedisQueue(redis_of(config), {name: each.queues for name, each in companies.items()})


@contextlib.contextmanager
def runner_of(
    config: Config, flows: Flows, companies: Mapping[str, Company], store: Store
) -> Iterator[Runner]:
    """Lend the runner that workers use: sessions and events in Redis while it answers.

    At the end the events that wait for the store are written.
    """
    import threading

    from ivr.events import StoreLog, StreamLog
    from ivr.releases.served import Looks
    from ivr.sessions import RedisSessions, SturdySessions

    client = redis_of(config)
    sessions = SturdySessions(RedisSessions(client))
    with contextlib.closing(StoreLog(store)) as slow_log:
        log = StreamLog(client, slow_log)
        home, queue = config.press2.company, queue_of(config, companies)
        hears, releases = hears_of(config), releases_of(flows, companies, store)
        stopping = threading.Event()
        releases.look()
        Looks(releases, stopping).start()
        try:
            yield new_runner(
                flows, companies, store, sessions, log, now, home, queue, hears, releases
            )
        finally:
            stopping.set()


def new_runner(
    flows: Flows,
    companies: Mapping[str, Company],
    store: Store,
    sessions: Sessions,
    log: EventLog,
    clock: Callable[[], datetime],
    home: str,
    queue: AgentQueue | None = None,
    hears: Mapping[str, Sequence[str]] | None = None,
    releases: Served | None = None,
) -> Runner:
    """Return a runner of these parts with every service. home: company of unknown numbers.

    hears: languages in which the callers of a channel may speak. releases: flows that calls get
    instead of `flows`.
    """
    from ivr.runner import Runner

    return Runner(
        flows, companies, SERVICES, store, sessions, log, clock, home,
        queue=queue, hears=hears, releases=releases,
    )  # fmt: skip


def releases_of(flows: Flows, companies: Mapping[str, Company], store: Store) -> Served:
    """Return the flow releases of a process that runs calls with `flows`."""
    from ivr.judge import Judge
    from ivr.releases import Served

    judge = Judge(HOME, companies)
    return Served(store, judge.files, flows, judge.fits)


def hears_of(config: Config) -> dict[str, tuple[str, ...]]:
    """Return the languages in which callers may speak, by channel."""
    from ivr.channels.twilio.recogniser import LOCALES

    twilio = tuple(LOCALES) if config.twilio.speech else ()
    return {"agi": tuple(config.speech.models()), "twilio": twilio}


def spoken_of(catalogues: Mapping[str, Catalogue]) -> tuple[str, ...]:
    """Return the languages that every channel may hear: a call script comes to the same on each."""
    from ivr.channels.twilio.recogniser import LOCALES

    return tuple(language for language in catalogues if language in LOCALES)


def twilio_of(config: Config) -> TwilioSettings | None:
    """Return what the Twilio channel needs to know, None where it is not configured."""
    from ivr.channels.twilio.settings import TwilioSettings

    given = config.twilio
    if not given.account_sid:
        return None
    return TwilioSettings(
        account_sid=given.account_sid,
        auth_token=given.auth_token.value,
        public_url=given.public_url.rstrip("/"),
        api_url=given.api_url,
        operators=given.operators,
        sip_address=given.sip_address,
        sip_password=given.sip_password.value,
        api_key=given.api_key,
        api_secret=given.api_secret.value,
        sms_from=given.sms_from,
        speech=given.speech,
        speech_model=given.speech_model,
        voices=given.voices(),
    )


def switch_of(config: Config, companies: Mapping[str, Company]) -> Exchanges:
    """Return what holds the calls: every Asterisk, Twilio, or both.

    Only a company whose operators have Twilio's browser phones may be without an Asterisk.
    """
    from ivr import parts
    from ivr.channels.ami import AsteriskSwitch
    from ivr.channels.switchboard import Switchboard

    twilio = twilio_of(config)
    browser_phones = twilio is not None and twilio.operators == "client"
    secret = parts.ami_secret(config, os.environ.get(parts.AMI_SECRET, ""))
    asterisk = AsteriskSwitch(parts.exchanges(config, secret)) if secret else None
    if twilio is not None and (asterisk is not None or browser_phones):
        held = _twilio_switch(config, twilio, companies)
        trunk = bool(config.asterisk.trunk_host)
        return Switchboard(asterisk, held, trunk=trunk, recorded=browser_phones)
    if asterisk is not None:
        return asterisk
    raise Press2Error(
        "no password for the manager interface: name the environment variable that holds it "
        f"in {config.path.name}, [asterisk] ami_password"
    )


def _twilio_switch(
    config: Config, twilio: TwilioSettings, companies: Mapping[str, Company]
) -> Exchanges:
    import redis

    from ivr.channels.twilio import rest
    from ivr.channels.twilio.live import BLOCK, RedisLiveCalls, RedisReports
    from ivr.channels.twilio.switch import TwilioSwitch

    patient = redis.Redis.from_url(
        config.redis_url(), socket_timeout=BLOCK / 1000 + 2, socket_connect_timeout=2, retry=None
    )
    numbers = {name: each.numbers[0] for name, each in companies.items() if each.numbers}
    live, reports = RedisLiveCalls(redis_of(config)), RedisReports(patient)
    return TwilioSwitch(twilio, rest.client(twilio), live, reports, numbers)


def synthesiser_of(config: Config) -> Synthesiser:
    """Return the voice for texts without a recording."""
    from ivr.speech.synthesis import Synthesiser

    return Synthesiser(config.speech.voices(), config.speech.piper())


@contextlib.contextmanager
def voice_of(config: Config, catalogues: Mapping[str, Catalogue], store: Store) -> Iterator[Voice]:
    """Lend what turns prompts into sounds, with what supervisors have recorded."""
    import threading

    from ivr.speech.placed import Looks, Placed
    from ivr.speech.voice import Voice

    sounds = config.press2.var / "sounds"
    placed, stopping = Placed(store, sounds), threading.Event()
    placed.look()
    Looks(placed, stopping).start()
    try:
        yield Voice(catalogues, PROMPTS, sounds, synthesiser_of(config), placed.name)
    finally:
        stopping.set()


def now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


@contextlib.contextmanager
def webhooks_of(
    config: Config, companies: Mapping[str, Company], store: Store
) -> Iterator[Blueprint | None]:
    """Lend the routes that Twilio asks, None where it is not configured."""
    twilio = twilio_of(config)
    if twilio is None:
        yield None
        return
    from ivr import twilio_parts

    flows, _, catalogues = house()
    with (
        runner_of(config, flows, companies, store) as runner,
        voice_of(config, catalogues, store) as voice,
    ):
        client = redis_of(config)
        yield twilio_parts.webhooks(
            config, twilio, companies, catalogues, store, runner, voice, client
        )


def handlers_of(config: Config) -> dict[str, Handler]:
    """Return who delivers which kind of entry of the outbox; what has nobody waits."""
    handlers: dict[str, Handler] = {}
    if config.feed.url:
        from ivr.channels.feed import Feed
        from ivr.services import feed

        secret = config.feed.secret.value
        handlers[feed.KIND] = Feed(config.feed.url, secret, now, config.feed.ca)
    if config.alerts.url:
        from ivr.alerts import watch
        from ivr.channels.feed import Feed

        secret = config.alerts.secret.value
        handlers[watch.KIND] = Feed(config.alerts.url, secret, now, config.alerts.ca, "alerts")
    twilio = twilio_of(config)
    if twilio is None:
        return handlers
    from ivr.channels.twilio import recordings, rest, sms
    from ivr.services import notices

    client = rest.client(twilio)
    folder = config.press2.var / "recordings"
    handlers[recordings.KIND] = recordings.Recordings(twilio, client, folder)
    if twilio.sms_from:
        texts = notices.load(MESSAGES)
        handlers[notices.KIND] = sms.Sms(twilio, client, company.load(COMPANIES), texts, now)
    return handlers


@contextlib.contextmanager
def telling_of(
    config: Config, store: Store, handlers: Mapping[str, Handler]
) -> Iterator[dict[str, Handler]]:
    """Lend handlers with those that tell people of a restoration, by SMS or by a call.

    Asterisk's trunk dials where there is one, else Twilio; without either nobody is called.
    """
    from ivr.services import notices, telling
    from ivr.services.restoration import CALL, RESTORED

    companies = company.load(COMPANIES)
    dialler = _dialler_of(config)
    lines = config.press2.notice_lines if dialler is not None else 0
    means = telling.Means(sms=notices.KIND in handlers, lines=lines)
    known = dict(handlers)
    known[RESTORED] = telling.Told(store, companies, now, means)
    if means.sms:
        known[notices.KIND] = telling.Sms(store, companies, now, handlers[notices.KIND])
    if dialler is None or not lines:
        yield known
        return
    known[CALL] = telling.Calls(store, companies, now, dialler, means)
    dialler.start()
    try:
        yield known
    finally:
        dialler.stop()


@contextlib.contextmanager
def self_caller_of(config: Config) -> Iterator[SelfCaller | None]:
    """Lend what calls ourselves, None where no Asterisk is ours or nobody wants it."""
    from ivr import parts

    secret = parts.ami_secret(config, os.environ.get(parts.AMI_SECRET, ""))
    if not secret or not config.press2.synthetic:
        yield None
        return
    from ivr.channels.ami_synthetic import AsteriskSelfCaller

    caller = AsteriskSelfCaller(parts.exchanges(config, secret))
    caller.start()
    try:
        yield caller
    finally:
        caller.stop()


def _dialler_of(config: Config) -> AsteriskDialler | TwilioDialler | None:
    """Return what calls people, None where there is no line to the outside."""
    from ivr import parts

    if config.asterisk.trunk_host and (
        secret := parts.ami_secret(config, os.environ.get(parts.AMI_SECRET, ""))
    ):
        from ivr.channels.ami_notice import AsteriskDialler

        return AsteriskDialler(parts.exchanges(config, secret), parts.TRUNK)
    twilio = twilio_of(config)
    if twilio is None:
        return None
    from ivr.channels.twilio import rest
    from ivr.channels.twilio.notice import TwilioDialler

    return TwilioDialler(twilio, rest.client(twilio))


def log_to(target: TextIO, level: str) -> None:
    """Log from a thread of its own: a call never waits for whoever reads the log."""
    import atexit
    import logging
    import logging.handlers
    import queue

    screen = logging.StreamHandler(target)
    screen.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(waiting, screen)
    listener.start()
    atexit.register(listener.stop)
    handler = logging.handlers.QueueHandler(waiting)
    handler.setFormatter(logging.Formatter("%(message)s"))  # the screen's formatter adds the rest
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("twilio").setLevel(logging.WARNING)  # it would log numbers of callers


def dialler(
    channel: str,
    flows: Flows,
    companies: Mapping[str, Company],
    catalogues: Mapping[str, Catalogue],
    trace: Trace | None = None,
) -> tuple[Dial, Callable[[], None]]:
    """Return what makes a line of this channel over a store, and what ends it all.

    trace: is told of the edges of the flows that calls walk.
    """
    from ivr.channels.console import ConsoleLine
    from ivr.channels.line import Clock, Line
    from ivr.channels.operators import Operators
    from ivr.runner import Runner
    from ivr.sessions import MemorySessions

    spoken = spoken_of(catalogues)

    def runner_over(store: Store, clock: Clock, operators: Operators) -> Runner:
        return Runner(
            flows, companies, operators.services, store, MemorySessions(), operators.log, clock,
            next(iter(companies)), queue=operators.reached, trace=trace,
            hears={channel: spoken},
        )  # fmt: skip

    if channel == "agi":
        from ivr.channels.agi_line import AgiExchange

        exchange = AgiExchange(catalogues)

        def over_agi(store: Store, clock: Clock, operators: Operators) -> Line:
            return exchange.line(runner_over(store, clock, operators), clock, operators)

        return over_agi, exchange.close

    if channel == "twilio":
        from ivr.channels.twilio.line import TwilioExchange

        account = TwilioExchange(catalogues, companies)

        def over_twilio(store: Store, clock: Clock, operators: Operators) -> Line:
            return account.line(runner_over(store, clock, operators), clock, operators)

        return over_twilio, account.close

    def on_console(store: Store, clock: Clock, operators: Operators) -> Line:
        return ConsoleLine(runner_over(store, clock, operators), catalogues, clock, operators)

    return on_console, lambda: None


def profile_of(home: str) -> Company:
    """Return the profile of a company; Press2Error where there is none of this name."""
    companies = company.load(COMPANIES)
    if home not in companies:
        raise Press2Error(f"no company {home}; known: {', '.join(companies)}")
    return companies[home]
