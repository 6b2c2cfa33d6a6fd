"""The way of a webhook: signed, sent, sent again, and spoiled where a test orders it.

Pages: twilio.com/docs/usage/webhooks/webhooks-connection-overrides (timeouts, retries),
/docs/usage/security (signature), /docs/voice/twiml#how-twilio-talks-to-your-application.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urldefrag, urlsplit

import aiohttp
from yarl import URL

from .signing import Params, form, raw, sign


@dataclass(eq=False)
class Webhook:
    """One request to the program under test and what came of it.

    what: "twiml" when its answer is a document, else what is told ("status", "action", ...).
    status: of the answer, 0 for none. code: Twilio's error, 0 for none. copy: one that a test
    ordered besides the first, whose answer nobody reads. token: equal for all attempts of one.
    seconds: it took.
    """

    url: str
    method: str
    params: Params
    what: str
    call_sid: str = ""
    status: int = 0
    content_type: str = ""
    body: bytes = b""
    code: int = 0
    words: str = ""
    copy: bool = False
    token: str = ""
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    @property
    def path(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def __getitem__(self, name: str) -> str:
        """Return one parameter as text."""
        return self.params[name].decode(errors="replace")

    def get(self, name: str, default: str = "") -> str:
        return self[name] if name in self.params else default

    @property
    def good(self) -> bool:
        return not self.code


@dataclass
class Fault:
    """Something a test ordered. left: how many requests it still meets."""

    kind: str
    part: str
    left: int
    amount: float = 0
    together: bool = False


class Network:
    """Sends webhooks. Tests order faults for requests whose path contains `part` ("" is all)."""

    def __init__(
        self,
        token: str,
        resolve: Mapping[str, str],
        note: object,
        *,
        timeout: float = 15.0,
        policy: str = "ct",
    ) -> None:
        self.token, self.resolve = token, dict(resolve)
        self.timeout, self.policy = timeout, policy
        self.requests: list[Webhook] = []
        self.note = note
        self._faults: list[Fault] = []
        self._held: list[tuple[Fault, Webhook]] = []
        self._background: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    # ------------------------------------------------------------------ what tests order

    def repeat(
        self, part: str, times: int = 1, *, requests: int = 1, together: bool = False
    ) -> None:
        """Deliver each of the next `requests` ones `times` times more, after it or with it."""
        self._faults.append(Fault("repeat", part, requests, times, together))

    def lose(self, part: str, times: int = 1) -> None:
        """Let the next `times` attempts never arrive."""
        self._faults.append(Fault("lose", part, times))

    def lose_answer(self, part: str, times: int = 1) -> None:
        """Let the next `times` attempts arrive and their answers be lost."""
        self._faults.append(Fault("lose_answer", part, times))

    def delay(self, part: str, seconds: float, times: int = 1) -> None:
        """Let the next `times` attempts arrive so much later. seconds: real ones."""
        self._faults.append(Fault("delay", part, times, seconds))

    def reorder(self, part: str, times: int = 1) -> None:
        """Let each of the next `times` ones arrive after the call's next request.

        One whose answer is the call's next document arrives in time, and once more afterwards.
        """
        self._faults.append(Fault("reorder", part, times))

    def clear(self) -> None:
        """Order nothing more."""
        self._faults.clear()

    def _ordered(self, kind: str, path: str) -> Fault | None:
        for fault in self._faults:
            if fault.kind == kind and fault.left > 0 and fault.part in path:
                fault.left -= 1
                return fault
        return None

    # ------------------------------------------------------------------ sending

    async def send(
        self,
        url: str,
        params: Mapping[str, str | bytes],
        *,
        method: str = "POST",
        what: str = "twiml",
        call_sid: str = "",
    ) -> Webhook:
        """Send one webhook, with its retries; the last attempt. Its `code` tells of a failure."""
        address, fragment = urldefrag(url)
        overrides = dict(parse_qsl(fragment))
        tries = 1 + int(overrides.get("rc", 1))
        policy = overrides.get("rp", self.policy).split(",")
        token = secrets.token_hex(16)
        hook = Webhook(address, method, raw(params), what, call_sid, token=token)
        late = self._ordered("reorder", hook.path)
        if late and what != "twiml":
            self._held.append((late, hook))
            return hook
        again = self._ordered("repeat", hook.path)
        if again and again.together:
            self._copies(hook, int(again.amount))
        while True:
            await self._attempt(hook)
            tries -= 1
            if hook.good or not tries or not _retried(hook, policy):
                break
            hook = Webhook(address, method, hook.params, what, call_sid, token=token)
        if again and not again.together:
            self._copies(hook, int(again.amount))
        self._release(call_sid)
        if late:
            self._held.append((late, hook))
        return hook

    def _copies(self, hook: Webhook, times: int) -> None:
        for _ in range(times):
            copy = Webhook(
                hook.url,
                hook.method,
                hook.params,
                hook.what,
                hook.call_sid,
                copy=True,
                token=hook.token,
            )
            task = asyncio.get_running_loop().create_task(self._attempt(copy))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    def _release(self, call_sid: str) -> None:
        for item in [item for item in self._held if item[1].call_sid == call_sid]:
            self._held.remove(item)
            self._copies(item[1], 1)

    def release(self) -> None:
        """Send what `reorder` still holds back."""
        for item in self._held:
            self._copies(item[1], 1)
        self._held.clear()

    async def _attempt(self, hook: Webhook) -> None:
        self.requests.append(hook)
        self.note(hook)
        if not hook.copy:
            if delay := self._ordered("delay", hook.path):
                await asyncio.sleep(delay.amount)
            if self._ordered("lose", hook.path):
                hook.code, hook.words = 11205, "lost on the way, as ordered"
                return
        lost = not hook.copy and self._ordered("lose_answer", hook.path)
        try:
            async with asyncio.timeout(self.timeout):
                await self._exchange(hook)
        except asyncio.CancelledError:
            hook.words = "given up: the call went elsewhere"
            raise
        except TimeoutError:
            hook.code, hook.words = 11200, f"no answer in {self.timeout} s"
        except (aiohttp.ClientError, OSError) as error:
            hook.code, hook.words = 11205, repr(error)
        if lost:
            hook.code, hook.words = 11205, "the answer was lost, as ordered"
        hook.seconds = time.monotonic() - hook.began
        self.note(hook)

    async def _exchange(self, hook: Webhook) -> None:
        posted = hook.method == "POST"
        url = hook.url
        if not posted and hook.params:
            url += ("&" if "?" in url else "?") + form(hook.params).decode()
        headers = {
            "X-Twilio-Signature": sign(self.token, url, hook.params if posted else {}),
            "I-Twilio-Idempotency-Token": hook.token,
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
        }
        if posted:
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        data = form(hook.params) if posted else None
        async with self.ask(hook.method, url, headers, data) as answer:
            hook.body = await answer.read()
            hook.status, hook.content_type = answer.status, answer.content_type
        if hook.status >= 400:
            hook.code, hook.words = 11200, f"status {hook.status}: {hook.body[:200]!r}"

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes | None = None
    ) -> aiohttp.client._RequestContextManager:
        """Make one request to a public address, through the proxy that stands for it."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=10)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(None, sock_connect=5)
            )
        local, more = self.local(url)
        return self._session.request(
            method, URL(local, encoded=True), headers={**headers, **more}, data=data
        )

    def local(self, url: str) -> tuple[str, dict[str, str]]:
        """Return where a public address really is, and what its proxy adds to a request."""
        for public, place in self.resolve.items():
            if url == public or url.startswith((public + "/", public + "?")):
                parts = urlsplit(public)
                more = {
                    "Host": parts.netloc,
                    "X-Forwarded-Proto": parts.scheme,
                    "X-Forwarded-Host": parts.netloc,
                    "X-Forwarded-For": "192.0.2.1",
                }
                return place + url[len(public) :], more
        return url, {}

    async def close(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._session is not None:
            await self._session.close()


def _retried(hook: Webhook, policy: Iterable[str]) -> bool:
    kind = "ct" if hook.code == 11205 else "rt" if not hook.status else f"{hook.status // 100}xx"
    return "all" in policy or kind in policy
