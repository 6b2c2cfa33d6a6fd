"""Who is told in the wait how long it will take: less than before, or nothing."""

from dataclasses import replace

import pytest
from matching import RULES, Hall

from ivr.channels.line import Clock
from ivr.store.database import Store


def _busy(hall: Hall) -> None:
    """One operator who talks, so that callers wait."""
    hall.operator()
    hall.caller("pbx1-0.0", number=None)
    hall.answer()


def _told(hall: Hall, call: str) -> None:
    """The flow says the wait and the caller is back in the music."""
    place = hall.queue.place("odesa", "general", hall.now, ticket=call)
    hall.queue.promise(call, place.position * 240.0, hall.now)
    hall.exchange.stand(call)


def test_told_when_somebody_before_him_is_gone(hall: Hall) -> None:
    _busy(hall)
    for call in ("pbx1-1.1", "pbx1-2.2"):
        hall.pass_(1)
        hall.caller(call, number=None)
        _told(hall, call)
    hall.pass_(60)
    assert hall.exchange.told == []
    hall.queue.leave("pbx1-1.1", "abandoned", hall.now)
    hall.pass_(6)
    assert hall.exchange.told == [("pbx1-2.2", "announce")]
    _told(hall, "pbx1-2.2")
    hall.pass_(100)
    assert len(hall.exchange.told) == 1


def test_not_before_the_time_between_two_announcements(hall: Hall) -> None:
    _busy(hall)
    for call in ("pbx1-1.1", "pbx1-2.2"):
        hall.pass_(1)
        hall.caller(call, number=None)
        _told(hall, call)
    hall.queue.leave("pbx1-1.1", "abandoned", hall.now)
    hall.pass_(38)
    assert hall.exchange.told == []
    hall.pass_(12)
    assert len(hall.exchange.told) == 1


def test_never_a_longer_wait(hall: Hall) -> None:
    _busy(hall)
    hall.caller("pbx1-2.2", number=None)
    _told(hall, "pbx1-2.2")
    hall.caller("pbx1-3.3", number=None, priority="raised")
    hall.pass_(120)
    assert "pbx1-2.2" not in [call for call, _ in hall.exchange.told]


def test_who_was_told_nothing_hears_it_again_only_after_a_while(hall: Hall) -> None:
    _busy(hall)
    hall.caller("pbx1-2.2", number=None)
    hall.pass_(51)
    assert hall.exchange.told == [("pbx1-2.2", "announce")]
    hall.pass_(30)
    assert len(hall.exchange.told) == 1
    hall.pass_(30)
    assert len(hall.exchange.told) == 2


def test_nothing_to_tell_while_nobody_serves(hall: Hall) -> None:
    hall.caller("pbx1-2.2", number=None)
    hall.pass_(100)
    assert hall.exchange.told == [("pbx1-2.2", "shut")], "no wait is named"


def test_an_exchange_that_is_away_is_asked_again_later(hall: Hall) -> None:
    _busy(hall)
    hall.caller("pbx1-2.2", number=None)
    hall.exchange.fall("pbx1")
    hall.pass_(60)
    hall.exchange.down.clear()
    hall.pass_(60)
    assert hall.exchange.told == [("pbx1-2.2", "announce")]


@pytest.mark.parametrize("announce", [0.0, 10.0])
def test_the_time_between_is_a_rule_of_the_queue(
    announce: float, demo_store: Store, clock: Clock, hall: Hall
) -> None:
    other = Hall(demo_store, clock, hall.companies, replace(RULES, announce=announce))
    _busy(other)
    other.caller("pbx1-2.2", number=None)
    other.pass_(18)
    assert len(other.exchange.told) == (1 if announce else 0)


def test_many_are_led_out_in_turns(hall: Hall) -> None:
    _busy(hall)
    for number in range(120):
        hall.caller(f"pbx1-2.{number}", number=None)
    hall.pass_(46)
    assert 0 < len(hall.exchange.told) <= 50
    hall.pass_(20)
    assert len({call for call, _ in hall.exchange.told}) == 120
