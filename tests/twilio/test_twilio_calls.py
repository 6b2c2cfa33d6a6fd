"""Calls over the emulated Twilio: real webhooks over HTTP, signed, with the sounds fetched."""

import sqlite3
from contextlib import closing

from twilio_house import CALLER, COMPANY_NUMBER, give_a_reading


def readings(house):
    with closing(sqlite3.connect(house.store)) as store:
        return [row[0] for row in store.execute("select value from readings order by id")]


def test_a_reading_is_given_by_keys(twilio, twilio_house):
    before = len(readings(twilio_house))
    call = twilio.call(CALLER, COMPANY_NUMBER)
    give_a_reading(twilio_house, call, "02421")
    call.wait("completed")
    assert readings(twilio_house)[before:] == ["02421"]
    assert {kind for kind, _ in call.heard} == {"play"}
