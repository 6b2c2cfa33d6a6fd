"""Erlang's formulas against every cell of published and computed tables, and in extremes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ivr.staffing.erlang import (
    Target,
    Theory,
    abandonments,
    endless_patience,
    needed,
    needed_a,
    needed_c,
)

HANDLES = (180, 210, 240)
TARGETS = (Target(20, 0.8, 1.0), Target(30, 0.75, 1.0), Target(30, 0.8, 1.0))
# Operators for 80/20 | 75/30 | 80/30 at handling times of 180, 210, 240 s. The table shows rounded
# calls an hour; those that are a share of a day are meant, and counted, without rounding:
# 2,740 calls of a mean day in Odesa, 928 and 1,914 in Tatarstan.
CELLS = """
2740/24     9/8/8     10/9/10   11/10/11
2740*.08    15/14/14  17/16/16  19/18/19
2740*.10    18/17/17  20/19/20  23/22/22
2740*.12    21/20/20  24/23/23  27/26/26
2740*.135   23/22/22  26/25/26  30/29/29
2740*.15    25/24/25  29/28/28  33/32/32
2740*.20    32/31/32  37/36/37  42/41/42
2740*.30    47/45/46  54/53/53  61/60/61
2740*.01    3/3/3     4/3/4     4/4/4
928*.10     7/7/7     8/8/8     9/9/9
928*.12     9/8/8     10/9/9    11/10/11
928*.15     10/10/10  12/11/11  13/12/13
1914*.12    15/15/15  17/17/17  20/19/19
450*1       27/26/27  31/30/31  35/34/35
700*1       40/39/40  47/45/46  53/51/52
1000*1      56/54/55  65/63/64  74/72/73
"""
# operators: answered within 30 s of all offered, lost; mean patience 120 s | 300 s.
IMPATIENT = """
15  66.6 14.6  50.4 12.3
16  74.2 11.2  61.7  9.0
17  80.7  8.4  71.7  6.4
18  86.1  6.1  80.1  4.4
19  90.4  4.3  86.5  2.9
"""
ROUNDED = 0.1
"""Points a cell may be off: one of its last place, for some are cut off and not rounded (80.75 and
71.78 are 80.7 and 71.7 there)."""


def per_hour(text: str) -> float:
    if "/" in text:
        calls, hours = text.split("/")
        return float(calls) / float(hours)
    calls, share = text.split("*")
    return float(calls) * float(share)


@pytest.mark.parametrize("line", CELLS.split("\n")[1:-1])
def test_every_cell_of_the_table_of_erlang_c(line: str) -> None:
    rate, *cells = line.split()
    found = [
        "/".join(str(needed_c(per_hour(rate) / 3600, handle, each)) for each in TARGETS)
        for handle in HANDLES
    ]
    assert found == cells


@pytest.mark.parametrize("line", IMPATIENT.split("\n")[1:-1])
def test_every_cell_of_the_table_of_erlang_a(line: str) -> None:
    size, *cells = (float(cell) for cell in line.split())
    for patience, (within, lost) in zip((120.0, 300.0), (cells[:2], cells[2:]), strict=True):
        found = abandonments(274 / 3600, 210.0, patience, int(size))
        assert 100 * found.within == pytest.approx(within, abs=ROUNDED)
        assert 100 * found.lost == pytest.approx(lost, abs=ROUNDED)


def test_published_figures() -> None:
    assert endless_patience(20 / 300, 300.0, 24).waits == pytest.approx(0.298, abs=0.0005)
    assert needed_c(250 / 3600, 330.0, Target(30, 0.8, 1.0)) == 28
    pair = Target(30.0, 0.75, 0.1)
    assert needed_a(274 / 3600, 210.0, 120.0, pair) == 17
    assert needed_a(274 / 3600, 210.0, 300.0, pair) == 18


def quadrature(rate: float, handle: float, patience: float, size: int, limit: float) -> float:
    """The share answered within a limit by integrating the density of the wait: another way."""
    serve, leave, load = 1 / handle, 1 / patience, rate * handle
    shares = [1.0]
    while len(shares) < 600:
        number = len(shares)
        shares.append(
            shares[-1] * rate / (min(number, size) * serve + max(number - size, 0) * leave)
        )
    whole, total = sum(shares), 0.0
    times = np.linspace(0, limit, 20_001)
    gone, weight = 1 - np.exp(-leave * times), np.full_like(times, size * serve)
    density = np.zeros_like(times)
    for place, share in enumerate(shares[size:]):
        if place:
            weight = weight * (size * serve + place * leave) / (place * leave) * gone
        density += share / whole * weight
    total = float(np.trapezoid(density * np.exp(-(size * serve + leave) * times), times))
    assert load > 0
    return sum(shares[:size]) / whole + total


@pytest.mark.parametrize(
    ("per_hour", "handle", "patience", "size", "limit"),
    [(60, 200, 90, 4, 20), (274, 210, 300, 15, 30), (500, 180, 60, 20, 10), (30, 240, 600, 1, 60)],
)
def test_the_closed_form_of_the_wait_is_its_integral(
    per_hour: float, handle: float, patience: float, size: int, limit: float
) -> None:
    found = abandonments(per_hour / 3600, handle, patience, size, limit)
    wanted = quadrature(per_hour / 3600, handle, patience, size, limit)
    assert found.within == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("size", [7, 60, 800])
def test_with_endless_patience_a_is_c(size: int) -> None:
    rate = 0.93 * size / 200
    one = abandonments(rate, 200.0, 86_400.0, size)
    other = endless_patience(rate, 200.0, size)
    assert one.waits == pytest.approx(other.waits, abs=0.02)
    assert one.within == pytest.approx(other.within, abs=0.02)
    assert one.busy == pytest.approx(other.busy, abs=0.01)


@pytest.mark.parametrize("size", [1, 10, 300, 2000])
@pytest.mark.parametrize("load", [0.2, 0.98, 1.5])
def test_hundreds_of_operators_are_counted_without_loss(size: int, load: float) -> None:
    rate = load * size / 200
    found = abandonments(rate, 200.0, 150.0, size, 30.0, 5.0)
    assert 0 <= found.short <= found.lost <= 1
    assert 0 <= found.within <= 1 - found.lost + 1e-9
    # What comes goes: served and lost are all that came.
    assert found.busy * size / 200 + found.lost * rate == pytest.approx(rate, rel=1e-9)
    if load > 1 and size > 100:  # an overload loses what is too much
        assert found.lost == pytest.approx(1 - 1 / load, abs=0.01)
    better = abandonments(rate, 200.0, 150.0, size + 1, 30.0)
    assert better.lost <= found.lost
    assert better.within >= found.within


def test_the_definitions_of_the_service_level() -> None:
    found = Theory(0.5, 0.2, 0.6, 20.0, short=0.05)
    assert Target(denominator="offered").level_of(found) == pytest.approx(0.6)
    assert Target(denominator="answered").level_of(found) == pytest.approx(0.6 / 0.8)
    assert Target(denominator="without_short").level_of(found) == pytest.approx(0.6 / 0.95)


def test_short_abandons_are_those_of_the_wait_itself() -> None:
    # Nobody serves: all give up, so that many in time.
    alone = abandonments(0.1, 200.0, 100.0, 0, 30.0, 10.0)
    assert (alone.lost, alone.within) == (1.0, 0.0)
    assert alone.short == pytest.approx(1 - math.exp(-0.1))
    # Until the last of them has given up, everybody who is lost is a "short" one.
    every = abandonments(0.1, 200.0, 100.0, 15, 30.0, 1e5)
    assert every.short == pytest.approx(every.lost, abs=1e-9)


def test_nobody_calls() -> None:
    assert endless_patience(0.0, 200.0, 0).within == 1.0
    assert abandonments(0.0, 200.0, 100.0, 0).lost == 0.0
    assert needed_c(0.0, 200.0, Target()) == needed_a(0.0, 200.0, 100.0, Target()) == 0


@pytest.mark.parametrize(
    ("rate", "handle", "patience", "size"),
    [(-1, 200, 100, 5), (math.nan, 200, 100, 5), (1, 0, 100, 5), (1, 200, 0, 5), (1, 200, 1e6, 5),
     (1, 200, 100, -1), (math.inf, 200, 100, 5)],
)  # fmt: skip
def test_nonsense_is_refused(rate: float, handle: float, patience: float, size: int) -> None:
    with pytest.raises(ValueError, match="found"):
        abandonments(rate, handle, patience, size)


def test_a_target_nobody_can_keep_is_refused() -> None:
    with pytest.raises(ValueError, match="100 %"):
        needed(Target(level=0.9), lambda size: Theory(1.0, 0.0, 0.5, 1.0))
