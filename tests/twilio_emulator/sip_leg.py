"""A leg that really calls by SIP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .legs import Leg

if TYPE_CHECKING:
    from .call import Call


class SipLeg(Leg):
    """Calls a SIP address."""

    def __init__(self, call: Call, address: str, username: str, password: str) -> None:
        super().__init__(call)
        self.address, self.username, self.password = address, username, password
