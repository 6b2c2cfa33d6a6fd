"""`service`: how soon callers were answered."""

from __future__ import annotations

from ivr.reporting.asked import Asked
from ivr.reporting.groups import Groups, Label
from ivr.reporting.table import Cell, Column, Phrase, Plot, Table, share
from ivr.reporting.visits import FORMULAS, Pair, Tally, count, level, lost, pairs, transfers
from ivr.store.facts import VisitFact
from ivr.terms import ServiceTerms

BY = ("queue", "half-hour", "hour", "day", "month", "year", "language", "number", "priority")
OUTCOMES = ("offered", "answered", "lost", "short", "called_back", "deflected")
"""The first is the sum of the others."""


def service(asked: Asked) -> list[Table]:
    """Service level by the company's declared formula, and by others side by side.

    Declared: answered by an operator within T s of the start of the clock / denominator, all three
    from the profile (`service_level`). offered = answered + lost + short + called back + deflected;
    short: hung up in the queue before S s; lost: hung up later. Share lost = hung up / offered.
    ASA: mean wait of the answered. A caller whom an operator passes on is offered once; his second
    wait counts as a transfer.
    """
    groups = Groups(asked, asked.by or ("queue",), VisitFact)
    found, total = pairs(count(asked, groups, waits=True))
    passed_on = transfers(asked, groups)
    terms = asked.terms
    columns = (
        *groups.columns,
        *map(Column, OUTCOMES),
        Column("transfers"),
        Column("within"),
        Column("level", "share"),
        Column("lost_share", "share"),
        *(Column(f"level_{name}", "share") for name in FORMULAS),
        *(Column(name, "seconds") for name in ("asa", "median", "ninety", "longest")),
        Column("in_storm"),
        Column("level_calm", "share"),
        Column("lost_share_calm", "share"),
    )
    labels = [*groups.order({*found, *passed_on})]
    rows = [_row(x, found.get(x, Pair()), passed_on.get(x, 0), terms) for x in labels]
    rows.append(_row(groups.total(), total, sum(passed_on.values()), terms))
    x = groups.columns[0].key
    timed = groups.columns[0].kind in ("moment", "day", "month")
    plot = Plot("line" if timed else "bar", x, ("level", "lost_share"), terms.target)
    notes = (declared(terms), *_notes(terms))
    return [Table("service", columns, rows, notes, plot), formulas(total, terms)]


def _row(label: Label, pair: Pair, passed_on: int, terms: ServiceTerms) -> tuple[Cell, ...]:
    tally = pair.all
    return (
        *label,
        *outcomes(tally),
        passed_on,
        level(tally, terms)[0],
        share(*level(tally, terms)),
        share(*lost(tally, terms)),
        *(share(*level(tally, terms, name)) for name in FORMULAS),
        tally.mean(),
        tally.quantile(0.5),
        tally.quantile(0.9),
        tally.longest if tally.answered else None,
        tally.offered - pair.calm.offered,
        share(*level(pair.calm, terms)),
        share(*lost(pair.calm, terms)),
    )


def outcomes(tally: Tally) -> tuple[int, ...]:
    """Return the figures of `OUTCOMES`."""
    return (
        tally.offered, tally.answered, tally.lost, tally.short, tally.called_back, tally.deflected,
    )  # fmt: skip


def formulas(total: Pair, terms: ServiceTerms) -> Table:
    """Return the formulas side by side: what each says, its two numbers and its figure."""
    rows: list[tuple[Cell, ...]] = []
    for name in ("declared", *FORMULAS):
        told = declared(terms) if name == "declared" else formula(name, terms)
        part, whole = level(total.all, terms, name)
        calm = level(total.calm, terms, name)
        rows.append((name, told, part, whole, share(part, whole), *calm, share(*calm)))
    columns = (
        Column("formula", "text", words="formula_name_"),
        Column("definition", "text"),
        Column("numerator"),
        Column("denominator"),
        Column("figure", "share"),
        Column("numerator_calm"),
        Column("denominator_calm"),
        Column("figure_calm", "share"),
    )
    return Table("formulas", columns, rows)


def declared(terms: ServiceTerms) -> Phrase:
    """Return the declared formula in words."""
    return Phrase(
        "formula_declared",
        {
            "within": terms.within,
            "clock": Phrase(f"clock_{terms.clock}"),
            "denominator": Phrase(f"denominator_{terms.denominator}", {"short": terms.short}),
        },
    )


def formula(name: str, terms: ServiceTerms) -> Phrase:
    """Return another formula in words."""
    return Phrase(f"formula_{name}", {"within": terms.within, "short": terms.short})


def lost_formula(terms: ServiceTerms) -> Phrase:
    """Return the formula of the share of lost calls."""
    kind = "without_short" if terms.denominator == "without_short" else "offered"
    return Phrase(f"formula_lost_{kind}", {"short": terms.short})


def _notes(terms: ServiceTerms) -> tuple[Phrase, ...]:
    return (
        lost_formula(terms),
        Phrase("note_offered"),
        Phrase("note_short", {"short": terms.short}),
        Phrase("note_asa"),
        Phrase("note_transfers"),
        Phrase("note_storms"),
    )
