"""The processes that serve: run, web, agi, speech, dispatch, jobs."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ivr import company, prompts
from ivr.commands.terminal import command, on_stop, say
from ivr.composition import (
    COMPANIES,
    DEMO,
    HOME,
    PROMPTS,
    handlers_of,
    house,
    log_to,
    now,
    profile_of,
    queue_of,
    redis_of,
    runner_of,
    self_caller_of,
    settings,
    store_of,
    switch_of,
    synthesiser_of,
    telling_of,
    twilio_of,
    voice_of,
    webhooks_of,
)  # fmt: skip
from ivr.errors import Press2Error, SetupError

if TYPE_CHECKING:
    import redis
    from flask import Blueprint

    from agent_desk.desk import Probe
    from agent_desk.office import Office
    from ivr.board import Feed
    from ivr.company import Company
    from ivr.config import Config
    from ivr.store.database import Store

logger = logging.getLogger("press2")


def add(commands: Any) -> None:
    """Name the commands."""
    command(commands, "run", run, "everything on this machine, until Ctrl-C")
    command(commands, "web", web, "the start page with the browser phone, and the operators' desk")
    worker = command(commands, "agi", agi, "a FastAGI worker")
    worker.add_argument("--port", type=int, help="port instead of the one in telephony.conf")
    _add_speech(commands)
    told = "brings callers and operators together; several may run"
    command(commands, "dispatch", dispatch, told)
    told = "moves the log of events into the store, delivers messages and recordings"
    command(commands, "jobs", jobs, told)


def _add_speech(commands: Any) -> None:
    told = "listens to callers: a recogniser process, and its models"
    speaking = command(commands, "speech", speech, told, deed="serve", port=None)
    deeds = speaking.add_subparsers(metavar="WHAT")
    server = deeds.add_parser("serve", help="serve one recogniser process; so does no word at all")
    server.add_argument("--port", type=int, help="port instead of the one in telephony.conf")
    deeds.add_parser("models", help="load what is configured and tell what it is")
    bringer = deeds.add_parser("fetch", help="bring a model by vosk's own downloader")
    bringer.add_argument("language", metavar="LANG", help="uk, ru, en, vi")
    models = Path.home() / ".cache" / "vosk"
    bringer.add_argument(
        "--to", type=Path, default=models, metavar="DIR", help=f"default: {models}"
    )
    trier = deeds.add_parser("listen", help="recognise a sound file as a call would")
    trier.add_argument("file", type=Path, metavar="FILE")
    trier.add_argument("--grammar", required=True, help='"lang=uk+ru digits=4-5 words=yes.no"')
    for name, deed in deeds.choices.items():
        deed.set_defaults(command=speech, deed=name)


def run(_options: argparse.Namespace) -> None:
    """Run all parts on this machine until Ctrl-C: checks, sounds, store, then the processes."""
    import asyncio
    import secrets

    from ivr import config as settings_file
    from ivr import parts, supervise

    config = settings()
    companies = company.load(COMPANIES)
    profile_of(config.press2.company)
    var = config.press2.var
    with supervise.alone(var / "press2.lock"):
        supervise.check_ports(config.path.name, settings_file.ports(config))
        _build_sounds(config)
        passwords = _first_operators(config, companies)
        supervise.log_to(var / "log" / "press2.log", sys.stdout)
        ami_secret = parts.ami_secret(config, secrets.token_urlsafe(18))
        stages = parts.stages(config, HOME, companies, secrets.token_urlsafe(18), ami_secret)
        board = parts.board(config, parts.lines(config, companies)) + passwords
        asyncio.run(supervise.Supervisor(stages).run(started=lambda: say(board)))


def _first_operators(config: Config, companies: Mapping[str, Company]) -> str:
    """Prepare the store; tells the passwords of operators made for a store without any."""
    from agent_desk import users

    home = config.press2.company
    with contextlib.closing(store_of(config)) as store:
        if not config.desk.demo_operators:
            return ""
        made = users.add_demo(store, home, companies[home].queues, now())
    if not made:
        return ""
    rows = [f"  {login:14} {password}" for login, password in made.items()]
    return "\n".join(["Operators of the demo; this is shown once:", "", *rows, "", ""])


def _build_sounds(config: Config) -> None:
    from ivr.speech import build

    catalogues = prompts.load(PROMPTS)
    sounds = config.press2.var / "sounds"
    build.run(catalogues, PROMPTS, sounds, synthesiser_of(config), sys.stderr)


def web(_options: argparse.Namespace) -> None:
    """Serve the start page and the operators' desk until SIGTERM."""
    from agent_desk import server
    from agent_desk.desk import Desk, Line, create_app
    from ivr import parts
    from ivr.board import Feed

    config = settings()
    log_to(sys.stderr, config.press2.log_level)
    companies = company.load(COMPANIES)
    store = store_of(config)
    loopback = config.web.host == "127.0.0.1" and not config.web.secure
    public = urlsplit(config.twilio.public_url).hostname
    desk = Desk(
        sip_host=parts.reachable(config.asterisk.bind),
        sip_port=config.asterisk.sip_port,
        websocket_port=config.asterisk.websocket_port,
        phone_secret=os.environ.get("PRESS2_PHONE_SECRET", ""),
        lines=tuple(Line(*line) for line in parts.lines(config, companies)),
        demo_account=_account_to_try(store, config.press2.company),
        hosts=("localhost", "127.0.0.1", *([public] if public else ())) if loopback else (),
    )
    feed = Feed(store, companies)
    office = _office(config, companies, store, feed)
    with webhooks_of(config, companies, store) as webhooks:
        probes = _probes(config, store, companies)
        app = create_app(desk, probes, office, webhooks, _metrics(config, store, feed, probes))
        office.live.start(office)
        feed.start()

        def stop(_signal: int, _frame: object) -> None:
            office.live.stop()
            feed.stop()
            sys.exit(0)

        signal.signal(signal.SIGTERM, stop)
        server.serve(app, config.web.host, config.web.port, config.web.desks, config.web.secure)


def _office(config: Config, companies: Mapping[str, Company], store: Store, feed: Feed) -> Office:
    """Put the parts of the operators' desk together."""
    from agent_desk.answer_base import AnswerBase
    from agent_desk.live import Live
    from agent_desk.office import Office
    from agent_desk.presence import RedisPresence
    from agent_desk.tokens import token
    from ivr.asterisk.settings import REALM
    from ivr.erasure.customer import Parts

    for each in config.api.tokens:
        profile_of(each.company)
    client = redis_of(config)
    queue = queue_of(config, companies)
    return Office(
        store=store,
        queue=queue,
        erasing=Parts(store, companies, config.press2.var, now, client, queue),
        companies=companies,
        answers=AnswerBase(config.desk.answers),
        live=Live(config.web.desks, RedisPresence(client)),
        var=config.press2.var,
        realm=REALM,
        websocket_port=config.asterisk.websocket_port,
        desks=config.web.desks,
        board=feed,
        webhook=urlsplit(config.alerts.url).netloc,
        hours=config.web.session_hours,
        secure=config.web.secure,
        silent=_silent(config, companies),
        limits=config.redis_url().replace("unix://", "redis+unix://", 1),
        tokens=tuple(
            token(each.name, each.company, each.rights, each.secret.value)
            for each in config.api.tokens
        ),
        **_phones(config, client),
    )


def _silent(config: Config, companies: Mapping[str, Company]) -> frozenset[str]:
    """Return the languages of the companies that nothing on this machine speaks."""
    synthesiser = synthesiser_of(config)

    def speaks(language: str) -> bool:
        try:
            return bool(synthesiser.engines(language))
        except SetupError:
            return False

    languages = {language for each in companies.values() for language in each.languages}
    return frozenset(language for language in languages if not speaks(language))


def _phones(config: Config, client: redis.Redis) -> dict[str, Any]:
    """Return what rings the operators: an Asterisk, or Twilio its browser phones."""
    from ivr.parts import node_of

    twilio = twilio_of(config)
    if twilio is None or twilio.operators != "client":
        return {"node": node_of(config)}
    from ivr.channels.twilio.live import RedisReports
    from ivr.channels.twilio.settings import NODE
    from ivr.channels.twilio.tokens import access_token, identity

    def token(endpoint: str, seconds: int) -> str:
        return access_token(twilio, identity(endpoint), seconds)

    return {
        "node": NODE,
        "twilio_token": token,
        "phone_report": RedisReports(client).publish,
    }


def _metrics(config: Config, store: Store, feed: Feed, probes: Sequence[Probe]) -> Blueprint:
    """Return the route that Prometheus asks."""
    from agent_desk import metrics
    from ivr import synthetic

    companies = company.load(COMPANIES)

    def called(name: str) -> float | None:
        at = synthetic.last(store, name)
        return None if at is None else (now() - at).total_seconds()

    def alive() -> dict[str, float]:
        return {probe.name: probe.up() / probe.of for probe in probes}

    token = config.web.metrics_token.value
    return metrics.blueprint(feed, list(companies), alive, called, token)


def _calls_succeed(store: Store, companies: Mapping[str, Company]) -> int:
    """Count the companies whose last call to ourselves succeeded not long ago."""
    from sqlalchemy.exc import SQLAlchemyError

    from ivr import synthetic

    def well(name: str, profile: Company) -> bool:
        try:
            at = synthetic.last(store, name)
        except SQLAlchemyError:
            return False
        return at is not None and (now() - at).total_seconds() < profile.terms.alerts.synthetic

    return sum(well(name, each) for name, each in companies.items() if each.numbers)


def _last_called(store: Store, companies: Mapping[str, Company], name: str) -> datetime | None:
    """Return when a company's call to itself last succeeded; now, where it has no number."""
    from ivr import synthetic

    return synthetic.last(store, name) if companies[name].numbers else now()


def _working(config: Config, client: redis.Redis) -> int:
    """Count the workers that listen and give signs of life; without Redis, those that listen."""
    from ivr import alive, parts
    from ivr.supervise import answers

    def works(port: int) -> bool:
        seen = alive.found(client, alive.key(f"worker {port}"))
        return seen is not False and answers(parts.reachable(config.agi.host), port)

    return sum(works(port) for port in parts.worker_ports(config))


def _probes(config: Config, store: Store, companies: Mapping[str, Company]) -> list[Probe]:
    """Return what the start page asks to know which parts are alive."""
    from agent_desk.desk import Probe
    from ivr import alive, parts
    from ivr.agent_queue.lease import DISPATCH
    from ivr.supervise import answers

    client = redis_of(config)
    exchange = parts.reachable(config.asterisk.bind), config.asterisk.websocket_port
    found = [
        Probe("asterisk", lambda: answers(*exchange)),
        Probe("workers", lambda: _working(config, client), of=len(parts.worker_ports(config))),
        Probe("dispatch", lambda: bool(alive.found(client, DISPATCH))),
        Probe("jobs", lambda: bool(alive.found(client, alive.key("jobs")))),
        Probe("redis", lambda: parts.redis_answers(config.redis_url())),
        Probe("store", lambda: store_answers(store)),
    ]
    if config.press2.synthetic:
        called = sum(bool(each.numbers) for each in companies.values())
        found.append(Probe("call", lambda: _calls_succeed(store, companies), of=called))
    return found


def store_answers(store: Store) -> bool:
    """Tell whether the store can be read."""
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with store.session(read_only=True) as session:
            return session.scalar(select(1)) == 1
    except SQLAlchemyError:
        return False


def _account_to_try(store: Store, home: str) -> str:
    """Return the first account of the demo data while it is in the store."""
    import yaml
    from sqlalchemy import select

    from ivr.store.models import Account

    demo = yaml.load(DEMO.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)["world"]["accounts"]
    wanted = select(Account.number).where(
        Account.company == home, Account.number == demo[0]["account"]
    )
    with store.session(read_only=True) as session:
        return session.scalar(wanted) or ""


def agi(options: argparse.Namespace) -> None:
    """Serve FastAGI until SIGTERM; the dialplan then moves the open calls to another worker."""
    from ivr import parts, utterances
    from ivr.alive import Alive
    from ivr.channels.agi import AgiServer
    from ivr.speech.pool import Recognisers

    config = settings()
    log_to(sys.stderr, config.press2.log_level)
    flows, companies, catalogues = house()
    var = config.press2.var
    listening, store = parts.recognisers(config), store_of(config)
    with (
        runner_of(config, flows, companies, store) as runner,
        voice_of(config, catalogues, store) as voice,
    ):
        server = AgiServer(
            config.agi.host,
            options.port or config.agi.port,
            runner,
            voice,
            region=companies[config.press2.company].region,
            regions={name: profile.region for name, profile in companies.items()},
            recordings=var / "recordings",
            recognisers=Recognisers(listening) if listening else None,
            longest=config.speech.longest,
            keeps=utterances.keeps(companies),
        )
        on_stop(server.stop)
        Alive(redis_of(config), f"worker {server.port}", threading.Event()).start()
        server.serve()


def speech(options: argparse.Namespace) -> None:
    """Serve as a recogniser process, or tell of, bring or try its models."""
    try:
        from ivr import speech_parts
    except ImportError as error:
        raise Press2Error(f"no speech on this machine: {error}; docs/speech.md") from error

    config = settings()
    log_to(sys.stderr, config.press2.log_level)
    catalogues = prompts.load(PROMPTS)
    if options.deed == "serve":
        speech_parts.serve(config, catalogues, options.port or config.speech.port, say)
    elif options.deed == "models":
        speech_parts.show_models(config, catalogues, say)
    elif options.deed == "fetch":
        speech_parts.bring(config, options.language, options.to.expanduser(), say)
    else:
        speech_parts.listen(config, catalogues, options.file, options.grammar, say)


def jobs(_options: argparse.Namespace) -> None:
    """Move the log of events from Redis into the store, and deliver the outbox, until SIGTERM."""
    import redis
    from sqlalchemy.exc import SQLAlchemyError

    from ivr import alerts, alive, outbox, parts, synthetic
    from ivr.agent_queue.lease import DISPATCH, RedisLease
    from ivr.alerts.watch import KEY as ALERTS
    from ivr.board import Feed
    from ivr.board.sampler import KEY, Sampler
    from ivr.erasure.customer import Parts
    from ivr.erasure.retention import Nights
    from ivr.events import Journals, drain
    from ivr.facts import Folding
    from ivr.judge import Judge
    from ivr.quality.samples import Drawer
    from ivr.releases.walks import Walks
    from ivr.services.restoration import CALL
    from ivr.speech.pool import Recognisers
    from ivr.storm.watch import Watch
    from ivr.synthetic import Synthetic
    from ivr.utterances import Keeper

    config = settings()
    log_to(sys.stderr, config.press2.log_level)
    store = store_of(config)
    client = redis.Redis.from_url(config.redis_url(), socket_timeout=5, retry=None)
    stopping = threading.Event()
    on_stop(stopping.set)
    with (
        telling_of(config, store, handlers_of(config)) as handlers,
        self_caller_of(config) as self_caller,
    ):
        hands = {CALL: config.press2.notice_lines}
        keep = timedelta(days=config.feed.keep_days)
        couriers = outbox.start(store, handlers, now, stopping, hands, keep)
        companies = company.load(COMPANIES)
        Journals(client, store, companies, stopping).start()
        Folding(store, companies, now, stopping, config.asterisk.call_limit).start()
        Watch(store, queue_of(config, companies), companies, now, stopping).start()
        Keeper(store, config.press2.var / "utterances", companies, now, stopping).start()
        Drawer(store, companies, now, stopping).start()
        judge = Judge(HOME, companies)
        walks = Walks(store, judge.walk, judge.base, now, stopping)
        walks.start()
        slow = redis.Redis.from_url(config.redis_url(), socket_timeout=30)
        Nights(Parts(store, companies, config.press2.var, now, slow), stopping).start()
        listening = parts.recognisers(config)
        loads = Recognisers(listening).loads if listening else None
        lease = RedisLease(redis_of(config), KEY)
        Sampler(store, companies, loads, lease, now, stopping).start()
        if self_caller is not None:
            numbers = {name: each.numbers[0] for name, each in companies.items() if each.numbers}
            every = config.press2.synthetic
            lease = RedisLease(redis_of(config), synthetic.KEY)
            Synthetic(store, self_caller, numbers, lease, now, stopping, every).start()
        called = None if self_caller is None else partial(_last_called, store, companies)
        feed, lease = Feed(store, companies), RedisLease(redis_of(config), ALERTS)
        var, hook = config.press2.var, bool(config.alerts.url)
        feed.start()
        matched = partial(alive.found, redis_of(config), DISPATCH)
        alerts.Watch(
            store, companies, feed, lease, now, stopping, var, hook, called, matched=matched
        ).start()
        alive.Alive(redis_of(config), "jobs", stopping).start()
        while not stopping.is_set():
            try:
                drain(client, store, f"jobs-{os.getpid()}")
            except (redis.RedisError, SQLAlchemyError, TimeoutError) as reason:
                logger.warning("the events wait (%s); trying again", type(reason).__name__)
                stopping.wait(1.0)
        deadline = time.monotonic() + 2.0
        for each in (*couriers, walks):  # who takes longer is cut off; its work is done again
            each.join(max(0.0, deadline - time.monotonic()))


def dispatch(_options: argparse.Namespace) -> None:
    """Bring callers and operators together until SIGTERM; of several, one acts."""
    from ivr.agent_queue.lease import DISPATCH, RedisLease
    from ivr.events import StoreLog, StreamLog
    from ivr.matchmaker import Loop, Matchmaker

    config = settings()
    log_to(sys.stderr, config.press2.log_level)
    companies = company.load(COMPANIES)
    switch = switch_of(config, companies)
    store, client, queue = store_of(config), redis_of(config), queue_of(config, companies)
    with contextlib.closing(StoreLog(store)) as slow_log:
        log = StreamLog(client, slow_log)
        matchmaker = Matchmaker(queue, switch, store, companies, log, now, wake=lambda: loop.wake())
        loop = Loop(matchmaker, queue, RedisLease(client, DISPATCH))
        on_stop(loop.stop)
        switch.start(matchmaker)
        try:
            loop.run()
        finally:
            switch.stop()
            matchmaker.close()
