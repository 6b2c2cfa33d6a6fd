"""The queue is away: callers keep place and music, and are led elsewhere when it stays away."""

from matching import Hall


def test_a_short_outage_costs_nobody_anything(hall: Hall) -> None:
    hall.caller()
    hall.queue.away_now = True
    hall.pass_(15)
    hall.queue.away_now = False
    hall.operator()
    assert hall.exchange.told == []
    assert hall.exchange.last.ticket.id == "pbx1-1.1"


def test_a_long_one_leads_callers_elsewhere_oldest_first(hall: Hall) -> None:
    hall.caller("pbx1-9.9", number=None)
    hall.pass_(2)
    hall.caller("pbx1-1.1")
    hall.pass_(6)
    hall.exchange.stand("pbx1-5.5")  # entered when nobody could be asked
    hall.queue.away_now = True
    hall.pass_(30)
    assert hall.exchange.told == [
        ("pbx1-9.9", "unavailable"),
        ("pbx1-1.1", "unavailable"),
        ("pbx1-5.5", "unavailable"),
    ]
    hall.queue.away_now = False
    hall.pass_(1)
    assert hall.ticket("pbx1-9.9").outcome == "deflected"
    hall.operator()
    assert hall.exchange.ringing == []


def test_what_was_reported_meanwhile_is_found_afterwards(hall: Hall) -> None:
    hall.operator()
    hall.caller()
    token = hall.exchange.last.offer.token
    hall.exchange.stand("pbx1-1.1", "operator", token=token)
    hall.queue.away_now = True
    hall.matchmaker.answered(token)
    hall.pass_(5)
    hall.queue.away_now = False
    hall.pass_(1)
    assert hall.ticket("pbx1-1.1").state == "talking"
    assert hall.conversation().token == token


def test_both_away(hall: Hall) -> None:
    hall.caller()
    hall.queue.away_now = True
    hall.exchange.fall("pbx1")
    hall.pass_(30)
    assert hall.exchange.told == []
