"""What SQLite is told of the tables' sizes, so that it searches by what narrows.

SQLite counts nothing by itself: without figures it takes a company for a few rows, and searches a
log of millions by it, where the call or the number of the row would lead there at once. The figures
are those of a large company, not of this one (sqlite.org/fileformat2.html, 2.6.1); where somebody
has let SQLite count (ANALYZE), its own are kept. PostgreSQL counts by itself.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

ROWS = 1_000_000
OF_A_COMPANY = 200_000
A_DAY = 1_000
"""Of a company, with one more column that many rows share."""
FEW = 20
"""With any other value: events of a call, tickets of an operator's day."""
SHARED = ("day", "state", "live", "month")


def guide(connection: Connection) -> None:
    """Write figures for each index that has none."""
    connection.execute(text("ANALYZE sqlite_schema"))  # makes the table of the figures
    known = set(connection.scalars(text("SELECT idx FROM sqlite_stat1")))
    names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    wanted = text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:table, :index, :stat)")
    for table in list(connection.scalars(text(names))):
        for index in connection.execute(text(f'PRAGMA index_list("{table}")')).mappings().all():
            if index["name"] not in known:
                told = connection.execute(text(f'PRAGMA index_info("{index["name"]}")')).mappings()
                columns = [str(row["name"]) for row in told]
                stat = figures(columns, bool(index["unique"]), bool(index["partial"]))
                values = {"table": table, "index": index["name"], "stat": stat}
                connection.execute(wanted, values)


def figures(columns: list[str], unique: bool, partial: bool) -> str:
    """Return how many rows there are, and with the same first column, first two columns ...

    A partial index is made for one question, so its rows are taken for few.
    """
    counts, left = [ROWS], ROWS
    for column in columns:
        if column == "company":
            left = min(left, OF_A_COMPANY)
        else:
            left = min(left, A_DAY if column in SHARED else FEW)
        counts.append(left)
    if partial:
        counts[2:] = [min(count, 5) for count in counts[2:]]
    if unique:
        counts[-1] = 1
    return " ".join(map(str, counts))
