"""How long a caller will wait: what must hold for every estimate."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.agent_queue.model import Place
from ivr.expected_wait import estimate, minutes, occupied

places = st.builds(
    Place,
    position=st.integers(1, 500),
    waiting=st.integers(0, 500),
    serving=st.integers(0, 50),
    free=st.integers(0, 50),
    talks=st.lists(st.floats(1, 3600), max_size=100).map(tuple),
)
typical = st.floats(1, 1000)


def _close(one: float, other: float) -> bool:
    return one <= other * (1 + 1e-9)


@given(places, typical)
def test_further_back_is_never_sooner(place: Place, seconds: float) -> None:
    behind = replace(place, position=place.position + 1)
    assert _close(estimate(place, seconds), estimate(behind, seconds))


@given(places, typical)
def test_more_operators_are_never_slower(place: Place, seconds: float) -> None:
    more = replace(place, serving=place.serving + 1)
    assert _close(estimate(more, seconds), estimate(place, seconds))
    freer = replace(place, free=place.free + 1)
    assert _close(estimate(freer, seconds), estimate(place, seconds))


@given(places, typical)
def test_who_finds_enough_free_operators_does_not_wait(place: Place, seconds: float) -> None:
    assert (estimate(place, seconds) == 0.0) == (place.free >= place.position)


@given(places, typical, st.floats(0, 300))
def test_longer_talks_are_never_faster(place: Place, seconds: float, wrap_up: float) -> None:
    longer = replace(place, talks=tuple(talk + 60 for talk in place.talks))
    assert _close(estimate(place, seconds, wrap_up), estimate(longer, seconds, wrap_up))
    assert _close(estimate(place, seconds), estimate(place, seconds, wrap_up))


@given(places, typical)
def test_the_mean_lies_between_what_was_measured_and_the_typical(
    place: Place, seconds: float
) -> None:
    given_ = [*place.talks, seconds]
    assert _close(min(given_), occupied(place, seconds))
    assert _close(occupied(place, seconds), max(given_))


@pytest.mark.parametrize(
    ("place", "seconds"),
    [
        (Place(1, 0, 4, 1), 0.0),
        (Place(1, 0, 1, 0), 180.0),
        (Place(3, 2, 6, 0), 90.0),
        (Place(3, 2, 6, 1), 60.0),
        (Place(2, 1, 1, 0, (60.0,) * 95), 2 * (60 * 95 + 5 * 180) / 100),
        (Place(2, 1, 0, 0), 360.0),
    ],
)
def test_examples(place: Place, seconds: float) -> None:
    assert estimate(place, 180.0) == pytest.approx(seconds)


def test_one_odd_talk_after_a_quiet_night_moves_little() -> None:
    assert estimate(Place(1, 0, 1, 0, (3600.0,)), 180.0) == 750.0


@pytest.mark.parametrize(("seconds", "told"), [(0, 1), (59, 1), (60, 1), (61, 2), (180.1, 4)])
def test_minutes_are_rounded_up(seconds: float, told: int) -> None:
    assert minutes(seconds) == told
