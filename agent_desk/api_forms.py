"""What the OpenAPI description tells of the bodies: those taken are the models of `ivr.intake`."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field, RootModel, create_model

from ivr.intake import KINDS
from ivr.intake.schemas import Given


class Done(BaseModel):
    """What was done. same: it was said again. older: older than what is stored, passed over."""

    kind: str
    entries: int
    added: int
    changed: int
    same: int
    older: int
    closed: int
    reopened: int
    told: str = Field(description="the same for people")


class Fault(BaseModel):
    """What is wrong with one field. pointer: RFC 6901, into what was sent."""

    pointer: str
    field: str
    message: str


class Problem(BaseModel):
    """A refusal (RFC 9457). errors: up to twenty, where fields are wrong."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


class Numbered(BaseModel):
    """Which one."""

    number: str = Field(description="what the company calls it")


class Complete(BaseModel):
    """How a list is meant."""

    complete: bool = Field(False, description="true: open ones that the list lacks are closed")


class Asked(BaseModel):
    """Which rows are wanted."""

    limit: int = Field(1000, ge=1, le=1000)
    after: str = Field("", description="the last number of the page before")


class AskedState(Asked):
    """Which rows are wanted, by state."""

    state: Literal["open", "closed"] | None = None


class Age(BaseModel):
    """How old it is."""

    age: int = Field(description="seconds since the company said so")


@dataclass(frozen=True)
class Forms:
    """What goes in and out of one kind."""

    tag: Tag
    many: type[BaseModel]
    shown: type[BaseModel]
    listed: type[BaseModel]
    asked: type[BaseModel] | None
    complete: type[BaseModel] | None


def _forms(kind: str, model: type[Given]) -> Forms:
    many: Any = RootModel[list[model]]  # type: ignore[valid-type]
    many = type(f"{model.__name__}List", (many,), {"__doc__": f"A list of {kind}."})
    shown = create_model(f"{model.__name__}Shown", __base__=(model, Age))
    listed = create_model(f"{model.__name__}Page", **{kind: (list[shown], ...)})  # type: ignore
    paged = None if kind == "schedules" else Asked
    closing = kind in ("events", "works")
    return Forms(
        Tag(name=kind, description=(model.__doc__ or "").strip()),
        many,
        shown,
        listed,
        AskedState if closing else paged,
        Complete if closing else None,
    )


FORMS = {kind: _forms(kind, model) for kind, model in KINDS.items()}


def _refusal(description: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": description, "content": {"application/problem+json": schema}}


REFUSALS: dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None] = {
    "400": _refusal("not JSON"),
    "401": _refusal("no token, or one that is not known"),
    "403": _refusal("the token has not this right"),
    "404": _refusal("there is no such thing"),
    "413": _refusal("larger than 1 MiB"),
    "415": _refusal("not application/json"),
    "422": _refusal("nothing was stored: fields are wrong"),
    "429": _refusal("too many requests; see Retry-After"),
    "503": _refusal("the store is not to be had; try again"),
}
