"""Who may call without a password: nobody but the softphones' networks and the trunk."""

from __future__ import annotations

import socket

import pytest

pytestmark = pytest.mark.asterisk


def first_answer(asterisk, address, user):
    """Send an INVITE from `address` as `user`; return the status of the first final answer."""
    server = ("127.0.0.1", asterisk.settings.sip_port)
    with socket.socket(type=socket.SOCK_DGRAM) as phone:
        phone.bind((address, 0))
        phone.settimeout(20)
        here = "{}:{}".format(*phone.getsockname())
        lines = [
            f"INVITE sip:100@{server[0]}:{server[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{here}",
            f"From: <sip:{user}@{here}>;tag=1",
            f"To: <sip:100@{server[0]}>",
            f"Call-ID: {here}",
            "CSeq: 1 INVITE",
            f"Contact: <sip:{user}@{here}>",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        phone.sendto("\r\n".join([*lines, "", ""]).encode(), server)
        while (status := int(phone.recv(4096).split()[1])) < 200:
            pass
        return status


@pytest.mark.parametrize("user", ["0671110001", "anonymous", "company", "operators"])
def test_a_stranger_gets_no_call(asterisk, user):
    assert first_answer(asterisk[0], "127.0.0.2", user) in {401, 403}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
def test_the_browser_phone_needs_its_password(asterisk, address):
    assert first_answer(asterisk[0], address, "caller") == 401
