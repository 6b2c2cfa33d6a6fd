"""press2: the command line. `python app.py --help` lists the commands.

Every part is made in `ivr/composition.py` and handed over by constructor; nothing else reads
`telephony.conf`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ivr import check, company, flow, prompts
from ivr.composition import (
    COMPANIES,
    DEMO,
    FLOWS,
    HOME,
    MESSAGES,
    PROMPTS,
    dialler,
    handlers_of,
    house,
    log_to,
    new_runner,
    now,
    profile_of,
    queue_of,
    redis_of,
    runner_of,
    settings,
    spoken_of,
    store_of,
    switch_of,
    synthesiser_of,
    telling_of,
    twilio_of,
    voice_of,
    webhooks_of,
)
from ivr.errors import Press2Error
from ivr.services import SERVICES

if TYPE_CHECKING:
    import redis

    from agent_desk.desk import Probe
    from agent_desk.office import Office
    from ivr.callscript import Report
    from ivr.channels.twilio.settings import TwilioSettings
    from ivr.company import Company
    from ivr.config import Config
    from ivr.doctor import Finding
    from ivr.engine import Flows
    from ivr.store.database import Store


def main(arguments: list[str] | None = None) -> int:
    """Run one command; exit code 0: well, 1: a finding, 2: a mistake of the user."""
    options = _parser().parse_args(arguments)
    try:
        code = options.command(options)
    except Press2Error as error:
        print(f"press2: {error}", file=sys.stderr)  # noqa: T201 - the terminal is the screen
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return int(code or 0)


# ---------------------------------------------------------------------- parts


def _on_stop(stop: Callable[[], None]) -> None:
    """Call `stop` once in a thread of its own at SIGTERM or Ctrl-C."""

    def begin(_signal: int, _frame: object) -> None:
        threading.Thread(target=stop).start()

    signal.signal(signal.SIGTERM, begin)
    signal.signal(signal.SIGINT, begin)


# ---------------------------------------------------------------------- servers


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
        asyncio.run(supervise.Supervisor(stages).run(started=lambda: print(board, flush=True)))


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
    office = _office(config, companies, store)
    with webhooks_of(config, companies, store) as webhooks:
        app = create_app(desk, _probes(config, store), office, webhooks)
        office.live.start(office)

        def stop(_signal: int, _frame: object) -> None:
            office.live.stop()
            sys.exit(0)

        signal.signal(signal.SIGTERM, stop)
        server.serve(app, config.web.host, config.web.port, config.web.desks, config.web.secure)


def _office(config: Config, companies: Mapping[str, Company], store: Store) -> Office:
    """Put the parts of the operators' desk together."""
    from agent_desk.answer_base import AnswerBase
    from agent_desk.live import Live
    from agent_desk.office import Office
    from agent_desk.presence import RedisPresence
    from agent_desk.tokens import token
    from ivr.asterisk.settings import REALM

    for each in config.api.tokens:
        profile_of(each.company)
    client = redis_of(config)
    return Office(
        store=store,
        queue=queue_of(config, companies),
        companies=companies,
        answers=AnswerBase(config.desk.answers),
        live=Live(config.web.desks, RedisPresence(client)),
        var=config.press2.var,
        realm=REALM,
        websocket_port=config.asterisk.websocket_port,
        desks=config.web.desks,
        hours=config.web.session_hours,
        secure=config.web.secure,
        limits=config.redis_url().replace("unix://", "redis+unix://", 1),
        tokens=tuple(
            token(each.name, each.company, each.rights, each.secret.value)
            for each in config.api.tokens
        ),
        **_phones(config, client),
    )


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


def doctor(options: argparse.Namespace) -> int:
    """Look at the set-up, the live queue or Twilio's webhooks, and say what is wrong there."""
    if options.what == "queue":
        return _doctor_queue()
    from ivr import config
    from ivr.doctor import Finding, examine

    if options.what == "webhooks":
        from ivr.channels.twilio import doctor as twilio_doctor

        seen = twilio_doctor.examine(_twilio(), _company_numbers())
        return _tell(Finding(*remark) for remark in seen)
    return _tell(examine(config.path_of(os.environ, HOME), os.environ, HOME))


def _tell(findings: Iterable[Finding]) -> int:
    """Print findings as they come; exit code 1: there is a problem."""
    levels = []
    for finding in findings:
        levels.append(finding.level)
        _say(str(finding))
    problems = levels.count("problem") + levels.count("differs")
    _say(f"problems: {problems}, warnings: {levels.count('warning')}")
    return 1 if problems else 0


def _twilio() -> TwilioSettings:
    """Return the settings of the Twilio channel. Raises Press2Error: it is not configured."""
    config = settings()
    found = twilio_of(config)
    if found is None:
        raise Press2Error(f"{config.path.name}: [twilio] is empty; docs/twilio.md tells the steps")
    return found


def _company_numbers() -> list[str]:
    return [number for each in company.load(COMPANIES).values() for number in each.numbers]


def twilio_command(options: argparse.Namespace) -> int:
    """Show or set the addresses of our numbers at Twilio, and its queue of waiting callers."""
    from ivr.channels.twilio import rest, setup
    from ivr.doctor import Finding

    twilio, numbers = _twilio(), options.numbers or _company_numbers()
    act = setup.change if options.change and not options.dry_run else setup.look
    found = act(rest.client(twilio), twilio, numbers, given=bool(options.numbers))
    return _tell(Finding(*remark) for remark in found)


def _doctor_queue() -> int:
    """Audit the live queue; Redis pauses while it is read, some 50 ms for 1,000 tickets."""
    import redis

    from ivr.agent_queue.redis_queue import RedisQueue
    from ivr.doctor import examine_queue

    rules = {name: profile.queues for name, profile in company.load(COMPANIES).items()}
    with redis.Redis.from_url(settings().redis_url(), socket_timeout=30) as client:
        findings, summary = examine_queue(RedisQueue(client, rules), time.time())
    for line in findings or [summary]:
        _say(line)
    return 1 if findings else 0


def _probes(config: Config, store: Store) -> list[Probe]:
    """Return what the start page asks to know which parts are alive."""
    from agent_desk.desk import Probe
    from ivr import parts
    from ivr.supervise import answers

    exchange = parts.reachable(config.asterisk.bind), config.asterisk.websocket_port
    workers = parts.reachable(config.agi.host), parts.worker_ports(config)
    return [
        Probe("asterisk", lambda: answers(*exchange)),
        Probe(
            "workers",
            lambda: sum(answers(workers[0], port) for port in workers[1]),
            of=len(workers[1]),
        ),
        Probe("redis", lambda: parts.redis_answers(config.redis_url())),
        Probe("store", lambda: store_answers(store)),
    ]


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
    from ivr.channels.agi import AgiServer
    from ivr.speech.pool import Recognisers

    config = settings()
    log_to(sys.stderr, config.press2.log_level)
    flows, companies, catalogues = house()
    var = config.press2.var
    voice = voice_of(config, catalogues)
    listening = parts.recognisers(config)
    with runner_of(config, flows, companies, store_of(config)) as runner:
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
        _on_stop(server.stop)
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
        speech_parts.serve(config, catalogues, options.port or config.speech.port, _say)
    elif options.deed == "models":
        speech_parts.show_models(config, catalogues, _say)
    elif options.deed == "fetch":
        speech_parts.bring(config, options.language, options.to.expanduser(), _say)
    else:
        speech_parts.listen(config, catalogues, options.file, options.grammar, _say)


def jobs(_options: argparse.Namespace) -> None:
    """Move the log of events from Redis into the store, and deliver the outbox, until SIGTERM."""
    import redis
    from sqlalchemy.exc import SQLAlchemyError

    from ivr import outbox
    from ivr.events import drain
    from ivr.services.restoration import CALL
    from ivr.storm.watch import Watch
    from ivr.utterances import Keeper

    config = settings()
    log_to(sys.stderr, config.press2.log_level)
    store = store_of(config)
    client = redis.Redis.from_url(config.redis_url(), socket_timeout=5, retry=None)
    stopping = threading.Event()
    _on_stop(stopping.set)
    with telling_of(config, store, handlers_of(config)) as handlers:
        hands = {CALL: config.press2.notice_lines}
        keep = timedelta(days=config.feed.keep_days)
        couriers = outbox.start(store, handlers, now, stopping, hands, keep)
        companies = company.load(COMPANIES)
        Watch(store, queue_of(config, companies), companies, now, stopping).start()
        Keeper(store, config.press2.var / "utterances", companies, now, stopping).start()
        while not stopping.is_set():
            try:
                drain(client, store, f"jobs-{os.getpid()}")
            except (redis.RedisError, SQLAlchemyError, TimeoutError) as reason:
                _logger().warning("the events wait (%s); trying again", type(reason).__name__)
                stopping.wait(1.0)
        deadline = time.monotonic() + 2.0
        for courier in couriers:  # who takes longer is cut off; its entry comes again
            courier.join(max(0.0, deadline - time.monotonic()))


def dispatch(_options: argparse.Namespace) -> None:
    """Bring callers and operators together until SIGTERM; of several, one acts."""
    from ivr.events import StoreLog, StreamLog
    from ivr.matchmaker import Loop, Matchmaker, RedisLease

    config = settings()
    log_to(sys.stderr, config.press2.log_level)
    companies = company.load(COMPANIES)
    switch = switch_of(config, companies)
    store, client, queue = store_of(config), redis_of(config), queue_of(config, companies)
    with contextlib.closing(StoreLog(store)) as slow_log:
        log = StreamLog(client, slow_log)
        matchmaker = Matchmaker(queue, switch, store, companies, log, now, wake=lambda: loop.wake())
        loop = Loop(matchmaker, queue, RedisLease(client))
        _on_stop(loop.stop)
        switch.start(matchmaker)
        try:
            loop.run()
        finally:
            switch.stop()
            matchmaker.close()


def _logger() -> Any:
    import logging

    return logging.getLogger("press2")


# ---------------------------------------------------------------------- flows and prompts


def check_flows(options: argparse.Namespace) -> int:
    """Check flows, prompts, services and profiles against each other, or draw them."""
    from ivr.services import notices

    catalogues = prompts.load(PROMPTS)
    flows = flow.load(FLOWS)
    if options.graph:
        from ivr import graph, menu

        if options.graph == menu.MENU:
            output = options.output or Path(f"{menu.MENU}.svg")
            target = menu.draw(flows, [catalogues["en"], catalogues["uk"]], output)
        else:
            target = graph.draw(flows, catalogues["en"], options.graph, options.output)
        _say(f"{target}: written")
        return 0
    notices.load(MESSAGES)
    parts = flows, company.load(COMPANIES), catalogues, SERVICES
    findings = check.run(*parts)
    for finding in findings:
        _say(str(finding))
    warnings = check.warnings(*parts, settings().speech.models())
    if warnings:
        _say("warnings:")
    for warning in warnings:
        _say(f"  {warning}")
    counted = f"{len(flows)} flows, {sum(len(f.steps) for f in flows.values())} steps"
    told = f"{len(findings)} findings" if findings else "nothing found"
    _say(f"{counted}: {told}" + f", {len(warnings)} warnings" * bool(warnings))
    wrong = _walk_paths(check.book(flows, catalogues)) if options.paths else 0
    return 1 if findings or wrong or (warnings and options.strict) else 0


def _walk_paths(flows: Flows) -> int:
    """Walk every way a call can take, for every company; how many rules do not hold."""
    from ivr.proof import prove
    from ivr.services.callers import house as known

    wrong = 0
    for profile in company.load(COMPANIES).values():
        slots = known(profile, profile.languages[0])
        for entrance in check.ENTRANCES:
            if entrance in flows.flows:
                proof = prove(flows, profile, SERVICES, slots, entrance)
                _say(f"{entrance}, {proof}")
                wrong += len(proof.violations)
                for violation in proof.violations:
                    _say(f"{violation}\n{violation.script()}\n")
    return wrong


def prompts_command(options: argparse.Namespace) -> int:
    """Build the sounds, check them, write the list for the voice artist, render with a voice."""
    from ivr.speech import build, render, sheet
    from ivr.speech import check as sound_check

    config = settings()
    catalogues = prompts.load(PROMPTS)
    if options.language:
        if options.language not in catalogues:
            raise Press2Error(f"no prompts/{options.language}.yaml; known: {', '.join(catalogues)}")
        catalogues = {options.language: catalogues[options.language]}
    sounds = config.press2.var / "sounds"
    synthesiser = synthesiser_of(config)
    if options.action == "build":
        return 1 if build.run(catalogues, PROMPTS, sounds, synthesiser, sys.stderr).failed else 0
    if options.action == "check":
        return 1 if sound_check.run(catalogues, PROMPTS, sounds, synthesiser, sys.stdout) else 0
    if options.action == "render":
        render.run(catalogues, PROMPTS, synthesiser, sys.stderr)
        return 0
    parts = flow.load(FLOWS), company.load(COMPANIES), SERVICES
    said = {f"word_{word}": where for word, where in check.named(*parts).items()}
    sheet.run(catalogues, PROMPTS, sys.stdout, check.wanted(*parts) | said)
    return 0


# ---------------------------------------------------------------------- call scripts, console


def call(options: argparse.Namespace) -> int:
    """Run call scripts and tell what does not hold."""
    import yaml

    from ivr import callscript
    from ivr.coverage import Coverage

    scripts = [script for path in options.files for script in callscript.read(path)]
    flows, companies, catalogues = house()
    demo = yaml.load(DEMO.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)["world"]
    own = check.ENTRANCES[1:]  # flows that press2 begins itself, with no script for them
    walked = Coverage({name: each for name, each in flows.flows.items() if name not in own})
    dial, done = dialler(options.channel, flows, companies, catalogues, walked.walked)
    failed = 0
    try:
        for script in scripts:
            report = callscript.run(script, companies, demo, dial)
            failed += not report.passed
            if options.json:
                _say(json.dumps(report.to_json(), ensure_ascii=False))
            elif not options.coverage or not report.passed:
                _show(report, options.verbose)
    finally:
        done()
    if not options.json:
        _say(f"{len(scripts) - failed} of {len(scripts)} scripts passed")
    if options.coverage:
        _say("\n".join(walked.table()))
    return 1 if failed or (options.coverage and walked.missing()) else 0


def _show(report: Report, verbose: bool) -> None:
    _say(f"{'passed' if report.passed else 'FAILED'}  {report.script}")
    if verbose or not report.passed:
        for line in report.transcript:
            if "said" in line:
                _say(f"    {line['language']}: {line['said']}")
            else:
                _say("    > " + ", ".join(f"{key} {value}".strip() for key, value in line.items()))
    for failure in report.failures:
        _say(f"    {failure}")


def console(options: argparse.Namespace) -> None:
    """Be the caller at this terminal, over an empty store with the demo data."""
    import yaml

    from ivr.callscript import save
    from ivr.channels.console import ConsoleLine, talk
    from ivr.channels.line import Clock
    from ivr.channels.operators import Operators
    from ivr.events import MemoryLog
    from ivr.model import Caller
    from ivr.sessions import MemorySessions
    from ivr.store.database import memory_store
    from ivr.store.world import load_demo

    flows, companies, catalogues = house()
    if options.company not in companies:
        raise Press2Error(f"no company {options.company}; known: {', '.join(companies)}")
    profile = companies[options.company]
    store = memory_store()
    start = options.now or now()
    load_demo(store, DEMO, now() if options.now is None else None)
    start = start if start.tzinfo else start.replace(tzinfo=profile.zone)
    clock = Clock(start)
    log = MemoryLog()
    operators = Operators(profile, companies, store, log, clock)
    operators.arrive(yaml.load(DEMO.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)["world"])
    runner = new_runner(
        flows, companies, store, MemorySessions(), log, clock, options.company, operators.queue,
        hears={"console": spoken_of(catalogues)},
    )  # fmt: skip
    caller = Caller(
        call=f"console-{time.time_ns()}",
        company=options.company,
        number=options.caller or None,
        dialled=profile.numbers[0],
        channel="console",
        arrived=start,
    )
    line = ConsoleLine(runner, catalogues, clock, operators)
    turns = talk(line, caller, sys.stdin, sys.stdout, log.entries)
    if options.save:
        path = save(Path(options.save), caller, start, turns)
        _say(f"{path}: written; add what you expect and run it with `app.py call {path}`")


# ---------------------------------------------------------------------- data


def import_command(options: argparse.Namespace) -> None:
    """Put a file of the company's data into the store, all of it or nothing."""
    from ivr.intake import command
    from ivr.store.database import open_store

    config = settings()
    config.press2.var.mkdir(parents=True, exist_ok=True)
    profile = profile_of(options.company or config.press2.company)
    with contextlib.closing(open_store(config.store_url(), migrate=True)) as store:
        _say(command.run(store, profile, options.what, options.file, now(), options.complete))


def export_command(options: argparse.Namespace) -> None:
    """Write the confirmed readings as CSV for the supplier."""
    from ivr.store.database import open_store
    from ivr.store.transfer import export_readings

    config = settings()
    home = options.company or config.press2.company
    profile = profile_of(home)
    store = open_store(config.store_url(), migrate=True)
    target = Path(options.output) if options.output else sys.stdout
    count = export_readings(
        store, home, target, zone=profile.zone, since=options.since, until=options.until
    )
    print(f"{count} readings written", file=sys.stderr)  # noqa: T201 - stdout may be the file


def report(options: argparse.Namespace) -> None:
    """Write a report from the log of events, or of promises to call back."""
    from ivr import callback_report, reports, speech_report

    config = settings()
    profile = profile_of(options.company or config.press2.company)
    last = options.last or now().astimezone(profile.zone).date()
    first = options.first or last
    if first > last:
        raise Press2Error(f"--from {first} is after --to {last}; write the earlier day first")
    if (options.kept or options.forget) and options.name != "speech":
        raise Press2Error(f"--kept and --forget are of `report speech`, not of {options.name}")
    dialled = _numbers_of(profile, options.dialled) if options.dialled else ()
    with contextlib.closing(store_of(config)) as store:
        if options.kept or options.forget:
            _kept_utterances(config, store, profile, options.forget)
            return
        if options.name == "speech":
            heard = speech_report.rows(store, profile.id, profile.zone, first, last)
            _say(speech_report.FORMATS[options.format](heard))
            return
        if options.name == "callbacks":
            asked = callback_report.rows(store, profile.id, profile.zone, first, last, now())
            _say(callback_report.FORMATS[options.format](asked))
            return
        rows = reports.wait(store, profile.id, profile.zone, first, last, dialled)
        storms = reports.storms(store, profile.id, profile.zone, first, last)
    _say(reports.FORMATS[options.format](rows))
    for line in reports.marks(storms, profile.zone) if options.format == "table" else ():
        _say(line)


def _kept_utterances(config: Config, store: Store, profile: Company, whose: str | None) -> None:
    """List what is kept of what callers said, or delete it of a call or a telephone."""
    import getpass

    from ivr import utterances

    folder = config.press2.var / "utterances"
    if whose:
        who = f"shell:{getpass.getuser()}"
        count = utterances.forget(store, folder, profile.id, whose, who, now())
        _say(f"{whose}: {count} files deleted")
        return
    rows = utterances.held(folder, {profile.id: profile}, profile.id)
    for row in rows:
        until = row.until.astimezone(profile.zone)
        _say(f"{row.call:30} {row.language:5} {row.files:4} files, until {until:%Y-%m-%d}")
    _say(f"{len({row.call for row in rows})} calls, {sum(row.files for row in rows)} files")


def _numbers_of(profile: Company, name: str) -> tuple[str, ...]:
    """Return the numbers of a service, of a label, or the one that is named."""
    found = [n.number for s in profile.services if name in (s.name, s.label) for n in s.numbers]
    found += [each.number for each in profile.access if name in (each.number, each.label)]
    if found:
        return tuple(found)
    known = ", ".join([*(s.name for s in profile.services), *profile.numbers])
    raise Press2Error(f"--dialled {name}: no service or number of {profile.id}; known: {known}")


# ---------------------------------------------------------------------- operators


def operator_add(options: argparse.Namespace) -> None:
    """Make somebody who may sign in at the desk; the password is shown once."""
    from agent_desk import users

    config = settings()
    profile = profile_of(options.company or config.press2.company)
    skills = users.skills_of(options.queues, profile.queues)
    with contextlib.closing(store_of(config)) as store:
        password = users.add(
            store, profile.id, options.login, options.name, options.role, skills, now()
        )
    _say(f"{options.login}: added; password (shown once): {password}")


def operator_list(_options: argparse.Namespace) -> None:
    """List who may sign in at the desk."""
    from agent_desk import users

    with contextlib.closing(store_of(settings())) as store:
        rows = users.listed(store)
    for user in rows:
        skills = ",".join(f"{queue}:{level}" for queue, level in user.skills.items())
        state = "" if user.enabled else "  (disabled)"
        _say(f"{user.company:10} {user.login:16} {user.role:14} {user.name:20} {skills}{state}")


def operator_password(options: argparse.Namespace) -> None:
    """Give somebody a new password; it is shown once."""
    from agent_desk import users

    with contextlib.closing(store_of(settings())) as store:
        password = users.renew_password(store, options.login, now())
    _say(f"{options.login}: new password (shown once): {password}")


def operator_disable(options: argparse.Namespace) -> None:
    """Shut somebody out at once."""
    from agent_desk import users

    with contextlib.closing(store_of(settings())) as store:
        users.disable(store, options.login, now())
    _say(f"{options.login}: disabled; `operator password {options.login}` lets him in again")


# ---------------------------------------------------------------------- storm mode


def storm_command(options: argparse.Namespace) -> None:
    """Show, switch on, change, refuse or end storm mode; list whom it left unanswered."""
    import getpass

    from ivr.storm import after, records, shown

    config = settings()
    profile = profile_of(options.company or config.press2.company)
    who, at = f"shell:{getpass.getuser()}", now()
    with contextlib.closing(store_of(config)) as store:
        if options.deed == "after":
            with store.session(read_only=True) as db:
                row = records.last(db, profile.id)
                if row is None or row.started_at is None:
                    raise Press2Error("no storm was on yet; `storm status` tells")
                rows = after.lists(db, profile.id, row.started_at, row.ended_at or at)
            print(after.as_csv(rows), end="")  # noqa: T201 - stdout may be a file
            return
        if options.deed != "status":
            _switch_storm(store, profile, options, who, at)
        with store.session(read_only=True) as db:
            row, rules = records.last(db, profile.id), records.rules_now(db, profile, at)
        for line in shown.state(row, rules, profile.zone, at):
            _say(line)


def _switch_storm(
    store: Store, profile: Company, options: argparse.Namespace, who: str, at: datetime
) -> None:
    from ivr.storm import records

    given = vars(options)
    rules = {name: given[name] for name in records.DECIDED if given.get(name) is not None}
    regions, hours = given.get("region"), given.get("hours")
    with store.session() as db:
        try:
            if options.deed == "on":
                records.switch_on(
                    db, profile, at, who,
                    regions=regions or (), hours=hours, reason=options.reason, rules=rules,
                )  # fmt: skip
            elif options.deed == "change":
                records.change(db, profile, at, who, regions=regions, hours=hours, rules=rules)
            elif options.deed == "refuse":
                records.refuse(db, profile, at, who, reason=options.reason)
            else:
                records.switch_off(db, profile, at, who, reason=options.reason)
        except ValueError as reason:
            raise Press2Error(str(reason)) from None


# ---------------------------------------------------------------------- the outbox


def outbox_list(_options: argparse.Namespace) -> None:
    """List what waits to be delivered and what could not be."""
    from ivr import outbox

    with contextlib.closing(store_of(settings())) as store:
        rows = outbox.listed(store)
    for row in rows:
        at = row.done_at if row.state == "dead" else row.next_at
        moment = f"{at:%Y-%m-%d %H:%M}Z" if at else ""
        tries = f"{row.tries} tries"
        _say(
            f"{row.id:6} {row.state:5} {row.kind:10} {row.company:10} {moment} {tries:9} "
            f"{row.last_error}".rstrip()
        )


def outbox_retry(options: argparse.Namespace) -> int:
    """Try again what could not be delivered and is not too late."""
    from ivr import outbox

    with contextlib.closing(store_of(settings())) as store:
        ids = outbox.retry(store, now(), options.entry)
    _say(f"to be tried again: {', '.join(map(str, ids)) or 'none'}")
    return 1 if options.entry is not None and not ids else 0


def _say(text: str) -> None:
    print(text)  # noqa: T201 - the terminal is the screen


# ---------------------------------------------------------------------- the command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py", description="press2: the telephone side of an electricity grid operator"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Callable[[argparse.Namespace], Any], help: str) -> Any:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(command=command)
        return sub

    add("run", run, "everything on this machine, until Ctrl-C")
    add("web", web, "the start page with the browser phone, and the operators' desk")
    worker = add("agi", agi, "a FastAGI worker")
    worker.add_argument("--port", type=int, help="port instead of the one in telephony.conf")
    _add_speech(commands)
    add("dispatch", dispatch, "brings callers and operators together; several may run")
    add("jobs", jobs, "moves the log of events into the store, delivers messages and recordings")

    examiner = add("doctor", doctor, "looks at the set-up and says what is wrong with it")
    examiner.add_argument(
        "what", nargs="?", choices=("queue", "webhooks"),
        help="queue: audit the live queue; webhooks: send one of Twilio's to the public URL",
    )  # fmt: skip
    checker = add("check", check_flows, "checks flows, prompts, services, profiles")
    checker.add_argument(
        "--paths", action="store_true", help="walk every way a call can take, too (minutes)"
    )
    checker.add_argument("--strict", action="store_true", help="warnings fail, too")
    checker.add_argument(
        "--graph", metavar="FLOW", help="write a picture (SVG) instead: of a flow, all, or the menu"
    )
    checker.add_argument("-o", "--output", type=Path, help="file of the picture")

    sounds = add("prompts", prompts_command, "builds and checks the sounds of all prompts")
    sounds.add_argument("action", choices=("build", "check", "sheet", "render"))
    sounds.add_argument("--language", metavar="LANG", help="only this language")

    scripts = add("call", call, "runs call scripts")
    scripts.add_argument("files", nargs="+", type=Path, metavar="FILE")
    scripts.add_argument("--channel", choices=("console", "agi", "twilio"), default="console")
    scripts.add_argument("--json", action="store_true", help="one JSON object a script")
    scripts.add_argument(
        "--coverage", action="store_true", help="tell which edges of the flows were walked"
    )
    scripts.add_argument("-v", "--verbose", action="store_true", help="show every conversation")

    terminal = add("console", console, "talk to the flows at this terminal")
    terminal.add_argument("--company", default="odesa")
    terminal.add_argument("--caller", default="+380671110001", help='number; "" is withheld')
    terminal.add_argument(
        "--now", type=datetime.fromisoformat, help="simulated time of the call, 2026-10-31T10:00"
    )
    terminal.add_argument("--save", metavar="NAME", help="write what was done as a call script")

    people = commands.add_parser("operator", help="who may sign in at the operators' desk")
    deeds = people.add_subparsers(metavar="WHAT", required=True)
    adder = deeds.add_parser("add", help=operator_add.__doc__)
    adder.set_defaults(command=operator_add)
    adder.add_argument("login", metavar="LOGIN", help="1 to 32 small letters and digits")
    adder.add_argument("--name", default="", help="the name on screens")
    adder.add_argument("--role", default="operator", help="operator, supervisor or administrator")
    adder.add_argument("--queues", default="", help="general:3,metering:5 (levels 1 to 5)")
    adder.add_argument("--company", help="company profile")
    deeds.add_parser("list", help=operator_list.__doc__).set_defaults(command=operator_list)
    for deed, function in (("password", operator_password), ("disable", operator_disable)):
        other = deeds.add_parser(deed, help=function.__doc__)
        other.set_defaults(command=function)
        other.add_argument("login", metavar="LOGIN")

    storms = commands.add_parser("storm", help="storm mode: many more calls than operators")
    deeds = storms.add_subparsers(metavar="WHAT", required=True)
    told = {
        "status": "what is proposed or on, and why",
        "on": "switch it on: what is proposed, or anew",
        "change": "change what is on",
        "refuse": "refuse the proposal",
        "off": "end it",
        "after": "CSV: call-backs that are due, callers who left unanswered",
    }
    for deed, text in told.items():
        other = deeds.add_parser(deed, help=text, description=text)
        other.set_defaults(command=storm_command, deed=deed)
        other.add_argument("--company", help="company profile")
        if deed in ("on", "refuse", "off"):
            other.add_argument("--reason", default="", help="kept in the audit log")
        if deed in ("on", "change"):
            other.add_argument("--hours", type=float, help="until it ends by itself, from now")
            other.add_argument(
                "--region", action="append", help="a settlement it is about; default: everywhere"
            )
            other.add_argument("--cap", type=float, help="minutes of wait above which nobody waits")
            other.add_argument("--gates", nargs="*", metavar="QUEUE", help="closed queues")
            other.add_argument("--callbacks", choices=("place", "calm", "spread"))
            other.add_argument("--wrap-up", type=float, metavar="SECONDS")
            other.add_argument("--message", metavar="PROMPT", help="the general text")

    outgoing = commands.add_parser("outbox", help="what is to be delivered, or could not be")
    deeds = outgoing.add_subparsers(metavar="WHAT", required=True)
    deeds.add_parser("list", help=outbox_list.__doc__).set_defaults(command=outbox_list)
    again = deeds.add_parser("retry", help=outbox_retry.__doc__)
    again.set_defaults(command=outbox_retry)
    again.add_argument("entry", nargs="?", type=int, metavar="ID", help="default: all of them")

    account = commands.add_parser("twilio", help="our numbers at Twilio and its queue")
    acts = account.add_subparsers(metavar="WHAT", required=True)
    for act, text in (("setup", "sets what differs"), ("show", "shows it, changes nothing")):
        other = acts.add_parser(act, help=text, description=twilio_command.__doc__)
        other.set_defaults(command=twilio_command, change=act == "setup", dry_run=False)
        numbers = "E.164, +380487059090; default: every company's"
        other.add_argument("numbers", nargs="*", metavar="NUMBER", help=numbers)
        if act == "setup":
            other.add_argument("--dry-run", action="store_true", help="show what would be set")

    importer = add("import", import_command, "imports a file of the company's data")
    kinds = ("accounts", "events", "works", "schedules", "priority", "applications")
    importer.add_argument("what", choices=kinds)
    importer.add_argument("file", type=Path, help="CSV, or JSON (not for accounts)")
    importer.add_argument(
        "--complete", action="store_true", help="events, works: what the file lacks is over"
    )
    importer.add_argument("--company", help="company profile")

    exporter = add("export", export_command, "exports readings as CSV")
    exporter.add_argument("what", choices=("readings",))
    exporter.add_argument("-o", "--output", help="file; default: the terminal")
    exporter.add_argument("--since", type=date.fromisoformat, help="first day stored, 2026-10-30")
    exporter.add_argument("--until", type=date.fromisoformat, help="last day stored, 2026-11-03")
    exporter.add_argument("--company", help="company profile")

    reporter = add("report", report, "figures from the log of events")
    reporter.add_argument(
        "name", choices=("wait", "callbacks", "speech"),
        help="wait: the wait told and the true one; callbacks: how promises to call back were "
        "kept; speech: how answers by speech were heard",
    )  # fmt: skip
    reporter.add_argument(
        "--dialled", metavar="NAME", help="wait: only calls to this service or access number"
    )
    reporter.add_argument(
        "--from", dest="first", type=date.fromisoformat, metavar="DAY",
        help="first local day, 2026-10-30; default: the last one",
    )  # fmt: skip
    reporter.add_argument(
        "--to", dest="last", type=date.fromisoformat, metavar="DAY", help="default: today"
    )
    reporter.add_argument("--format", choices=("table", "csv", "json"), default="table")
    reporter.add_argument(
        "--json", dest="format", action="store_const", const="json", help="as --format json"
    )
    kept = reporter.add_mutually_exclusive_group()
    kept.add_argument(
        "--kept", action="store_true", help="speech: list what is kept of what callers said instead"
    )
    kept.add_argument(
        "--forget", metavar="WHOSE", help="speech: delete that of a call or a telephone (+380...)"
    )
    reporter.add_argument("--company", help="company profile")
    return parser


def _add_speech(commands: Any) -> None:
    told = "listens to callers: a recogniser process, and its models"
    speaking = commands.add_parser("speech", help=told, description=told)
    speaking.set_defaults(command=speech, deed="serve", port=None)
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


if __name__ == "__main__":
    sys.exit(main())
