"""What is said to Asterisk: one dataclass, filled by whoever starts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REALM = "asterisk"
"""Realm of every SIP password: a digest is md5(user:realm:password)."""


@dataclass(frozen=True)
class Trunk:
    """A telephone company whose calls are taken.

    host: name or address of its SIP server, with ":port" where it is not 5060.
    register: sign in there with `user` and `secret`; otherwise it knows us by address.
    qualify: seconds between two looks whether it answers, 0: nobody looks.
    """

    name: str
    host: str
    user: str = ""
    secret: str = ""
    register: bool = False
    qualify: int = 60


@dataclass(frozen=True)
class Node:
    """Another Asterisk that shares the queues. host: its address; sip_port: its UDP port."""

    name: str
    host: str
    sip_port: int = 5060


@dataclass(frozen=True)
class AsteriskSettings:
    """One Asterisk.

    run_dir: everything it writes lies below.
    sounds_dir: holds <language>/<piece>.wav, known to Asterisk as press2/<language>/<piece>.
    workers: "host:port" of each FastAGI worker, tried in turn.
    apology: sound under `sounds_dir` (no extension) for a caller whom no worker can serve.
    apologies: the same by dialled number, digits only, for companies with another first language.
    language: of the channel before a worker chooses one.
    node: name of this Asterisk, the head of every call id.
    softphones: networks that may call without a password.
    rtp: first and last UDP port of the media.
    phone_secret: password of the browser phone's SIP user "caller"; empty: no such user.
    ring_group: SIP addresses ("sip:op1@10.0.0.5") of operators who ring all at once; empty: nobody.
    ring_seconds: how long it rings.
    music_dir: folder with wav files for the wait; None, or none in it: the ringing tone.
    recordings_dir: where talks with operators are recorded; None: `run_dir`/recordings.
    nodes: the other exchanges whose operators can be rung from here.
    call_limit: seconds after which a call, or a talk in it, is ended whatever it does.
    ami_port: on 127.0.0.1, with `nodes` for those too; 0: off.
    twilio_password: of the SIP user "twilio", under which Twilio puts its callers through to
        operators; empty: no such user.
    recognisers: "host:port" of each process that recognises speech, known to Asterisk as press2-0,
        press2-1, ...; empty: callers have keys only.
    debug: a second user of AMI, `ami_user`-debug, is told each dialplan step too, with what callers
        key; for tests only.
    """

    run_dir: Path
    sounds_dir: Path
    workers: tuple[str, ...]
    apology: str
    apologies: Mapping[str, str] = field(default_factory=dict)
    language: str = "uk"
    node: str = "pbx1"
    sip_address: str = "127.0.0.1"
    sip_port: int = 5060
    http_address: str = "127.0.0.1"
    http_port: int = 8088
    rtp: tuple[int, int] = (10000, 10999)
    softphones: tuple[str, ...] = ("127.0.0.0/8",)
    phone_secret: str = ""
    ring_group: tuple[str, ...] = ()
    ring_seconds: int = 20
    music_dir: Path | None = None
    recordings_dir: Path | None = None
    nodes: tuple[Node, ...] = ()
    call_limit: int = 3600
    ami_port: int = 0
    ami_user: str = "press2"
    ami_secret: str = ""
    trunks: tuple[Trunk, ...] = ()
    twilio_password: str = ""
    recognisers: tuple[str, ...] = ()
    debug: bool = False
