"""Reads `telephony.conf` into frozen dataclasses, which are the one table of settings.

A field is one setting: its name is the key, its dataclass the section, and `_setting` holds the
default as it would stand in the file, the reader that turns text into the field's type, and a line
of help. `example()` renders the table as a file; a test compares it with the one shipped.

Only `app.py` and `ivr/doctor.py` read this module; everything else is handed plain values.
"""

from __future__ import annotations

import configparser
import difflib
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from ivr.errors import ConfigError


class Source(NamedTuple):
    """Where a value may look things up: the folder of the file and the environment variables."""

    folder: Path
    environ: Mapping[str, str]


Reader = Callable[[str, Source], Any]
"""Turns the text of a setting into its value; raises ValueError that says what would be right."""


@dataclass(frozen=True)
class Secret:
    """A value that stands in an environment variable and never in a file or a log."""

    variable: str = ""
    value: str = field(default="", repr=False)


def _text(text: str, source: Source) -> str:
    return text


def _filled(text: str, source: Source) -> str:
    if not text:
        raise ValueError("empty; write a value")
    return text


def _host(text: str, source: Source) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", text):
        raise ValueError("not an address; write one such as 127.0.0.1 or 0.0.0.0")
    return text


def _whole(low: int, high: int, text: str, source: Source) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise ValueError(f"not a whole number from {low} to {high}")
    return int(text)


def _seconds(low: float, high: float, text: str, source: Source) -> float:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or not low <= float(text) <= high:
        raise ValueError(f"not a number of seconds from {low:g} to {high:g}")
    return float(text)


_port = partial(_whole, 1, 65535)


def _word(words: tuple[str, ...], text: str, source: Source) -> str:
    if text not in words:
        near = difflib.get_close_matches(text, words, 1)
        mend = f'; did you mean "{near[0]}"?' if near else ""
        raise ValueError(f"not one of {', '.join(words)}{mend}")
    return text


def _list(text: str, source: Source) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _path(text: str, source: Source) -> Path:
    return source.folder / Path(_filled(text, source)).expanduser()


def _file(text: str, source: Source) -> Path | None:
    if not text:
        return None
    path = _path(text, source)
    if not path.is_file():
        raise ValueError("no such file; write the path of a file or leave it empty")
    return path


def _folder(text: str, source: Source) -> Path | None:
    if not text:
        return None
    path = _path(text, source)
    if not path.is_dir():
        raise ValueError("no such folder; write the path of a folder or leave it empty")
    return path


def _yes(text: str, source: Source) -> bool:
    return _word(("yes", "no"), text, source) == "yes"


def _networks(text: str, source: Source) -> tuple[str, ...]:
    for network in _list(text, source):
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise ValueError(
                f"{network} is not a network; write one such as 192.168.1.0/24"
            ) from None
    return _list(text, source)


def _url(schemes: tuple[str, ...], text: str, source: Source) -> str:
    if not text:
        return text
    parts = urlsplit(text)
    if parts.scheme not in schemes:
        starts = ", ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"does not begin with one of {starts}")
    if parts.password is not None:
        raise _Hidden(
            "holds a password; take it out and name the environment variable that holds it"
            " in the setting `password`"
        )
    return text


def _secret(text: str, source: Source) -> Secret:
    if not text:
        return Secret()
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", text):
        raise _Hidden(
            "not the name of an environment variable; put the secret into one such as PRESS2_SECRET"
            " and write that name here"
        )
    if not source.environ.get(text):
        raise ValueError(
            f"the environment variable is not set; export {text} or leave the setting empty"
        )
    return Secret(text, source.environ[text])


@dataclass(frozen=True)
class ApiToken:
    """Somebody who may use the API. rights: "events:write", "*:read"."""

    name: str
    company: str
    rights: tuple[str, ...]
    secret: Secret


_TOKEN = re.compile(r"([a-z0-9_-]{1,40})@([a-z0-9_-]+)=([A-Z][A-Z0-9_]*)/(\S+)")
_RIGHT = re.compile(r"(events|works|schedules|priority|applications|\*):(read|write)")
SHORTEST = 32
"""Characters of a secret that nobody guesses."""


def _tokens(text: str, source: Source) -> tuple[ApiToken, ...]:
    tokens = tuple(_token(item, source) for item in _list(text, source))
    names, secrets = [token.name for token in tokens], [token.secret.value for token in tokens]
    for what, known in (("name", names), ("secret", secrets)):
        again = [name for name, own in zip(names, known, strict=True) if known.count(own) > 1]
        if again:
            raise _Hidden(f"{', '.join(again)}: two tokens have the same {what}")
    return tokens


def _token(item: str, source: Source) -> ApiToken:
    match = _TOKEN.fullmatch(item)
    rights = tuple(match[4].split("+")) if match else ()
    if not match or not all(_RIGHT.fullmatch(right) for right in rights):
        raise _Hidden(
            "not of the form name@company=VARIABLE/rights; write one such as"
            " oms@odesa=PRESS2_API_OMS/events:write+events:read"
        )
    return ApiToken(match[1], match[2], rights, _strong(match[3], source))


def _strong(text: str, source: Source) -> Secret:
    secret = _secret(text, source)
    if secret.variable and len(secret.value) < SHORTEST:
        raise _Hidden(
            f"{secret.variable} is shorter than {SHORTEST} characters; `openssl rand -hex 32`"
            " makes one that nobody guesses"
        )
    return secret


class _Hidden(ValueError):
    """A bad value that may be a secret: the error does not repeat it."""


def _setting(default: str, read: Reader, help: str, key: str = "") -> Any:
    """One setting. key: as it stands in the file where that is not the field's name."""
    return field(metadata={"default": default, "read": read, "help": help, "key": key})


LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Press2:
    """The company that answers and the folder for everything that is made while running."""

    company: str = _setting(
        "odesa",
        _filled,
        "Profile (flows/companies/NAME.yaml) for calls to a number that no profile names.",
    )
    var: Path = _setting("var", _path, "Folder for all that running makes: sounds, store, logs.")
    log_level: str = _setting("info", partial(_word, LOG_LEVELS), "debug, info, warning or error.")
    notice_lines: int = _setting(
        "3",
        partial(_whole, 0, 30),
        "Calls made at once to people who asked to be told that the supply is back; 0: none.",
    )


@dataclass(frozen=True)
class Asterisk:
    """The telephone exchange that `app.py run` starts."""

    node: str = _setting("", _text, "Name of this exchange in call ids; empty: the machine's name.")
    bind: str = _setting(
        "127.0.0.1",
        _host,
        "Address for calls; 127.0.0.1: this machine only, 0.0.0.0: the whole network.",
    )
    sip_port: int = _setting("5060", _port, "UDP port where softphones and the trunk call.")
    websocket_port: int = _setting("8088", _port, "TCP port where browser phones call.")
    rtp_first: int = _setting("10000", _port, "First UDP port for sound.")
    rtp_last: int = _setting("19999", _port, "Last UDP port for sound; two ports a call.")
    softphones: tuple[str, ...] = _setting(
        "127.0.0.0/8", _networks, "Networks whose softphones may call without a password."
    )
    trunk_host: str = _setting("", _text, "Address of the provider's trunk; empty: no trunk.")
    trunk_user: str = _setting("", _text, "User name at the trunk; empty: known by address.")
    trunk_password: Secret = _setting(
        "", _secret, "Environment variable with the trunk's password."
    )
    trunk_register: bool = _setting("no", _yes, "yes: sign in at the trunk to be called there.")
    ring_group: tuple[str, ...] = _setting(
        "",
        _list,
        "SIP addresses of operators who ring all at once: sip:op1@10.0.0.5 sip:op2@10.0.0.6.",
    )
    ring_seconds: int = _setting(
        "20", partial(_whole, 1, 300), "Seconds the operators' telephones ring."
    )
    music: Path | None = _setting(
        "",
        _folder,
        "Folder with music for the wait (wav, 8 kHz, mono); empty: a calm piece made here.",
    )
    call_limit: int = _setting(
        "3600",
        partial(_whole, 60, 86400),
        "Seconds after which a call, or a talk in it, is ended whatever it does.",
    )
    ami_port: int = _setting("5038", _port, "TCP port of its manager interface, this machine only.")
    ami_user: str = _setting("press2", _filled, "Who signs in there.")
    ami_password: Secret = _setting(
        "", _secret, "Environment variable with the password; empty: a new one at every start."
    )
    nodes: tuple[str, ...] = _setting(
        "",
        _list,
        "Other exchanges sharing the queues: pbx2=10.0.0.2:5060/5038 (name=address:SIP/manager).",
    )


@dataclass(frozen=True)
class Agi:
    """The workers that lead the calls."""

    host: str = _setting("127.0.0.1", _host, "Address the workers listen on.")
    port: int = _setting("4573", _port, "Port of the first worker; the next ones follow it.")
    processes: int = _setting("2", partial(_whole, 1, 64), "How many workers.")


@dataclass(frozen=True)
class Web:
    """The start page with the browser phone."""

    host: str = _setting(
        "127.0.0.1",
        _host,
        "Address of the page; a browser gives its microphone to localhost or TLS only.",
    )
    port: int = _setting("8080", _port, "Port of the page.")
    desks: int = _setting(
        "300", partial(_whole, 1, 5000), "How many desks may be open at once on this process."
    )
    session_hours: int = _setting(
        "12", partial(_whole, 1, 24), "Hours after which an operator signs in again."
    )
    secure: bool = _setting(
        "no", _yes, "yes: the pages come over TLS, and cookies go over nothing else."
    )


@dataclass(frozen=True)
class Redis:
    """Live state: calls in progress."""

    url: str = _setting(
        "",
        partial(_url, ("redis", "rediss", "unix")),
        "redis://HOST:6379/0; empty: a private server.",
    )
    password: Secret = _setting("", _secret, "Environment variable with the password.")


@dataclass(frozen=True)
class Store:
    """What must last: accounts, readings, the log of events."""

    url: str = _setting(
        "",
        partial(_url, ("sqlite", "postgresql", "postgresql+psycopg")),
        "postgresql://USER@HOST/NAME; empty: SQLite in var.",
    )
    password: Secret = _setting("", _secret, "Environment variable with the password.")


@dataclass(frozen=True)
class Speech:
    """The voice for texts that have no recording, and the recogniser of what callers say."""

    voice_uk: str = _setting("natalia", _filled, "RHVoice voice for Ukrainian.")
    voice_ru: str = _setting("elena", _filled, "RHVoice voice for Russian.")
    voice_en: str = _setting("slt", _filled, "RHVoice voice for English.")
    piper_uk: Path | None = _setting(
        "", _file, "Piper voice file (.onnx) where RHVoice is missing."
    )
    piper_ru: Path | None = _setting("", _file, "The same for Russian.")
    piper_en: Path | None = _setting("", _file, "The same for English.")
    model_uk: Path | None = _setting(
        "",
        _folder,
        "Folder of the vosk model for Ukrainian; empty: keys only. `docs/speech.md` tells more.",
        "model.uk",
    )
    model_ru: Path | None = _setting("", _folder, "The same for Russian.", "model.ru")
    model_en: Path | None = _setting("", _folder, "The same for English.", "model.en")
    model_vi: Path | None = _setting("", _folder, "The same for Vietnamese.", "model.vi")
    model_tt: Path | None = _setting("", _folder, "The same for Tatar.", "model.tt")
    host: str = _setting("127.0.0.1", _host, "Address of the recogniser, for Asterisk only.")
    port: int = _setting("9099", _port, "TCP port of its first process; the next ones follow it.")
    processes: int = _setting("1", partial(_whole, 1, 16), "How many processes of it.")
    servers: tuple[str, ...] = _setting(
        "", _list, "Recognisers elsewhere instead: 10.0.0.5:9099 10.0.0.6:9099; empty: here."
    )
    recognisers: int = _setting(
        "0",
        partial(_whole, 0, 1000),
        "Callers a process listens to at once, the next one has keys only; 0: by its cores.",
    )
    end_of_speech: float = _setting(
        "0.7", partial(_seconds, 0.2, 3), "Seconds of silence that end what a caller says."
    )
    longest: float = _setting(
        "15", partial(_seconds, 2, 60), "Seconds after which it is ended whatever he says."
    )
    barge_in: float = _setting(
        "0.3", partial(_seconds, 0, 3), "Seconds of words that cut a prompt short; 0: none do."
    )

    def models(self) -> dict[str, Path]:
        """Folders of vosk models by language, of the languages that have one."""
        known = {key.name: getattr(self, key.name) for key in fields(self)}
        return {
            name.removeprefix("model_"): folder
            for name, folder in known.items()
            if name.startswith("model_") and folder
        }

    def voices(self) -> dict[str, str]:
        """RHVoice voices by language."""
        return {"uk": self.voice_uk, "ru": self.voice_ru, "en": self.voice_en}

    def piper(self) -> dict[str, Path]:
        """Piper voice files by language, of the languages that have one."""
        files = {"uk": self.piper_uk, "ru": self.piper_ru, "en": self.piper_en}
        return {language: file for language, file in files.items() if file}


@dataclass(frozen=True)
class Desk:
    """The operators' desk."""

    answers: Path = _setting(
        "agent_desk/answers", _path, "Folder with the answer base, one Markdown file an entry."
    )
    demo_operators: bool = _setting(
        "yes", _yes, "yes: an empty store gets the operators of the demo; passwords are shown once."
    )


@dataclass(frozen=True)
class Twilio:
    """Calls that come over Twilio's webhooks; empty: none do. `docs/twilio.md` tells the steps."""

    account_sid: str = _setting("", _text, "The account, AC and 32 hex digits; empty: no Twilio.")
    auth_token: Secret = _setting(
        "", _secret, "Environment variable with the account's auth token."
    )
    public_url: str = _setting(
        "", partial(_url, ("https", "http")), "Where Twilio reaches us: https://ivr.example.com."
    )
    api_url: str = _setting(
        "https://api.twilio.com", partial(_url, ("https", "http")), "Where we reach Twilio."
    )
    operators: str = _setting(
        "sip",
        partial(_word, ("sip", "client")),
        "How operators are rung: sip (through our Asterisk) or client (Twilio's browser phone).",
    )
    sip_address: str = _setting(
        "", _text, "sip: where Twilio reaches our Asterisk, pbx.example.com:5060."
    )
    sip_password: Secret = _setting(
        "", _secret, "sip: environment variable with the password Twilio gives there."
    )
    api_key: str = _setting("", _text, "client: key for access tokens, SK and 32 hex digits.")
    api_secret: Secret = _setting("", _secret, "client: environment variable with its secret.")
    sms_from: str = _setting(
        "", _text, "Sender of SMS: a number (E.164), a name, or MG...; empty: no SMS is sent."
    )
    speech: bool = _setting(
        "no", _yes, "yes: Twilio's recogniser listens as well as its keys; it costs per question."
    )
    speech_model: str = _setting(
        "", _text, "A model of that recogniser, googlev2_telephony; empty: Twilio chooses one."
    )
    say_uk: str = _setting("", _text, "Twilio's voice for texts without a sound of ours; uk-UA.")
    say_ru: str = _setting("", _text, "The same for Russian.")
    say_en: str = _setting("", _text, "The same for English.")
    say_vi: str = _setting("", _text, "The same for Vietnamese: Google.vi-VN-Standard-A.")

    def voices(self) -> dict[str, str]:
        """Twilio's voices by language, of the languages that have one."""
        voices = {"uk": self.say_uk, "ru": self.say_ru, "en": self.say_en, "vi": self.say_vi}
        return {language: voice for language, voice in voices.items() if voice}


@dataclass(frozen=True)
class Api:
    """The API for the company's own systems, on the port of the pages. `docs/data.md` tells it."""

    tokens: tuple[ApiToken, ...] = _setting(
        "",
        _tokens,
        "Who may: name@company=VARIABLE/rights; oms@odesa=PRESS2_API_OMS/events:write+*:read.",
    )


@dataclass(frozen=True)
class Feed:
    """Where tickets, readings and reports go; the profile says which: `feed: [ticket]`."""

    url: str = _setting(
        "", partial(_url, ("https", "http")), "https://erp.example.com/press2; empty: nowhere."
    )
    secret: Secret = _setting("", _strong, "Environment variable with the key of the signatures.")
    ca: Path | None = _setting(
        "", _file, "Certificates (PEM) that vouch for it; empty: the usual ones."
    )
    keep_days: int = _setting(
        "30", partial(_whole, 1, 3650), "Days that what was delivered stays in the outbox."
    )


@dataclass(frozen=True)
class Config:
    """Everything in `telephony.conf`, one field a section. path: the file it came from."""

    path: Path
    press2: Press2
    asterisk: Asterisk
    agi: Agi
    web: Web
    desk: Desk
    redis: Redis
    store: Store
    speech: Speech
    twilio: Twilio
    api: Api
    feed: Feed

    def store_url(self) -> str:
        """Address of the store with its password: not for a log."""
        plain = self.store.url or f"sqlite:///{self.press2.var / 'press2.db'}"
        return _with_password(plain, self.store.password)

    def redis_url(self) -> str:
        """Address of Redis with its password: not for a log. A private one listens on a socket."""
        plain = self.redis.url or f"unix://{self.press2.var / 'redis' / 'redis.sock'}"
        return _with_password(plain, self.redis.password)


SECTIONS: dict[str, type[Any]] = {
    "press2": Press2,
    "asterisk": Asterisk,
    "agi": Agi,
    "web": Web,
    "desk": Desk,
    "redis": Redis,
    "store": Store,
    "speech": Speech,
    "twilio": Twilio,
    "api": Api,
    "feed": Feed,
}


class Setting(NamedTuple):
    """One row of the table."""

    section: str
    key: str
    default: str
    read: Reader
    help: str
    name: str


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(
        name,
        key.metadata["key"] or key.name,
        key.metadata["default"],
        key.metadata["read"],
        key.metadata["help"],
        key.name,
    )
    for name, section in SECTIONS.items()
    for key in fields(section)
)


def path_of(environ: Mapping[str, str], home: Path) -> Path:
    """Where the settings stand: the file named by PRESS2_CONF, else `telephony.conf` in `home`."""
    return Path(environ.get("PRESS2_CONF") or home / "telephony.conf").absolute()


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read `path`, with defaults for the rest. Raises ConfigError: one line, the first mistake."""
    given = _given(path)
    _refuse_unknown(path, given)
    source = Source(path.parent, environ)
    values: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for setting in SETTINGS:
        text = given.get(setting.section, {}).get(setting.key, setting.default)
        values[setting.section][setting.name] = _value(path, setting, text, source)
    _refuse_clashes(path, values)
    _refuse_half(path, values["twilio"])
    _refuse_open(path, values["feed"])
    return Config(path=path, **{name: SECTIONS[name](**values[name]) for name in SECTIONS})


def example() -> str:
    """The text of a `telephony.conf` with every setting commented at its default."""
    lines = [
        "# Settings of press2. Each line shows the default; take the # away to change it.",
        "# Secrets never stand here: a setting names the environment variable that holds one.",
    ]
    for name, section in SECTIONS.items():
        lines += ["", f"[{name}]", f"# {section.__doc__}"]
        for setting in (row for row in SETTINGS if row.section == name):
            lines += ["", f"# {setting.help}", f"#{setting.key} = {setting.default}".rstrip()]
    return "\n".join(lines) + "\n"


def ports(config: Config) -> Iterator[tuple[str, str, str, int]]:
    """Each port a start will listen on: (section and key, "tcp" or "udp", address, port)."""
    yield "[asterisk] sip_port", "udp", config.asterisk.bind, config.asterisk.sip_port
    yield "[asterisk] websocket_port", "tcp", config.asterisk.bind, config.asterisk.websocket_port
    for number in range(config.agi.processes):
        yield "[agi] port", "tcp", config.agi.host, config.agi.port + number
    if config.speech.models() and not config.speech.servers:
        for number in range(config.speech.processes):
            yield "[speech] port", "tcp", config.speech.host, config.speech.port + number
    yield "[asterisk] ami_port", "tcp", "127.0.0.1", config.asterisk.ami_port
    yield "[web] port", "tcp", config.web.host, config.web.port


def _with_password(url: str, password: Secret) -> str:
    if not password.value:
        return url
    scheme, rest = url.split("://", 1)
    user, _, place = rest.rpartition("@")
    return f"{scheme}://{user}:{quote(password.value, safe='')}@{place}"


def _given(path: Path) -> dict[str, dict[str, str]]:
    """Sections and keys of the file; leading spaces mean nothing, unlike in configparser."""
    parser = configparser.ConfigParser(
        interpolation=None, delimiters=("=",), comment_prefixes=("#", ";"), default_section=""
    )
    try:
        text = path.read_text(encoding="utf-8-sig")
        parser.read_string("\n".join(line.strip() for line in text.splitlines()), source=path.name)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; PRESS2_CONF names the file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: not a text in UTF-8; save it as UTF-8") from error
    except configparser.DuplicateOptionError as error:
        raise ConfigError(
            f"{path.name}: [{error.section}] {error.option}: stands twice, again in line"
            f" {error.lineno}; keep one of them"
        ) from error
    except configparser.DuplicateSectionError as error:
        raise ConfigError(
            f"{path.name}: [{error.section}]: stands twice, again in line {error.lineno};"
            " put them together"
        ) from error
    except configparser.MissingSectionHeaderError as error:
        raise ConfigError(
            f"{path.name}: line {error.lineno} stands before any section;"
            " write a line such as [web] above it"
        ) from error
    except configparser.ParsingError as error:
        number, line = error.errors[0]
        raise ConfigError(f"{path.name}: line {number}: {line} is not `key = value`") from error
    return {name: dict(parser[name]) for name in parser.sections()}


def _refuse_unknown(path: Path, given: Mapping[str, Mapping[str, str]]) -> None:
    for name, keys in given.items():
        if name not in SECTIONS:
            near = difflib.get_close_matches(name, SECTIONS, 1)
            mend = f"did you mean [{near[0]}]?" if near else f"there are {_listed(SECTIONS)}"
            raise ConfigError(f"{path.name}: [{name}]: unknown section; {mend}")
        for key, value in keys.items():
            if not any((row.section, row.key) == (name, key) for row in SETTINGS):
                shown = key if re.search("pas|pwd|secret|token", key) else f"{key} = {value}"
                mend = _nearest(name, key)
                raise ConfigError(f"{path.name}: [{name}] {shown}: unknown key; {mend}")


def _listed(sections: Mapping[str, Any]) -> str:
    return ", ".join(f"[{name}]" for name in sections)


def _nearest(section: str, key: str) -> str:
    """The known key that was probably meant: of the same section first, then of any."""
    here = [row.key for row in SETTINGS if row.section == section]
    if near := difflib.get_close_matches(key, here, 1):
        return f'did you mean "{near[0]}"?'
    if near := difflib.get_close_matches(key, [row.key for row in SETTINGS], 1):
        there = next(row.section for row in SETTINGS if row.key == near[0])
        return f'did you mean "{near[0]}" in [{there}]?'
    return f"[{section}] has {', '.join(here)}"


def _value(path: Path, setting: Setting, text: str, source: Source) -> Any:
    where = f"{path.name}: [{setting.section}] {setting.key}"
    try:
        return setting.read(text, source)
    except _Hidden as error:
        raise ConfigError(f"{where}: {error}") from error
    except ValueError as error:
        raise ConfigError(f"{where} = {text}".rstrip() + f": {error}") from error


def _refuse_clashes(path: Path, values: Mapping[str, Mapping[str, Any]]) -> None:
    """Two settings that name one port, or a range that is empty."""
    asterisk, agi, web = values["asterisk"], values["agi"], values["web"]
    if asterisk["rtp_last"] < asterisk["rtp_first"] + 1:
        raise ConfigError(
            f"{path.name}: [asterisk] rtp_last = {asterisk['rtp_last']}: below rtp_first"
            f" {asterisk['rtp_first']} + 1; write a higher one"
        )
    if agi["port"] + agi["processes"] - 1 > 65535:
        raise ConfigError(
            f"{path.name}: [agi] port = {agi['port']}: no room for {agi['processes']} workers"
            " below 65536; write a lower one"
        )
    workers = range(agi["port"], agi["port"] + agi["processes"])
    for section, key, port in (
        ("asterisk", "websocket_port", asterisk["websocket_port"]),
        ("asterisk", "ami_port", asterisk["ami_port"]),
        ("web", "port", web["port"]),
    ):
        if port in workers:
            raise ConfigError(
                f"{path.name}: [{section}] {key} = {port}: also a port of an [agi] worker;"
                " write another one"
            )
    if web["port"] == asterisk["websocket_port"]:
        raise ConfigError(
            f"{path.name}: [web] port = {web['port']}: also [asterisk] websocket_port;"
            " write another one"
        )


def _refuse_half(path: Path, twilio: Mapping[str, Any]) -> None:
    """Twilio is configured in part: calls would be refused, or reach nobody."""
    secrets = {key: value.variable for key, value in twilio.items() if isinstance(value, Secret)}
    given = {**twilio, **secrets}
    ways = {"sip": ("sip_address", "sip_password"), "client": ("api_key", "api_secret")}
    needed = ("account_sid", "auth_token", "public_url", *ways[twilio["operators"]])
    used = [key for key in (*needed, "sms_from") if given[key]]
    missing = [key for key in needed if not given[key]]
    if used and missing:
        raise ConfigError(
            f"{path.name}: [twilio] {missing[0]}: empty, but {used[0]} is set;"
            " write it, or empty the section"
        )
    for key, form, example in (
        ("account_sid", r"AC[0-9a-f]{32}", "AC and 32 hex digits"),
        ("api_key", r"SK[0-9a-f]{32}", "SK and 32 hex digits"),
        ("sip_address", r"[A-Za-z0-9.-]+(:\d{1,5})?", "pbx.example.com:5060"),
        ("sms_from", r"\+\d{5,15}|MG[0-9a-f]{32}|[A-Za-z0-9 ]{1,11}", "+380487059090"),
    ):
        if given[key] and not re.fullmatch(form, given[key]):
            raise ConfigError(
                f"{path.name}: [twilio] {key} = {given[key]}: not of the form {example}"
            )
    parts = urlsplit(given["public_url"])
    if given["public_url"] and (not parts.hostname or parts.query or parts.fragment):
        raise ConfigError(
            f"{path.name}: [twilio] public_url = {given['public_url']}: write scheme and host,"
            " as in https://ivr.example.com"
        )


def _refuse_open(path: Path, feed: Mapping[str, Any]) -> None:
    """The feed is configured in part, or would carry what callers said in the clear."""
    url, parts = feed["url"], urlsplit(feed["url"])
    if url and not feed["secret"].value:
        raise ConfigError(
            f"{path.name}: [feed] secret: empty, but url is set; name the environment variable that"
            " holds the key of the signatures"
        )
    if url and (not parts.hostname or parts.fragment or parts.username):
        raise ConfigError(f"{path.name}: [feed] url = {url}: write https://HOST/PATH")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ConfigError(
            f"{path.name}: [feed] url = {url}: telephone numbers would go in the clear;"
            " write an https:// address"
        )
