"""A caller whom Twilio holds is put through to an operator: Twilio's call to our own Asterisk."""

from __future__ import annotations

import wave
from dataclasses import replace
from types import SimpleNamespace

import pytest
from conftest import ROOT, free_ports
from hall import Hall, Reports, until
from scripted import record_tone
from sip_phone import SipPhone

from ivr.agent_queue.model import Ticket
from ivr.asterisk.process import Asterisk, find_program
from ivr.asterisk.settings import AsteriskSettings, Node
from ivr.channels.ami import AsteriskSwitch
from ivr.channels.ami_wire import Exchange
from ivr.matchmaker import SwitchDown

pytestmark = pytest.mark.asterisk

PASSWORD = "of-twilio"
CALL = "CA0123456789abcdef0123456789abcdef"
TOKEN = "CA0123.general.anna-1"


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory):
    """Two exchanges; Twilio knows the password of the first only."""
    folder = tmp_path_factory.mktemp("twilio")
    record_tone(folder / "sounds/uk/apology.wav", 0.2)
    record_tone(folder / "sounds/music/loop.wav", 5)
    sip, http1, http2, ami1, ami2, worker = free_ports(6)
    first = AsteriskSettings(
        run_dir=folder / "1",
        sounds_dir=folder / "sounds",
        workers=(f"127.0.0.1:{worker}",),
        apology="uk/apology",
        node="pbx1",
        sip_port=sip,
        http_port=http1,
        ami_port=ami1,
        ami_secret="of-both",
        music_dir=folder / "sounds/music",
        nodes=(Node("pbx2", "127.0.0.2", sip),),
        softphones=("127.0.0.1/32",),
        twilio_password=PASSWORD,
    )
    second = replace(
        first,
        run_dir=folder / "2",
        node="pbx2",
        sip_address="127.0.0.2",
        http_port=http2,
        ami_port=ami2,
        rtp=(11000, 11999),
        nodes=(Node("pbx1", "127.0.0.1", sip),),
        softphones=("127.0.0.2/32",),
        twilio_password="",
    )
    program = find_program(ROOT / "var/asterisk-root")
    with Asterisk(program, first) as one, Asterisk(program, second) as other:
        yield one, other
        for each in (one, other):
            log = (each.run_dir / "log/messages").read_text(errors="replace")
            wrong = [line for line in log.splitlines() if "WARNING" in line and " pbx" in line]
            assert not wrong, "the dialplan is at fault"


class Witness(Reports):
    """The listener, which looks at the caller's call when the loss of an operator is told."""

    def __init__(self):
        super().__init__()
        self.watched = None
        self.state_then = ""

    def dropped(self, ticket):
        self.state_then = self.watched.state if self.watched else ""
        self.__getattr__("dropped")(ticket)


@pytest.fixture
def hall(exchanges):
    """The operators' side, with the switch to both exchanges."""
    connections = [
        Exchange(each.settings.node, "127.0.0.1", each.settings.ami_port, "press2", "of-both")
        for each in exchanges
    ]
    house = SimpleNamespace(asterisk=exchanges[0])
    here = ("127.0.0.1", exchanges[0].settings.sip_port)
    hall = Hall(here, connections, "pbx1", house, Witness())
    yield hall
    hall.close()


@pytest.fixture
def carrier(hall):
    """Return a function that makes Twilio, as it calls: in the name of a caller, from anywhere."""
    made = []

    def carrier(user="+380671110001", secret=PASSWORD, *, address="127.0.0.5", **how):
        how = {"account": "twilio", "server": hall.sip, **how}
        made.append(SipPhone(how.pop("server"), user, secret, address=address, **how))
        return made[-1]

    yield carrier
    for phone in made:
        phone.close()


@pytest.fixture
def twilio(carrier):
    return carrier()


@pytest.fixture
def far(exchanges):
    """Where an operator registers who is at the second exchange."""
    return ("127.0.0.2", exchanges[1].settings.sip_port)


def headers(token=TOKEN, call=CALL, node="pbx1", record=""):
    said = {"Token": token, "Call": call, "Node": node, "Record": record}
    return [f"X-Press2-{name}: {text}" for name, text in said.items()]


def talk(twilio, operator, **said):
    """Put a caller through to an operator who answers at once; both ends of the talk."""
    number = len(operator.dialogs) + 1
    dialog = twilio.call(operator.user, *headers(**said))
    rung = operator.rung(number)
    operator.until(lambda: rung.heard > 20)
    twilio.until(lambda: dialog.heard > 20)
    return dialog, rung


def sound_of(hall, name):
    with wave.open(str(hall.pbx.asterisk.run_dir / "recordings" / name)) as sound:
        return sound.readframes(sound.getnframes())


# ---------------------------------------------------------------------- put through


def test_the_operator_is_rung_and_talks(hall, twilio):
    anna = hall.operator("anna", answers=False)
    dialog = twilio.dial("op-anna", *headers(record="talks/2026/a-1.wav"))
    rung = anna.rung()
    assert rung.token == TOKEN
    assert "sip:+380671110001@" in rung.remote
    twilio.until(lambda: 180 in dialog.progress)
    assert dialog.state == "ringing"
    assert "answered" not in hall.reports.names()
    anna.answer(rung)
    hall.reports.wait("answered", TOKEN)
    twilio.until(lambda: dialog.state == "talking" and dialog.heard > 60)
    anna.until(lambda: rung.heard > 60)
    assert set(dialog.progress) == {180}
    # It is Twilio that holds the caller: no exchange does.
    assert hall.switch.calls() == []
    anna.hang_up(rung)
    twilio.until(lambda: dialog.state == "over")
    assert any(sound_of(hall, "talks/2026/a-1.wav"))
    assert not {"dropped", "unanswered", "gone"} & set(hall.reports.names())


def test_the_operator_is_at_another_exchange(hall, twilio, far):
    anna = hall.operator("anna", at=far, answers=False)
    dialog = twilio.dial("op-anna", *headers(node="pbx2", record="talks/far.wav"))
    rung = anna.rung()
    assert rung.token == TOKEN
    anna.answer(rung)
    hall.reports.wait("answered", TOKEN)
    anna.until(lambda: rung.heard > 50)
    twilio.until(lambda: dialog.heard > 50)
    assert hall.switch.calls() == []
    anna.hang_up(rung)
    twilio.until(lambda: dialog.state == "over")
    assert any(sound_of(hall, "talks/far.wav"))


def test_the_caller_hangs_up(hall, twilio):
    anna = hall.operator("anna")
    dialog, rung = talk(twilio, anna)
    twilio.hang_up(dialog)
    anna.until(lambda: rung.state == "over")
    assert not {"dropped", "unanswered", "gone"} & set(hall.reports.names())


@pytest.mark.parametrize("node", ["pbx1", "pbx2"])
def test_an_operator_who_vanishes_is_told_before_the_caller_is_let_go(hall, twilio, far, node):
    anna = hall.operator("anna", at=far if node == "pbx2" else None)
    dialog, _ = talk(twilio, anna, node=node)
    hall.reports.watched = dialog
    mark = len(hall.reports.all)
    anna.vanish()
    hall.reports.wait("dropped", CALL)
    assert hall.reports.state_then == "talking"
    twilio.until(lambda: dialog.state == "over")
    assert hall.reports.names().count("dropped") == 1
    anna.alive = True
    hall.reports.wait("phone_found", "op-anna", node, after=mark)


# ---------------------------------------------------------------------- not put through


def test_twilio_gives_up(hall, twilio):
    """Its own time is over, or the caller hung up: which of them, Twilio tells."""
    anna = hall.operator("anna", answers=False)
    dialog = twilio.dial("op-anna", *headers())
    rung = anna.rung()
    twilio.until(lambda: 180 in dialog.progress)
    twilio.cancel(dialog)
    assert dialog.status == 487
    anna.until(lambda: rung.state == "over")
    assert "unanswered" not in hall.reports.names()


@pytest.mark.parametrize("node", ["pbx1", "pbx2"])
@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        ("486 Busy Here", 486, {"declined"}),
        ("603 Decline", 480, {"declined", "failed", "no_answer"}),
        ("480 Temporarily Unavailable", 480, {"failed", "no_answer"}),
    ],
)
def test_an_operator_who_does_not_come(hall, twilio, far, node, answer, status, why):
    anna = hall.operator("anna", at=far if node == "pbx2" else None, answers=False)
    dialog = twilio.dial("op-anna", *headers(node=node))
    anna.refuse(anna.rung(), answer)
    assert hall.reports.wait("unanswered", TOKEN)[2] in why
    twilio.until(lambda: dialog.state == "refused")
    assert dialog.status == status


@pytest.mark.parametrize("node", ["", "pbx1", "pbx2", "elsewhere"])
def test_an_operator_without_a_telephone(hall, twilio, node):
    dialog = twilio.call("op-nobody", *headers(node=node))
    assert (dialog.state, dialog.status) == ("refused", 480)
    hall.reports.wait("unanswered", TOKEN)


@pytest.mark.parametrize(
    "dialled", ["s", "echo", "100", "+380501234567", "op-", "h", "i", "caller", "Xop-anna"]
)
def test_twilio_dials_operators_only(hall, twilio, dialled):
    anna = hall.operator("anna")
    assert twilio.call(dialled, *headers()).status in {404, 484}
    assert not anna.dialogs


# ---------------------------------------------------------------------- who is Twilio


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.5"])
@pytest.mark.parametrize(
    ("account", "secret"), [("twilio", "guessed"), ("mallory", PASSWORD), ("op-anna", PASSWORD)]
)
def test_one_without_the_password_is_refused(hall, carrier, address, account, secret):
    """Also where softphones may call without one."""
    anna = hall.operator("anna")
    stranger = carrier(secret=secret, address=address, account=account)
    assert stranger.call("op-anna", *headers()).status == 401
    assert not anna.dialogs


@pytest.mark.parametrize("user", ["anonymous", "operators", "twilio", "node-pbx2", "266696687"])
def test_the_caller_s_name_decides_nothing(hall, carrier, user):
    anna = hall.operator("anna")
    assert carrier(user, secret="guessed").call("op-anna", *headers()).status == 401
    dialog, _ = talk(carrier(user), anna)
    assert dialog.state == "talking"


def test_nobody_else_gets_there(hall, carrier):
    """An operator, or who else has an account, has no way into Twilio's part of the dialplan."""
    anna, boris = hall.operator("anna"), hall.operator("boris")
    assert boris.call("op-anna", *headers()).status == 401
    softphone = carrier("0671110001", secret="", address="127.0.0.1", account="")
    assert softphone.call("op-anna", *headers()).status == 401
    assert not anna.dialogs


def test_a_call_that_belongs_to_no_offer_rings_nobody(hall, twilio):
    anna = hall.operator("anna")
    for said in ([], headers(token=""), headers(call="")):
        assert twilio.call("op-anna", *said).status in {401, 403, 404}
    assert not anna.dialogs


@pytest.mark.parametrize("user", ["twilio", "op-twilio", "+380671110001"])
def test_nobody_registers_as_twilio(carrier, user):
    assert carrier(user).register() in {401, 403, 404}


def test_without_a_password_nobody_is_twilio(hall, carrier, far):
    anna = hall.operator("anna", at=far)
    for secret in (PASSWORD, ""):
        refused = carrier(secret=secret, server=far).call("op-anna", *headers(node="pbx2"))
        assert refused.status in {401, 403}
    assert not anna.dialogs


# ---------------------------------------------------------------------- what it may not say

HOSTILE = [
    "x%0d%0aEvent: UserEvent%0d%0aUserEvent: Press2Gone",
    "x\r\n Event: UserEvent\r\n\tUserEvent: Press2Gone",
    "a,Outcome: dropped,Call: CA9",
    "${SHELL(id)}",
    "${EXTEN}$[1+1]\\,b",
    "x^y)b(desk^echo^1)",
    '"quoted" <sip:a@b>;c=d',
    "../../../../a",
    "x" * 900,
    "\u0442\u0430\u043a",
    "",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("header", ["token", "call", "node", "record"])
def test_a_header_is_text_and_nothing_else(hall, twilio, header, text):
    anna = hall.operator("anna", answers=False)
    mark = len(hall.reports.all)
    dialog = twilio.dial("op-anna", *headers(**{header: text}))
    twilio.until(lambda: anna.dialogs or dialog.state == "refused")
    if anna.dialogs:
        anna.refuse(anna.rung())
        report = hall.reports.wait("unanswered", after=mark)
        assert len(report[1]) <= 200
        assert header == "token" or report == ("unanswered", TOKEN, "declined")
    twilio.until(lambda: dialog.state == "refused")
    assert dialog.status in {404, 486}
    assert set(hall.reports.names()[mark:]) <= {"unanswered", "phone_found"}


@pytest.mark.parametrize(
    "record", ["../a.wav", "talks/../../a.wav", "/a.wav", ".a.wav", "talks/.a.wav", "talks/"]
)
def test_nothing_is_written_beside_the_recordings(hall, twilio, record):
    anna = hall.operator("anna")
    run_dir = hall.pbx.asterisk.run_dir
    before = sorted(run_dir.parent.rglob("*.wav"))
    dialog, rung = talk(twilio, anna, record=record)
    anna.hang_up(rung)
    twilio.until(lambda: dialog.state == "over")
    assert sorted(run_dir.parent.rglob("*.wav")) == before


# ---------------------------------------------------------------------- in the talk


@pytest.mark.parametrize("node", ["pbx1", "pbx2"])
def test_the_recording_of_a_twilio_caller_pauses(hall, twilio, far, node):
    anna = hall.operator("anna", at=far if node == "pbx2" else None)
    dialog, rung = talk(twilio, anna, node=node, record=f"talks/paused-{node}.wav")
    ticket = Ticket(CALL, "odesa", "general", 0.0, node="twilio", token=TOKEN)
    hall.switch.pause_recording(ticket, True)
    heard = rung.heard
    anna.until(lambda: rung.heard > heard + 50)
    hall.switch.pause_recording(ticket, False)
    heard = rung.heard
    anna.until(lambda: rung.heard > heard + 20)
    anna.hang_up(rung)
    twilio.until(lambda: dialog.state == "over")
    sound = sound_of(hall, f"talks/paused-{node}.wav")
    assert bytes(4000) in sound
    assert any(sound)


def test_a_pause_that_an_exchange_may_have_missed_is_no_pause(hall, twilio):
    """One exchange is away: whoever is found with the other is paused, nobody else."""
    anna = hall.operator("anna")
    (port,) = free_ports(1)
    away = Exchange("pbx2", "127.0.0.1", port, "press2", "of-both")
    switch = AsteriskSwitch([hall.exchanges[0], away])
    switch.start(Reports())
    try:
        until(lambda: "pbx1" in switch.nodes())
        ticket = Ticket(CALL, "odesa", "general", 0.0, node="twilio", token=TOKEN)
        with pytest.raises(SwitchDown, match="is away"):
            switch.pause_recording(ticket, True)
        talk(twilio, anna)
        switch.pause_recording(ticket, True)
    finally:
        switch.stop()


@pytest.mark.parametrize("how", ["ended", "dropped"])
def test_a_twilio_caller_is_handed_over(hall, twilio, how):
    anna, boris = hall.operator("anna"), hall.operator("boris")
    dialog, rung = talk(twilio, anna)
    hall.reports.watched = dialog
    anna.hold(rung)
    consult = anna.call("op-boris", "X-Press2-Token: consult-1")
    other = boris.rung()
    # They talk: Asterisk has joined them only a moment after it told her that he answered.
    anna.until(lambda: consult.heard > 20)
    boris.until(lambda: other.heard > 20)
    assert anna.refer(rung, consult) == 202
    anna.until(lambda: any("200 OK" in body for body in rung.notified))
    anna.until(lambda: consult.state == "over")
    anna.hang_up(rung)
    heard, said = other.heard, dialog.heard
    boris.until(lambda: other.heard > heard + 20)
    twilio.until(lambda: dialog.heard > said + 20)
    assert "dropped" not in hall.reports.names()
    if how == "ended":
        boris.hang_up(other)
        twilio.until(lambda: dialog.state == "over")
        assert "dropped" not in hall.reports.names()
    else:
        boris.vanish()
        hall.reports.wait("dropped", CALL)
        assert hall.reports.state_then == "talking"
        twilio.until(lambda: dialog.state == "over")


def test_a_twilio_caller_is_sent_to_a_colleague_unasked(hall, twilio):
    anna, boris = hall.operator("anna"), hall.operator("boris")
    dialog, rung = talk(twilio, anna)
    uri = f"sip:op-boris@{hall.sip[0]}:{hall.sip[1]}"
    lines = [f"Refer-To: <{uri}>", "Referred-By: <sip:op-anna@x>"]
    assert anna.within("REFER", rung, lines).status == 202
    other = boris.rung()
    said = dialog.heard
    boris.until(lambda: other.heard > 20)
    twilio.until(lambda: dialog.heard > said + 20)
    boris.hang_up(other)
    twilio.until(lambda: dialog.state == "over")


def test_twilio_transfers_nobody(hall, twilio):
    anna, boris = hall.operator("anna"), hall.operator("boris")
    dialog, rung = talk(twilio, anna)
    lines = [f"Refer-To: <sip:op-boris@{hall.sip[0]}:{hall.sip[1]}>"]
    assert twilio.within("REFER", dialog, lines).status >= 400
    heard = rung.heard
    anna.until(lambda: rung.heard > heard + 20)
    assert not boris.dialogs
