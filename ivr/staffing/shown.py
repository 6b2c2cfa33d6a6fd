"""Forecasts, operators and what-ifs as tables for people, as CSV and JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ivr.figures import aligned
from ivr.staffing.backtest import Score
from ivr.staffing.need import Inputs, Line, hours
from ivr.staffing.plan import Known, Planned
from ivr.staffing.whatif import ALL, SHARES, Answer, Figure

NAMES = {
    "offered": "callers", "answered": "answered", "level": "service level", "lost": "lost",
    "p50": "wait p50, s", "p90": "wait p90, s", "busy": "occupancy",
}  # fmt: skip
NOTES = {
    "off_level": "the day lived again has a service level {value:+.1%} from the true one: trust "
    "differences, not levels",
    "off_lost": "the day lived again has a share of lost callers {value:+.1%} from the true one: "
    "trust differences, not shares",
    "off_busy": "the day lived again has an occupancy {value:+.1%} from the true one: "
    "trust differences, not shares",
    "patience": "patience is not measured yet: {value:.0f} s of the profile",
    "no_pauses": "operators who come make no pauses; count with shrinkage beside",
    "emptied": "at one time only {value:.0f} of those who go were there, and nobody was left",
    "clock": "the company counts from the answer of the call; here waits begin at the queue",
    "one_run": "one run: no confidence interval",
}


@dataclass(frozen=True)
class SlotRow:
    """A half hour of a forecast, as CSV and JSON."""

    day: str
    begins: str
    clock: str
    calls: float
    least: float
    most: float


@dataclass(frozen=True)
class NeedRow:
    """A half hour with its operators, as CSV and JSON."""

    day: str
    begins: str
    clock: str
    calls: float
    erlang_c: int
    erlang_a: int
    operators: int
    paid: int
    level: float | None
    lost: float | None
    busy: float | None


@dataclass(frozen=True)
class FigureRow:
    """A figure of a what-if, as CSV and JSON; `_half`: half of the 95 % interval."""

    queue: str
    figure: str
    log: float | None
    replayed: float | None
    replayed_half: float | None
    changed: float | None
    changed_half: float | None
    difference: float | None
    difference_half: float | None


def slot_rows(days: Sequence[Planned]) -> list[SlotRow]:
    """Return the half hours of forecasts."""
    return [
        SlotRow(
            str(each.forecast.day), slot.begins.isoformat(), slot.clock,
            round(slot.calls, 2), round(slot.least, 2), round(slot.most, 2),
        )
        for each in days
        for slot in each.forecast.slots
    ]  # fmt: skip


def need_rows(days: Sequence[Planned]) -> list[NeedRow]:
    """Return the half hours with their operators."""
    return [
        NeedRow(
            str(each.forecast.day), line.begins.isoformat(), line.clock, round(line.calls, 2),
            line.erlang_c, line.erlang_a, line.operators, line.paid,
            _rounded(line.level), _rounded(line.lost), _rounded(line.busy),
        )
        for each in days
        for line in each.lines
    ]  # fmt: skip


def figure_rows(answer: Answer) -> list[FigureRow]:
    """Return the figures of a what-if."""
    return [
        FigureRow(
            each.queue or "all", each.name, _rounded(each.true), *_pair(each.was),
            *_pair(each.changed), *_pair(each.difference),
        )
        for each in answer.figures
    ]  # fmt: skip


def basis(planned: Planned) -> Iterator[str]:
    """What a forecast stands on, line by line."""
    made, trend = planned.forecast, planned.forecast.trend
    days = ", ".join(f"{each.day} ({each.calls}, x{each.factor:.3f})" for each in made.used)
    yield f"{made.day}: {made.kind} day, {made.calls:.0f} calls"
    yield f"  stands on {len(made.used)} of {made.wanted} days: {days}"
    if made.borrowed:
        yield f"  WARNING: no day of type {made.kind} yet; days of type {made.borrowed} instead"
    elif made.few:
        yield f"  WARNING: only {len(made.used)} days of type {made.kind}: little to stand on"
    if made.dead:
        yield f"  {made.dead} days without a single call were left out"
    told = {
        "year": f"{trend.yearly - 1:+.1%} a year, from {trend.points} days and the same a year ago",
        "weeks": f"{trend.weekly - 1:+.2%} a week, from {trend.points} weeks",
        "none": "none that is clear",
    }
    yield f"  trend: {told[trend.kind]}"


def stated(known: Known, given: Inputs) -> Iterator[str]:
    """The inputs of the formulas, line by line, and where they come from."""
    talks, patience, target = known.handling, known.patience, given.target
    where = f"measured: {talks.talk:.0f} + {talks.wrap:.0f} s, {talks.talks} talks"
    if given.handle != talks.seconds:
        where = "as wished"
    elif not talks.talks:
        where = "of the profile, too few talks"
    yield f"handling {given.handle:.0f} s ({where})"
    where = f"measured: {patience.lost} of {patience.callers} callers hung up"
    if given.patience != patience.mean:
        where = "as wished"
    elif not patience.measured:
        where = f"of the profile, only {patience.lost} hung up"
    yield f"patience {given.patience:.0f} s ({where})"
    yield (
        f"target {target.level:.1%} within {target.within:g} s (of {target.denominator}),"
        f" at most {target.lost:.1%} lost; shrinkage {given.shrinkage:.0%}, least {given.least}"
    )


def forecast_table(planned: Planned) -> str:
    """Return a forecast by half hour."""
    head = ("from", "calls", "least", "most")
    rows = [
        (slot.clock, f"{slot.calls:.1f}", f"{slot.least:.1f}", f"{slot.most:.1f}")
        for slot in planned.forecast.slots
    ]
    return aligned([head, *rows])


def need_table(lines: Sequence[Line]) -> str:
    """Return the operators by half hour."""
    head = ("from", "calls", "C", "A", "operators", "paid", "level", "lost", "busy")
    rows = [
        (
            line.clock, f"{line.calls:.1f}", str(line.erlang_c), str(line.erlang_a),
            str(line.operators), str(line.paid),
            *(_share(each) for each in (line.level, line.lost, line.busy)),
        )
        for line in lines
    ]  # fmt: skip
    return aligned([head, *rows]) + f"\n{hours(lines):.1f} hours at the telephones"


def score_table(scores: Sequence[Score]) -> str:
    """Return the scores of a backtest."""
    head = ("WAPE of", "days", "calls", "half hours", "chance", "whole days", "bias", "week before")
    rows = [
        (
            each.kind, str(each.days), str(each.calls), _share(each.half_hours),
            _share(each.chance), _share(each.whole_days), _share(each.bias), _share(each.last_week),
        )
        for each in scores
    ]  # fmt: skip
    return aligned([head, *rows])


def answer_table(answer: Answer, queues: bool = False) -> str:
    """Return the figures of a what-if. queues: also of each queue."""
    head = ("", "the log", "replayed", "changed", "difference")
    rows = [
        (
            f"{each.queue + ': ' if each.queue else ''}{NAMES[each.name]}",
            _value(each, each.true), _mean(each, each.was), _mean(each, each.changed),
            _mean(each, each.difference, "+"),
        )
        for each in answer.figures
        if queues or each.queue == ALL
        if not (each.queue and each.name == "busy")
    ]  # fmt: skip
    notes = [NOTES[word].format(value=value) for word, value in answer.notes]
    return "\n".join([aligned([head, *rows]), *notes])


def json_of(days: Sequence[Planned], known: Known, given: Inputs) -> dict[str, Any]:
    """Return forecasts with all they stand on."""
    return {
        "queues": list(known.queues),
        "inputs": asdict(given),
        "handling": asdict(known.handling) | {"seconds": known.handling.seconds},
        "patience": asdict(known.patience),
        "days": [_day_json(each) for each in days],
    }


def _day_json(planned: Planned) -> dict[str, Any]:
    made = planned.forecast
    return {
        "day": str(made.day),
        "kind": made.kind,
        "calls": round(made.calls, 1),
        "few": made.few,
        "borrowed": made.borrowed,
        "dead": made.dead,
        "wanted": made.wanted,
        "used": [asdict(each) | {"day": str(each.day)} for each in made.used],
        "trend": asdict(made.trend) | {"yearly": made.trend.yearly},
        "hours": round(hours(planned.lines), 1),
        "slots": [
            asdict(row) | {"least": slot.least, "most": slot.most}
            for row, slot in zip(need_rows([planned]), made.slots, strict=True)
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _pair(value: tuple[float, float] | None) -> tuple[float | None, float | None]:
    return (None, None) if value is None else (_rounded(value[0]), _rounded(value[1]))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _value(figure: Figure, value: float | None, sign: str = "") -> str:
    if value is None:
        return "-"
    if figure.name in SHARES:
        return f"{100 * value:{sign}.1f} %"
    return f"{value:{sign}.1f}" if figure.name in ("p50", "p90") else f"{value:{sign}.0f}"


def _mean(figure: Figure, value: tuple[float, float] | None, sign: str = "") -> str:
    if value is None:
        return "-"
    mean, half = value
    wide = _value(figure, half).removesuffix(" %")
    return f"{_value(figure, mean, sign)} ±{wide}"
