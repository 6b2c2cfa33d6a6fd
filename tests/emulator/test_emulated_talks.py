"""The emulated Twilio with people who talk: queues, Dial, legs by SIP."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

import pytest
from twilio.rest import Client
from twilio_emulator import Emulator, tones
from twilio_emulator.program import CALLER, HOUSE, Program
from twilio_emulator.sip_leg import Dialog, Message, SipPhone
from werkzeug.wrappers import Response

# ------------------------------------------------------------------ queues


def test_a_caller_leaves_by_a_key(twilio: Emulator, program: Program) -> None:
    program.pages |= {
        "/voice": "<Enqueue waitUrl='/wait' action='/left'>press2</Enqueue>",
        "/wait": "<Gather numDigits='1' action='/key'><Pause length='30'/></Gather>",
        "/key": "<Leave/>",
        "/left": "<Say>bye</Say>",
    }
    call = twilio.call(CALLER, HOUSE).wait("Gather")
    call.press("1")
    call.wait("completed")
    (left,) = program.told("/left")
    assert left["QueueResult"] == "leave"
    assert left["QueueSid"] == twilio.queue("press2").sid
    assert call.heard[-1] == ("say", "bye")


def test_a_full_queue_and_one_who_gives_up(twilio: Emulator, program: Program) -> None:
    twilio.queue_size = 1
    program.pages |= {
        "/voice": "<Enqueue waitUrl='/wait' action='/left'>press2</Enqueue>",
        "/wait": "<Pause length='30'/>",
        "/left": lambda request: f"<Say>{request.form['QueueResult']}</Say>",
    }
    first = twilio.call(CALLER, HOUSE).wait("Enqueue")
    second = twilio.call("+380671110002", HOUSE).wait("completed")
    assert second.heard == [("say", "queue-full")]
    assert "QueueSid" not in program.told("/left")[0]
    first.hang_up()
    twilio.until(lambda: len(program.told("/left")) == 2)
    assert program.told("/left")[1]["QueueResult"] == "hangup"
    assert twilio.queue("press2").members == []


def test_a_call_among_the_waiting_document_is_no_place_for_dial(
    twilio: Emulator, program: Program
) -> None:
    program.pages |= {
        "/voice": "<Enqueue waitUrl='/wait'>press2</Enqueue>",
        "/wait": "<Dial>+380671110002</Dial>",
    }
    twilio.call(CALLER, HOUSE).wait("completed")
    assert "not allowed in a document of a wait" in twilio.faults[0].words


# ------------------------------------------------------------------ Dial


CLIENT = (
    "<Dial action='/over' timeout='20' {dial}><Client statusCallback='/leg'"
    " statusCallbackEvent='initiated ringing answered completed'><Identity>op-olena</Identity>"
    "<Parameter name='token' value='t1'/></Client></Dial>"
)


def test_a_browser_phone_answers_and_hangs_up(twilio: Emulator, program: Program) -> None:
    program.pages |= {
        "/voice": CLIENT.format(dial="record='record-from-answer' recordingStatusCallback='/rec'"),
        "/leg": Response(status=204),
        "/rec": Response(status=204),
        "/over": "<Say>survey</Say>",
    }
    call = twilio.call(CALLER, HOUSE)
    leg = twilio.leg("op-olena")
    assert leg.parameters == {"token": "t1"}
    leg.answer()
    call.wait(lambda call: call.bridged)
    leg.hang_up()
    call.wait("completed")
    (over,) = program.told("/over")
    assert (over["DialCallStatus"], over["DialBridged"]) == ("completed", "true")
    assert over["DialCallSid"] == leg.call.sid
    twilio.until(lambda: len(program.told("/leg")) == 4 and program.told("/rec"))
    statuses = {form["CallStatus"] for form in program.told("/leg")}
    assert statuses == {"initiated", "ringing", "in-progress", "completed"}
    assert program.told("/leg")[0]["ParentCallSid"] == call.sid
    assert call.heard[-1] == ("say", "survey")
    twilio.check()


@pytest.mark.parametrize("how", ["busy", "no-answer", "failed"])
def test_a_telephone_that_does_not_answer(twilio: Emulator, program: Program, how: str) -> None:
    program.pages |= {
        "/voice": "<Dial action='/over' answerOnBridge='true'>+380671110002</Dial>",
        "/over": lambda request: f"<Say>{request.form['DialCallStatus']}</Say>",
    }
    twilio.on_dial = lambda leg: how
    call = twilio.call(CALLER, HOUSE).wait("completed")
    assert call.heard[-1] == ("say", how)
    assert program.told("/over")[0]["CallStatus"] == "ringing"


def test_the_caller_hangs_up_while_it_rings(twilio: Emulator, program: Program) -> None:
    program.pages |= {"/voice": "<Dial action='/over'>+380671110002</Dial>", "/over": ""}
    call = twilio.call(CALLER, HOUSE)
    leg = twilio.leg("+380671110002")
    call.hang_up()
    leg.wait("over")
    twilio.until(lambda: program.told("/over"))
    assert program.told("/over")[0]["DialCallStatus"] == "canceled"


def test_the_called_person_decides_first(twilio: Emulator, program: Program) -> None:
    program.pages |= {
        "/voice": "<Dial action='/over'><Number url='/screen'>+380671110002</Number></Dial>",
        "/screen": "<Gather numDigits='1' action='/yes'><Say>take it?</Say></Gather><Hangup/>",
        "/yes": "<Say>joined</Say>",
        "/over": "",
    }
    call = twilio.call(CALLER, HOUSE)
    leg = twilio.leg("+380671110002").answer()
    leg.call.wait("Gather").press("1")
    call.wait(lambda call: call.bridged)
    assert leg.call.heard == [("say", "take it?"), ("say", "joined")]
    call.press("77")
    assert leg.keys == "77"
    call.hang_up()
    leg.wait("over")


# ------------------------------------------------------------------ legs by SIP


class Exchange(SipPhone):
    """A telephone that asks for a password and answers whoever calls."""

    def __init__(self) -> None:
        self.invites: list[Message] = []
        self.tones: deque[bytes] = deque(maxlen=20)
        self.frames = 0
        super().__init__(("127.0.0.1", 9), "op-olena", answers=False)

    def take(self, message: Message) -> None:
        if not message.status:
            port = re.search(r"SIP/2.0/UDP ([\d.]+):(\d+)", message.vias[0])
            assert port
            self.server = (port[1], int(port[2]))
        if not message.status and message.method == "INVITE":
            self.invites.append(message)
            if "authorization" not in message.headers:
                challenge = 'Digest realm="asterisk", nonce="n1", qop="auth", algorithm=MD5'
                text = f"401 Unauthorized\r\nWWW-Authenticate: {challenge}"
                self.reply(message, text)
                return
        super().take(message)

    def voice(self, dialog: Dialog) -> bytes:
        self.frames += 1
        return tones.frame(660, self.frames)

    def listen(self, dialog: Dialog, sound: bytes) -> None:
        self.tones.append(sound[12:])

    def hears(self, frequency: int) -> bool:
        with self.changed:
            sound = b"".join(self.tones)
        return len(sound) > 1600 and tones.share(sound, frequency) > 0.5


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    one = Exchange()
    yield one
    one.close()


def sip(program: Program, exchange: Exchange, more: str = "") -> None:
    program.pages |= {
        "/voice": f"<Dial action='/over' {more}><Sip username='twilio' password='secret'>"
        f"sip:op-olena@{exchange.here}?X-Press2-Token=t1&amp;X-Press2-Node=asterisk</Sip></Dial>",
        "/over": "",
    }


def test_a_telephone_by_sip_is_called_and_both_hear(
    twilio: Emulator, program: Program, exchange: Exchange
) -> None:
    sip(program, exchange)
    call = twilio.call(CALLER, HOUSE)
    dialog = exchange.rung()
    headers = exchange.invites[-1].headers
    assert (headers["x-press2-token"], headers["x-press2-node"]) == ("t1", "asterisk")
    assert 'username="twilio"' in headers["authorization"]
    assert headers["from"].startswith(f"<sip:{CALLER}@")
    exchange.answer(dialog)
    call.wait(lambda call: call.bridged)
    twilio.until(lambda: call.hears(660) and not call.hears(440))
    twilio.until(lambda: exchange.hears(440))
    call.tone = 880
    twilio.until(lambda: exchange.hears(880) and not exchange.hears(440))
    exchange.hang_up(dialog)
    call.wait("completed")
    (over,) = program.told("/over")
    assert (over["DialCallStatus"], over["DialSipResponseCode"]) == ("completed", "200")
    twilio.check()


def test_a_redirected_caller_says_bye(
    twilio: Emulator, program: Program, exchange: Exchange, rest: Client
) -> None:
    sip(program, exchange)
    call = twilio.call(CALLER, HOUSE)
    dialog = exchange.rung()
    exchange.answer(dialog)
    call.wait(lambda call: call.bridged)
    rest.calls(call.sid).update(twiml="<Response><Say>sorry</Say></Response>")
    exchange.until(lambda: dialog.state == "over")
    call.wait("completed")
    assert call.heard[-1] == ("say", "sorry")
    assert not program.told("/over")


def test_a_caller_who_gives_up_cancels(
    twilio: Emulator, program: Program, exchange: Exchange
) -> None:
    sip(program, exchange)
    call = twilio.call(CALLER, HOUSE)
    dialog = exchange.rung()
    call.hang_up()
    exchange.until(lambda: dialog.state == "over")


@pytest.mark.parametrize(
    ("status", "how"),
    [("486 Busy Here", "busy"), ("480 Gone", "no-answer"), ("404 Not Found", "failed")],
)
def test_a_telephone_by_sip_refuses(
    twilio: Emulator, program: Program, exchange: Exchange, status: str, how: str
) -> None:
    sip(program, exchange)
    call = twilio.call(CALLER, HOUSE)
    exchange.refuse(exchange.rung(), status)
    call.wait("completed")
    (over,) = program.told("/over")
    assert over["DialCallStatus"] == how
    assert over["DialSipResponseCode"] == status[:3]


def test_one_caller_takes_another_out_of_the_queue(twilio: Emulator, program: Program) -> None:
    program.pages |= {
        "/voice": lambda request: (
            "<Enqueue action='/left'>press2</Enqueue>"
            if request.form["From"] == CALLER
            else "<Dial><Queue>press2</Queue></Dial>"
        ),
        "/left": "",
    }
    first = twilio.call(CALLER, HOUSE).wait("Enqueue")
    second = twilio.call("+380671110002", HOUSE).wait("Dial")
    second.hang_up()
    first.wait("completed")
    assert program.told("/left")[0]["QueueResult"] == "bridged"


def test_many_calls_at_once(twilio: Emulator, program: Program) -> None:
    program.pages |= {
        "/voice": "<Gather numDigits='1' action='/wait'><Pause length='60'/></Gather>",
        "/wait": "<Enqueue>press2</Enqueue>",
    }
    calls = [twilio.call(f"+38067{number:07}", HOUSE) for number in range(100)]
    for call in calls:
        call.press("1")
    twilio.until(lambda: len(twilio.queue("press2").members) == 100, 30)
    for call in calls:
        call.hang_up()
    assert all(call.status == "completed" for call in calls)
