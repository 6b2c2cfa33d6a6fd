"""The recogniser process: Asterisk's AEAP over WebSockets (protocol `speech_to_text`), one a call.

    <- {"request": "setup", "version": "0.1.0", "codecs": [{"name": "alaw"}], "id": "..."}
    -> {"response": "setup", "id": "...", "codecs": [{"name": "alaw"}]}
    <- {"request": "set", "params": {"grammar": "lang=uk+ru words=yes.no prompt=2.5"}, "id": "..."}
    -> {"response": "set", "id": "..."}
    <- audio, 20 ms a binary message, as the caller speaks
    -> {"request": "set", "id": "...", "params": {"results": [{"text": "...", "score": 91,
        "grammar": "answer.uk.240", "best": 0}]}}

`GET /load` on the same port tells how busy the process is. A connection is one call and has at most
one open question. Recognition runs in threads (vosk lets the interpreter lock go), one chunk of one
call at a time; this loop only moves bytes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import re
import secrets
import signal
import time
import wave
from array import array
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, NegotiationError
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ivr.grammar import Vocabulary
from ivr.speech.g711 import DECODERS, RATE
from ivr.speech.models import Models
from ivr.speech.recogniser import CHUNK, Question, Result, Rules, asked

log = logging.getLogger("press2.speech")

PROTOCOL = Subprotocol("speech_to_text")
A_CORE = 24
"""Calls that a core listens to in real time with a large model (measured: 48 on 2 cores)."""
INTRODUCTION = 5.0
"""Seconds in which a client must say what it wants."""
MESSAGE = 64 * 1024
"""Bytes of one message."""
HELD = 3 * RATE
"""Samples a call may have waiting: three seconds; one that falls further behind is given up."""
LAG = 0.5
"""Seconds that audio waits from which the process takes no further call."""
PING = 20.0
"""Seconds between pings, and to answer one: a connection whose other side is gone ends."""
FAREWELL = 2.0
"""Seconds that open connections get at the end."""
NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
"""A name under which an utterance is kept."""


T = TypeVar("T")


class Refusal(Exception):
    """A request that is not done; its text is the answer's `error_msg`."""


@dataclass
class Server:
    """One recogniser process. limit: calls at once. folder: where utterances are kept.

    counts: what happened since the start, by kind of result and by kind of fault.
    """

    models: Models
    vocabulary: Vocabulary
    rules: Rules
    limit: int
    folder: Path
    instance: str = field(default_factory=lambda: secrets.token_hex(8))
    calls: set[Call] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    stopping: bool = False

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "recogniser")
        self._files = ThreadPoolExecutor(1, "utterances")

    async def run(self, host: str, port: int, started: Callable[[int], None]) -> None:
        """Serve until SIGTERM or SIGINT. started: is told the port when the socket is open."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        server = await serve(
            self._serve, host, port,
            process_request=self._answer, select_subprotocol=_protocol, compression=None,
            max_size=MESSAGE, ping_interval=PING, ping_timeout=PING, open_timeout=INTRODUCTION,
            close_timeout=1, logger=_library_log(),
        )  # fmt: skip
        started(server.sockets[0].getsockname()[1])
        await stop.wait()
        self.stopping = True
        server.close(close_connections=True, code=1001)
        with suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), FAREWELL)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._files.shutdown()
        log.info("stopped: %s", dict(self.counts))

    @property
    def lag(self) -> float:
        """Seconds that the audio of the slowest call waits."""
        return max((call.lag for call in self.calls), default=0.0)

    def load(self) -> dict[str, Any]:
        """Return what `GET /load` tells."""
        return {
            "busy": len(self.calls),
            "limit": self.limit,
            "instance": self.instance,
            "languages": list(self.models),
            "ready": not self.stopping,
            "slow": self.lag > LAG,
            "lag": round(self.lag, 3),
            "counts": dict(self.counts),
        }

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a plain HTTP request; None: it is a WebSocket's."""
        if request.path == "/load":
            body = json.dumps(self.load()).encode()
            headers = Headers(
                {"Content-Type": "application/json", "Content-Length": str(len(body))}
            )
            headers["Connection"] = "close"
            return Response(HTTPStatus.OK, "OK", headers, body)
        if "upgrade" not in request.headers.get("Connection", "").lower():
            return connection.respond(HTTPStatus.NOT_FOUND, "there is /load, and a WebSocket\n")
        # Here and not by the answer to a setup: after a setup that was refused, Asterisk 22 dies
        # when the connection closes (ast_aeap_speech_on_error uses what was freed).
        if busy := self._busy():
            log.warning("a call is refused: %s", busy)
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, f"{busy}\n")
        return None

    def _busy(self) -> str:
        """Return why no further call is listened to, "" where one is."""
        if len(self.calls) >= self.limit:
            self.counts["full"] += 1
            return f"full: {self.limit} calls are listened to"
        if self.lag > LAG:
            self.counts["slow"] += 1
            return f"slow: the audio waits for {self.lag:.1f} s"
        return ""

    async def _serve(self, connection: ServerConnection) -> None:
        """Serve one connection, from its setup to its end."""
        call = Call(self, connection, next(self._numbers))
        self.calls.add(call)
        try:
            await call.run()
        except ConnectionClosed as closed:
            if closed.sent and closed.sent.code == 1009:
                self.fault(call.number, "a message above 64 KB; closed")
        except Refusal as refusal:
            self.fault(call.number, f"{refusal}; closed")
        finally:
            self.calls.discard(call)
            call.end()

    def fault(self, number: int, text: str) -> None:
        """Log what a client did wrong."""
        self.counts["faults"] += 1
        log.warning("connection %d: %s", number, text)

    async def threads(self, work: Callable[..., T], *given: object) -> T:
        """Run a piece of recognition in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    def keep(self, name: str, audio: bytes) -> None:
        """Write an utterance as a file; nobody waits for it."""
        self._files.submit(_write, self.folder / f"{name}.wav", audio)


class Call:
    """One connection: the caller's audio, and the question that is open."""

    def __init__(self, server: Server, connection: ServerConnection, number: int) -> None:
        self.number = number
        self._server = server
        self._connection = connection
        self._decode = DECODERS["slin"]
        self._question: Question | None = None
        self._asked = ""
        self._name = ""
        self._pieces: deque[tuple[float, array[int]]] = deque()
        self._held = 0
        self._received = 0
        self._more = asyncio.Event()
        self._less = asyncio.Event()
        self._ids = itertools.count(1)
        self._listener: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Answer requests and listen to questions until the other side is gone."""
        await self._introduction()
        self._listener = asyncio.create_task(self._listen())
        async for message in self._connection:
            if isinstance(message, bytes):
                await self._hear(message)
            else:
                await self._request(await self._read(message))

    def end(self) -> None:
        """Free what the call has."""
        self._open(None)
        if self._listener:
            self._listener.cancel()

    @property
    def lag(self) -> float:
        """Seconds for which the oldest audio that is not yet recognised waits."""
        return time.monotonic() - self._pieces[0][0] if self._held >= CHUNK else 0.0

    # ------------------------------------------------------------------ requests

    async def _introduction(self) -> None:
        """Wait for the request that opens a call. Raises Refusal: it does not come, or not so."""
        try:
            async with asyncio.timeout(INTRODUCTION):
                message = await self._connection.recv()
        except TimeoutError:
            raise Refusal(f"said nothing for {INTRODUCTION:g} s") from None
        if isinstance(message, bytes):
            raise Refusal("audio before the setup")
        request = await self._read(message)
        try:
            if request.get("request") != "setup":
                raise Refusal(f"{str(request.get('request'))[:40]!r} before the setup")
            codec = self._codec(request)
        except Refusal as refusal:
            await self._respond(request, error_msg=str(refusal))
            raise
        self._decode = DECODERS[codec]
        await self._respond(request, codecs=[{"name": codec}])
        log.debug("connection %d: setup, %s", self.number, codec)

    def _codec(self, request: Mapping[str, Any]) -> str:
        """Return the first offered codec that we know. Raises Refusal: there is none."""
        offered = request.get("codecs")
        names = [
            str(each.get("name"))
            for each in (offered if isinstance(offered, list) else [])
            if isinstance(each, dict)
        ]
        for name in names:
            if name in DECODERS:
                return name
        raise Refusal(f"codecs {names!r:.80}; send one of {', '.join(DECODERS)}, 8 kHz")

    async def _read(self, message: str) -> dict[str, Any]:
        """Return a message as JSON. Raises Refusal, which the other side is told: it is none."""
        try:
            read = json.loads(message)
        except ValueError:
            read = None
        if isinstance(read, dict):
            return read
        await self._respond({}, error_msg="not a JSON object")
        raise Refusal(f"a text that is no JSON object ({len(message)} characters)")

    async def _request(self, request: Mapping[str, Any]) -> None:
        """Do what is asked for; what cannot be done is told, and the call goes on."""
        if "request" not in request:
            return  # the response to a result of ours
        params = request.get("params")
        try:
            if request["request"] == "set":
                if isinstance(params, dict) and "grammar" in params:
                    await self._ask(str(params["grammar"]))
                elif isinstance(params, dict) and "dtmf" in params:
                    self._open(None)  # the caller pressed a key: the question is answered
                await self._respond(request)
            elif request["request"] == "get":
                names = params if isinstance(params, list) else []
                told = {str(name): self._known(name) for name in names[:1]}
                await self._respond(request, params=told)
            else:
                raise Refusal(f"no request {str(request['request'])[:40]!r}")
        except Refusal as refusal:
            self._server.fault(self.number, str(refusal))
            await self._respond(request, error_msg=str(refusal))

    def _known(self, name: object) -> str | list[object]:
        """Return what is asked for: `speaking` tells whether an answer has begun, 1 or 0."""
        if name != "speaking":
            return []
        return "1" if self._question is not None and self._question.speaking else "0"

    async def _respond(self, request: Mapping[str, Any], **more: Any) -> None:
        answer = {"response": request.get("request", "set"), "id": request.get("id", ""), **more}
        await self._connection.send(json.dumps(answer, ensure_ascii=False))

    # ------------------------------------------------------------------ questions

    async def _ask(self, text: str) -> None:
        """Open a question; "" closes the one that is open. Raises Refusal: no such grammar."""
        self._open(None)
        if not text:
            return
        server = self._server
        try:
            question = asked(text)
            self._name = question.keep if NAME.fullmatch(question.keep) else ""
            opened = await server.threads(
                Question, server.models, server.vocabulary, question, server.rules
            )
        except ValueError as error:
            raise Refusal(str(error)) from None
        self._asked = text
        self._open(opened)

    def _open(self, question: Question | None) -> None:
        self._question = question
        self._pieces.clear()
        self._held = self._received = 0
        self._less.set()

    async def _hear(self, message: bytes) -> None:
        """Take a piece of audio. A client that sends faster than it speaks has to wait."""
        if self._question is None:
            return
        samples = self._decode(message)
        self._pieces.append((time.monotonic(), samples))
        self._held += len(samples)
        self._received += len(samples)
        if self._held >= CHUNK:
            self._more.set()
        while self._held > HELD and self._question is not None:
            self._less.clear()
            try:
                async with asyncio.timeout(HELD / RATE - self.lag):
                    await self._less.wait()
            except TimeoutError:
                await self._tell(self._question, Result("broken"))

    async def _listen(self) -> None:
        """Recognise the audio that waits, a chunk at a time, as long as the call lasts."""
        while True:
            await self._more.wait()
            question = self._question
            if question is None or self._held < CHUNK:
                self._more.clear()
                continue
            try:
                result = await self._server.threads(question.hear, self._chunk())
            except Exception:
                log.exception("connection %d: the recogniser broke", self.number)
                result = Result("broken")
            self._less.set()
            if result and question is self._question:
                with suppress(ConnectionClosed):
                    await self._tell(question, result)

    def _chunk(self) -> array[int]:
        """Take the samples of one chunk from those that wait."""
        chunk = array("h")
        while len(chunk) < CHUNK:
            at, samples = self._pieces.popleft()
            lacking = CHUNK - len(chunk)
            chunk.extend(samples[:lacking])
            if len(samples) > lacking:
                self._pieces.appendleft((at, samples[lacking:]))
        self._held -= CHUNK
        return chunk

    async def _tell(self, question: Question, result: Result) -> None:
        """Send a result; after the last one of a question nothing more is heard."""
        spoken = result.kind != "broken"
        late = max(0, round(1000 * (self._received / RATE - result.end))) if spoken else 0
        told = f"{result.kind}.{result.language}.{late}"
        score = round(100 * result.confidence)
        self._server.counts[result.kind] += 1
        log.info(
            "connection %d: %s: %s, score %d, %d characters",
            self.number, self._asked, told, score, len(result.text),
        )  # fmt: skip
        log.debug("connection %d: %r", self.number, result.text)
        if result.kind != "began":
            if self._name and result.audio:
                self._server.keep(self._name, result.audio.tobytes())
            self._open(None)
        results = [{"text": result.text, "score": score, "grammar": told, "best": 0}]
        request = {"request": "set", "id": f"r{next(self._ids)}", "params": {"results": results}}
        await self._connection.send(json.dumps(request, ensure_ascii=False))


def _protocol(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Choose the protocol; one that offers others only is refused."""
    if offered and PROTOCOL not in offered:
        raise NegotiationError(f"this is {PROTOCOL}")
    return PROTOCOL if offered else None


def _write(file: Path, audio: bytes) -> None:
    """Write samples as a WAV file."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(file), "wb") as target:
            target.setnchannels(1)
            target.setsampwidth(2)
            target.setframerate(RATE)
            target.writeframes(audio)
    except OSError as error:
        log.warning("%s: an utterance is not kept (%s)", file, error.strerror)


def _library_log() -> logging.Logger:
    """Return the library's log: a line for each client that is none, no tracebacks."""

    def one_line(record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True

    library = logging.getLogger("press2.speech.socket")
    library.addFilter(one_line)
    library.setLevel(logging.WARNING)
    return library
