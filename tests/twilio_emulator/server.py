"""The REST interface: authentication, errors, pages, paths (twilio.com/docs/usage/api)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import account_api, calls_api, queues_api, recordings_api
from .rest_error import RestError, missing

if TYPE_CHECKING:
    from .emulator import Emulator

ROOT = "/2010-04-01/Accounts/{account}"
Answer = Any
Handler = Callable[["Rest"], Awaitable[Answer] | Answer]


class Rest:
    """One REST request. form: its parameters, of the body or the query."""

    def __init__(self, emulator: Emulator, request: web.Request, form: Mapping[str, Any]) -> None:
        self.emulator, self.request, self.form = emulator, request, form
        self.path = request.match_info

    def get(self, name: str, default: str = "") -> str:
        return str(self.form[name]) if name in self.form else default

    def all(self, name: str) -> list[str]:
        return list(self.form.getall(name, []))  # type: ignore[attr-defined]

    @property
    def root(self) -> str:
        return ROOT.format(account=self.emulator.account_sid)

    def page(self, key: str, resources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Return one page of a list, by Page and PageSize (at most 1000, usually 50)."""
        everything = list(resources)
        size = min(int(self.get("PageSize", "50")), 1000)
        number = int(self.get("Page", "0"))
        start = number * size
        part = everything[start : start + size]
        return {
            key: part,
            "page": number,
            "page_size": size,
            "start": start,
            "end": start + max(len(part) - 1, 0),
            "uri": self._page(number),
            "first_page_uri": self._page(0),
            "previous_page_uri": self._page(number - 1) if number else None,
            "next_page_uri": self._page(number + 1) if start + size < len(everything) else None,
        }

    def _page(self, number: int) -> str:
        url = self.request.rel_url
        return str(url.update_query({"Page": str(number), "PageSize": self.get("PageSize", "50")}))


def application(emulator: Emulator) -> web.Application:
    """Make the server of an account."""
    app = web.Application(client_max_size=2**20)
    routes: dict[tuple[str, str], tuple[Handler, int]] = {
        ("POST", "/Calls.json"): (calls_api.create, 201),
        ("GET", "/Calls.json"): (calls_api.listed, 200),
        ("GET", "/Calls/{sid}.json"): (calls_api.fetch, 200),
        ("POST", "/Calls/{sid}.json"): (calls_api.update, 200),
        ("POST", "/Calls/{sid}/Recordings.json"): (recordings_api.record_call, 201),
        ("GET", "/Calls/{sid}/Recordings.json"): (recordings_api.recordings_of, 200),
        ("POST", "/Calls/{sid}/Recordings/{recording}.json"): (
            recordings_api.update_recording,
            200,
        ),
        ("GET", "/Recordings.json"): (recordings_api.recordings, 200),
        ("GET", "/Recordings/{recording}.json"): (recordings_api.recording, 200),
        ("GET", "/Recordings/{recording}.wav"): (recordings_api.sound, 200),
        ("GET", "/Recordings/{recording}"): (recordings_api.sound, 200),
        ("DELETE", "/Recordings/{recording}.json"): (recordings_api.delete_recording, 204),
        ("POST", "/Queues.json"): (queues_api.create_queue, 201),
        ("GET", "/Queues.json"): (queues_api.queues, 200),
        ("GET", "/Queues/{sid}.json"): (queues_api.queue, 200),
        ("POST", "/Queues/{sid}.json"): (queues_api.update_queue, 200),
        ("GET", "/Queues/{sid}/Members.json"): (queues_api.members, 200),
        ("GET", "/Queues/{sid}/Members/{call}.json"): (queues_api.member, 200),
        ("POST", "/Queues/{sid}/Members/{call}.json"): (queues_api.dequeue, 200),
        ("GET", "/IncomingPhoneNumbers.json"): (account_api.numbers, 200),
        ("GET", "/IncomingPhoneNumbers/{sid}.json"): (account_api.number, 200),
        ("POST", "/IncomingPhoneNumbers/{sid}.json"): (account_api.update_number, 200),
        ("POST", "/Messages.json"): (account_api.create_message, 201),
        ("GET", "/Messages.json"): (account_api.messages, 200),
        ("GET", "/Messages/{sid}.json"): (account_api.message, 200),
        ("GET", ".json"): (account_api.account, 200),
    }
    for (method, path), (handler, status) in routes.items():
        app.router.add_route(method, ROOT + path, _guarded(emulator, handler, status))
    app.router.add_route("*", "/{tail:.*}", _guarded(emulator, _nothing, 200))
    return app


def _nothing(rest: Rest) -> Answer:
    raise missing(rest)


def _guarded(
    emulator: Emulator, handler: Handler, status: int
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        form: Any = await request.post() if request.method == "POST" else request.query
        emulator.rest_requests.append((request.method, request.path, dict(form)))
        try:
            if emulator.rest_delay:
                await asyncio.sleep(emulator.rest_delay)
            _refuse(emulator)
            _authenticate(emulator, request)
            answer = handler(Rest(emulator, request, form))
            if isinstance(answer, Awaitable):
                answer = await answer
        except RestError as error:
            return web.json_response(error.document(), status=error.status)
        if isinstance(answer, web.StreamResponse):
            return answer
        return (
            web.json_response(answer, status=status) if status != 204 else web.Response(status=204)
        )

    return handle


def _refuse(emulator: Emulator) -> None:
    for fault in emulator.rest_faults:
        if fault[0] > 0:
            fault[0] -= 1
            raise RestError(int(fault[1]), int(fault[2]), "refused, as ordered")


def _authenticate(emulator: Emulator, request: web.Request) -> None:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    wanted = base64.b64encode(f"{emulator.account_sid}:{emulator.auth_token}".encode()).decode()
    if kind != "Basic" or secret != wanted:
        raise RestError(401, 20003, "Authenticate")
    account = request.match_info.get("account", emulator.account_sid)
    if account.removesuffix(".json") != emulator.account_sid:
        raise RestError(404, 20404, f"The requested resource {request.path} was not found")
