"""A supervisor is let into a talk: rows, the log of events, news to desks, what is repaired."""

from __future__ import annotations

import pytest
from matching import Hall
from sqlalchemy import update

from ivr.agent_queue.model import Change
from ivr.matchmaker.means import recording_of
from ivr.store.models import Audit, Conversation
from ivr.store.supervision import Listening

TOKEN = "odesa.ear.pbx1-1.1"


@pytest.fixture
def talk(hall: Hall) -> str:
    """Olena talks, vira sits at her desk; the token of the talk."""
    hall.operator()
    hall.operator("vira", "paused", skills={})
    hall.caller()
    return hall.answer()


def begin(hall: Hall, mode: str = "listen", token: str = TOKEN, **fields: str) -> None:
    """Do what the desk does."""
    given = {"supervisor": "vira", "operator": "olena", "call": "pbx1-1.1", **fields}
    row = Listening(company="odesa", token=token, mode=mode, began_at=hall.clock(), **given)
    with hall.store.session() as db:
        db.add(row)
    order(hall, "listen", token=token)


def order(hall: Hall, word: str, **fields: str) -> None:
    hall.queue.send({"do": word, **fields})
    hall.matchmaker.step()


def claim(hall: Hall, token: str) -> None:
    """Do what the desk does when somebody wants the caller and nobody else does."""
    with hall.store.session() as db:
        db.execute(update(Listening).where(Listening.token == token).values(mode="take"))


def row(hall: Hall) -> Listening:
    (found,) = hall.rows(Listening)
    return found


def events(hall: Hall) -> list[tuple[str, str, str]]:
    found = [entry.details for entry in hall.log.entries if entry.kind == "listened"]
    return [(each["state"], each["mode"], each["why"]) for each in found]


def test_he_is_rung_heard_and_gone(hall: Hall, talk: str) -> None:
    news: list[Change] = []
    begin(hall)
    assert hall.exchange.ears_asked == [("listen", "op-vira", "op-olena", talk, TOKEN, "listen")]
    assert row(hall).heard_at is None
    hall.queue.subscribe(news.append)
    hall.matchmaker.listening(TOKEN)
    hall.matchmaker.listening(TOKEN)
    assert news == [Change("odesa", "staff", "vira"), Change("odesa", "staff", "olena")]
    began = hall.clock()
    assert row(hall).heard_at == began
    hall.pass_(7)
    hall.matchmaker.listening_over(TOKEN, "supervisor")
    hall.matchmaker.listening_over(TOKEN, "lost")
    assert (row(hall).ended_at, row(hall).why) == (hall.clock(), "supervisor")
    assert events(hall) == [("began", "listen", ""), ("ended", "listen", "supervisor")]
    assert hall.details("listened")["seconds"] == 7.0
    assert hall.state() == "talking"


def test_the_mode_changes(hall: Hall, talk: str) -> None:
    begin(hall)
    order(hall, "listen_as", token=TOKEN, mode="barge")
    assert len(hall.exchange.ears_asked) == 1, "he is not there yet"
    hall.matchmaker.listening(TOKEN)
    order(hall, "listen_as", token=TOKEN, mode="whisper")
    assert hall.exchange.ears_asked[-1] == ("listen_as", TOKEN, "whisper")
    assert row(hall).mode == "whisper"
    assert events(hall)[-1] == ("changed", "whisper", "")


@pytest.mark.parametrize("at_once", [True, False])
def test_the_caller_becomes_the_supervisor_s(hall: Hall, talk: str, at_once: bool) -> None:
    begin(hall, "take" if at_once else "listen")
    hall.matchmaker.listening(TOKEN)
    if not at_once:
        claim(hall, TOKEN)
        order(hall, "listen_as", token=TOKEN, mode="take")
    recording = recording_of(hall.ticket("pbx1-1.1"), TOKEN)
    asked = ("take_over", "op-olena", talk, TOKEN, recording)
    assert hall.exchange.ears_asked[1:] == [asked]
    assert hall.state() == "talking"
    hall.matchmaker.taken_over(TOKEN)
    hall.matchmaker.taken_over(TOKEN)
    assert (hall.state(), hall.state("vira")) == ("wrap_up", "talking")
    first, second = hall.rows(Conversation)
    assert (first.operator, first.token) == ("olena", talk)
    assert first.ended_at is not None
    assert (second.operator, second.token, second.recording) == ("vira", TOKEN, recording)
    assert second.ended_at is None
    ended = row(hall)
    assert (ended.mode, ended.why) == ("take", "taken")
    assert events(hall)[-1] == ("taken", "take", "taken")
    assert hall.kinds().count("transferred") == 1
    hall.queue.ended("pbx1-1.1", hall.now)
    hall.matchmaker.step()
    assert hall.rows(Conversation)[1].ended_at is not None
    assert hall.queue.audit("odesa", hall.now) == []


def test_a_recording_that_was_paused_stays_paused(hall: Hall, talk: str) -> None:
    for paused in (True, False, True):
        with hall.store.session() as db:
            row = Audit(
                at=hall.clock(), company="odesa", who="olena", what="pause_recording",
                allowed=True, call="pbx1-1.1", details={"paused": paused},
            )  # fmt: skip
            db.add(row)
    begin(hall, "take")
    hall.matchmaker.listening(TOKEN)
    assert hall.exchange.paused == []
    hall.matchmaker.taken_over(TOKEN)
    assert hall.exchange.paused == [("pbx1-1.1", True)]


def test_it_is_taken_over_once(hall: Hall, talk: str) -> None:
    hall.operator("nina", "paused", skills={})
    begin(hall)
    begin(hall, token="odesa.second.pbx1-1.1", supervisor="nina")
    for token in (TOKEN, "odesa.second.pbx1-1.1"):
        hall.matchmaker.listening(token)
    claim(hall, TOKEN)
    for token in ("odesa.second.pbx1-1.1", TOKEN):
        order(hall, "listen_as", token=token, mode="take")
    takes = [asked[3] for asked in hall.exchange.ears_asked if asked[0] == "take_over"]
    assert takes == [TOKEN], "whose row says so"
    hall.exchange.ears_there[TOKEN] = True
    order(hall, "listen_as", token=TOKEN, mode="take")  # pressed once more
    hall.matchmaker.taken_over(TOKEN)
    order(hall, "listen_as", token="odesa.second.pbx1-1.1", mode="take")
    assert hall.ticket("pbx1-1.1").operator == "vira"
    assert [asked[3] for asked in hall.exchange.ears_asked if asked[0] == "take_over"] == [TOKEN]


def test_a_talk_that_is_over_or_another_operator_s(hall: Hall, talk: str) -> None:
    hall.queue.ended("pbx1-1.1", hall.now)
    begin(hall)
    assert hall.exchange.ears_asked == []
    assert (row(hall).why, events(hall)) == ("talk", [("ended", "listen", "talk")])


def test_a_supervisor_without_a_telephone(hall: Hall, talk: str) -> None:
    hall.matchmaker.phone_found("op-vira", "pbx1")
    hall.matchmaker.phone_lost("op-vira", "pbx1")
    begin(hall)
    assert (hall.exchange.ears_asked, row(hall).why) == ([], "failed")


def test_one_who_gives_up_while_it_rings_is_not_let_in(hall: Hall, talk: str) -> None:
    begin(hall)
    order(hall, "leave_talk", token=TOKEN)
    assert row(hall).why == "supervisor"
    hall.matchmaker.listening(TOKEN)
    assert hall.exchange.ears_asked[-1] == ("leave_talk", TOKEN)
    assert row(hall).heard_at is None


def test_he_goes_back_to_the_status_he_had_unless_he_chose_another(hall: Hall, talk: str) -> None:
    for chosen, after in (("", "ready"), ("meal", "paused")):
        token = f"odesa.{after}.pbx1-1.1"
        hall.queue.set_status("odesa", "vira", "paused", hall.now, reason="listening")
        begin(hall, token=token)
        with hall.store.session() as db:
            db.execute(update(Listening).values(before="ready"))
        hall.matchmaker.listening(token)
        if chosen:
            hall.queue.set_status("odesa", "vira", "paused", hall.now, reason=chosen)
        hall.matchmaker.listening_over(token, "supervisor")
        known = hall.queue.operator("odesa", "vira")
        assert known is not None
        assert known.status == after


# ---------------------------------------------------------------------- repairs


def test_reports_that_were_lost_are_made_up_for(hall: Hall, talk: str) -> None:
    begin(hall)
    hall.exchange.ears_there[TOKEN] = False
    hall.pass_(10)
    assert row(hall).heard_at is not None
    hall.exchange.ears_there[TOKEN] = True
    hall.pass_(10)
    assert hall.ticket("pbx1-1.1").operator == "vira"
    assert row(hall).why == "taken"


@pytest.mark.parametrize(("heard", "why"), [(True, "lost"), (False, "no_answer")])
def test_one_of_whom_no_exchange_knows_is_over(
    hall: Hall, talk: str, heard: bool, why: str
) -> None:
    begin(hall)
    if heard:
        hall.matchmaker.listening(TOKEN)
    hall.pass_(10)
    assert row(hall).ended_at is None
    hall.exchange.fall("pbx1")
    hall.pass_(20)
    assert row(hall).ended_at is None, "nothing is concluded about one that does not answer"
    hall.exchange.down.clear()
    hall.pass_(10)
    assert row(hall).why == why


@pytest.mark.parametrize("at_once", [True, False])
def test_a_take_over_that_did_not_come_about_is_tried_again(
    hall: Hall, talk: str, at_once: bool
) -> None:
    begin(hall, "take" if at_once else "listen")
    hall.matchmaker.listening(TOKEN)
    if not at_once:
        claim(hall, TOKEN)
        hall.matchmaker.close()
        hall.queue.send({"do": "listen_as", "token": TOKEN, "mode": "take"})
        hall.queue.commands()  # taken by who died with it
        hall.matchmaker = hall.another()
        hall.matchmaker.lead()
    assert row(hall).mode == "take", "nobody else may"
    hall.exchange.ears_there[TOKEN] = False
    asked = len(hall.exchange.ears_asked)
    hall.pass_(10)
    assert {each[0] for each in hall.exchange.ears_asked[asked:]} == {"take_over"}
    hall.matchmaker.taken_over(TOKEN)
    assert hall.ticket("pbx1-1.1").operator == "vira"


def test_another_matchmaker_goes_on(hall: Hall, talk: str) -> None:
    begin(hall)
    hall.matchmaker.stand_down()
    hall.matchmaker.listening(TOKEN)
    assert row(hall).heard_at is None
    other = hall.another()
    other.listening(TOKEN)
    other.taken_over(TOKEN)
    other.step()
    assert hall.ticket("pbx1-1.1").operator == "vira"
    assert [each.operator for each in hall.rows(Conversation)] == ["olena", "vira"]


def test_a_call_back_is_heard_but_not_taken_over(hall: Hall) -> None:
    hall.operator()
    hall.operator("vira", "paused", skills={})
    hall.due_callback()
    hall.pass_(10)
    rung = hall.exchange.last
    hall.matchmaker.called_back(rung.offer.token, "answered")
    assert hall.state() == "talking"
    begin(hall, call=rung.ticket.id)
    hall.matchmaker.listening(TOKEN)
    order(hall, "listen_as", token=TOKEN, mode="take")
    assert [asked[0] for asked in hall.exchange.ears_asked] == ["listen"]


def test_forged_tokens_do_nothing(hall: Hall, talk: str) -> None:
    for word in ("listen", "listen_as", "leave_talk"):
        order(hall, word, token="odesa.forged.x", mode="barge")
    hall.matchmaker.listening_over("odesa.forged.x", "talk")
    hall.matchmaker.taken_over("odesa.forged.x")
    assert hall.exchange.ears_asked == []
    assert hall.ticket("pbx1-1.1").operator == "olena"


@pytest.mark.parametrize("why", ["talk", "taken", "lost"])
def test_the_audit_log_tells_of_every_end(hall: Hall, talk: str, why: str) -> None:
    begin(hall)
    hall.matchmaker.listening(TOKEN)
    if why == "taken":
        claim(hall, TOKEN)
        hall.matchmaker.taken_over(TOKEN)
    else:
        hall.matchmaker.listening_over(TOKEN, why)
    hall.matchmaker.step()
    (found,) = [each for each in hall.rows(Audit) if each.what == "listen_end"]
    assert (found.who, found.call, found.allowed) == ("vira", "pbx1-1.1", True)
    assert (found.details["operator"], found.details["why"]) == ("olena", why)
