"""Readings go out to the supplier as a CSV file that a spreadsheet shows and never runs."""

import csv
import io
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from ivr.errors import SetupError
from ivr.store.database import Store, memory_store
from ivr.store.models import Account, Company, Meter, Reading, Receipt, Register
from ivr.store.transfer import export_readings

KYIV = ZoneInfo("Europe/Kyiv")
NOON = datetime(2026, 10, 31, 12, 0, tzinfo=KYIV)


def give(store: Store, key: str, stored_at: datetime = NOON, **fields: Any) -> int:
    """Stores a reading of the demo account 100200301 and returns its id."""
    with store.session() as session:
        account = session.scalars(select(Account).where(Account.number == "100200301")).one()
        defaults = {
            "company": "odesa",
            "register": account.meters[0].registers[0],
            "value": "02421",
            "state": "accepted",
            "as_of": date(2026, 11, 1),
            "entered_at": stored_at,
            "channel": "agi",
            "caller_number": "+380671110001",
            "call": "call-1",
        }
        row = Reading(account=account, stored_at=stored_at, key=key, **defaults | fields)
        session.add(row)
        session.flush()
        return row.id


def export(store: Store, **choice: Any) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    number = export_readings(store, "odesa", file, zone=KYIV, **choice)
    rows = list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))
    assert len(rows) == number
    return rows


def test_every_column_is_there(demo: Store) -> None:
    give(
        demo,
        "k",
        stored_at=datetime(2026, 11, 3, 22, 0, 7, tzinfo=UTC),
        entered_at=datetime(2026, 11, 3, 21, 58, 30, tzinfo=UTC),
        state="accepted_flagged",
        flags=["high_use", "replaces"],
        receipt=Receipt(company="odesa", key="k", created_at=NOON),
    )
    assert export(demo) == [
        {
            "account": "100200301",
            "meter": "00812345",
            "register": "single",
            "value": "02421",
            "as_of": "2026-11-01",
            "state": "accepted_flagged",
            "flags": "high_use replaces",
            "entered_at": "2026-11-03T23:58:30+02:00",
            "stored_at": "2026-11-04T00:00:07+02:00",
            "channel": "agi",
            "receipt": "100001",
        }
    ]


def test_what_is_unknown_is_empty(demo: Store) -> None:
    give(demo, "k", as_of=None)
    [row] = export(demo)
    assert (row["as_of"], row["flags"], row["receipt"]) == ("", "", "")


def test_days_are_those_of_the_company(demo: Store) -> None:
    """25 October 2026 has 25 hours in Kyiv: +03:00 at first, then +02:00."""
    times = {
        "last of 24": datetime(2026, 10, 24, 20, 59, 59, tzinfo=UTC),
        "first of 25": datetime(2026, 10, 24, 21, 0, tzinfo=UTC),
        "last of 25": datetime(2026, 10, 25, 21, 59, 59, tzinfo=UTC),
        "first of 26": datetime(2026, 10, 25, 22, 0, tzinfo=UTC),
    }
    for key, at in times.items():
        give(demo, key, stored_at=at, channel=key)
    day = date(2026, 10, 25)
    assert [row["channel"] for row in export(demo, since=day, until=day)] == [
        "first of 25", "last of 25",
    ]  # fmt: skip
    assert len(export(demo, since=day)) == 3
    assert len(export(demo, until=day)) == 3


def test_only_what_may_be_billed_goes_out(demo: Store) -> None:
    for state in ("accepted", "accepted_flagged", "outside_window", "to_review", "incomplete"):
        give(demo, state, state=state)
    assert [row["state"] for row in export(demo)] == [
        "accepted", "accepted_flagged", "outside_window",
    ]  # fmt: skip
    assert [row["state"] for row in export(demo, states=["to_review"])] == ["to_review"]


def test_a_replaced_reading_stays_at_home(demo: Store) -> None:
    first = give(demo, "1", value="02421")
    second = give(demo, "2", value="02422", replaces_id=first)
    give(demo, "3", value="02423", replaces_id=second, state="incomplete")
    assert [row["value"] for row in export(demo)] == ["02422"]


def test_another_companys_readings_stay_at_home(demo: Store) -> None:
    give(demo, "1", company="kazan")
    assert export(demo) == []


def test_a_file_appears_whole(demo: Store, tmp_path: Path) -> None:
    give(demo, "1")
    path = tmp_path / "readings.csv"
    assert export_readings(demo, "odesa", path, zone=KYIV) == 1
    assert path.read_text(encoding="utf-8").splitlines()[0].startswith("account,meter,register,")
    assert list(tmp_path.glob("*.part")) == []


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text("yesterday's")
    store = memory_store()
    store.close()
    with pytest.raises(Exception, match="closed"):
        export_readings(store, "odesa", path, zone=KYIV)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["yesterday's"]


def test_a_file_that_cannot_be_written(demo: Store, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="none/readings.csv cannot be written: No such file"):
        export_readings(demo, "odesa", tmp_path / "none" / "readings.csv", zone=KYIV)


@pytest.mark.parametrize("cell", ["=1+1", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_runs_no_cell(demo: Store, cell: str) -> None:
    give(demo, "1", channel=cell)
    [row] = export(demo)
    assert row["channel"] == f"'{cell}"


KEYS = count()
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(account=CELLS, meter=CELLS, channel=CELLS)
def test_whatever_is_stored_can_be_read_again(
    store: Store, account: str, meter: str, channel: str
) -> None:
    company = f"company-{next(KEYS)}"
    register = Register(name="single", previous="1", previous_on=NOON.date(), per_day=1.0)
    with store.session() as session:
        session.add(Company(id=company, name=company))
        session.flush()
        owner = Account(company=company, number=account, kind="household",
                        settlement="", street="", house="",
                        meters=[Meter(number=meter, digits=5, registers=[register])])  # fmt: skip
        session.add(
            Reading(company=company, account=owner, register=register, value="1", state="accepted",
                    entered_at=NOON, stored_at=NOON, channel=channel, call="c", key=company)
        )  # fmt: skip
    file = io.StringIO(newline="")
    export_readings(store, company, file, zone=KYIV)
    [row] = csv.DictReader(io.StringIO(file.getvalue(), newline=""))
    cells = (row["account"], row["meter"], row["channel"])
    for cell, stored in zip(cells, (account, meter, channel), strict=True):
        assert cell in (stored, f"'{stored}")
        figure = cell[1:].replace(":", "", 1).replace(".", "", 1).isdecimal()
        assert not cell.startswith(
            ("=", "@", "\t", "\r") if figure else ("=", "+", "-", "@", "\t", "\r")
        )
