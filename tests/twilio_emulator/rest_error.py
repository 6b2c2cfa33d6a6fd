"""Errors of the REST interface (twilio.com/docs/usage/twilios-response)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .server import Rest


class RestError(Exception):
    """An answer that refuses. status: of HTTP. code: of Twilio."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def document(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def missing(rest: Rest) -> RestError:
    """Refuse what is not there."""
    return RestError(404, 20404, f"The requested resource {rest.request.path} was not found")
