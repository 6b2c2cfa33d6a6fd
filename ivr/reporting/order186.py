"""`order186`: contacts by category and form, this year against last (Order 186, annex 7, 4.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sqlalchemy import and_, func

from ivr.facts.model import TOPICS
from ivr.reporting.asked import Asked
from ivr.reporting.calls import inbound, sums
from ivr.reporting.groups import Groups
from ivr.reporting.sql import number
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table, share
from ivr.store.facts import CallFact

ELSEWHERE = ("in_person", "internet", "post", "other_form")
"""Forms of contact that the order asks for and that press2 does not take."""


def order186(asked: Asked) -> list[Table]:
    """Contacts by category x form, the asked days against the same days a year before.

    A contact is a call of a customer that is over; its category is its topic. By telephone =
    answered by operators + handled automatically + neither. Change = (this - last) / last. Contacts
    in person, by internet and by post are not taken here: the company fills in their columns.
    """
    this, all_ = _counts(asked)
    before = replace(asked, first=year_before(asked.first), last=year_before(asked.last))
    last, all_last = _counts(before)
    nothing = [0] * 4
    topics = [*TOPICS, *sorted({*this, *last} - set(TOPICS))]
    rows = [(each, *_row(this.get(each, nothing), last.get(each, nothing))) for each in topics]
    columns = (
        Column("category", "text", words="topic_"),
        Column("by_telephone"),
        *(Column(each) for each in ("served", "automatic", "neither")),
        *(Column(each) for each in ELSEWHERE),
        Column("last_by_telephone"),
        Column("last_served"),
        Column("last_automatic"),
        Column("change", "share"),
    )
    notes = (
        Phrase("note_order186", {"first": before.first, "last": before.last}),
        Phrase("note_elsewhere"),
    )
    plot = Plot("bar", "category", ("by_telephone", "last_by_telephone"))
    total = (Phrase("all"), *_row(all_, all_last))
    return [Table("order186", columns, [*rows, total], notes, plot)]


def year_before(day: date) -> date:
    """Return the same day of the year before; of 29 February the 28th."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def _counts(asked: Asked) -> tuple[dict[str, list[int]], list[int]]:
    """Calls, served, automatic, neither; of each topic and of all."""
    counted = (
        func.count(),
        number(CallFact.served),
        number(CallFact.automatic),
        number(and_(~CallFact.automatic, ~CallFact.served)),
    )
    found, total = sums(asked, Groups(asked, ("topic",), CallFact), counted, inbound(asked))
    return {str(label[0]): counts for label, counts in found.items()}, total


def _row(this: list[int], last: list[int]) -> tuple[Cell, ...]:
    change = share(this[0] - last[0], last[0])
    return (*this, *(None for _ in ELSEWHERE), *last[:3], change)
