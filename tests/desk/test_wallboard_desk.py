"""The wallboard's routes: who may, what the stream says and when it ends."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from waiting import until

from agent_desk.supervisor import wallboard
from ivr.board import Feed
from ivr.events import Entry, write


@pytest.fixture
def feed(world):
    feed = Feed(world.store, world.office.companies, world.watch, every=0.01)
    object.__setattr__(world.office, "board", feed)
    yield feed
    feed.stop()


@pytest.fixture
def vira(world, feed):
    feed.start()
    assert until(lambda: feed.shown("odesa").state == "live")
    return world.browser("vira")


def begins(world, call, company="odesa"):
    at = datetime.fromtimestamp(world.watch.now, UTC)
    told = {"from": None, "to": None, "channel": "agi"}
    write(world.store, [Entry(company, call, at, "answered", "main", "", told)])


class Heard:
    """The events of an open stream."""

    def __init__(self, browser):
        answer = browser.get("supervisor/wallboard/events")
        assert answer.status_code == 200 and answer.mimetype == "text/event-stream"
        self.stream = iter(answer.response)
        assert next(self.stream) == b"retry: 1000\n\n"

    def event(self):
        name, data = re.fullmatch(
            r"event: (\w+)\ndata: (.*)\n\n", next(self.stream).decode()
        ).groups()
        return name, json.loads(data)

    def until(self, name, good=lambda data: True):
        for _ in range(50):
            found, data = self.event()
            if found == name and good(data):
                return data
        raise AssertionError(f"no {name}; the last: {data}")


def test_operators_have_no_business_here(world, feed):
    olena = world.browser("olena")
    for path in ("", "events", "figures"):
        assert olena.get(f"supervisor/wallboard/{path}").status_code == 403
    assert [row for row in world.audit("supervisor") if not row[2]]
    stranger = world.app.test_client().get("/desk/supervisor/wallboard/events")
    assert stranger.status_code in (302, 303, 401)


def test_the_page_knows_the_limits_of_the_company(world, vira):
    assert not vira.open("supervisor/wallboard/").given["big"]
    given = vira.open("supervisor/wallboard/?big").given
    assert given["big"]
    terms = world.office.companies["odesa"].terms
    assert given["limits"]["within"] == terms.service_level.within
    assert given["limits"]["waiting"] == terms.alerts.waiting
    assert world.app.test_client().get("/supervisor").status_code == 303


def test_the_stream_tells_figures_when_they_change_and_else_that_they_hold(world, vira):
    heard = Heard(vira)
    first = heard.until("figures")
    assert first["calls"]["open"] == 0 and first["company"] == "odesa"
    assert first["feed"]["state"] == "live" and first["time"] == world.watch.now
    tick = heard.until("tick")
    assert tick.keys() == {"time", "state", "at", "upto", "missing", "told"}
    begins(world, "elsewhere", "kazan")
    begins(world, "here")
    told = heard.until("figures", lambda data: data["calls"]["open"])
    assert told["calls"]["open"] == 1
    assert told["feed"]["upto"] == 2
    figures = vira.get("supervisor/wallboard/figures").json
    assert figures["calls"] == told["calls"]


def test_the_stream_ends_with_the_sign_in_and_with_the_shift(world, vira, monkeypatch):
    monkeypatch.setattr(wallboard, "RECHECK", 0.0)
    heard = Heard(vira)
    heard.until("figures")
    other = world.browser("vira", vira)
    page = other.get("").text
    csrf = re.search(r'"csrf":\s*"([^"]+)"', page)[1]
    assert (
        other.client.post("/desk/sign-out", headers={"X-CSRFToken": csrf}, json={}).status_code
        < 400
    )
    heard.until("bye")


def test_the_stream_ends_when_the_shift_is_over(world, vira):
    heard = Heard(vira)
    heard.until("figures")
    world.watch.now += 13 * 3600
    heard.until("bye")


def test_the_stream_ends_with_the_server_and_frees_its_place(world, vira, feed):
    heard = Heard(vira)
    heard.until("figures")
    assert feed.listeners == 1
    feed.stop()
    list(heard.stream)
    assert feed.listeners == 0


def test_there_is_room_for_so_many(world, vira, monkeypatch):
    monkeypatch.setattr(wallboard, "SCREENS", 1)
    heard = Heard(vira)
    heard.until("figures")
    full = vira.get("supervisor/wallboard/events")
    assert full.status_code == 409 and full.json["error"] == "wallboard_full"
    heard.stream.close()
    assert Heard(vira).until("figures")


def test_a_process_without_a_feed_has_no_stream(world):
    assert world.browser("vira").get("supervisor/wallboard/events").status_code == 404
