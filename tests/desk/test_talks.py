"""Status, answering, wrap-up, transfers, talks among operators, recording, quality."""

import pytest

from ivr.store.models import Audit, Callback, Conversation, Draft


def hold(world, call):
    """What must not change when something is refused."""
    return world.queue.ticket(call), world.queue.operators("odesa")


# ---------------------------------------------------------------------- status


def test_ready_wants_the_test_of_the_headset(world):
    browser = world.desk()
    refused = browser.send("status", {"status": "ready", "version": browser.version()})
    assert (refused.status_code, refused.json["error"]) == (409, "not_tested")
    browser.ready()
    assert world.queue.operator("odesa", "olena").status == "ready"


def test_a_new_shift_wants_a_new_test(world):
    world.desk().ready().send("sign-out")
    world.watch.now += 60
    browser = world.desk()
    assert browser.state()["operator"]["tested"] is False
    assert browser.send("status", {"status": "ready"}).status_code == 409


def test_a_poor_line_is_told(world):
    browser = world.desk()
    told = browser.send("phone/tested", {"loss": 3.5, "jitter": 12, "round_trip": 20}).json
    assert told == {"tested": True, "poor": ["loss"]}
    note = next(row for row in world.rows(Audit) if row.what == "headset_test")
    assert note.details["loss"] == 3.5


def test_a_pause_has_a_reason_and_a_limit(world):
    browser = world.desk().ready()
    answer = browser.send("status", {"status": "paused", "reason": "lunch"})
    assert (answer.json["status"], answer.json["reason"]) == ("paused", "lunch")
    assert answer.json["until"] == world.watch.now + 45 * 60
    assert browser.send("status", {"status": "paused", "reason": "fun"}).status_code == 400
    assert browser.send("status", {"status": "paused"}).status_code == 400
    assert browser.send("status", {"status": "sleeping"}).status_code == 400


def test_an_old_page_changes_no_status(world):
    browser = world.desk().ready()
    version = browser.version()
    browser.send("status", {"status": "paused", "reason": "break", "version": version})
    late = browser.send("status", {"status": "ready", "version": version})
    assert (late.status_code, late.json["error"]) == (409, "stale")
    assert world.queue.operator("odesa", "olena").status == "paused"
    assert ("olena", "status", False) in world.audit()


def test_the_telephones_account_is_for_one_shift(world):
    browser = world.desk()
    told = browser.send("phone").json
    assert told["user"] == "op-olena"
    assert told["url"] == "ws://localhost:8088/ws"
    order = world.queue.commands()[-1]
    assert order["do"] == "admit_phone"
    assert order["until"] == told["expires"] == world.watch.now + 12 * 3600
    assert len(order["digest"]) == 32
    assert told["secret"] not in str([vars(row) for row in world.rows(Audit)])
    assert browser.send("phone").json["secret"] != told["secret"]


# ---------------------------------------------------------------------- offers


def test_answering_in_time(world):
    browser = world.desk().ready()
    ticket = world.ring()
    assert browser.send("answer", {"token": ticket.token}).status_code == 200


def test_a_stale_offer_is_not_answered(world):
    browser = world.desk().ready()
    ticket = world.ring()
    world.queue.unanswered(ticket.token, world.watch.now)
    before = hold(world, ticket.id)
    late = browser.send("answer", {"token": ticket.token})
    assert (late.status_code, late.json["error"]) == (409, "too_late")
    assert hold(world, ticket.id) == before
    assert ("olena", "answer", False) in world.audit()


def test_an_offer_to_somebody_else_is_not_answered(world):
    world.desk("olena").ready()
    ticket = world.ring()
    taras = world.desk("taras").ready()
    before = hold(world, ticket.id)
    for path in ("answer", "decline"):
        assert taras.send(path, {"token": ticket.token}).status_code == 409
        assert taras.send(path, {"token": "forged"}).status_code == 409
        assert taras.send(path, {"token": ""}).status_code == 400
    assert hold(world, ticket.id) == before
    assert len(world.audit("answer")) == 2


def test_declining_gives_the_caller_back(world):
    browser = world.desk().ready()
    ticket = world.ring()
    assert browser.send("decline", {"token": ticket.token}).status_code == 200
    waiting = world.queue.ticket(ticket.id)
    assert (waiting.state, waiting.priority) == ("waiting", "raised")
    known = world.queue.operator("odesa", "olena")
    assert (known.status, known.reason) == ("paused", "declined")
    assert browser.send("decline", {"token": ticket.token}).status_code == 409


# ---------------------------------------------------------------------- wrap-up


def test_the_wrap_up_wants_a_code(world):
    browser = world.desk().ready()
    ticket = world.talk()
    world.queue.ended(ticket.id, world.watch.now)
    refused = browser.send("status", {"status": "ready", "version": browser.version()})
    assert (refused.status_code, refused.json["error"]) == (409, "code_missing")
    for body in ({"token": ticket.token}, {"token": ticket.token, "code": "fun"}):
        assert browser.send("wrap-up", body).status_code == 400
    body = {
        "token": ticket.token,
        "code": "meter",
        "note": "Asked about the seal",
        "account": "100200301",
    }
    assert browser.send("wrap-up", body).status_code == 200
    row = world.rows(Conversation)[0]
    assert (row.code, row.note, row.operator) == ("meter", "Asked about the seal", "olena")
    assert row.account_id is not None
    assert world.queue.operator("odesa", "olena").state == "idle"


def test_code_and_note_may_be_written_during_the_talk(world):
    browser = world.desk().ready()
    ticket = world.talk()
    assert browser.send("wrap-up", {"token": ticket.token, "code": "meter"}).status_code == 200
    assert world.queue.operator("odesa", "olena").state == "talking"
    world.queue.ended(ticket.id, world.watch.now)
    assert browser.state(lambda s: s["talk"] and s["talk"]["code"] == "meter")
    browser.send("status", {"status": "ready", "version": browser.version()})
    assert world.queue.operator("odesa", "olena").state == "idle"


def test_what_is_written_so_far_is_kept_when_the_time_is_over(world):
    browser = world.desk().ready()
    ticket = world.talk()
    body = {"token": ticket.token, "note": "Asks about", "account": "100200301"}
    assert browser.send("wrap-up", body, "put").status_code == 200
    world.queue.ended(ticket.id, world.watch.now)
    talk = browser.state(lambda s: s["talk"] and s["talk"]["state"] == "wrap_up")["talk"]
    assert (talk["code"], talk["note"]) == (None, "Asks about")
    world.watch.now += 3600
    world.queue.tick(world.watch.now)
    assert world.queue.operator("odesa", "olena").state == "idle"
    body |= {"code": "meter", "note": "Asks about the seal"}
    assert browser.send("wrap-up", body, "put").status_code == 200
    [row] = world.rows(Conversation)
    assert (row.code, row.note, row.wrapped_at) == ("meter", "Asks about the seal", None)
    assert row.account_id is not None
    assert browser.send("wrap-up", body | {"code": "fun"}, "put").status_code == 400
    assert world.desk("taras").send("wrap-up", body, "put").status_code == 409


def test_a_code_comes_late_but_from_him_only(world):
    browser = world.desk().ready()
    ticket = world.talk()
    world.queue.ended(ticket.id, world.watch.now)
    browser.send("wrap-up", {"token": ticket.token, "code": "meter"})
    late = {"token": ticket.token, "code": "other"}
    assert browser.send("wrap-up", late).status_code == 200
    assert world.desk("taras").send("wrap-up", late).status_code == 409
    assert ("taras", "wrap_up", False) in world.audit()
    assert len(world.rows(Conversation)) == 1


def test_more_time_for_the_wrap_up(world):
    browser = world.desk().ready()
    ticket = world.talk()
    assert browser.send("wrap-up/more", {"seconds": 60}).status_code == 409
    world.queue.ended(ticket.id, world.watch.now)
    assert browser.send("wrap-up/more", {"seconds": 60}).status_code == 200
    assert world.queue.operator("odesa", "olena").until == world.watch.now + 60
    assert browser.send("wrap-up/more", {"seconds": 1e9}).status_code == 400


# ---------------------------------------------------------------------- transfers


def test_transfer_to_a_queue(world):
    browser = world.desk().ready()
    ticket = world.talk()
    body = {"ticket": ticket.id, "to": "queue", "target": "outage"}
    assert browser.send("transfer", body).status_code == 200
    moved = world.queue.ticket(ticket.id)
    assert (moved.queue, moved.priority, moved.state) == ("outage", "raised", "waiting")
    assert world.queue.commands()[-1] == {
        "do": "tell", "ticket": ticket.id, "outcome": "transferred",
    }  # fmt: skip
    assert browser.state(lambda s: s["talk"])["talk"]["state"] == "wrap_up"
    assert world.rows(Conversation)[0].handed_to == "outage"


def test_transfer_to_an_operator(world):
    olena, _ = world.desk("olena").ready(), world.desk("taras").ready()
    ticket = world.talk()
    first = olena if ticket.operator == "olena" else None
    assert first is not None
    body = {"ticket": ticket.id, "to": "operator", "target": "taras"}
    assert olena.send("transfer", body).status_code == 200
    assert world.queue.ticket(ticket.id).operator == "taras"


def test_transfer_into_a_step_of_the_menu(world):
    browser = world.desk().ready()
    ticket = world.talk()
    body = {"ticket": ticket.id, "to": "flow", "target": "reading"}
    assert browser.send("transfer", body).status_code == 200
    assert world.queue.ticket(ticket.id).state == "away"
    assert world.queue.commands()[-1]["outcome"] == "reading"


def test_transfer_to_an_allowed_number(world):
    browser = world.desk().ready()
    ticket = world.talk()
    body = {"ticket": ticket.id, "to": "number", "target": "048 711 00 09"}
    assert browser.send("transfer", body).status_code == 200
    order = world.queue.commands()[-1]
    assert (order["do"], order["number"]) == ("send_out", "+380487110009")
    assert ("olena", "transfer", True) in world.audit()


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("+380900123456", "number_premium"),
        ("0900123456", "number_premium"),
        ("048 CALL ME", "number_impossible"),
        ("+380671110001@evil.example", "number_impossible"),
        ("PJSIP/op-taras", "number_impossible"),
        ("+380671110001,,1", "number_impossible"),
        ("+12025550123", "number_foreign"),
        ("101", "number_impossible"),
    ],
)
def test_a_number_that_may_not_be_dialled(world, target, error):
    browser = world.desk().ready()
    ticket = world.talk()
    before = hold(world, ticket.id)
    world.queue.commands()
    answer = browser.send("transfer", {"ticket": ticket.id, "to": "number", "target": target})
    assert (answer.status_code, answer.json["error"]) == (403, error)
    assert hold(world, ticket.id) == before
    assert world.queue.commands() == []
    assert world.audit("transfer") == [("olena", "transfer", False)]


@pytest.mark.parametrize(
    "body",
    [
        {"to": "queue", "target": "nowhere"},
        {"to": "operator", "target": "nobody"},
        {"to": "operator", "target": "olena"},
        {"to": "operator", "target": "marta"},
        {"to": "flow", "target": "main"},
        {"to": "moon", "target": "x"},
        {"to": "queue"},
    ],
)
def test_a_transfer_to_nowhere(world, body):
    browser = world.desk().ready()
    ticket = world.talk()
    before = hold(world, ticket.id)
    assert browser.send("transfer", {"ticket": ticket.id, **body}).status_code in (400, 409)
    assert hold(world, ticket.id) == before


def test_somebody_elses_call_is_not_passed_on(world):
    world.desk("olena").ready()
    ticket = world.talk()
    taras = world.desk("taras").ready()
    before = hold(world, ticket.id)
    for path, body in [
        ("transfer", {"ticket": ticket.id, "to": "queue", "target": "outage"}),
        ("record", {"ticket": ticket.id, "paused": True}),
        ("consult/end", {"ticket": ticket.id, "token": "x"}),
        ("ticket", {"ticket": ticket.id, "type": "other", "fields": {"text": "x"}}),
    ]:
        answer = taras.send(path, body)
        assert (answer.status_code, answer.json["error"]) == (409, "not_yours"), path
    draft = {"call": ticket.id, "form": "other", "values": {}}
    assert taras.send("draft", draft, "put").status_code == 409
    assert hold(world, ticket.id) == before
    assert [what for who, what, allowed in world.audit() if who == "taras" and not allowed] == [
        "transfer", "pause_recording", "consult_end", "ticket", "draft",
    ]  # fmt: skip


# ---------------------------------------------------------------------- talks among operators


def test_a_colleague_is_asked(world):
    olena = world.desk("olena").ready()
    ticket = world.talk()
    taras = world.desk("taras").ready()
    told = olena.send("consult", {"operator": "taras"}).json
    assert told["address"] == "op-taras"
    assert taras.send("answer", {"token": told["token"]}).status_code == 200
    assert olena.send("consult", {"operator": "taras"}).json["error"] == "operator_busy"
    assert olena.send("consult/end", {"token": told["token"]}).status_code == 200
    assert world.queue.operator("odesa", "taras").state == "idle"
    assert world.queue.ticket(ticket.id).operator == "olena"


def test_the_caller_stays_with_the_colleague(world):
    olena = world.desk("olena").ready()
    ticket = world.talk()
    world.desk("taras").ready()
    token = olena.send("consult", {"operator": "taras"}).json["token"]
    body = {"token": token, "ticket": ticket.id}
    assert olena.send("consult/end", body).status_code == 200
    assert world.queue.ticket(ticket.id).operator == "taras"
    assert world.queue.operator("odesa", "olena").state == "wrap_up"
    assert world.rows(Conversation)[0].handed_to == "taras"


def test_nobody_is_asked_who_is_not_there(world):
    olena = world.desk("olena").ready()
    for name in ("taras", "olena", "nobody"):
        assert olena.send("consult", {"operator": name}).status_code == 409
    assert olena.send("consult/end", {"token": "forged"}).status_code == 409


# ---------------------------------------------------------------------- recording, quality, drafts


def test_the_recording_pauses(world):
    browser = world.desk().ready()
    ticket = world.talk()
    assert browser.state(lambda s: s["talk"])["talk"]["recording"] == "on"
    browser.send("record", {"ticket": ticket.id, "paused": True})
    assert world.queue.commands()[-1] == {
        "do": "pause_recording", "ticket": ticket.id, "paused": True,
    }  # fmt: skip
    assert browser.state(lambda s: s["talk"]["recording"] == "paused")
    browser.send("record", {"ticket": ticket.id, "paused": False})
    assert browser.state(lambda s: s["talk"]["recording"] == "on")


def test_who_wants_no_recording_gets_none(world):
    browser = world.desk().ready()
    ticket = world.talk(context={"unrecorded": True})
    talk = browser.state(lambda s: s["talk"])["talk"]
    assert (talk["recording"], talk["caller"]["unrecorded"]) == ("off", True)
    assert browser.send("record", {"ticket": ticket.id, "paused": False}).status_code == 409


def test_the_line_is_kept_with_the_talk(world):
    browser = world.desk().ready()
    ticket = world.talk()
    for loss in (1, 14, 2):
        body = {"token": ticket.token, "loss": loss, "jitter": 5, "round_trip": 30, "level": 0.2}
        assert browser.send("quality", body).status_code == 200
    world.queue.ended(ticket.id, world.watch.now)
    browser.send("wrap-up", {"token": ticket.token, "code": "other"})
    kept = world.rows(Conversation)[0].quality
    assert (kept["worst"]["loss"], kept["last"]["loss"], kept["times"]) == (14, 2, 3)
    assert browser.send("quality", {"token": "forged", "loss": 1}).status_code == 409


def test_a_draft_comes_back_with_the_talk(world):
    browser = world.desk().ready()
    ticket = world.talk()
    for text in ("It h", "It hums"):
        body = {"call": ticket.id, "form": "meter_fault", "values": {"fault": text}}
        assert browser.send("draft", body, "put").status_code == 200
    browser.stream.close()
    state = browser.listen().state()
    assert state["talk"]["drafts"] == {"meter_fault": {"fault": "It hums"}}
    assert len(world.rows(Draft)) == 1
    for bad in ({"form": "reading/1"}, {"values": {"x": "y" * 20_000}}, {"values": []}):
        body = {"call": ticket.id, "form": "other", "values": {}} | bad
        assert browser.send("draft", body, "put").status_code == 400


# ---------------------------------------------------------------------- call-backs


def test_a_call_back_is_promised_once_a_number(world):
    browser = world.desk().ready()
    body = {"number": "067 111 00 01", "queue": "general", "account": "100200301"}
    told = browser.send("callback", body).json
    assert told["number"] == "+380671110001"
    assert browser.send("callback", body).json["id"] == told["id"]
    assert len(world.rows(Callback)) == 1


@pytest.mark.parametrize(
    ("number", "error"),
    [("call me", "number_impossible"), ("0900123456", "number_premium"), ("", "field_empty")],
)
def test_a_call_back_to_no_number(world, number, error):
    browser = world.desk().ready()
    answer = browser.send("callback", {"number": number, "queue": "general"})
    assert answer.json["error"] == error
    assert world.rows(Callback) == []
