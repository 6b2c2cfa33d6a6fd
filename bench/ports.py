"""Ports that nobody uses now."""

from __future__ import annotations

import socket


def free_ports(number: int) -> list[int]:
    """Return ports that neither UDP nor TCP uses now, below those the kernel gives to clients."""
    ports: list[int] = []
    for port in range(23000, 26000):
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == number:
            return ports
    raise SystemExit("no free ports")
