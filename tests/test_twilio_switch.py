"""Twilio as a switch, over a REST server that fails in every way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from twilio_rest import ACCOUNT, HANG_UP, Rest, until

from ivr.agent_queue.model import Offer, Operator, Ticket
from ivr.channels.twilio import lanes, rest
from ivr.channels.twilio.live import HeldCall, MemoryLiveCalls, RedisLiveCalls
from ivr.channels.twilio.settings import NODE, TwilioSettings
from ivr.channels.twilio.switch import TwilioSwitch
from ivr.channels.twilio.whereabouts import Whereabouts
from ivr.destination import Calling, destination
from ivr.errors import Press2Error
from ivr.matchmaker import LiveCall, SwitchDown

CALL, OTHER = "CA" + "1" * 32, "CA" + "2" * 32
TOKEN = f"odesa.{'a' * 40}.{CALL}"
OLENA = Operator("olena", "odesa", node="pbx1", endpoint="op-olena")
OUTSIDE = destination("+380671110009", Calling(allow=("+380",)), "UA")


class Ear:
    """A listener, and what it heard."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def __getattr__(self, kind: str) -> Any:
        return lambda *values, **named: self.heard.append((kind, *values, *named.values()))


class Stream:
    """The reports of this process only."""

    def __init__(self) -> None:
        self.published: list[tuple[str, dict[str, str]]] = []

    def publish(self, kind: str, **values: str) -> None:
        self.published.append((kind, values))

    def listen(self, listener: Any, stop: threading.Event) -> None:
        stop.wait()


class Moment:
    now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


class Looked(MemoryLiveCalls):
    """Counts how often all calls were looked at."""

    looks = 0

    def all(self) -> Any:
        self.looks += 1
        return super().all()


class Stage:
    """A switch over a bare REST server."""

    def __init__(self, operators: str = "sip") -> None:
        self.rest, self.ear, self.stream, self.moment = Rest(), Ear(), Stream(), Moment()
        self.live: Any = Looked(self.moment)
        self.settings = TwilioSettings(
            account_sid=ACCOUNT,
            auth_token="secret",
            public_url="https://ivr.example.com",
            api_url=self.rest.url,
            operators=operators,
            sip_address="pbx.example.com:5060",
            sip_password="word",
        )
        self.start()

    def start(self) -> None:
        self.switch = TwilioSwitch(
            self.settings, rest.client(self.settings), self.live, self.stream,
            {"odesa": "+380487059090"}, pause=0.02, clock=self.moment,
        )  # fmt: skip
        self.switch.start(self.ear)

    def close(self) -> None:
        self.rest.gate.set()
        self.switch.stop()
        self.rest.close()

    def stand(self, call: str = CALL, turn: int = 3, where: str = "wait") -> None:
        self.live.put(call, HeldCall(turn, where))

    def connect(self, call: str = CALL, token: str = TOKEN, ring: float = 20.0) -> None:
        offer = Offer(token, "odesa", call, "olena", 0.0)
        self.switch.connect(caller(call), OLENA, offer, ring, "talks/x.wav")

    def call_back(self, ring: float = 20.0) -> None:
        ticket = Ticket("callback-17", "odesa", "general", 1.0, kind="callback")
        offer = Offer("t17", "odesa", ticket.id, "olena", 0.0)
        self.switch.call_back(ticket, OLENA, offer, OUTSIDE, ring, "")

    def rounds(self, count: int = 3) -> None:
        """Let the switch look at its calls some times more."""
        before = self.live.looks
        assert until(lambda: self.live.looks > before + count)

    def where(self, call: str = CALL) -> tuple[int, str, str]:
        held = self.live.get(call)
        assert held is not None
        return held.turn, held.where, held.token

    def seen(self, call: str = CALL) -> LiveCall:
        (found,) = [live for live in self.switch.calls() if live.call == call]
        return found


def caller(call: str = CALL) -> Ticket:
    return Ticket(
        call, "odesa", "general", 1.0, channel="twilio", node=NODE, number="+380671110001",
        dialled="+380487059090",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "PAUSES", (0.01, 0.02, 0.05, 0.1, 0.2))


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


@pytest.fixture
def browsers() -> Iterator[Stage]:
    stage = Stage("client")
    yield stage
    stage.close()


# ---------------------------------------------------------------------- the main road


def test_a_caller_is_taken_out_and_an_operator_rung(stage: Stage) -> None:
    stage.stand()
    stage.connect()
    assert until(lambda: len(stage.rest.posts()) == 1)
    (asked,) = stage.rest.posts(f"/Calls/{CALL}")
    assert f"/twilio/over/{CALL}/3?token={TOKEN}" in asked["Twiml"]
    assert "sip:op-olena@pbx.example.com:5060?X-Press2-Token=" in asked["Twiml"]
    assert until(lambda: stage.where() == (3, "operator", TOKEN))
    assert stage.ear.heard == []


def test_nobody_waits_for_twilio_and_a_request_that_waits_counts_as_done(stage: Stage) -> None:
    stage.stand()
    stage.rest.gate.clear()
    stage.connect()
    assert stage.seen() == LiveCall(CALL, NODE, "", "operator", TOKEN)
    stage.stand(OTHER)
    assert stage.seen(OTHER).where == "wait"
    stage.rest.gate.set()
    assert until(lambda: stage.where() == (3, "operator", TOKEN))


def test_requests_of_one_call_keep_their_order(stage: Stage) -> None:
    stage.stand()
    for number in range(20):
        stage.switch.tell(caller(), f"word_{'abcdefghijklmnopqrst'[number]}")
    assert until(lambda: len(stage.rest.posts()) == 20)
    words = [form["Url"].rpartition("_")[2] for form in stage.rest.posts()]
    assert "".join(words) == "abcdefghijklmnopqrst"


def test_threads_get_their_own_answers(stage: Stage) -> None:
    """The library's client returns what it last heard: each thread has one of its own."""
    calls = [f"CA{number:032x}" for number in range(40)]
    stage.rest.over = set(calls[::2])
    for call in calls:
        stage.stand(call)
        stage.switch.tell(caller(call), "reading")
    assert until(lambda: len(stage.rest.posts()) == 40 and len(stage.ear.heard) == 20)
    assert {call for kind, call in stage.ear.heard if kind == "gone"} == set(calls[::2])


def test_back_to_his_flow(stage: Stage) -> None:
    stage.stand()
    stage.switch.tell(caller(), "unavailable")
    assert until(lambda: stage.where() == (3, "flow", "") and stage.rest.posts(f"/Calls/{CALL}"))
    (asked,) = stage.rest.posts(f"/Calls/{CALL}")
    assert asked["Url"] == f"https://ivr.example.com/twilio/told/{CALL}/3?outcome=unavailable"


def test_an_announcement_waits_for_the_end_of_the_music(stage: Stage) -> None:
    stage.stand()
    stage.switch.tell(caller(), "announce")
    assert stage.live.pended(CALL) == "announce"
    assert stage.where()[1] == "wait"
    assert stage.rest.asked == []


def test_to_an_outside_number(stage: Stage) -> None:
    stage.stand(where="operator")
    stage.switch.send_out(caller(), OUTSIDE)
    assert until(lambda: len(stage.rest.posts()) == 1)
    assert ">+380671110009</Number>" in stage.rest.posts()[0]["Twiml"]
    assert 'callerId="+380487059090"' in stage.rest.posts()[0]["Twiml"]


def test_a_call_is_ended(stage: Stage) -> None:
    stage.stand()
    stage.switch.hang_up(caller())
    assert until(lambda: stage.rest.posts(f"/Calls/{CALL}") == [{"Status": "completed"}])


def test_a_recording_of_twilio_s_pauses_and_goes_on(browsers: Stage) -> None:
    browsers.stand()
    browsers.switch.pause_recording(caller(), True)
    browsers.switch.pause_recording(caller(), False)
    path = f"/Calls/{CALL}/Recordings/Twilio.CURRENT"
    told = [{"Status": "paused"}, {"Status": "in-progress"}]
    assert until(lambda: browsers.rest.posts(path) == told)


def test_a_call_without_a_recording_goes_on(browsers: Stage) -> None:
    browsers.stand()
    browsers.rest.faults.append((404, 20404))
    browsers.switch.pause_recording(caller(), True)
    browsers.switch.tell(caller(), "reading")
    assert until(lambda: browsers.where()[1] == "flow")
    assert browsers.ear.heard == []


@pytest.mark.parametrize(
    ("outcome", "endpoint"),
    [("a b", "op-olena"), ("", "op-olena"), ("ok", "op-olena@x"), ("ok", "")],
)
def test_what_may_not_be_sent_is_refused_at_once(stage: Stage, outcome: str, endpoint: str) -> None:
    stage.stand()
    with pytest.raises(Press2Error):
        if outcome == "ok":
            offer = Offer(TOKEN, "odesa", CALL, "olena", 0.0)
            stage.switch.connect(caller(), Operator("x", "odesa", endpoint=endpoint), offer, 9, "")
        else:
            stage.switch.tell(caller(), outcome)
    assert stage.rest.asked == [] and stage.where()[1] == "wait"


# ---------------------------------------------------------------------- Twilio says no


@pytest.mark.parametrize("fault", [(404, 20404), (400, 21220)])
def test_a_caller_who_is_gone(stage: Stage, fault: tuple[int, int]) -> None:
    stage.stand()
    stage.rest.faults.append(fault)
    stage.connect()
    assert until(lambda: stage.ear.heard == [("gone", CALL)])
    assert stage.live.get(CALL) is None
    assert until(lambda: stage.switch.calls() == [])


def test_a_connection_that_is_refused(stage: Stage) -> None:
    stage.stand()
    stage.rest.faults.append((400, 21218))
    stage.connect()
    assert until(lambda: stage.ear.heard == [("unanswered", TOKEN, "failed")])
    assert stage.where() == (3, "wait", "")
    assert stage.switch.nodes() == {NODE: 0.0}


@pytest.mark.parametrize("fault", [(429, 20429), (503, 20503), (500, 20500), HANG_UP])
def test_a_request_that_is_put_off_is_made_again(stage: Stage, fault: tuple[int, int]) -> None:
    stage.stand()
    stage.rest.faults.extend([fault, fault])
    stage.connect()
    assert until(lambda: len(stage.rest.posts(f"/Calls/{CALL}")) == 3)
    assert until(lambda: stage.where() == (3, "operator", TOKEN))
    assert [entry for entry in stage.ear.heard if entry[0] != "resync"] == []


def test_a_request_whose_answer_was_lost_does_not_interrupt_the_talk(stage: Stage) -> None:
    stage.stand()
    stage.rest.gate.clear()
    stage.rest.faults.extend([HANG_UP, (400, 21218)])
    stage.connect()
    assert until(lambda: len(stage.rest.posts()) == 1)
    stage.live.put(CALL, HeldCall(3, "operator", TOKEN, talking=True))  # his leg told
    stage.rest.gate.set()
    assert until(lambda: not stage.switch._whereabouts._expected)
    assert len(stage.rest.posts(f"/Calls/{CALL}")) == 1
    assert stage.seen().talking
    assert stage.ear.heard == []


def test_a_request_that_dies_with_its_process_is_the_next_one_s(stage: Stage) -> None:
    """Whether Twilio has carried it out nobody knows: the caller counts as waiting."""
    stage.stand()
    stage.rest.gate.clear()
    stage.connect()
    assert until(lambda: len(stage.rest.posts()) == 1)
    assert stage.seen().where == "operator"
    after = Whereabouts(stage.live, lambda: None)
    (found,) = after.calls()
    assert (found.where, found.token) == ("wait", TOKEN)
    stage.live.put(CALL, HeldCall(3, "operator", TOKEN, talking=True, asked=True))
    (found,) = after.calls()
    assert (found.where, found.talking) == ("operator", True)


def test_a_request_that_was_carried_out_is_not_made_again(stage: Stage) -> None:
    stage.stand()
    stage.connect()
    assert until(lambda: not stage.switch._whereabouts._expected)
    (found,) = Whereabouts(stage.live, lambda: None).calls()
    assert (found.where, found.token) == ("operator", TOKEN)


def test_twilio_out_of_reach_and_back(stage: Stage) -> None:
    stage.stand()
    stage.rest.broken = True
    stage.connect(ring=0.2)
    assert until(lambda: ("unanswered", TOKEN, "unreached") in stage.ear.heard)
    assert stage.where() == (3, "wait", "")
    assert stage.switch.nodes() == {}
    assert stage.seen().where == "wait"
    with pytest.raises(SwitchDown):
        stage.connect()
    with pytest.raises(SwitchDown):
        stage.switch.tell(caller(), "unavailable")
    with pytest.raises(SwitchDown):
        stage.switch.hang_up(caller())
    stage.rest.broken = False
    assert until(lambda: ("resync",) in stage.ear.heard)
    assert stage.switch.nodes() == {NODE: 0.0}
    stage.connect()
    assert until(lambda: stage.where() == (3, "operator", TOKEN))


def test_an_account_that_is_refused_counts_as_out_of_reach(stage: Stage) -> None:
    stage.stand()
    stage.rest.faults.extend([(401, 20003)] * 1000)
    stage.connect(ring=0.3)
    assert until(lambda: ("unanswered", TOKEN, "unreached") in stage.ear.heard)
    assert stage.switch.nodes() == {}


def test_an_offer_whose_time_is_over_is_not_carried_out(stage: Stage) -> None:
    stage.stand()
    stage.rest.gate.clear()
    stage.switch.tell(caller(), "reading")
    stage.connect(ring=0.1)
    assert until(lambda: len(stage.rest.posts()) == 1)
    over = time.monotonic() + 0.2
    assert until(lambda: time.monotonic() > over)  # the ring time, while the lane is busy
    stage.rest.gate.set()
    assert until(lambda: stage.ear.heard == [("unanswered", TOKEN, "unreached")])
    assert len(stage.rest.posts()) == 1


# ---------------------------------------------------------------------- call-backs


def test_a_call_back(stage: Stage) -> None:
    stage.call_back()
    assert until(lambda: len(stage.rest.posts("/Calls")) == 1)
    (asked,) = stage.rest.posts("/Calls")
    assert asked["From"] == "+380487059090"
    assert asked["To"].startswith("sip:op-olena@pbx.example.com:5060?X-Press2-Token=t17")
    assert (asked["SipAuthUsername"], asked["SipAuthPassword"]) == ("twilio", "word")
    assert "<Number" in asked["Twiml"] and "+380671110009" in asked["Twiml"]
    assert until(lambda: bool(stage.live.get("callback-17").sid))
    assert stage.seen("callback-17").token == "t17"
    sid = stage.live.get("callback-17").sid
    stage.switch.hang_up(Ticket("callback-17", "odesa", "general", 1.0, kind="callback"))
    assert until(lambda: stage.rest.posts(f"/Calls/{sid}") == [{"Status": "completed"}])


def test_a_call_back_that_twilio_refuses_counts_as_a_try(stage: Stage) -> None:
    stage.rest.faults.append((400, 21210))
    stage.call_back()
    assert until(lambda: stage.ear.heard == [("called_back", "t17", "failed")])
    assert stage.live.all() == {}


def test_one_that_surely_was_not_made_is_tried_again(stage: Stage) -> None:
    stage.rest.faults.extend([(429, 20429), (503, 20503)])
    stage.call_back()
    assert until(lambda: "callback-17" in stage.live.all() and stage.live.get("callback-17").sid)
    assert len(stage.rest.posts("/Calls")) == 3


def test_one_that_may_have_been_made_is_not(stage: Stage) -> None:
    stage.rest.faults.append(HANG_UP)
    stage.call_back()
    assert until(lambda: not stage.switch._whereabouts._expected)
    assert len(stage.rest.posts("/Calls")) == 1
    assert stage.seen("callback-17").token == "t17"
    stage.moment.now += 200
    gone = ("gone", {"call": "callback-17"})
    assert until(lambda: gone in stage.stream.published)


def test_one_that_was_never_made_comes_again(stage: Stage) -> None:
    stage.rest.faults.extend([(429, 20429)] * 1000)
    stage.call_back(ring=0.1)
    assert until(lambda: stage.ear.heard == [("called_back", "t17", "lost")])
    assert stage.live.all() == {}


def test_a_company_without_a_number_calls_nobody(stage: Stage) -> None:
    ticket = Ticket("callback-17", "kazan", "general", 1.0, kind="callback")
    offer = Offer("t17", "kazan", ticket.id, "olena", 0.0)
    stage.switch.call_back(ticket, OLENA, offer, OUTSIDE, 20.0, "")
    assert until(lambda: stage.ear.heard == [("called_back", "t17", "failed")])
    assert stage.rest.asked == []


# ---------------------------------------------------------------------- calls nobody heard of


def test_a_call_whose_end_was_not_told(stage: Stage) -> None:
    stage.stand()
    stage.stand(OTHER, where="operator")
    stage.rest.over.add(CALL)
    stage.moment.now += 200
    assert until(lambda: stage.stream.published == [("gone", {"call": CALL})])
    assert until(lambda: ("GET", f"/Calls/{OTHER}", {}) in stage.rest.asked)
    assert set(stage.live.all()) == {OTHER}
    assert stage.ear.heard == []


def test_one_that_goes_on_is_asked_for_again_three_minutes_later_only(stage: Stage) -> None:
    stage.stand()
    stage.moment.now += 200
    assert until(lambda: len(stage.rest.asked) == 1)
    stage.stand(OTHER)
    stage.rest.over.add(OTHER)
    stage.moment.now += 100
    stage.rounds()
    assert len(stage.rest.asked) == 1
    stage.moment.now += 100
    assert until(lambda: len(stage.rest.asked) == 3)


def test_who_waits_is_heard_of_and_not_asked_for(stage: Stage) -> None:
    for _ in range(10):
        stage.stand()
        stage.moment.now += 30
        stage.rounds(1)
    assert stage.rest.asked == []


def test_a_round_asks_for_a_few_only(stage: Stage) -> None:
    for number in range(12):
        stage.stand(f"CA{number:032x}")
    stage.rest.gate.clear()
    stage.moment.now += 200
    assert until(lambda: len(stage.rest.asked) == 1)  # one after the other, too
    stage.rest.gate.set()
    assert until(lambda: len({path for _, path, _ in stage.rest.asked}) == 12)


def test_what_was_asked_last_counts(stage: Stage) -> None:
    stage.stand()
    stage.rest.gate.clear()
    stage.connect()
    stage.switch.tell(caller(), "reading")
    assert until(lambda: len(stage.rest.posts()) == 1)
    assert stage.seen().where == "flow"
    stage.rest.gate.set()
    assert until(lambda: len(stage.rest.posts()) == 2)
    assert until(lambda: stage.where() == (3, "flow", ""))


# ---------------------------------------------------------------------- Redis is away


def test_without_redis_calls_are_known_as_they_were(redis_server: Any) -> None:
    stage = Stage()
    stage.switch.stop()
    stage.live = RedisLiveCalls(redis_server.client(), stage.moment)
    stage.start()
    try:
        stage.stand()
        assert [live.call for live in stage.switch.calls()] == [CALL]
        redis_server.kill()
        assert [live.call for live in stage.switch.calls()] == [CALL]
        assert stage.switch.nodes() == {}
        with pytest.raises(SwitchDown):
            stage.switch.tell(caller(), "announce")
        stage.switch.tell(caller(), "unavailable")
        assert until(lambda: len(stage.rest.posts()) == 1)
        assert f"/told/{CALL}/3?" in stage.rest.posts()[0]["Url"]
        redis_server.start()
        assert stage.switch.calls() == []
        assert stage.switch.nodes() == {NODE: 0.0}
    finally:
        stage.close()
