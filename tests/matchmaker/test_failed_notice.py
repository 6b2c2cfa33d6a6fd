"""Somebody who is called back in vain gets a message, besides the task for people."""

from matching import Hall

from ivr.store.models import OutboxEntry, Ticket


def test_after_the_last_try_and_not_before(hall: Hall) -> None:
    hall.due_callback()
    hall.operator()
    hall.pass_(6)
    for tries in (1, 2, 3):
        assert hall.rows(OutboxEntry) == []
        token = hall.exchange.last.offer.token
        hall.matchmaker.called_back(token, "no_answer")
        hall.matchmaker.called_back(token, "no_answer")
        if tries < 3:
            hall.pass_(310)
    (entry,) = hall.rows(OutboxEntry)
    local = hall.clock().astimezone(hall.companies["odesa"].zone)
    assert (entry.key, entry.payload["to"]) == ("callback-1/unreached", "+380671110009")
    assert entry.payload["values"]["time"] == f"{local:%H:%M}"
    assert len(hall.rows(Ticket)) == 1


def test_none_for_a_number_that_is_not_called_any_more(hall: Hall) -> None:
    hall.due_callback("+442071838750")
    hall.operator()
    hall.pass_(6)
    assert hall.rows(OutboxEntry) == []
    assert len(hall.rows(Ticket)) == 1
