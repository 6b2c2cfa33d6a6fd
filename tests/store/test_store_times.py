"""Whatever zone a time is written in, the same instant comes back in UTC.

Python calls a time that the clocks repeat or leave out unequal to any in another zone: so instants
are compared in UTC.
"""

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import literal, select
from sqlalchemy.exc import StatementError

from ivr.store.database import Store
from ivr.store.models import AccountMiss, UtcDateTime

ZONES = st.one_of(
    st.sampled_from([ZoneInfo("Europe/Kyiv"), ZoneInfo("Asia/Ho_Chi_Minh"), UTC]),
    st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=ZONES)


def miss(store: Store, at: datetime) -> int:
    with store.session() as session:
        key = f"call/{uuid4()}"
        row = AccountMiss(company="odesa", number="+380500000100", at=at, key=key)
        session.add(row)
        session.flush()
        return row.id


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TIMES)
def test_the_same_instant_comes_back_in_utc(store: Store, at: datetime) -> None:
    number = miss(store, at)
    with store.session(read_only=True) as session:
        found = session.scalars(select(AccountMiss.at).where(AccountMiss.id == number)).one()
    assert found == at.astimezone(UTC)
    assert found.tzinfo is UTC


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TIMES, TIMES)
def test_the_store_compares_instants_not_clock_faces(
    store: Store, one: datetime, other: datetime
) -> None:
    number = miss(store, one)
    earlier = select(AccountMiss).where(AccountMiss.id == number, AccountMiss.at < other)
    with store.session(read_only=True) as session:
        found = session.scalars(earlier).all()
    assert bool(found) == (one.astimezone(UTC) < other.astimezone(UTC))


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="has no time zone"):
        miss(store, datetime(2026, 10, 31, 12, 0))


def test_no_time_is_no_time(store: Store) -> None:
    with store.session(read_only=True) as session:
        assert session.scalar(select(literal(None, UtcDateTime()))) is None
