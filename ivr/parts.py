"""What `app.py run` starts on one machine, in two stages: Redis, then all that needs it."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import redis

from ivr.asterisk.process import Asterisk, find_program
from ivr.asterisk.render import render
from ivr.asterisk.settings import AsteriskSettings, Trunk
from ivr.company import Company
from ivr.config import Config
from ivr.errors import SetupError
from ivr.supervise import Part, answers

SOCKET_PATH_LIMIT = 107
"""Bytes of a UNIX socket's path (unix(7))."""
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


def stages(
    config: Config, home: Path, companies: Mapping[str, Company], phone_secret: str
) -> list[list[Part]]:
    """Return the parts in the order they start.

    home: folder of app.py; phone_secret: password of the browser phone for this one start.
    Raises SetupError when a program is missing.
    """
    asterisk = asterisk_settings(config, companies, phone_secret)
    served = [
        *worker_parts(config, home),
        asterisk_part(asterisk, home),
        Part("jobs", _app(home, "jobs"), ready=lambda: True),
        Part(
            "web",
            _app(home, "web"),
            ready=partial(answers, reachable(config.web.host), config.web.port),
            environ={"PRESS2_PHONE_SECRET": phone_secret},
        ),
    ]
    return [served] if config.redis.url else [[redis_part(config)], served]


def redis_part(config: Config) -> Part:
    """Return the private Redis: on a socket in `var`, kept over restarts, no port."""
    folder = config.press2.var / "redis"
    socket_path = folder / "redis.sock"
    if len(bytes(socket_path)) > SOCKET_PATH_LIMIT:
        raise SetupError(f"{socket_path}: too long for a socket; set a shorter [press2] var")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket_path)]
    command += ["--unixsocketperm", "700", "--dir", str(folder), "--daemonize", "no"]
    command += ["--appendonly", "yes", "--save", "", "--loglevel", "warning"]
    return Part("redis", command, ready=partial(redis_answers, config.redis_url()), quiet=True)


def redis_answers(url: str) -> bool:
    """Tell whether Redis answers a PING within a second."""
    try:
        with redis.Redis.from_url(url, socket_timeout=1, retry=None) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def worker_parts(config: Config, home: Path) -> list[Part]:
    """Return the FastAGI workers, one a port."""
    host = reachable(config.agi.host)
    return [
        Part(
            f"worker{number + 1}",
            _app(home, "agi", "--port", str(port)),
            ready=partial(answers, host, port),
        )
        for number, port in enumerate(worker_ports(config))
    ]


def worker_ports(config: Config) -> range:
    """Return the ports of the workers."""
    return range(config.agi.port, config.agi.port + config.agi.processes)


def asterisk_part(settings: AsteriskSettings, home: Path) -> Part:
    """Return Asterisk; its configuration is written anew before each start."""
    program = find_program(home / "var" / "asterisk-root")
    asterisk = Asterisk(program, settings)

    def before() -> None:
        render(settings, program.modules, program.documentation)
        (asterisk.run_dir / "run" / "asterisk.ctl").unlink(missing_ok=True)

    command = [*program.words, "-f", "-C", str(asterisk.config)]
    return Part("asterisk", command, ready=asterisk.booted, before=before, patience=60, quiet=True)


def asterisk_settings(
    config: Config, companies: Mapping[str, Company], phone_secret: str
) -> AsteriskSettings:
    """Return the settings for Asterisk; who cannot be served hears the apology of his company."""
    given, var = config.asterisk, config.press2.var
    home = companies[config.press2.company]
    host = reachable(config.agi.host)
    sounds = var / "sounds"
    return AsteriskSettings(
        run_dir=var / "asterisk",
        sounds_dir=sounds,
        workers=tuple(f"{host}:{port}" for port in worker_ports(config)),
        apology=f"{home.languages[0]}/apology",
        apologies={
            re.sub(r"\D", "", number): f"{company.languages[0]}/apology"
            for company in companies.values()
            for number in company.numbers
            if (sounds / company.languages[0] / "apology.wav").is_file()
        },
        language=home.languages[0],
        node=node_of(config),
        sip_address=given.bind,
        sip_port=given.sip_port,
        http_address=given.bind,
        http_port=given.websocket_port,
        rtp=(given.rtp_first, given.rtp_last),
        softphones=given.softphones,
        phone_secret=phone_secret,
        ring_group=given.ring_group,
        ring_seconds=given.ring_seconds,
        music_dir=given.music,
        call_limit=given.call_limit,
        trunks=_trunks(config),
    )


def node_of(config: Config) -> str:
    """Return the name of this Asterisk in call ids."""
    return config.asterisk.node or re.sub(r"[^\w-]", "-", socket.gethostname())


def _trunks(config: Config) -> tuple[Trunk, ...]:
    given = config.asterisk
    if not given.trunk_host:
        return ()
    secret = given.trunk_password.value
    return (Trunk("trunk", given.trunk_host, given.trunk_user, secret, given.trunk_register),)


def lines(config: Config, companies: Mapping[str, Company]) -> list[tuple[str, str]]:
    """Return (name, number to dial) of each company, the home company first."""
    home = companies[config.press2.company]
    others = [company for company in companies.values() if company is not home]
    return [(company.name, company.numbers[0]) for company in (home, *others) if company.numbers]


def board(config: Config, numbers: Sequence[tuple[str, str]]) -> str:
    """Return what a person needs to know when everything is up."""
    where = f"{reachable(config.asterisk.bind)}:{config.asterisk.sip_port}"
    page = f"http://{reachable(config.web.host)}:{config.web.port}/"
    rows = [("Browser phone", page), ("Operator desk", f"{page}desk/")]
    rows += [("Softphone", f"sip:{number}@{where}   {name}") for name, number in numbers]
    rows += [("Log", str(config.press2.var / "log" / "press2.log"))]
    shown = [f"  {title:14} {text}" for title, text in rows]
    return "\n".join(["", "press2 is running; Ctrl-C stops it.", "", *shown, ""])


def reachable(address: str) -> str:
    """Return where this machine itself reaches a listener of `address`."""
    return "127.0.0.1" if address in EVERYWHERE else address


def _app(home: Path, *words: str) -> list[str]:
    return [sys.executable, str(home / "app.py"), *words]
