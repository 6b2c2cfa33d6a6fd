"""The WSGI server with room for every desk: each open one keeps a thread and a connection."""

from __future__ import annotations

import copy
import gc
import socket
from typing import Any

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import create_server

from agent_desk import api, door
from agent_desk.supervisor import listening, prompts
from agent_desk.supervisor.wallboard import SCREENS

WORKERS = 24
"""Threads beside those of desks, wallboards and floors, for requests that are answered at once."""
CONNECTIONS = 5
"""Connections of one browser: the events, and those it asks and loads with."""
UNHEARD = 6000
"""Milliseconds in which a heartbeat must be acknowledged (TCP_USER_TIMEOUT, tcp(7))."""
PROXY: dict[str, Any] = {
    "trusted_proxy": "127.0.0.1",
    "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
    "clear_untrusted_proxy_headers": True,
}


def serve(app: Flask, host: str, port: int, desks: int, proxied: bool = False) -> None:
    """Serve until the process ends. desks: how many may be open at once.

    proxied: a proxy on this machine does TLS, and tells who really asks (X-Forwarded-For, -Proto).
    """
    more = PROXY if proxied else {}
    # What is loaded by now stays: looking for garbage in it would hold up a caller's turn by 0.1 s.
    gc.collect()
    gc.freeze()
    with listener(host, port) as listening:
        server = create_server(app, sockets=[listening], **settings(desks), **more)
        server.channel_class = _Channel
        server.run()


class _Request(HTTPRequestParser):  # type: ignore[misc]
    """A body that is too long is refused before a byte of it came; the API takes longer ones than
    the desk, and one address takes sounds.
    """

    adj: Any

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the first line and the headers of a request."""
        super().parse_header(header_plus)
        self.adj = copy.copy(self.adj)
        self.adj.max_request_body_size = _largest(self.path) + 1


def _largest(path: str) -> int:
    """Return the bytes that the body of a request may have."""
    if path in prompts.UPLOADS:
        return prompts.LARGEST
    return api.LARGEST if path.startswith(f"{api.PREFIX}/") else door.LARGEST


class _Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = _Request


def listener(host: str, port: int) -> socket.socket:
    """Return a listening socket whose connections notice soon that the other side is gone."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.create_server((host, port), family=family, backlog=1024)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD)
    return found


def settings(desks: int) -> dict[str, Any]:
    """Return the server's settings for a number of desks."""
    return {
        "threads": desks + SCREENS + listening.PAGES + WORKERS,
        "connection_limit": desks * CONNECTIONS + 100,
        "asyncore_use_poll": True,  # select() ends at 1024 files
        "channel_request_lookahead": 1,  # a page that is closed is noticed while it listens
        "max_request_body_size": prompts.LARGEST + 1,
        "ident": "press2",
    }
