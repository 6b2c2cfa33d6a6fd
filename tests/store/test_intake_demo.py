"""The demo data of a fresh store tells of an outage that is now."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from ivr.store.database import Store
from ivr.store.supply import Application, OutageEvent, ScheduleHours
from ivr.store.world import load_demo

NOW = datetime(2027, 2, 11, 13, 37, 20, tzinfo=UTC)


def test_the_outage_of_the_demo_is_now(store: Store) -> None:
    assert load_demo(store, now=NOW)
    with store.session(read_only=True) as db:
        event = db.scalars(select(OutageEvent)).one()
        visit = db.scalars(select(Application.visit)).one()
        said = db.scalars(select(ScheduleHours.updated_at)).first()
    assert event.updated_at == datetime(2027, 2, 11, 13, 35, tzinfo=UTC)
    assert event.since == event.updated_at - timedelta(minutes=9)
    assert event.restore_by == datetime(2027, 2, 11, 16, 46, tzinfo=UTC)
    assert (event.number, event.source, event.areas[0].place) == ("E1", "demo", "садова")
    assert visit is not None and (visit.hour, visit > NOW) == (7, True)
    assert said == NOW
    assert not load_demo(store, now=NOW), "once"
