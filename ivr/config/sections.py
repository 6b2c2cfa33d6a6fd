"""The table of settings: a dataclass a section of `telephony.conf`, a field a setting."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from ivr.config import readers as read
from ivr.config.readers import ApiToken, Reader, Secret


def _setting(default: str, reader: Reader, help: str, key: str = "") -> Any:
    """One setting. key: as it stands in the file where that is not the field's name."""
    return field(metadata={"default": default, "read": reader, "help": help, "key": key})


LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Press2:
    """The company that answers and the folder for everything that is made while running."""

    company: str = _setting(
        "odesa",
        read.filled,
        "Profile (flows/companies/NAME.yaml) for calls to a number that no profile names.",
    )
    var: Path = _setting(
        "var", read.path, "Folder for all that running makes: sounds, store, logs."
    )
    log_level: str = _setting(
        "info", partial(read.word, LOG_LEVELS), "debug, info, warning or error."
    )
    notice_lines: int = _setting(
        "3",
        partial(read.whole, 0, 30),
        "Calls made at once to people who asked to be told that the supply is back; 0: none.",
    )
    synthetic: int = _setting(
        "60",
        partial(read.whole, 0, 3600),
        "Seconds from one call to ourselves to the next; healthy: one succeeded. 0: none.",
    )


@dataclass(frozen=True)
class Asterisk:
    """The telephone exchange that `app.py run` starts."""

    node: str = _setting(
        "", read.plain, "Name of this exchange in call ids; empty: the machine's name."
    )
    bind: str = _setting(
        "127.0.0.1",
        read.host,
        "Address for calls; 127.0.0.1: this machine only, 0.0.0.0: the whole network.",
    )
    sip_port: int = _setting("5060", read.port, "UDP port where softphones and the trunk call.")
    websocket_port: int = _setting("8088", read.port, "TCP port where browser phones call.")
    rtp_first: int = _setting("10000", read.port, "First UDP port for sound.")
    rtp_last: int = _setting("19999", read.port, "Last UDP port for sound; two ports a call.")
    softphones: tuple[str, ...] = _setting(
        "127.0.0.0/8", read.networks, "Networks whose softphones may call without a password."
    )
    trunk_host: str = _setting("", read.plain, "Address of the provider's trunk; empty: no trunk.")
    trunk_user: str = _setting("", read.plain, "User name at the trunk; empty: known by address.")
    trunk_password: Secret = _setting(
        "", read.secret, "Environment variable with the trunk's password."
    )
    trunk_register: bool = _setting("no", read.yes, "yes: sign in at the trunk to be called there.")
    ring_group: tuple[str, ...] = _setting(
        "",
        read.many,
        "SIP addresses of operators who ring all at once: sip:op1@10.0.0.5 sip:op2@10.0.0.6.",
    )
    ring_seconds: int = _setting(
        "20", partial(read.whole, 1, 300), "Seconds the operators' telephones ring."
    )
    music: Path | None = _setting(
        "",
        read.folder,
        "Folder with music for the wait (wav, 8 kHz, mono); empty: a calm piece made here.",
    )
    call_limit: int = _setting(
        "3600",
        partial(read.whole, 60, 86400),
        "Seconds after which a call, or a talk in it, is ended whatever it does.",
    )
    ami_port: int = _setting(
        "5038", read.port, "TCP port of its manager interface, this machine only."
    )
    ami_user: str = _setting("press2", read.filled, "Who signs in there.")
    ami_password: Secret = _setting(
        "", read.secret, "Environment variable with the password; empty: a new one at every start."
    )
    nodes: tuple[str, ...] = _setting(
        "",
        read.many,
        "Other exchanges sharing the queues: pbx2=10.0.0.2:5060/5038 (name=address:SIP/manager).",
    )


@dataclass(frozen=True)
class Agi:
    """The workers that lead the calls."""

    host: str = _setting("127.0.0.1", read.host, "Address the workers listen on.")
    port: int = _setting("4573", read.port, "Port of the first worker; the next ones follow it.")
    processes: int = _setting("2", partial(read.whole, 1, 64), "How many workers.")


@dataclass(frozen=True)
class Web:
    """The start page with the browser phone."""

    host: str = _setting(
        "127.0.0.1",
        read.host,
        "Address of the page; a browser gives its microphone to localhost or TLS only.",
    )
    port: int = _setting("8080", read.port, "Port of the page.")
    desks: int = _setting(
        "300", partial(read.whole, 1, 5000), "How many desks may be open at once on this process."
    )
    session_hours: int = _setting(
        "12", partial(read.whole, 1, 24), "Hours after which an operator signs in again."
    )
    secure: bool = _setting(
        "no", read.yes, "yes: the pages come over TLS, and cookies go over nothing else."
    )
    metrics_token: Secret = _setting(
        "",
        read.secret,
        "Environment variable with the token of /metrics; empty: this machine only.",
    )


@dataclass(frozen=True)
class Redis:
    """Live state: calls in progress."""

    url: str = _setting(
        "",
        partial(read.url, ("redis", "rediss", "unix")),
        "redis://HOST:6379/0; empty: a private server.",
    )
    password: Secret = _setting("", read.secret, "Environment variable with the password.")


@dataclass(frozen=True)
class Store:
    """What must last: accounts, readings, the log of events."""

    url: str = _setting(
        "",
        partial(read.url, ("sqlite", "postgresql", "postgresql+psycopg")),
        "postgresql://USER@HOST/NAME; empty: SQLite in var.",
    )
    password: Secret = _setting("", read.secret, "Environment variable with the password.")


@dataclass(frozen=True)
class Speech:
    """The voice for texts that have no recording, and the recogniser of what callers say."""

    voice_uk: str = _setting("natalia", read.filled, "RHVoice voice for Ukrainian.")
    voice_ru: str = _setting("elena", read.filled, "RHVoice voice for Russian.")
    voice_en: str = _setting("slt", read.filled, "RHVoice voice for English.")
    piper_uk: Path | None = _setting(
        "", read.file, "Piper voice file (.onnx) where RHVoice is missing."
    )
    piper_ru: Path | None = _setting("", read.file, "The same for Russian.")
    piper_en: Path | None = _setting("", read.file, "The same for English.")
    model_uk: Path | None = _setting(
        "",
        read.model,
        "Folder of the vosk model for Ukrainian; empty: keys only. `docs/speech.md` tells more.",
        "model.uk",
    )
    model_ru: Path | None = _setting("", read.model, "The same for Russian.", "model.ru")
    model_en: Path | None = _setting("", read.model, "The same for English.", "model.en")
    model_vi: Path | None = _setting("", read.model, "The same for Vietnamese.", "model.vi")
    model_tt: Path | None = _setting("", read.model, "The same for Tatar.", "model.tt")
    host: str = _setting("127.0.0.1", read.host, "Address of the recogniser, for Asterisk only.")
    port: int = _setting(
        "9099", read.port, "TCP port of its first process; the next ones follow it."
    )
    processes: int = _setting("1", partial(read.whole, 1, 16), "How many processes of it.")
    servers: tuple[str, ...] = _setting(
        "", read.places, "Recognisers elsewhere instead: 10.0.0.5:9099 10.0.0.6:9099; empty: here."
    )
    recognisers: int = _setting(
        "0",
        partial(read.whole, 0, 1000),
        "Callers a process listens to at once, the next one has keys only; 0: by its cores.",
    )
    end_of_speech: float = _setting(
        "0.7", partial(read.seconds, 0.2, 3), "Seconds of silence that end what a caller says."
    )
    longest: float = _setting(
        "15", partial(read.seconds, 2, 60), "Seconds after which it is ended whatever he says."
    )
    barge_in: float = _setting(
        "0.3", partial(read.seconds, 0, 3), "Seconds of words that cut a prompt short; 0: none do."
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
        "agent_desk/answers", read.path, "Folder with the answer base, one Markdown file an entry."
    )
    demo_operators: bool = _setting(
        "yes",
        read.yes,
        "yes: an empty store gets the operators of the demo; passwords are shown once.",
    )


@dataclass(frozen=True)
class Twilio:
    """Calls that come over Twilio's webhooks; empty: none do. `docs/twilio.md` tells the steps."""

    account_sid: str = _setting(
        "", read.plain, "The account, AC and 32 hex digits; empty: no Twilio."
    )
    auth_token: Secret = _setting(
        "", read.secret, "Environment variable with the account's auth token."
    )
    public_url: str = _setting(
        "",
        partial(read.url, ("https", "http")),
        "Where Twilio reaches us: https://ivr.example.com.",
    )
    api_url: str = _setting(
        "https://api.twilio.com", partial(read.url, ("https", "http")), "Where we reach Twilio."
    )
    operators: str = _setting(
        "sip",
        partial(read.word, ("sip", "client")),
        "How operators are rung: sip (through our Asterisk) or client (Twilio's browser phone).",
    )
    sip_address: str = _setting(
        "", read.plain, "sip: where Twilio reaches our Asterisk, pbx.example.com:5060."
    )
    sip_password: Secret = _setting(
        "", read.secret, "sip: environment variable with the password Twilio gives there."
    )
    api_key: str = _setting("", read.plain, "client: key for access tokens, SK and 32 hex digits.")
    api_secret: Secret = _setting("", read.secret, "client: environment variable with its secret.")
    sms_from: str = _setting(
        "", read.plain, "Sender of SMS: a number (E.164), a name, or MG...; empty: no SMS is sent."
    )
    speech: bool = _setting(
        "no",
        read.yes,
        "yes: Twilio's recogniser listens as well as its keys; it costs per question.",
    )
    speech_model: str = _setting(
        "", read.plain, "A model of that recogniser, googlev2_telephony; empty: Twilio chooses one."
    )
    say_uk: str = _setting(
        "", read.plain, "Twilio's voice for texts without a sound of ours; uk-UA."
    )
    say_ru: str = _setting("", read.plain, "The same for Russian.")
    say_en: str = _setting("", read.plain, "The same for English.")
    say_vi: str = _setting("", read.plain, "The same for Vietnamese: Google.vi-VN-Standard-A.")

    def voices(self) -> dict[str, str]:
        """Twilio's voices by language, of the languages that have one."""
        voices = {"uk": self.say_uk, "ru": self.say_ru, "en": self.say_en, "vi": self.say_vi}
        return {language: voice for language, voice in voices.items() if voice}


@dataclass(frozen=True)
class Api:
    """The API for the company's own systems, on the port of the pages. `docs/data.md` tells it."""

    tokens: tuple[ApiToken, ...] = _setting(
        "",
        read.tokens,
        "Who may: name@company=VARIABLE/rights; oms@odesa=PRESS2_API_OMS/events:write+*:read.",
    )


@dataclass(frozen=True)
class Feed:
    """Where tickets, readings and reports go; the profile says which: `feed: [ticket]`."""

    url: str = _setting(
        "", partial(read.url, ("https", "http")), "https://erp.example.com/press2; empty: nowhere."
    )
    secret: Secret = _setting(
        "", read.strong, "Environment variable with the key of the signatures."
    )
    ca: Path | None = _setting(
        "", read.file, "Certificates (PEM) that vouch for it; empty: the usual ones."
    )
    keep_days: int = _setting(
        "30", partial(read.whole, 1, 3650), "Days that what was delivered stays in the outbox."
    )


@dataclass(frozen=True)
class Alerts:
    """Where alerts go besides the supervisors' screens. `docs/alerts.md` tells the body."""

    url: str = _setting(
        "", partial(read.url, ("https", "http")), "https://duty.example.com/press2; empty: nowhere."
    )
    secret: Secret = _setting(
        "", read.strong, "Environment variable with the key of the signatures."
    )
    ca: Path | None = _setting(
        "", read.file, "Certificates (PEM) that vouch for it; empty: the usual ones."
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
    alerts: Alerts

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
    "alerts": Alerts,
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


def _with_password(url: str, password: Secret) -> str:
    if not password.value:
        return url
    scheme, rest = url.split("://", 1)
    user, _, place = rest.rpartition("@")
    return f"{scheme}://{user}:{quote(password.value, safe='')}@{place}"
