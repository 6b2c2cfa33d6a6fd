"""The register of accounts comes in from a CSV file: all of it or nothing."""

import csv
import os
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from ivr.errors import ImportFileError
from ivr.store.account_file import COLUMNS
from ivr.store.database import Store, memory_store, open_store
from ivr.store.fields import KINDS, REGISTERS, SETS_OF_REGISTERS
from ivr.store.models import Account, Alias, Contact, Meter, Reading, Receipt, Register
from ivr.store.transfer import Summary, import_accounts

NOW = datetime(2026, 10, 31, 10, 0, tzinfo=UTC)
HEADER = ";".join(COLUMNS)
# account, kind, settlement, street, house, phones, meter, digits, register, previous, on, per_day,
# permitted_kw, schedule_queue, substation, remote, old_accounts
SINGLE = (
    "100;household;Одеса;Шевченка;27;0671110001;812345;5;single;2304;2026-10-01;4,5;10;3.2;TP-1;;"
)
DAY = "200;household;Одеса;Садова;12;;812771;6;day;5210;01.10.2026;6;7.5;;;yes;A12 A13"
NIGHT = "200;household;Одеса;Садова;12;;812771;6;night;2304;01.10.2026;2;7.5;;;yes;A12"
BARE = "300;priority_site;Одеса;Пастера;9;+380487110009;;;;;;;;;;;"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "accounts.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def load(store: Store, path: Path, company: str = "odesa") -> Summary:
    return import_accounts(store, company, path, region="UA", now=NOW)


def an_account(store: Store, number: str = "100") -> Account:
    with store.session(read_only=True) as session:
        return session.scalars(select(Account).where(Account.number == number)).one()


def count(store: Store, column: object) -> int:
    with store.session(read_only=True) as session:
        return session.scalar(select(func.count(column))) or 0  # type: ignore[arg-type]


def test_every_field_arrives(store: Store, tmp_path: Path) -> None:
    summary = load(store, write(tmp_path, SINGLE, NIGHT, DAY, "", BARE))
    assert summary == Summary(lines=4, added=3, updated=0, retired=0)
    found = an_account(store, "200")
    assert (found.kind, found.settlement, found.street, found.house) == (
        "household", "Одеса", "Садова", "12",
    )  # fmt: skip
    assert (found.permitted_kw, found.schedule_queue, found.substation) == (8, None, None)
    [meter] = found.meters
    assert (meter.number, meter.digits, meter.remote, meter.position) == ("812771", 6, True, 0)
    assert [(r.name, r.previous, r.previous_on, r.per_day) for r in meter.registers] == [
        ("day", "005210", date(2026, 10, 1), 6.0),
        ("night", "002304", date(2026, 10, 1), 2.0),
    ]
    with store.session(read_only=True) as session:
        assert sorted(session.scalars(select(Alias.alias))) == ["A12", "A13"]
    assert an_account(store, "300").meters == []
    [contact] = an_account(store).contacts
    assert (contact.number, contact.source, contact.proved) == ("+380671110001", "register", True)
    assert contact.created_at == NOW


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_spreadsheets_write(tmp_path: Path, encoding: str, delimiter: str, end: str) -> None:
    rows = [HEADER.split(";"), SINGLE.split(";")]
    with (tmp_path / "accounts.csv").open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator=end).writerows(rows)
    store = memory_store()
    load(store, tmp_path / "accounts.csv")
    assert an_account(store).meters[0].registers[0].per_day == 4.5


def test_columns_stand_in_any_order(tmp_path: Path) -> None:
    cells = dict(zip(COLUMNS, SINGLE.split(";"), strict=True))
    with (tmp_path / "accounts.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, sorted(COLUMNS))
        writer.writeheader()
        writer.writerow(cells)
    store = memory_store()
    load(store, tmp_path / "accounts.csv")
    assert an_account(store).street == "Шевченка"


def test_the_example_of_the_documents(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ") and ";" in line]
    assert sorted(lines[0].split(";")) == sorted(COLUMNS)
    path = tmp_path / "accounts.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert load(memory_store(), path) == Summary(lines=3, added=2, updated=0, retired=0)


# A second import.


def test_a_second_import_changes_what_it_names(store: Store, tmp_path: Path) -> None:
    load(store, write(tmp_path, SINGLE, DAY, NIGHT))
    before = an_account(store)
    changed = SINGLE.replace("Шевченка;27", "Грушевського;1").replace(";2304;", ";2400;")
    assert load(store, write(tmp_path, changed)) == Summary(1, added=0, updated=1, retired=0)
    after = an_account(store)
    assert (after.id, after.street, after.house) == (before.id, "Грушевського", "1")
    assert after.meters[0].id == before.meters[0].id
    assert after.meters[0].registers[0].previous == "02400"
    assert an_account(store, "200").street == "Садова"


def test_the_same_file_twice_is_the_same_store(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, SINGLE, DAY, NIGHT, BARE)
    load(store, path)
    tables = (Account.id, Meter.id, Register.id, Contact.id, Alias.id)
    before = [count(store, table) for table in tables]
    load(store, path)
    assert [count(store, table) for table in tables] == before == [3, 2, 3, 2, 2]


def test_a_telephone_of_the_register_goes_and_a_kept_one_stays(
    store: Store, tmp_path: Path
) -> None:
    load(store, write(tmp_path, SINGLE))
    account_id = an_account(store).id
    with store.session() as session:
        for number in ("+380501110001", "+380501110002"):
            session.add(
                Contact(
                    company="odesa",
                    number=number,
                    account_id=account_id,
                    source="consent",
                    created_at=NOW,
                )
            )
    load(store, write(tmp_path, SINGLE.replace("0671110001", "0501110002 0671110009")))
    assert sorted((c.number, c.source, c.proved) for c in an_account(store).contacts) == [
        ("+380501110001", "consent", False),
        ("+380501110002", "register", True),
        ("+380671110009", "register", True),
    ]


@pytest.mark.parametrize(
    "lines",
    [
        [SINGLE.replace("812345", "900001")],
        [SINGLE.replace("single", "day"), SINGLE.replace("single", "night")],
        [";".join([*SINGLE.split(";")[:6], *[""] * 11])],
    ],
    ids=["another meter", "other registers", "no meter"],
)
def test_readings_outlive_their_meter(store: Store, tmp_path: Path, lines: list[str]) -> None:
    load(store, write(tmp_path, SINGLE))
    old = an_account(store)
    with store.session() as session:
        session.add(a_reading(old))
    assert load(store, write(tmp_path, *lines)).retired == 1
    assert old.meters[0].id not in [meter.id for meter in an_account(store).meters]
    with store.session(read_only=True) as session:
        reading = session.scalars(select(Reading)).one()
        assert reading.account.number == "100"
        assert reading.register.meter.number == "812345"
        assert reading.register.meter.account is None


def a_reading(account: Account) -> Reading:
    return Reading(
        company="odesa",
        account=account,
        register=account.meters[0].registers[0],
        value="02421",
        state="accepted",
        as_of=date(2026, 11, 1),
        entered_at=NOW,
        stored_at=NOW,
        channel="agi",
        caller_number=None,
        call="call-1",
        key="call-1",
    )


def test_companies_may_have_the_same_account(store: Store, tmp_path: Path) -> None:
    load(store, write(tmp_path, SINGLE))
    assert load(store, write(tmp_path, SINGLE), company="kyiv").added == 1
    with store.session(read_only=True) as session:
        assert session.scalars(select(Account.company).order_by(Account.company)).all() == [
            "kyiv", "odesa",
        ]  # fmt: skip


# Errors.


def wrong(line: str, column: str, cell: str) -> str:
    """Puts another cell into a line."""
    cells = dict(zip(COLUMNS, line.split(";"), strict=True))
    return ";".join((cells | {column: cell}).values())


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("account", "", "is empty"),
        ("kind", "flat", "'flat' is not one of household, business, priority_site"),
        ("street", "a\tb", "control character"),
        ("house", "1" * 201, "longer than 200"),
        ("phones", "067111000", "'067111000' is not a telephone number"),
        ("phones", "0671110001 abc", "'abc' is not a telephone number"),
        ("meter", "", "is empty"),
        ("digits", "five", "'five' is not a number of digits from 1 to 12"),
        ("digits", "٥", "is not a number of digits"),
        ("register", "", "'' is not one of single, day"),
        ("previous", "12,5", "'12,5' is not a whole number of kWh"),
        ("previous", "123456", "'123456' has more than the meter's 5 digits"),
        ("previous", "", "'' is not a whole number of kWh"),
        ("on", "31.02.2026", "'31.02.2026' is not a date; write 2026-10-31"),
        ("per_day", "nan", "'nan' is not a number from 0 up"),
        ("per_day", "many", "'many' is not a number"),
        ("permitted_kw", "-3", "'-3' is not a number from 0 up"),
        ("remote", "perhaps", "'perhaps' is not one of yes, no"),
    ],
)
def test_an_error_names_file_line_and_field(
    tmp_path: Path, column: str, cell: str, reason: str
) -> None:
    store = memory_store()
    with pytest.raises(ImportFileError) as caught:
        load(store, write(tmp_path, BARE, wrong(SINGLE, column, cell)))
    assert str(caught.value).startswith("accounts.csv: nothing was imported")
    assert f"line 3, {column}: " in str(caught.value)
    assert reason in str(caught.value)
    assert count(store, Account.id) == 0


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([DAY, wrong(NIGHT, "street", "Дачна")], "line 3, street: differs from line 2"),
        ([DAY, wrong(NIGHT, "permitted_kw", "")], "line 3, permitted_kw: differs from line 2"),
        ([DAY, wrong(NIGHT, "digits", "5")], "line 3, digits: differs from line 2"),
        ([DAY, wrong(NIGHT, "remote", "no")], "line 3, remote: differs from line 2"),
        ([DAY, NIGHT, DAY], "line 4, register: stands in line 2 already"),
        ([SINGLE, DAY], "line 3, register: the registers of a meter are single, or day and"),
        ([DAY, NIGHT, wrong(DAY, "register", "peak")], "line 2, register: the registers"),
    ],
)
def test_lines_that_contradict_each_other(
    store: Store, tmp_path: Path, lines: list[str], error: str
) -> None:
    with pytest.raises(ImportFileError) as caught:
        load(store, write(tmp_path, *lines))
    assert error in str(caught.value)
    assert count(store, Account.id) == 0


def test_errors_are_collected_in_the_order_of_lines(tmp_path: Path) -> None:
    broken = wrong(wrong(SINGLE, "kind", "flat"), "on", "today")
    with pytest.raises(ImportFileError) as caught:
        load(memory_store(), write(tmp_path, broken, BARE, wrong(DAY, "digits", "0")))
    places = [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]]
    assert places[:3] == ["line 2, kind", "line 2, on", "line 4, digits"]


def test_the_twentieth_error_ends_the_list(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError) as caught:
        load(memory_store(), write(tmp_path, *[wrong(SINGLE, "kind", "flat")] * 50))
    assert len(str(caught.value).splitlines()) == 21
    assert "and perhaps more" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "line 1: the column 'account' is missing"),
        (HEADER.replace(";on", ";date").encode(), "line 1: the column 'date' is not known"),
        (HEADER.replace(";on", "").encode(), "line 1: the column 'on' is missing"),
        (f"{HEADER};on".encode(), "line 1: the column 'on' is twice"),
        (f"{HEADER}\n{SINGLE}\n".encode("cp1251"), "line 2: is not UTF-8"),
        (f"{HEADER}\n{SINGLE};7\n".encode(), "line 2, all: 18 fields, the header has 17"),
        (f'{HEADER}\n"{SINGLE}\n'.encode(), "line 2: unexpected end of data"),
        (f"{HEADER}\n{SINGLE}{'x' * 200_000}\n".encode(), "line 2: field larger than field limit"),
    ],
)
def test_a_file_that_is_no_such_table(tmp_path: Path, content: bytes, error: str) -> None:
    path = tmp_path / "accounts.csv"
    path.write_bytes(content)
    with pytest.raises(ImportFileError) as caught:
        load(memory_store(), path)
    assert error in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="none.csv: No such file"):
        load(memory_store(), tmp_path / "none.csv")


def test_an_import_can_be_repeated_after_an_error(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ImportFileError):
        load(store, write(tmp_path, wrong(SINGLE, "kind", "flat")))
    assert load(store, write(tmp_path, SINGLE)).added == 1


def test_callers_are_served_while_a_file_is_read(url: str, tmp_path: Path) -> None:
    store = open_store(url, migrate=True)
    pipe = tmp_path / "accounts.csv"
    os.mkfifo(pipe)
    done: list[Summary] = []
    thread = threading.Thread(target=lambda: done.append(load(store, pipe)))
    thread.start()
    with pipe.open("w", encoding="utf-8") as file:
        file.write(f"{HEADER}\n")
        file.writelines(f"{wrong(SINGLE, 'account', str(number))}\n" for number in range(5_000))
        file.flush()
        with store.session() as session:
            session.add(Receipt(company="odesa", key="told", created_at=NOW))
    thread.join()
    assert [summary.added for summary in done] == [5_000]
    store.close()


# What goes in comes out.

TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=20
).filter(lambda text: text.strip() != "")
WORD = st.text(st.characters(categories=["Lu", "Nd"], codec="ascii"), min_size=1, max_size=12)
PHONE = st.integers(671000000, 679999999).map(lambda number: f"+380{number}")


@st.composite
def meters(draw: st.DrawFn) -> list[dict[str, str]]:
    digits = draw(st.integers(1, 12))
    same = {"digits": str(digits), "remote": draw(st.sampled_from(["yes", "no"]))}
    return [
        same
        | {
            "register": name,
            "previous": str(draw(st.integers(0, 10**digits - 1))).zfill(digits),
            "on": draw(st.dates()).isoformat(),
            "per_day": str(draw(st.floats(0, 1e6))),
        }
        for name in draw(st.sampled_from(SETS_OF_REGISTERS))
    ]


@st.composite
def accounts(draw: st.DrawFn) -> dict[str, list[dict[str, str]]]:
    """Lines by account, as they should come out again."""
    drawn = draw(st.lists(TEXT.map(str.strip), min_size=1, max_size=3, unique=True))
    lines = {}
    for number in drawn:
        same = {
            "account": number,
            "kind": draw(st.sampled_from(KINDS)),
            "settlement": draw(TEXT).strip(),
            "street": draw(TEXT).strip(),
            "house": draw(TEXT).strip(),
            "phones": " ".join(sorted(draw(st.sets(PHONE, max_size=3)))),
            "permitted_kw": draw(st.sampled_from(["", "0", "10"])),
            "schedule_queue": draw(st.sampled_from(["", "3.2"])),
            "substation": draw(st.one_of(st.just(""), TEXT.map(str.strip))),
            "old_accounts": " ".join(sorted(draw(st.sets(WORD, max_size=2)))),
        }
        numbers = draw(st.lists(TEXT.map(str.strip), max_size=2, unique=True))
        lines[number] = [
            same | register | {"meter": meter} for meter in numbers for register in draw(meters())
        ] or [same | dict.fromkeys(COLUMNS[6:12], "") | {"remote": ""}]
    return lines


def lines_of(account: Account) -> Iterator[dict[str, str]]:
    same = {
        "account": account.number,
        "kind": account.kind,
        "settlement": account.settlement,
        "street": account.street,
        "house": account.house,
        "phones": " ".join(sorted(contact.number for contact in account.contacts)),
        "permitted_kw": "" if account.permitted_kw is None else str(account.permitted_kw),
        "schedule_queue": account.schedule_queue or "",
        "substation": account.substation or "",
        "old_accounts": " ".join(sorted(alias.alias for alias in account.aliases)),
    }
    if not account.meters:
        yield same | dict.fromkeys(COLUMNS[6:12], "") | {"remote": ""}
    for meter in account.meters:
        for register in sorted(meter.registers, key=lambda row: REGISTERS.index(row.name)):
            yield same | {
                "meter": meter.number,
                "digits": str(meter.digits),
                "remote": "yes" if meter.remote else "no",
                "register": register.name,
                "previous": register.previous,
                "on": register.previous_on.isoformat(),
                "per_day": str(register.per_day),
            }


@settings(
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(first=accounts(), second=accounts(), delimiter=st.sampled_from(",;"))
def test_what_was_imported_last_is_what_stands_there(
    store: Store,
    tmp_path: Path,
    first: dict[str, list[dict[str, str]]],
    second: dict[str, list[dict[str, str]]],
    delimiter: str,
) -> None:
    path = tmp_path / "accounts.csv"
    for expected in (first, second):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, delimiter=delimiter)
            writer.writeheader()
            writer.writerows(line for lines in expected.values() for line in lines)
        load(store, path)
        with store.session(read_only=True) as session:
            found = session.scalars(select(Account).where(Account.number.in_(expected)))
            assert {account.number: list(lines_of(account)) for account in found} == expected
