"""What staffing reads is the same in every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from made_days import DAY, SEVERAL, busy_house, calls, keep, moment, plain, put

from ivr.staffing import ask, plan
from ivr.staffing.calendar import Calendar
from ivr.staffing.plan import Wishes
from ivr.staffing.replay import live
from ivr.staffing.whatif import Change, answer
from ivr.store.database import Store
from ivr.store.world import keep_company


def test_a_plan_and_a_day_lived_again(store: Store, house: object) -> None:
    odesa = replace(house.companies["odesa"], queues=dict(SEVERAL))
    with store.session() as db:
        keep_company(db, "odesa")
    made = busy_house(odesa, calls=300)
    keep(store, odesa, made, live(made, plain(SEVERAL), 1))
    for back in range(1, 22):
        day = DAY - timedelta(days=back)
        put(store, calls(odesa, day, [1] * len(Calendar(odesa).half_hours(day))))
    now = moment(made.ends) + timedelta(days=1)
    with store.session(read_only=True) as db:
        known = plan.known(db, odesa, (), DAY + timedelta(days=1), now)
        question = ask.question(db, odesa, DAY, Change(), now, runs=1)
    planned = plan.day(known, DAY + timedelta(days=1), Wishes(), plan.inputs(known, Wishes()))
    assert planned.forecast.calls == pytest.approx(48)
    assert known.handling.talks > 1000
    figures = {each.name: each for each in answer(question).figures if not each.queue}
    for name in ("answered", "level", "lost", "p90", "busy"):
        assert figures[name].was[0] == pytest.approx(figures[name].true, rel=0.02), name
