"""The emulated Twilio beside its calls: REST, and a network that loses and repeats."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client
from twilio_emulator import Emulator
from twilio_emulator.program import CALLER, HOUSE, PUBLIC, Program
from werkzeug.wrappers import Response


def test_a_waiting_call_is_taken_out_by_rest(
    twilio: Emulator, program: Program, rest: Client
) -> None:
    program.pages |= {
        "/voice": '<Enqueue waitUrl="/wait" action="/left">press2</Enqueue>',
        "/wait": "<Pause length='1'/>",
        "/left": "<Say>this is ignored</Say>",
        "/told": "<Say>hello</Say>",
    }
    call = twilio.call(CALLER, HOUSE).wait("Enqueue")
    twilio.until(lambda: len(program.told("/wait")) >= 3)
    assert program.told("/wait")[0]["QueuePosition"] == "1"
    (queue,) = rest.queues.list()
    assert (queue.friendly_name, queue.current_size) == ("press2", 1)
    assert [one.call_sid for one in rest.queues(queue.sid).members.list()] == [call.sid]
    rest.calls(call.sid).update(url=f"{PUBLIC}/told", method="POST")
    call.wait("completed")
    twilio.until(lambda: program.told("/left"))
    assert program.told("/left")[0]["QueueResult"] == "redirected"
    assert ("say", "hello") in call.heard
    assert ("say", "this is ignored") not in call.heard
    with pytest.raises(TwilioRestException) as refused:
        rest.calls(call.sid).update(twiml="<Response><Hangup/></Response>")
    assert (refused.value.status, refused.value.code) == (400, 21220)
    twilio.check()


# ------------------------------------------------------------------ REST


def test_a_call_is_made_and_told_of(twilio: Emulator, program: Program, rest: Client) -> None:
    program.pages |= {
        "/out": "<Gather numDigits='1' action='/yes'><Say>press one</Say></Gather>",
        "/yes": "<Hangup/>",
        "/events": Response(status=204),
    }
    made = rest.calls.create(
        to="+380671110002",
        from_=HOUSE,
        url=f"{PUBLIC}/out",
        timeout=20,
        status_callback=f"{PUBLIC}/events",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    assert made.status == "queued"
    leg = twilio.leg("+380671110002").answer()
    leg.call.wait("Gather").press("1")
    leg.call.wait("completed")
    twilio.until(lambda: len(program.told("/events")) == 4)
    assert program.told("/out")[0]["Direction"] == "outbound-api"
    assert program.told("/out")[0]["CallStatus"] == "in-progress"
    assert rest.calls(made.sid).fetch().status == "completed"
    (listed,) = rest.calls.list(status="completed")
    assert listed.sid == made.sid
    assert rest.calls.list(status="in-progress") == []
    twilio.check()


def test_a_call_nobody_takes(twilio: Emulator, program: Program, rest: Client) -> None:
    program.pages["/events"] = Response(status=204)
    twilio.haste = 100
    made = rest.calls.create(
        to="+380671110002",
        from_=HOUSE,
        twiml="<Response><Hangup/></Response>",
        timeout=5,
        status_callback=f"{PUBLIC}/events",
    )
    twilio.until(lambda: program.told("/events"))
    assert program.told("/events")[0]["CallStatus"] == "no-answer"
    assert rest.calls(made.sid).fetch().status == "no-answer"


def test_rest_refuses(twilio: Emulator, rest: Client) -> None:
    def code(act: Callable[[], object]) -> tuple[int, int]:
        with pytest.raises(TwilioRestException) as refused:
            act()
        return refused.value.status, refused.value.code

    number = "+380671110002"
    long = f"<Response><Say>{'x' * 4000}</Say></Response>"
    assert code(lambda: rest.calls("CA" + "0" * 32).update(status="completed")) == (404, 20404)
    assert code(lambda: rest.calls.create(to=number, from_=HOUSE, url="/x")) == (400, 21205)
    assert code(lambda: rest.calls.create(to=number, from_=HOUSE, twiml=long))[0] == 400
    assert code(lambda: rest.calls.create(to="12", from_=HOUSE, url="https://a/")) == (400, 21211)
    assert code(lambda: rest.calls.create(to=number, from_=number, url="https://a/"))[0] == 400
    stranger = Client(twilio.account_sid, "wrong", http_client=rest.http_client)
    assert code(lambda: stranger.calls("CA" + "0" * 32).fetch()) == (401, 20003)
    twilio.refuse_rest(503, 20503)
    assert code(lambda: rest.queues("QU" + "0" * 32).fetch()) == (503, 20503)
    assert rest.queues.list() == []


def test_lists_have_pages(twilio: Emulator, rest: Client) -> None:
    for number in range(7):
        rest.queues.create(friendly_name=f"q{number}", max_size=5)
    assert len(rest.queues.list(page_size=3)) == 7
    (first, *_) = rest.queues.list(limit=2)
    assert rest.queues(first.sid).update(max_size=2000).max_size == 2000


def test_numbers_are_set_up(twilio: Emulator, program: Program, rest: Client) -> None:
    (number,) = rest.incoming_phone_numbers.list(phone_number=HOUSE)
    changed = rest.incoming_phone_numbers(number.sid).update(
        voice_url=f"{PUBLIC}/other", voice_fallback_url=f"{PUBLIC}/fallback"
    )
    assert (changed.voice_url, changed.voice_method) == (f"{PUBLIC}/other", "POST")
    program.pages["/other"] = "<Reject reason='busy'/>"
    call = twilio.call(CALLER, HOUSE).wait("busy")
    assert call.heard == [("reject", "busy")]


def test_messages_arrive_or_not(twilio: Emulator, program: Program, rest: Client) -> None:
    program.pages["/message"] = Response(status=204)

    def send() -> str:
        made = rest.messages.create(
            to="+380671110002", from_=HOUSE, body="Світло є", status_callback=f"{PUBLIC}/message"
        )
        return str(made.sid)

    arrived = send()
    twilio.messages.on_message = lambda message: ("undelivered", 30003)
    lost = send()
    twilio.until(lambda: len(program.told("/message")) == 4)
    last = {form["MessageSid"]: form for form in program.told("/message")}
    assert last[arrived]["MessageStatus"] == "delivered"
    assert (last[lost]["MessageStatus"], last[lost]["ErrorCode"]) == ("undelivered", "30003")
    assert rest.messages(lost).fetch().error_code == 30003
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert {one.sid for one in rest.messages.list(to="+380671110002", date_sent_after=since)} == {
        arrived,
        lost,
    }


def test_a_talk_is_not_recorded_for_a_while(
    twilio: Emulator, program: Program, rest: Client
) -> None:
    program.pages["/voice"] = "<Dial record='record-from-answer'>+380671110002</Dial>"
    twilio.on_dial = lambda leg: "answered"
    call = twilio.call(CALLER, HOUSE).wait(lambda call: call.bridged)
    current = rest.calls(call.sid).recordings("Twilio.CURRENT")
    assert current.update(status="paused").status == "paused"
    assert current.update(status="in-progress").status == "in-progress"
    call.hang_up()
    (one,) = twilio.recordings.by_sid.values()
    assert one.changes == ["paused", "in-progress"]
    twilio.until(lambda: one.status == "completed")


# ------------------------------------------------------------------ the network


def test_a_lost_request_is_sent_again(twilio: Emulator, program: Program) -> None:
    program.pages["/voice"] = "<Say>hello</Say>"
    twilio.network.lose("/voice")
    call = twilio.call(CALLER, HOUSE).wait("completed")
    assert call.heard == [("say", "hello")]
    assert [hook.code for hook in call.requests[:2]] == [11205, 0]


def test_a_lost_answer_makes_two_requests(twilio: Emulator, program: Program) -> None:
    program.pages["/voice"] = "<Say>hello</Say>"
    twilio.network.lose_answer("/voice")
    twilio.call(CALLER, HOUSE).wait("completed")
    assert len(program.told("/voice")) == 2


def test_what_fails_goes_to_the_fallback(twilio: Emulator, program: Program) -> None:
    twilio.numbers[HOUSE].fallback = (f"{PUBLIC}/fallback", "POST")
    program.pages |= {"/voice": Response(status=500), "/fallback": "<Say>sorry</Say>"}
    call = twilio.call(CALLER, HOUSE).wait("completed")
    assert call.heard == [("say", "sorry")]
    (told,) = program.told("/fallback")
    assert (told["ErrorCode"], told["ErrorUrl"]) == ("11200", f"{PUBLIC}/voice")
    assert len(program.told("/voice")) == 1


def test_without_a_fallback_an_error_is_spoken(twilio: Emulator, program: Program) -> None:
    program.pages["/voice"] = Response(status=500)
    call = twilio.call(CALLER, HOUSE)
    call.wait(lambda call: call.status == "no-answer")
    assert [kind for kind, _ in call.heard] == ["error"]
    assert len(twilio.failures) == 1


def test_a_slow_program_is_given_up(twilio: Emulator, program: Program) -> None:
    program.pages["/voice"] = "<Say>hello</Say>"
    twilio.network.timeout = 0.2
    twilio.network.delay("/voice", 0.1)
    twilio.call(CALLER, HOUSE).wait("completed")
    gone = threading.Event()
    program.pages["/voice"] = lambda request: str(gone.wait(5))
    call = twilio.call(CALLER, HOUSE)
    call.wait(lambda call: call.heard)
    gone.set()
    assert (call.heard[0][0], call.requests[0].code) == ("error", 11200)


@pytest.mark.parametrize("together", [False, True])
def test_requests_are_repeated(twilio: Emulator, program: Program, together: bool) -> None:
    program.pages["/voice"] = "<Say>hello</Say>"
    twilio.network.repeat("/voice", 2, together=together)
    twilio.call(CALLER, HOUSE).wait("completed")
    twilio.until(lambda: len(program.told("/voice")) == 3)


def test_requests_come_in_another_order(twilio: Emulator, program: Program) -> None:
    program.pages |= {"/voice": "<Redirect>/turn/1</Redirect>", "/turn/1": "<Hangup/>"}
    twilio.network.reorder("/voice")
    twilio.call(CALLER, HOUSE).wait("completed")
    twilio.until(lambda: len(program.told("/voice")) == 2)
    asked = [path for path, _ in program.asked if path != "/status"]
    assert asked == ["/voice", "/turn/1", "/voice"]


def test_what_is_told_comes_in_another_order(
    twilio: Emulator, program: Program, rest: Client
) -> None:
    program.pages["/events"] = Response(status=204)
    twilio.on_dial = lambda leg: "busy"
    twilio.network.reorder("/events")
    rest.calls.create(
        to="+380671110002",
        from_=HOUSE,
        twiml="<Response><Hangup/></Response>",
        status_callback=f"{PUBLIC}/events",
        status_callback_event=["initiated", "ringing", "completed"],
    )
    twilio.until(lambda: len(program.told("/events")) == 3)
    statuses = [form["CallStatus"] for form in program.told("/events")]
    assert sorted(statuses) == ["busy", "initiated", "ringing"]
    assert statuses[0] == "ringing"


def test_slow_rest(twilio: Emulator, rest: Client) -> None:
    twilio.slow_rest(0.2)
    began = time.monotonic()
    rest.queues.list()
    assert time.monotonic() - began >= 0.2
