"""The outbox: put once, delivered at least once, tried again ever later, and given up aloud."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from waiting import until

from ivr import outbox
from ivr.channels.line import Clock
from ivr.outbox import Later, Parcel, Permanent, Trouble
from ivr.store.database import Store, memory_store, open_store
from ivr.store.models import OutboxEntry

NOW = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)


@pytest.fixture
def store() -> Iterator[Store]:
    store = memory_store()
    yield store
    store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


class Hands:
    """A handler that does what it is told. parcels: what it was given."""

    def __init__(self, *answers: Any) -> None:
        self.parcels: list[Parcel] = []
        self._answers = list(answers)

    def __call__(self, parcel: Parcel) -> dict[str, Any]:
        self.parcels.append(parcel)
        answer = self._answers.pop(0) if self._answers else {"sid": "SM1"}
        if isinstance(answer, Exception):
            raise answer
        return answer


def put(store: Store, key: str = "call-1/3", **fields: Any) -> None:
    given = {"company": "odesa", "kind": "sms", "payload": {"to": "x"}, "now": NOW}
    with store.session() as db:
        outbox.put(db, key=key, **{**given, **fields})


def rows(store: Store) -> list[OutboxEntry]:
    with store.session(read_only=True) as db:
        return list(db.scalars(select(OutboxEntry).order_by(OutboxEntry.id)))


def only(store: Store) -> OutboxEntry:
    (row,) = rows(store)
    return row


# ---------------------------------------------------------------------- putting


def test_the_same_key_is_put_once(store: Store) -> None:
    put(store, payload={"text": "first"})
    put(store, payload={"text": "second"})
    assert only(store).payload == {"text": "first"}


def test_nothing_is_put_where_what_it_belongs_to_is_not_stored(store: Store) -> None:
    with pytest.raises(RuntimeError), store.session() as db:
        outbox.put(db, company="odesa", kind="sms", key="k", payload={}, now=NOW)
        raise RuntimeError
    assert rows(store) == []


def test_what_is_no_longer_true_is_withdrawn_unless_it_is_under_way(
    store: Store, clock: Clock
) -> None:
    put(store)
    with store.session() as db:
        assert outbox.withdraw(db, "call-1/3")
        assert not outbox.withdraw(db, "call-1/3")
    put(store)
    assert outbox.claim(store, "sms", clock()) is not None
    with store.session() as db:
        assert not outbox.withdraw(db, "call-1/3")


# ---------------------------------------------------------------------- delivering


def test_delivered_once(store: Store, clock: Clock) -> None:
    put(store)
    hands = Hands()
    assert outbox.deliver(store, {"sms": hands}, clock) == 1
    assert outbox.deliver(store, {"sms": hands}, clock) == 0
    row, (parcel,) = only(store), hands.parcels
    assert (row.state, row.tries, row.claim, row.done_at) == ("done", 1, None, NOW)
    assert row.details == {"sid": "SM1"}
    assert (parcel.fresh, parcel.payload, parcel.key) == (True, {"to": "x"}, "call-1/3")


def test_a_batch_is_bounded_for_each_kind(store: Store, clock: Clock) -> None:
    for number in range(5):
        put(store, f"s{number}")
        put(store, f"r{number}", kind="recording")
    sms, recordings = Hands(), Hands()
    handlers = {"sms": sms, "recording": recordings}
    assert outbox.deliver(store, handlers, clock, batch=3) == 6
    assert [parcel.key for parcel in sms.parcels] == ["s0", "s1", "s2"]
    assert outbox.deliver(store, handlers, clock, batch=3) == 4


def test_not_before_its_time(store: Store, clock: Clock) -> None:
    put(store, after=NOW + timedelta(seconds=60))
    hands = Hands()
    assert outbox.deliver(store, {"sms": hands}, clock) == 0
    clock.pass_(60)
    assert outbox.deliver(store, {"sms": hands}, clock) == 1


def test_what_has_no_handler_waits_and_no_try_is_counted(store: Store, clock: Clock) -> None:
    put(store, until=NOW + timedelta(hours=24))
    assert outbox.deliver(store, {"recording": Hands()}, clock) == 0
    assert (only(store).state, only(store).tries) == ("due", 0)
    assert outbox.expire(store, clock()) == 0
    clock.pass_(24 * 3600)
    assert outbox.expire(store, clock()) == 1
    assert (only(store).state, only(store).last_error) == ("dead", "too late")


def test_too_late_is_never_delivered(store: Store, clock: Clock) -> None:
    put(store, until=NOW + timedelta(seconds=30))
    clock.pass_(30)
    assert outbox.deliver(store, {"sms": Hands()}, clock) == 0


@pytest.mark.parametrize(
    ("trouble", "why"), [(Trouble("HTTP 503"), "HTTP 503"), (KeyError("+380671"), "KeyError")]
)
def test_a_failure_is_tried_again_later(
    store: Store, clock: Clock, trouble: Exception, why: str
) -> None:
    put(store)
    hands = Hands(trouble)
    outbox.deliver(store, {"sms": hands}, clock)
    row = only(store)
    assert (row.state, row.last_error, row.claim) == ("due", why, None)
    assert timedelta(seconds=15) <= row.next_at - NOW <= timedelta(seconds=30)
    assert outbox.deliver(store, {"sms": hands}, clock) == 0
    clock.pass_(30)
    outbox.deliver(store, {"sms": hands}, clock)
    assert only(store).state == "done" and only(store).last_error == ""
    assert [parcel.fresh for parcel in hands.parcels] == [True, False]


def test_a_long_error_is_cut(store: Store, clock: Clock) -> None:
    put(store)
    outbox.deliver(store, {"sms": Hands(Trouble("x" * 1000))}, clock)
    assert len(only(store).last_error) == 200


def test_pauses_double_up_to_an_hour_and_differ() -> None:
    for tries in range(1, 60):
        seconds = outbox.pause(tries).total_seconds()
        longest = min(3600, 30 * 2 ** (tries - 1))
        assert longest / 2 <= seconds <= longest
    assert len({outbox.pause(9) for _ in range(20)}) > 1


def test_after_about_a_day_it_is_dead(store: Store, clock: Clock) -> None:
    put(store)
    hands = Hands(*[Trouble("HTTP 503")] * outbox.TRIES)
    while only(store).state == "due":
        clock.now = max(clock(), only(store).next_at)
        outbox.deliver(store, {"sms": hands}, clock)
    assert timedelta(hours=16) < clock() - NOW < timedelta(hours=34)
    assert (only(store).last_error, only(store).tries) == ("HTTP 503", outbox.TRIES)
    assert only(store).done_at == clock()


def test_the_reason_of_what_became_too_late_is_kept(store: Store, clock: Clock) -> None:
    put(store, until=NOW + timedelta(seconds=20))
    outbox.deliver(store, {"sms": Hands(Trouble("HTTP 503"))}, clock)
    clock.pass_(20)
    assert outbox.expire(store, clock()) == 1
    assert only(store).last_error == "too late; HTTP 503"


def test_what_is_in_a_handlers_hands_does_not_expire(store: Store, clock: Clock) -> None:
    put(store, until=NOW + timedelta(seconds=20))
    parcel = outbox.claim(store, "sms", clock())
    clock.pass_(20)
    assert parcel is not None and outbox.expire(store, clock()) == 0
    clock.pass_(outbox.LEASE.total_seconds())
    assert outbox.expire(store, clock()) == 1


def test_refused_for_good_is_dead_at_once(store: Store, clock: Clock) -> None:
    put(store)
    outbox.deliver(store, {"sms": Hands(Permanent("HTTP 400, Twilio error 21211"))}, clock)
    row = only(store)
    assert (row.state, row.tries, row.done_at) == ("dead", 1, NOW)
    assert row.last_error == "HTTP 400, Twilio error 21211"


def test_put_off_costs_no_try_and_leaves_it_fresh(store: Store, clock: Clock) -> None:
    put(store)
    hands = Hands(Later(NOW + timedelta(hours=10)))
    outbox.deliver(store, {"sms": hands}, clock)
    assert (only(store).tries, only(store).next_at) == (0, NOW + timedelta(hours=10))
    clock.pass_(10 * 3600)
    outbox.deliver(store, {"sms": hands}, clock)
    assert [parcel.fresh for parcel in hands.parcels] == [True, True]


def test_put_off_by_us_is_not_late_put_off_by_the_other_side_is(store: Store, clock: Clock) -> None:
    put(store)
    for reason, due in ((Later(NOW + timedelta(hours=1)), 3600), (Trouble("HTTP 503"), 3600)):
        outbox.deliver(store, {"sms": Hands(reason)}, clock)
        clock.now = only(store).next_at
        assert only(store).due_at == NOW + timedelta(seconds=due)
    outbox.deliver(store, {"sms": Hands(Later(NOW + timedelta(days=1), "HTTP 503"))}, clock)
    assert only(store).due_at == NOW + timedelta(hours=1)
    assert (only(store).last_error, only(store).tries) == ("HTTP 503", 1)


def test_one_that_fails_holds_up_no_other(store: Store, clock: Clock) -> None:
    put(store, "bad")
    put(store, "good")
    outbox.deliver(store, {"sms": Hands(Trouble("HTTP 503"))}, clock)
    assert [row.state for row in rows(store)] == ["due", "done"]


# ---------------------------------------------------------------------- workers that die or dawdle


def test_a_claim_runs_out_and_the_next_one_knows(store: Store, clock: Clock) -> None:
    put(store)
    assert outbox.claim(store, "sms", clock()) is not None
    hands = Hands()
    clock.pass_(outbox.LEASE.total_seconds() - 1)
    assert outbox.deliver(store, {"sms": hands}, clock) == 0
    clock.pass_(1)
    assert outbox.deliver(store, {"sms": hands}, clock) == 1
    assert not hands.parcels[0].fresh


def test_who_is_later_than_his_claim_changes_nothing(store: Store, clock: Clock) -> None:
    put(store)

    def slow(parcel: Parcel) -> dict[str, Any]:
        clock.pass_(outbox.LEASE.total_seconds())
        outbox.deliver(store, {"sms": Hands({"sid": "second"})}, clock)
        return {"sid": "first"}

    outbox.deliver(store, {"sms": slow}, clock, batch=1)
    assert only(store).details == {"sid": "second"}


def test_what_kills_every_worker_is_dead_in_the_end(store: Store, clock: Clock) -> None:
    put(store)
    for _ in range(outbox.TRIES):
        assert outbox.claim(store, "sms", clock()) is not None
        clock.pass_(outbox.LEASE.total_seconds())
    hands = Hands()
    outbox.deliver(store, {"sms": hands}, clock)
    assert hands.parcels == []
    assert (only(store).state, only(store).last_error) == ("dead", "no try left")


# ---------------------------------------------------------------------- in threads


@pytest.fixture
def file_store(tmp_path: Any) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path}/press2.db", migrate=True)
    yield store
    store.close()


def test_a_slow_kind_holds_up_no_other_and_all_stop(file_store: Store) -> None:
    put(file_store, "slow")
    put(file_store, "quick", kind="recording")
    put(file_store, "late", kind="fax", until=NOW)
    going, stop = threading.Event(), threading.Event()

    def slow(parcel: Parcel) -> dict[str, Any]:
        going.wait(20)
        return {}

    handlers = {"sms": slow, "recording": Hands()}
    threads = outbox.start(file_store, handlers, lambda: NOW + timedelta(seconds=1), stop)
    assert until(lambda: rows(file_store)[1].state == "done")
    assert until(lambda: rows(file_store)[2].state == "dead")
    assert rows(file_store)[0].state == "due"
    stop.set()
    going.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert rows(file_store)[0].state == "done"


def test_a_store_that_is_away_ends_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    store = memory_store()
    stop = threading.Event()
    with store.session() as db:
        db.execute(OutboxEntry.__table__.delete())
        db.connection().exec_driver_sql("ALTER TABLE outbox RENAME TO elsewhere")
    threads = outbox.start(store, {"sms": Hands()}, lambda: NOW, stop)
    assert until(lambda: "the outbox waits" in caplog.text)
    with store.session() as db:
        db.connection().exec_driver_sql("ALTER TABLE elsewhere RENAME TO outbox")
    put(store)
    assert until(lambda: only(store).state == "done")
    stop.set()
    for thread in threads:
        thread.join(10)
    store.close()


# ---------------------------------------------------------------------- for people


def test_the_survey_tells_what_waits_and_what_died_lately(store: Store, clock: Clock) -> None:
    assert outbox.survey(store, NOW) == outbox.Survey({}, {}, None)
    put(store, "old", now=NOW - timedelta(days=9))
    put(store, "a")
    put(store, "b")
    put(store, "c", kind="recording")
    with store.session() as db:
        old = outbox.of_key(db, "old")
        assert old is not None
        outbox.bury(old, "long ago", NOW - timedelta(days=8))
    outbox.deliver(store, {"sms": Hands(Permanent("first"))}, clock, batch=1)
    clock.pass_(1)
    outbox.deliver(store, {"sms": Hands(Permanent("newest"))}, clock, batch=1)
    found = outbox.survey(store, NOW - timedelta(days=7))
    assert found == outbox.Survey({"recording": 1}, {"sms": 2}, ("sms", "newest"))
    assert [row.key for row in outbox.listed(store)] == ["c", "b", "a", "old"]
    assert [row.key for row in outbox.listed(store, limit=1)] == ["c"]


def test_dead_ones_are_tried_again_if_they_are_not_too_late(store: Store, clock: Clock) -> None:
    put(store, "a")
    put(store, "b", until=NOW + timedelta(hours=1))
    outbox.deliver(store, {"sms": Hands(Permanent("x"), Permanent("x"))}, clock)
    assert outbox.retry(store, NOW, 99) == []
    assert outbox.retry(store, NOW, 2) == [2]
    assert outbox.retry(store, NOW, 2) == []
    hands = Hands(Permanent("x"))
    outbox.deliver(store, {"sms": hands}, clock)
    assert not hands.parcels[0].fresh, "it may have arrived all the same"
    clock.pass_(3600)
    assert outbox.retry(store, clock()) == [1]


def test_what_is_told_of_an_entry_takes_it_from_whoever_delivers_it(
    store: Store, clock: Clock
) -> None:
    put(store)

    def handler(parcel: Parcel) -> dict[str, Any]:
        assert outbox.told(store, parcel.id, "sms", lambda row: outbox.bury(row, "gone", NOW))
        return {}

    outbox.deliver(store, {"sms": handler}, clock)
    assert (only(store).state, only(store).last_error) == ("dead", "gone")
    assert not outbox.told(store, 1, "recording", lambda row: None)
    assert not outbox.told(store, 2, "sms", lambda row: None)
