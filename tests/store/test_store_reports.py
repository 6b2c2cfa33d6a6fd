"""Reports at one moment, over an SQLite file and over PostgreSQL."""

import threading

import pytest
from reporting import Callers, account

from ivr.store.database import open_store
from ivr.store.models import Ticket
from ivr.store.supply import OutageReport


@pytest.fixture
def crowd(house, url):
    """Callers over a store that several threads open."""
    store = open_store(url, migrate=True)
    people = Callers(house.companies["odesa"], store)
    people.live(*(account(number, "Довга", "TP-9") for number in range(1, 13)))
    yield people
    store.close()


def at_once(*calls):
    errors = []

    def run(call, barrier=threading.Barrier(len(calls))):  # noqa: B008
        barrier.wait()
        try:
            call()
        except Exception as reason:
            errors.append(reason)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize("times", range(3))
def test_of_many_reports_at_one_moment_there_is_one_suspected_event(crowd, times):
    at_once(
        *(
            lambda n=n: crowd.report(n, number=f"+38067000{n:04}", call=f"call-{n}")
            for n in range(1, 13)
        )
    )
    assert [each.reports for each in crowd.suspected()] == [12]


def test_two_telephones_of_one_house_at_one_moment_make_one_ticket(crowd):
    at_once(
        *(
            lambda n=n: crowd.report(1, number=f"+3806700000{n:02}", call=f"call-{n}")
            for n in range(6)
        )
    )
    assert crowd.count(Ticket) == 1
    assert crowd.count(OutageReport) == 6
