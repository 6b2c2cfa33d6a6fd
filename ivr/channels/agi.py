"""The Asterisk channel: a FastAGI server that performs turns.

A worker takes connections, `Call` is one call in its hands, and `agi_session` speaks to Asterisk.
The other half is the dialplan (`ivr/asterisk/templates/extensions.conf`): it collects every key,
speaks and listens in one subroutine a question, and takes the call to another worker when this one
dies.
"""

from __future__ import annotations

import contextlib
import logging
import re
import resource
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from ivr.channels.agi_session import LINE_LIMIT, Line, parts, session
from ivr.channels.heard import answer, dialled_keys, e164
from ivr.channels.recognisers import Pool, Said, picked_of, request, variable_of
from ivr.errors import CallerGone, Press2Error, StaleTurn
from ivr.grammar import Grammar
from ivr.model import (
    SYNTHETIC,
    Ask,
    Caller,
    Enqueue,
    Event,
    Hangup,
    Record,
    Say,
    Turn,
    stem_of,
)  # fmt: skip
from ivr.speech.pool import Picked, Refused

log = logging.getLogger(__name__)

SECOND = 16_044
"""Bytes of a second in a wav file of 8 kHz and 16 bits, with its head."""
TONE = "press2/tones/speak"
"""Sound after which a caller speaks."""
SILENCE = "press2/tones/silence"
"""Played where a question that listens has nothing to say."""
MORE_LONGEST = 5
"""Seconds that a result may come later than the longest utterance ends."""
WITHHELD = 0x20
"""Asterisk callerid.h: AST_PRES_RESTRICTED, the bit of agi_callingpres for a hidden number."""
TIME_OVER = re.compile(r"-.*|0\.0\d*")
"""What func_timeout.c says of a time that is over, to the millisecond; of none it says "0"."""
NETWORK = frozenset(("27", "38", "41", "42", "44"))
"""Causes (Q.850) of an end that was not his: the way to him failed, or his sound stopped."""
RESTORED = "restored"
"""Flow of who was called because the supply is back."""
QUEUE_DOWN = Say("queue_down")
DRAIN_SECONDS = 5.0


class Runner(Protocol):
    """What a call needs of `ivr.runner`."""

    def open(self, caller: Caller) -> Turn:
        """Return the first turn of a new call, the open turn of a known one."""

    def advance(self, call: str, event: Event, turn: int) -> Turn:
        """Return what to perform after `event`; StaleTurn when `turn` is over."""

    def here(self, call: str, leg: str = "", node: str = "") -> bool:
        """Put the caller, who now stands waiting, into the queue; False when it is out of reach."""

    def taken(self, call: str) -> bool:
        """Tell whether the call is being put through to an operator or talks with one."""

    def close(self, call: str, by: str = "caller") -> None:
        """Take note that the caller hung up, or what else ended his call."""

    def company_of(self, dialled: str | None) -> str:
        """Return the company profile of a dialled number."""


class Voice(Protocol):
    """What a call needs of `ivr.speech`."""

    def files(self, say: Say, language: str, slow: bool = False, company: str = "") -> list[str]:
        """Return the sounds of `say`, "uk/n_5", every one of them on disk."""

    def seconds(self, names: Sequence[str]) -> float:
        """Return how long sounds play that `files` named."""


def caller_of(
    env: Mapping[str, str], runner: Runner, region: str, regions: Mapping[str, str]
) -> Caller:
    """Return who calls, from the variables that open an AGI session.

    The caller's name is never read: it is free text from the network. A dialled short number
    ("104"), which E.164 has no form for, stays as it is.
    """
    presentation = env.get("agi_callingpres", "")
    shown = not (presentation.isdecimal() and int(presentation) & WITHHELD)
    raw = re.sub(r"[^0-9+*#]", "", env.get("agi_dnid", ""))[:32]
    dialled = e164(raw, region) or raw or None
    company = runner.company_of(dialled)
    region = regions.get(company, region)
    return Caller(
        call=env["agi_uniqueid"],
        company=company,
        number=e164(env.get("agi_callerid", ""), region) if shown else None,
        dialled=dialled,
        channel="agi",
        arrived=datetime.now(UTC),
        **_called(env.get("agi_arg_3", "")),
    )


def _called(about: str) -> dict[str, str]:
    """Return where the call begins of somebody whom press2 called; nothing for a caller."""
    if about == SYNTHETIC:
        return {"entrance": SYNTHETIC}
    if not (about.isascii() and about.isdecimal()):
        return {}
    return {"entrance": RESTORED, "about": about}


class Call:
    """One call in this worker's hands, from the dialplan's AGI() to its return."""

    def __init__(self, line: Line, caller: Caller, agi: AgiServer) -> None:
        self.line = line
        self.caller = caller
        self.runner = agi.runner
        self.voice = agi.voice
        self.recordings = agi.recordings
        self.recognisers = agi.recognisers
        self.agi = agi
        self.turn = self.runner.open(caller)
        self.gone = line.env.get("agi_network_script") == "gone"

    def run(self) -> None:
        """Perform turns until the caller leaves this worker; CallerGone when he hung up."""
        event = self.brought()
        while event or (event := self.perform()):
            self.advance(event)
            event = None

    def brought(self) -> Event | None:
        """Return the event that came with the call: from an operator, or from a worker that died.

        A turn that was answered but not passed on has its keys in the channel still.
        """
        if self.line.argument(1) != str(self.turn.number):
            return None
        match self.turn.need:
            case Enqueue() if outcome := self.line.argument(2):
                return Event("operator", outcome=outcome)
            case Enqueue() if keys := self.given():
                return Event("keys", text=keys)
            case Ask() as ask if (keys := self.given()) is not None:
                return self.answered(ask, keys)
        return None

    def given(self) -> str | None:
        """Return the keys the dialplan collected for this turn, None when it did not finish."""
        turn, _, keys = self.line.get("PRESS2_GIVEN").partition(":")
        return dialled_keys(keys) if turn == str(self.turn.number) else None

    def said(self) -> Said | None:
        """Return what a recogniser heard last in this turn, None where nobody spoke."""
        return Said.parse(self.line.get("PRESS2_SAID"), self.turn.number)

    def advance(self, event: Event) -> None:
        """Hand `event` to the runner; go on from where another worker got to meanwhile."""
        try:
            self.turn = self.runner.advance(self.caller.call, event, self.turn.number)
        except StaleTurn:
            self.turn = self.runner.open(self.caller)

    def perform(self) -> Event | None:
        """Do what the turn says and needs; None when the caller goes on in the dialplan."""
        match self.turn.need:
            case Ask() as ask:
                return self.ask(ask)
            case Record(limit=limit):
                return self.record(limit)
            case Enqueue():
                self.wait()
            case Hangup():
                self.listen_with(None)
                self.line.play(self.sounds())
                self.leave("hangup")
            case need:
                raise Press2Error(f"agi: a turn needs {need}, which a channel cannot perform")
        return None

    def wait(self) -> None:
        """Speak, enter the queue, and leave: the dialplan holds a caller who waits.

        A key cuts the speech short and stays in the channel, where the dialplan finds it. No
        subroutine while he speaks: who is in the queue already may be taken out at any moment.
        """
        self.listen_with(None)
        for part in parts(self.sounds()):
            if self.line.keys() or self.line.play_until_key(part):
                break
        self.line.set("PRESS2_TURN", self.turn.number)
        self.line.set("PRESS2_GIVEN", "")
        self.line.set("PRESS2_OPERATOR", "")
        node = self.caller.call.rpartition("-")[0]
        if self.runner.here(self.caller.call, self.line.env.get("agi_channel", ""), node):
            self.leave("queue")
        else:
            self.line.play(self.sounds([QUEUE_DOWN]))
            self.leave("ring")

    def sounds(self, says: Sequence[Say] | None = None) -> list[str]:
        """Return the sounds of `says`, otherwise of what the turn says where nobody listens."""
        turn = self.turn
        if says is None:
            says = [say for say in turn.says if not say.invites]
        return [
            f"press2/{file}"
            for say in says
            for file in self.voice.files(
                say, say.language or turn.language, turn.slow, self.caller.company
            )
        ]

    def ask(self, ask: Ask) -> Event:
        """Speak and listen; the first key, or speech, cuts the speech short."""
        if not ask.grammar or ask.typed or self.recognisers is None:
            return self.ask_keys(ask, [] if ask.typed else self.sounds())
        deaf = self.deaf(ask)
        if not deaf:
            return self.ask_speech(ask)
        says = [say for say in self.turn.says if not say.invites]
        told = self.ask_keys(ask, self.sounds([Say(f"speech_{deaf}"), *says]))
        return replace(told, deaf=deaf)

    def ask_keys(self, ask: Ask, sounds: Sequence[str]) -> Event:
        """Ask a question that keys answer."""
        *first, last = parts(sounds) or [""]
        for part in first:
            self.line.call_routine("press2-play", part)
        typed = int(bool(ask.typed))
        self.line.call_routine(
            "press2-ask", last, ask.entry, ask.timeout, ask.between, self.turn.number, typed
        )
        return answer(ask, self.asked())

    def ask_speech(self, ask: Ask) -> Event:
        """Ask a question that keys answer, or speech; the recogniser hears its last part."""
        keep = self.agi.keeps(self.caller, self.turn) if self.agi.keeps else ""
        sounds = self.sounds(self.turn.says)
        room = LINE_LIMIT - len(request(ask.grammar, 0, keep))
        *first, last = parts(sounds, room) or [SILENCE]
        for part in first:
            self.line.call_routine("press2-play", part)
        seconds = self.voice.seconds([s.removeprefix("press2/") for s in last.split("&")])
        self.line.call_routine(
            "press2-hear", last, ask.entry, ask.timeout, ask.between, self.turn.number, 0,
            request(ask.grammar, seconds, keep), self.agi.longest + MORE_LONGEST,
        )  # fmt: skip
        return self.answered(ask, self.asked())

    def asked(self) -> str:
        """Return the keys of the question that the dialplan has just asked."""
        keys = self.given()
        if self.line.stdin.gone:
            raise CallerGone("the caller hung up")
        if keys is None:
            raise Press2Error("agi: the dialplan did not ask the question; see Asterisk's log")
        return keys

    def answered(self, ask: Ask, keys: str) -> Event:
        """Return the event of a question that ended with `keys`, else with speech or silence."""
        if keys or not ask.grammar or ask.typed or self.recognisers is None:
            return answer(ask, keys)
        said = self.said()
        if said and said.kind in ("answer", "nothing"):
            return said.event
        listens = self.listens_with()
        if (said is None and listens is None) or self.listens(listens, said):
            return said.event if said else answer(ask, "")
        self.listen_with(None)
        return Event("speech", outcome="down")

    def listens(self, listener: Picked | None, said: Said | None) -> bool:
        """Tell whether the recogniser outlived the question."""
        assert self.recognisers is not None  # noqa: S101 - its caller has looked
        broken = said is not None and said.kind != "began"
        return not broken and listener is not None and self.recognisers.alive(listener)

    def deaf(self, ask: Ask) -> str:
        """Make sure that somebody listens to the next question; "", or why nobody does."""
        assert self.recognisers is not None  # noqa: S101 - its caller has looked
        listener = self.listens_with()
        if listener:
            if self.recognisers.alive(listener):
                return ""
            self.listen_with(None)
            return "down"
        picked = self.recognisers.pick(Grammar.parse(ask.grammar).languages)
        if isinstance(picked, Refused):
            return picked.reason
        self.listen_with(picked)
        if self.listens_with():
            return ""
        self.recognisers.avoid(picked)
        log.error("call %s: Asterisk cannot reach %s", self.caller.call, picked.name)
        return "down"

    def listens_with(self) -> Picked | None:
        """Return who listens to this call; the channel knows, whichever worker has it."""
        return picked_of(self.line.get("PRESS2_EAR"))

    def listen_with(self, picked: Picked | None) -> None:
        """Let a recogniser listen to this call from now on, or nobody."""
        if picked:
            self.line.call_routine("press2-ear", *variable_of(picked).split())
        elif self.recognisers is not None and self.listens_with():
            self.line.call_routine("press2-ear")

    def record(self, limit: float) -> Event:
        """Speak and record."""
        for part in (*parts(self.sounds()), TONE):
            self.line.call_routine("press2-play", part)
        self.line.record(self.recording.with_suffix(""), limit)
        self.line.set("PRESS2_KEYS", "")  # the # that ended it answers no question
        return self.recorded()

    @property
    def recording(self) -> Path:
        """The file of what the caller says in this turn."""
        return self.recordings.resolve() / f"{stem_of(self.caller.call)}-{self.turn.number}.wav"

    def recorded(self) -> Event:
        """Return the event of a recording; one of less than a second says nothing."""
        path = self.recording
        spoke = path.is_file() and path.stat().st_size > SECOND
        return Event("recorded", text=path.name if spoke else "")

    def leave(self, way: str) -> None:
        """Give the call back to the dialplan, which goes on at `way`."""
        self.line.set("PRESS2_NEXT", way)

    def ender(self) -> dict[str, str]:
        """Return who ended the call, for `Runner.close`; nothing: the caller did.

        The script "gone" brings the cause and the seconds that were left to the call.
        """
        if self.gone:
            cause, left = self.line.argument(1), self.line.argument(2)
        else:
            try:
                cause, left = self.line.get("HANGUPCAUSE"), self.line.get("TIMEOUT(absolute)")
            except CallerGone:
                # res_agi.c: a caller who hangs up is told of; here the connection broke.
                return {} if self.line.stdin.gone else {"by": "exchange_lost"}
        if TIME_OVER.fullmatch(left):
            return {"by": "limit"}
        return {"by": "network"} if cause in NETWORK else {}

    def end(self) -> None:
        """Take note of the caller's hang-up; what he keyed just before still counts.

        A session that ended because the caller is being put through to an operator is none.
        """
        if not self.gone and self.runner.taken(self.caller.call):
            return
        with contextlib.suppress(CallerGone):
            keys = (self.given() or "") + self.line.keys()
            if isinstance(self.turn.need, Ask):
                if keys:
                    self.advance(Event("keys", text=keys))
                elif (said := self.said()) and said.kind == "answer":
                    self.advance(said.event)
        if isinstance(self.turn.need, Record) and (event := self.recorded()).text:
            self.advance(event)
        self.runner.close(self.caller.call, **self.ender())
        with contextlib.suppress(CallerGone):
            self.line.set("PRESS2_CLOSED", 1)


class Connection(socketserver.BaseRequestHandler):
    """One FastAGI connection: the border where whatever goes wrong ends."""

    server: Listener

    def handle(self) -> None:
        """Serve the call; after an error the dialplan takes it to the next worker."""
        call = "?"
        agi = self.server.agi
        with self.server.open_connection(self.request):
            try:
                with session(self.request) as line:
                    call = line.env["agi_uniqueid"]
                    caller = caller_of(line.env, agi.runner, agi.region, agi.regions)
                    serve(line, caller, agi)
            except CallerGone:
                # Whoever only looks whether the port answers is no call.
                log.log(
                    logging.DEBUG if call == "?" else logging.INFO,
                    "call %s: gone before its first turn",
                    call,
                )
            except Exception:
                log.exception("call %s: broke in this worker, the dialplan goes on", call)


def serve(line: Line, caller: Caller, agi: AgiServer) -> None:
    """Perform the call, or, when it comes with the script "gone", take note of its end."""
    call = Call(line, caller, agi)
    try:
        if call.gone:
            raise CallerGone("the caller hung up in the dialplan")
        call.run()
        log.info("call %s: back to the dialplan", caller.call)
    except CallerGone:
        if agi.stopping:
            log.info("call %s: given to another worker", caller.call)
        else:
            call.end()
            log.info("call %s: hung up", caller.call)


class Listener(socketserver.ThreadingTCPServer):
    """The listening socket and the connections taken from it, a thread each."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], agi: AgiServer) -> None:
        self.agi = agi
        self.connections: set[socket.socket] = set()
        self.changed = threading.Condition()
        super().__init__(address, Connection)

    @contextlib.contextmanager
    def open_connection(self, connection: socket.socket) -> Iterator[None]:
        """Count `connection` as open for the time of the block."""
        with self.changed:
            self.connections.add(connection)
        try:
            yield
        finally:
            with self.changed:
                self.connections.discard(connection)
                self.changed.notify_all()

    def drain(self, seconds: float) -> None:
        """End every session, the ones in mid-turn after it; wait `seconds` at most."""
        with self.changed:
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
            self.changed.wait_for(lambda: not self.connections, seconds)


def allow_files() -> None:
    """Raise this process's limit of open files to what it may have: each call holds one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class AgiServer:
    """A FastAGI worker.

    port: 0 takes any free one; the attribute tells which. region: of numbers that come without a
    country ("UA"); regions: the same by company. recordings: folder of messages that callers leave.
    recognisers: who listens to callers, None: they have keys only. longest: seconds of one
    utterance. keeps: tells the file stem under which the answer of a turn is kept, "": it is not.
    """

    def __init__(
        self,
        host: str,
        port: int,
        runner: Runner,
        voice: Voice,
        *,
        region: str,
        recordings: Path,
        regions: Mapping[str, str] = MappingProxyType({}),
        recognisers: Pool | None = None,
        longest: float = 15.0,
        keeps: Callable[[Caller, Turn], str] | None = None,
    ) -> None:
        self.runner = runner
        self.voice = voice
        self.region = region
        self.regions = regions
        self.recordings = recordings
        self.recognisers = recognisers
        self.longest = longest
        self.keeps = keeps
        self.stopping = False
        recordings.mkdir(parents=True, exist_ok=True)
        allow_files()
        self.listener = Listener((host, port), self)
        self.port: int = self.listener.server_address[1]

    def serve(self, ready: Callable[[], Any] | None = None) -> None:
        """Take calls until `stop`; call `ready` when the first may come."""
        if ready:
            ready()
        try:
            self.listener.serve_forever()
        finally:
            self.stopping = True
            self.listener.server_close()
            self.listener.drain(DRAIN_SECONDS)

    def stop(self) -> None:
        """Make `serve` return; from a signal handler or any thread."""
        # shutdown() waits for the loop to end, and a signal handler runs inside the loop.
        threading.Thread(target=self.listener.shutdown, name="agi-stop").start()
