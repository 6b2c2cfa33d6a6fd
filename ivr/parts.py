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
from ivr.asterisk.settings import AsteriskSettings, Node, Trunk
from ivr.channels.ami_wire import Exchange
from ivr.company import Company
from ivr.config import Config
from ivr.errors import ConfigError, SetupError
from ivr.speech.build import MUSIC
from ivr.speech.pool import Recognisers, Server
from ivr.supervise import Part, answers

SOCKET_PATH_LIMIT = 107
"""Bytes of a UNIX socket's path (unix(7))."""
AMI_SECRET = "PRESS2_AMI_SECRET"  # noqa: S105 - the name of one
"""Environment variable in which `app.py dispatch` finds the password of the manager interface."""
TRUNK = "trunk"
"""Name of the telephone company's line in Asterisk's configuration."""
OTHER_NODE = re.compile(r"(?P<name>[\w-]+)=(?P<host>[\w.-]+):(?P<sip>\d{1,5})/(?P<ami>\d{1,5})")
MODELS_LOAD = 120.0
"""Seconds that a recogniser may take to load its models: large ones have gigabytes."""
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


def stages(
    config: Config,
    home: Path,
    companies: Mapping[str, Company],
    phone_secret: str,
    ami_secret: str,
) -> list[list[Part]]:
    """Return the parts in the order they start.

    home: folder of app.py; phone_secret: password of the browser phone for this one start;
    ami_secret: the same of the manager interface. Raises SetupError when a program is missing.
    """
    asterisk = asterisk_settings(config, companies, phone_secret, ami_secret)
    served = [
        *speech_parts(config, home),
        *worker_parts(config, home),
        asterisk_part(asterisk, home),
        Part(
            "dispatch",
            _app(home, "dispatch"),
            ready=lambda: True,
            environ={AMI_SECRET: ami_secret},
        ),
        Part(
            "jobs",
            _app(home, "jobs"),
            ready=lambda: True,
            environ={AMI_SECRET: ami_secret},
        ),
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


def speech_parts(config: Config, home: Path) -> list[Part]:
    """Return the recogniser processes, one a port; none without models, or where others serve."""
    if not config.speech.models() or config.speech.servers:
        return []
    return [
        Part(
            server.name.replace("press2-", "speech"),
            _app(home, "speech", "serve", "--port", str(server.port)),
            ready=partial(listens, server),
            patience=MODELS_LOAD,
        )
        for server in recognisers(config)
    ]


def recognisers(config: Config) -> list[Server]:
    """Return the recogniser processes by the names of their engines, here or elsewhere."""
    given = config.speech
    if not given.models():
        return []
    host = reachable(given.host)
    here = [f"{host}:{given.port + number}" for number in range(given.processes)]
    places = [text.rpartition(":") for text in given.servers or here]
    return [
        Server(f"press2-{number}", name.strip("[]"), int(port))
        for number, (name, _, port) in enumerate(places)
    ]


def listens(server: Server) -> bool:
    """Tell whether a recogniser process has its models loaded and takes calls."""
    load = Recognisers([server], wait=1.0).loads()[server]
    return load is not None and load.ready


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
    config: Config,
    companies: Mapping[str, Company],
    phone_secret: str,
    ami_secret: str,
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
        music_dir=given.music or sounds / MUSIC,
        recordings_dir=var / "recordings",
        call_limit=given.call_limit,
        ami_port=given.ami_port,
        ami_user=given.ami_user,
        ami_secret=ami_secret,
        nodes=tuple(Node(name, host, sip) for name, host, sip, _ in other_nodes(config)),
        trunks=_trunks(config),
        twilio_password=_twilio_password(config),
        recognisers=tuple(f"{each.host}:{each.port}" for each in recognisers(config)),
    )


def ami_secret(config: Config, made: str) -> str:
    """Return the password of the manager interface: the one configured, else `made`."""
    return config.asterisk.ami_password.value or made


def exchanges(config: Config, secret: str) -> list[Exchange]:
    """Return every Asterisk that a dispatcher is connected to. secret: of the manager interfaces.

    Raises ConfigError when there are several and each would make up a password of its own.
    """
    given = config.asterisk
    others = other_nodes(config)
    if others and not given.ami_password.value:
        raise ConfigError(
            f"{config.path.name}: [asterisk] nodes: exchanges that share queues need a common "
            "password; name the environment variable with it in ami_password"
        )
    own = (node_of(config), "127.0.0.1", given.sip_port, given.ami_port)
    return [
        Exchange(name, host, port, given.ami_user, secret) for name, host, _, port in (own, *others)
    ]


def other_nodes(config: Config) -> list[tuple[str, str, int, int]]:
    """Return (name, host, SIP port, manager port) of each exchange in the setting `nodes`."""
    found = []
    for text in config.asterisk.nodes:
        node = OTHER_NODE.fullmatch(text)
        if node is None:
            raise ConfigError(
                f"{config.path.name}: [asterisk] nodes: {text!r} is not name=address:SIP/manager, "
                "as in pbx2=10.0.0.2:5060/5038"
            )
        found.append((node["name"], node["host"], int(node["sip"]), int(node["ami"])))
    return found


def node_of(config: Config) -> str:
    """Return the name of this Asterisk in call ids."""
    return config.asterisk.node or re.sub(r"[^\w-]", "-", socket.gethostname())


def _trunks(config: Config) -> tuple[Trunk, ...]:
    given = config.asterisk
    if not given.trunk_host:
        return ()
    secret = given.trunk_password.value
    return (Trunk(TRUNK, given.trunk_host, given.trunk_user, secret, given.trunk_register),)


def _twilio_password(config: Config) -> str:
    """Return the password under which Twilio calls our Asterisk; "": it has no business there."""
    given = config.twilio
    through_us = given.account_sid and given.operators == "sip"
    return given.sip_password.value if through_us else ""


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
    if config.twilio.account_sid:
        rows += [("Twilio", f"{config.twilio.public_url.rstrip('/')}/twilio/voice")]
    rows += [("Log", str(config.press2.var / "log" / "press2.log"))]
    shown = [f"  {title:14} {text}" for title, text in rows]
    return "\n".join(["", "press2 is running; Ctrl-C stops it.", "", *shown, ""])


def reachable(address: str) -> str:
    """Return where this machine itself reaches a listener of `address`."""
    return "127.0.0.1" if address in EVERYWHERE else address


def _app(home: Path, *words: str) -> list[str]:
    return [sys.executable, str(home / "app.py"), *words]
