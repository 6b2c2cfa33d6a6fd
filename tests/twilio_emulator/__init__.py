"""An emulator of Twilio's Voice and SMS for tests: a real HTTP server. See README.md."""

from .emulator import Emulator
from .signing import sign

__all__ = ["Emulator", "sign"]
