"""Messages (twilio.com/docs/messaging/api/message-resource)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .rest_error import RestError

if TYPE_CHECKING:
    from .emulator import Emulator


@dataclass
class Message:
    """One message. status: queued, sent, delivered, undelivered, failed. error: code or 0."""

    sid: str
    to: str
    from_: str
    body: str
    callback: str
    status: str = "queued"
    error: int = 0
    created: float = field(default_factory=time.time)


class Messages:
    """What was sent. on_message: what becomes of one: "delivered", ("undelivered", 30003), ...

    It may also raise RestError; None leaves the message queued.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.sent: list[Message] = []
        self.on_message: Callable[[Message], str | tuple[str, int] | None] | None = None

    def __iter__(self) -> object:
        return iter(list(self.sent))

    def __len__(self) -> int:
        return len(self.sent)

    def __getitem__(self, place: int) -> Message:
        return self.sent[place]

    def create(self, to: str, from_: str, body: str, callback: str) -> Message:
        """Take a message; it is on its way."""
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", to):
            raise RestError(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if not from_:
            raise RestError(400, 21603, "A 'From' phone number is required")
        if not body:
            raise RestError(400, 21602, "Message body is required")
        if len(body) > 1600:
            raise RestError(400, 21617, "The concatenated message body exceeds 1600 characters")
        message = Message(self._emulator.new_sid("SM"), to, from_, body, callback)
        outcome = self.on_message(message) if self.on_message else "delivered"
        self.sent.append(message)
        self._emulator.note(None)
        if outcome is not None:
            status, code = outcome if isinstance(outcome, tuple) else (outcome, 0)
            self._emulator.background(self._travel(message, status, code))
        return message

    async def _travel(self, message: Message, status: str, code: int) -> None:
        for step in ("sent", status) if status != "failed" else (status,):
            message.status, message.error = step, code if step == status else 0
            self._emulator.note(None)
            if message.callback:
                await self._tell(message)

    async def _tell(self, message: Message) -> None:
        told = {
            "AccountSid": self._emulator.account_sid,
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "MessageStatus": message.status,
            "SmsStatus": message.status,
            "To": message.to,
            "From": message.from_,
            "ApiVersion": "2010-04-01",
        }
        if message.error:
            told["ErrorCode"] = str(message.error)
        await self._emulator.network.send(
            message.callback, told, what="message", call_sid=message.sid
        )

    def become(self, message: Message, status: str, error: int = 0) -> None:
        """Change what became of a message later."""
        self._emulator.do(lambda: self._emulator.background(self._travel(message, status, error)))
