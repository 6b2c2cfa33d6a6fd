"""The emulator as tests use it: an account at Twilio with numbers, calls, queues and messages."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .call import Call
from .legs import Leg
from .media import Media
from .messages import Messages
from .network import Network, Webhook
from .queues import Queue
from .recordings import Recordings
from .server import application
from .sip_leg import Trunk
from .twiml import Document, TwimlError

Hook = tuple[str, str]


@dataclass
class Number:
    """One number of the account. voice, fallback, status, sms: (url, method)."""

    sid: str
    number: str
    voice: Hook = ("", "POST")
    fallback: Hook = ("", "POST")
    status: Hook = ("", "POST")
    sms: Hook = ("", "POST")
    name: str = ""
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """Something of ours that Twilio does not document. url: of the document or request."""

    code: int
    words: str
    url: str
    call: str

    def __str__(self) -> str:
        return f"{self.code} {self.words} ({self.url}, {self.call})"


class Emulator:
    """A Twilio of one account, on a port of its own; a context manager.

    resolve: public address -> where it really is. speed: of sounds, 1 is real time, 0 at once.
    haste: of timeouts. type_ahead: keys pressed before a <Gather> are kept for it.
    finished_on_key: the undocumented parameters FinishedOnKey and msg are sent.
    lone_finish_key_ends: `#` without a digit before it ends a <Gather>, against its page.
    keys_beat_words: a key that is pressed while he speaks answers a <Gather>, against its page.
    timeout: seconds a webhook may take. policy: what is sent again, as in `#rp=` of an address.
    """

    def __init__(
        self,
        account_sid: str = "AC" + "0123456789abcdef" * 2,
        auth_token: str = "fedcba9876543210" * 2,
        *,
        resolve: Mapping[str, str] | None = None,
        speed: float = 50.0,
        haste: float = 1.0,
        type_ahead: bool = True,
        finished_on_key: bool = True,
        lone_finish_key_ends: bool = False,
        keys_beat_words: bool = False,
        queue_size: int = 1000,
        wait_round: float = 0.05,
        timeout: float = 15.0,
        policy: str = "ct",
        port: int = 0,
    ) -> None:
        self.account_sid, self.auth_token = account_sid, auth_token
        self.speed, self.haste = speed, haste
        self.type_ahead, self.finished_on_key = type_ahead, finished_on_key
        self.lone_finish_key_ends = lone_finish_key_ends
        self.keys_beat_words = keys_beat_words
        self.queue_size, self.wait_round = queue_size, wait_round
        self.calls: list[Call] = []
        self.by_sid: dict[str, Call] = {}
        self.legs: list[Leg] = []
        self.phones: list[Trunk] = []
        self.queues: dict[str, Queue] = {}
        self.numbers: dict[str, Number] = {}
        self.faults: list[Fault] = []
        """What we sent that Twilio does not document."""
        self.failures: list[Webhook] = []
        """Webhooks without a usable answer."""
        self.bugs: list[BaseException] = []
        """Of the emulator itself."""
        self.on_dial: Callable[[Leg], str | None] | None = None
        """Called for each leg that rings: "answered", "busy", "no-answer", "failed" or None."""
        self.media_url = "https://api.twilio.com"
        self.network = Network(auth_token, resolve or {}, self.note, timeout=timeout, policy=policy)
        self.media = Media(self)
        self.recordings = Recordings(self)
        self.messages = Messages(self)
        self.rest_requests: list[tuple[str, str, dict[str, str]]] = []
        """(method, path, form) of each REST request."""
        self.rest_faults: list[list[float]] = []
        self.rest_delay = 0.0
        self._port = port
        self._changed = threading.Condition()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="twilio", daemon=True)
        self.url = ""

    # ------------------------------------------------------------------ life

    def __enter__(self) -> Emulator:
        self._thread.start()
        self._run(self._open()).result(10)
        return self

    def __exit__(self, *error: object) -> None:
        self._run(self._close()).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        self._runner = web.AppRunner(application(self), access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=1024)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def _close(self) -> None:
        for leg in self.legs:
            leg.drop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for phone in self.phones:
            await asyncio.to_thread(phone.thread.join, 5)
        await self.network.close()
        await self._runner.cleanup()
        # What those had begun themselves: the course of a call, its sounds.
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Do something in the emulator's thread; its result."""
        if threading.current_thread() is self._thread:
            return function(*arguments)

        async def call() -> Any:
            return function(*arguments)

        return self._run(call()).result(10)

    def soon(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Do something in the emulator's thread, later."""
        self._loop.call_soon_threadsafe(function, *arguments)

    def background(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Let something run beside."""
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.bug(error)

    def bug(self, error: BaseException) -> None:
        """Keep a fault of the emulator itself, for `check`."""
        self.bugs.append(error)
        self.note(None)

    def note(self, hook: Webhook | None) -> None:
        """Tell those who wait that something changed."""
        if hook is not None and hook.call_sid in self.by_sid:
            requests = self.by_sid[hook.call_sid].requests
            if hook not in requests[-20:]:
                requests.append(hook)
        with self._changed:
            self._changed.notify_all()

    def until(
        self, true: Callable[[], object], seconds: float = 10.0, story: Callable[[], str] = str
    ) -> None:
        """Wait until `true()`; fail with `story()`."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not true():
                left = deadline - time.monotonic()
                assert left > 0, story() or "it never came"
                assert not self.bugs, self.bugs
                self._changed.wait(min(left, 0.5))

    def check(self) -> None:
        """Fail when something was sent that Twilio does not document; for the end of a fixture."""
        assert not self.bugs, self.bugs
        assert not self.faults, "\n".join(map(str, self.faults))

    def fault(self, error: TwimlError, call: Call | None, url: str) -> None:
        """Keep a fault of the program under test."""
        self.faults.append(Fault(error.code, error.words, url, call.sid if call else ""))
        self.note(None)

    # ------------------------------------------------------------------ the account

    def number(
        self, number: str, voice_url: str = "", fallback: str = "", status_callback: str = ""
    ) -> Number:
        """Buy a number and set its addresses."""
        one = Number(
            self.new_sid("PN"),
            number,
            (voice_url, "POST"),
            (fallback, "POST"),
            (status_callback, "POST"),
        )
        self.numbers[number] = one
        return one

    def call(self, from_: str, to: str, **extra: str | bytes) -> Call:
        """Call a number of the account. extra: more parameters, such as ForwardedFrom."""
        return self.do(self._call, from_, to, extra)

    def _call(self, from_: str, to: str, extra: Mapping[str, str | bytes]) -> Call:
        number = self.numbers[to]
        call = Call(self, from_, to, extra=extra)
        call.fallback, call.callback = number.fallback, number.status
        self.calls.append(call)
        self.by_sid[call.sid] = call

        async def begin() -> Document:
            return await call.fetch(number.voice[0], {}, number.voice[1])

        self.background(call.live(begin))
        return call

    def leg(self, to: str, seconds: float = 10.0) -> Leg:
        """Wait for a telephone that rings; the latest. to: number, identity or SIP address."""
        found: list[Leg] = []

        def true() -> bool:
            found[:] = [
                leg
                for leg in self.legs
                if leg.state == "ringing" and (to in (leg.to, leg.to.removeprefix("client:")))
            ]
            return bool(found)

        self.until(true, seconds, lambda: f"{to} never rang; legs: {self.legs}")
        return found[-1]

    def queue(self, name: str) -> Queue:
        """Return a queue by its name, made when it is not there."""
        if name not in self.queues:
            self.queues[name] = Queue(self.new_sid("QU"), name, self.queue_size)
        return self.queues[name]

    @staticmethod
    def new_sid(kind: str) -> str:
        return kind + secrets.token_hex(16)

    # ------------------------------------------------------------------ REST faults, time

    def refuse_rest(self, status: int, code: int, times: int = 1) -> None:
        """Answer the next `times` REST requests with an error."""
        self.rest_faults.append([times, status, code])

    def slow_rest(self, seconds: float) -> None:
        """Let every REST request take so long; 0 ends it."""
        self.rest_delay = seconds

    async def sound(self, seconds: float) -> None:
        """Let a sound pass."""
        await asyncio.sleep(seconds / self.speed if self.speed else 0)

    def real(self, seconds: float) -> float:
        """Return how long a timeout of a document really is."""
        return seconds / self.haste
