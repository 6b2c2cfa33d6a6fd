"""Live events: state, offers, tabs, a desk that vanished, a queue that is down."""

from datetime import UTC, datetime

from ivr.agent_queue.model import QueueDown, Ticket
from ivr.store.models import Conversation


def test_the_first_event_is_the_whole_state(world):
    browser = world.desk()
    state = browser.state(lambda s: s["queues"])
    assert state["operator"] | {"since": 0, "version": 0} == {
        "name": "olena",
        "shown": "Олена",
        "status": "offline",
        "reason": "",
        "state": "idle",
        "since": 0,
        "until": 0.0,
        "version": 0,
        "tested": False,
        "skills": dict.fromkeys(("danger", "outage", "connection", "business"), 3)
        | dict.fromkeys(("metering", "general"), 5),
    }
    assert state["offer"] is None
    assert state["talk"] is None
    assert state["down"] is False
    assert state["time"] == world.watch.now


def test_an_offer_comes_with_the_caller_and_goes(world):
    browser = world.desk().ready()
    ticket = world.ring(
        queue="metering", context={"reason": "wish", "flow": "main", "step": "menu"}
    )
    offer = browser.state(lambda s: s["offer"])["offer"]
    assert offer["token"] == ticket.token
    assert offer["caller"]["accounts"][0]["account"] == "100200301"
    assert offer["until"] > world.watch.now
    world.queue.leave(ticket.id, "abandoned", world.watch.now)
    assert browser.state(lambda s: not s["offer"])["operator"]["state"] == "idle"


def test_figures_tell_who_waits(world):
    browser = world.desk()
    world.ring("pbx1-1.1", queue="outage")
    world.ring("pbx1-1.2", queue="outage", number="+380671110002")
    world.watch.now += 2
    state = browser.state(lambda s: any(q["waiting"] == 2 for q in s["queues"]))
    outage = next(q for q in state["queues"] if q["queue"] == "outage")
    assert outage["longest"] == world.watch.now - 2
    assert (outage["serving"], outage["free"]) == (0, 0)


def test_colleagues_on_shift_are_shown(world):
    browser = world.desk("taras")
    world.desk("olena").ready()
    world.watch.now += 2
    state = browser.state(lambda s: s["colleagues"])
    assert state["colleagues"] == [
        {"name": "olena", "shown": "Олена", "status": "ready", "state": "idle"}
    ]


def test_talk_and_wrap_up_are_shown(world):
    browser = world.desk().ready()
    ticket = world.talk()
    talk = browser.state(lambda s: s["talk"])["talk"]
    assert (talk["token"], talk["state"], talk["ticket"]) == (ticket.token, "talking", ticket.id)
    world.queue.ended(ticket.id, world.watch.now)
    assert browser.state(lambda s: s["talk"]["state"] == "wrap_up")["operator"]["until"] > 0


def test_a_broken_talk_is_offered_back(world):
    browser = world.desk().ready()
    ticket = world.talk()
    browser.state(lambda s: s["talk"])
    world.queue.dropped(ticket.id, world.watch.now)
    assert browser.state(lambda s: s["talk"]["state"] == "broken")
    offer = world.queue.returned("odesa", "olena", world.watch.now)
    assert browser.state(lambda s: s["offer"])["offer"]["back"] is True
    world.queue.ring(offer.token, world.watch.now)


def test_a_caller_one_was_cut_off_from_is_known_though_the_telephone_rings_already(world):
    browser = world.desk().ready()
    ticket = world.talk()
    world.queue.dropped(ticket.id, world.watch.now)
    at = datetime.fromtimestamp(world.watch.now, UTC)
    with world.store.session() as db:
        db.add(
            Conversation(
                company="odesa", call=ticket.id, token=ticket.token, operator="olena",
                queue="general", entered_at=at, answered_at=at, ended_at=at, interrupted=True,
            )
        )  # fmt: skip
    offer = world.queue.returned("odesa", "olena", world.watch.now)
    world.queue.ring(offer.token, world.watch.now)
    assert browser.state(lambda s: s["offer"])["offer"]["back"] is True


# ---------------------------------------------------------------------- tabs


def test_the_newest_tab_has_the_say(world):
    old = world.desk()
    old.state()
    new = world.browser(other=old).enter()
    assert old.event() == ("taken", {})
    new.state()
    refused = old.send("status", {"status": "offline", "version": old.version()})
    assert (refused.status_code, refused.json["error"]) == (409, "taken")
    assert ("olena", "stale_tab", False) in world.audit()
    assert new.ready()


def test_a_stale_tab_changes_nothing(world):
    old = world.desk().ready()
    new = world.browser(other=old).enter()
    ticket = world.talk()
    before = world.queue.ticket(ticket.id), world.queue.operator("odesa", "olena")
    for path, body in [
        ("status", {"status": "paused", "reason": "break"}),
        ("decline", {"token": ticket.token}),
        ("transfer", {"ticket": ticket.id, "to": "queue", "target": "outage"}),
        ("record", {"ticket": ticket.id, "paused": True}),
        ("wrap-up", {"token": ticket.token, "code": "other"}),
        ("ticket", {"type": "other", "fields": {"text": "x"}}),
    ]:
        assert old.send(path, body).status_code == 409, path
    assert (
        old.send("draft", {"call": ticket.id, "form": "f", "values": {}}, "put").status_code == 409
    )
    assert (world.queue.ticket(ticket.id), world.queue.operator("odesa", "olena")) == before
    assert len(world.audit("stale_tab")) == 7
    assert new.state(lambda s: s["talk"])


def test_an_old_tab_does_not_come_back_by_itself(world):
    old = world.desk()
    world.browser(other=old).enter()
    assert old.listen().event()[0] == "taken", "its connection was lost and it tried again"


def test_a_tab_that_reconnects_keeps_the_say(world):
    browser = world.desk().ready()
    ticket = world.talk()
    browser.stream.close()
    assert browser.listen().state()["talk"]["ticket"] == ticket.id
    assert browser.send("record", {"ticket": ticket.id, "paused": True}).status_code == 200


def test_two_browsers_of_one_operator(world):
    first, second = world.desk(), world.desk()
    assert first.event()[0] == "taken"
    assert second.event()[0] == "state"


# ---------------------------------------------------------------------- a desk that vanished


def watch(world):
    """Let the thread of the figures look for desks that are gone."""
    world.office.live._watch()


def test_a_vanished_desk_gets_no_offers(world):
    browser = world.desk().ready()
    browser.state()
    watch(world)
    assert world.queue.operator("odesa", "olena").status == "ready"
    browser.stream.close()
    world.office.live.presence._seen.clear()
    world.office.live.presence._began = 0.0
    world.watch.now += 9
    watch(world)
    known = world.queue.operator("odesa", "olena")
    assert (known.status, known.reason) == ("paused", "connection")
    assert world.ring().state == "waiting"


def test_the_same_tab_is_ready_again_when_it_is_back(world):
    browser = world.desk().ready()
    browser.stream.close()
    world.office.live.presence._seen.clear()
    world.office.live.presence._began = 0.0
    world.watch.now += 9
    watch(world)
    browser.listen()
    assert browser.state()["operator"]["status"] == "ready"


def test_a_talk_goes_on_without_the_desk(world):
    browser = world.desk().ready()
    world.talk()
    browser.stream.close()
    world.office.live.presence._seen.clear()
    world.office.live.presence._began = 0.0
    world.watch.now += 60
    watch(world)
    assert world.queue.operator("odesa", "olena").status == "ready"


# ---------------------------------------------------------------------- failures


def test_the_desk_says_that_the_queue_is_down(world, monkeypatch):
    browser = world.desk()
    browser.state()

    def down(*_: object) -> None:
        raise QueueDown

    monkeypatch.setattr(world.queue, "operator", down)
    world.office.live.touch("odesa", "olena")
    assert browser.state(lambda s: s["down"])["operator"]["name"] == "olena"
    refused = browser.send("status", {"status": "offline"})
    assert (refused.status_code, refused.json["error"]) == (503, "queue_down")
    monkeypatch.undo()
    world.office.live.touch("odesa", "olena")
    assert browser.state(lambda s: not s["down"])


def test_a_form_is_stored_while_the_queue_is_down(world, monkeypatch):
    browser = world.desk().ready()
    ticket = world.talk()

    def down(*_: object) -> None:
        raise QueueDown

    monkeypatch.setattr(world.queue, "operator", down)
    body = {"ticket": ticket.id, "type": "other", "account": "", "fields": {"text": "noise"}}
    assert browser.send("ticket", body).status_code == 200
    body = {"call": ticket.id, "form": "other", "values": {"text": "n"}}
    assert browser.send("draft", body, "put").status_code == 200


def test_a_queue_that_forgot_everything_hears_of_the_desk_again(world):
    browser = world.desk()
    browser.state()
    world.queue._states.clear()
    world.office.live.touch("odesa", "olena")
    world.queue.enter(Ticket("pbx1-1.9", "odesa", "general", world.watch.now), world.watch.now)
    next(browser.stream)
    assert world.queue.operator("odesa", "olena").tab == browser.tab


def test_there_is_an_end_to_open_desks(world):
    first = world.desk()
    for number in range(19):
        first.client.get(f"/desk/events?tab=another-{number:03d}")
    refused = first.client.get("/desk/events?tab=one-too-many")
    assert (refused.status_code, refused.json["error"]) == (503, "full")
