"""What web processes and dispatchers tell each other about Twilio's calls: both twins."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from ivr.channels.twilio.live import (
    REPORTS,
    HeldCall,
    LiveCalls,
    MemoryLiveCalls,
    RedisLiveCalls,
    RedisReports,
    tell,
)


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Poll until `true()`; the last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return answer


class Moment:
    now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture(params=["memory", "redis"])
def live(request: pytest.FixtureRequest, moment: Moment) -> LiveCalls:
    if request.param == "memory":
        return MemoryLiveCalls(moment)
    return RedisLiveCalls(request.getfixturevalue("redis_client"), moment)


def test_where_a_call_is(live: LiveCalls, moment: Moment) -> None:
    assert live.get("CA1") is None and live.all() == {}
    live.put("CA1", HeldCall(3, "wait"))
    live.put("callback-17", HeldCall(0, "operator", "t", True, sid="CA9"))
    held = live.get("CA1")
    assert held == HeldCall(3, "wait", since=moment.now)
    assert live.all()["callback-17"].sid == "CA9"
    assert set(live.all()) == {"CA1", "callback-17"}
    live.drop("CA1")
    live.drop("CA1")
    assert live.get("CA1") is None and set(live.all()) == {"callback-17"}


def test_each_put_says_that_the_call_was_heard_of(live: LiveCalls, moment: Moment) -> None:
    live.put("CA1", HeldCall(3, "wait"))
    held = live.get("CA1")
    assert held is not None
    moment.now += 30
    live.put("CA1", held)
    assert live.all()["CA1"].since == moment.now


def test_what_a_caller_is_to_be_told_is_told_once(live: LiveCalls) -> None:
    assert live.pended("CA1") == ""
    live.pend("CA1", "announce")
    live.pend("CA1", "unavailable")
    assert live.pended("CA1") == "unavailable"
    assert live.pended("CA1") == ""
    live.pend("CA1", "announce")
    live.drop("CA1")
    assert live.pended("CA1") == ""


# ---------------------------------------------------------------------- reports


class Ear:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str]]] = []

    def __getattr__(self, kind: str) -> Any:
        return lambda **values: self.heard.append((kind, values))


@contextmanager
def _listening(server: Any, ear: Any) -> Iterator[None]:
    client = redis.Redis.from_url(server.url, socket_timeout=3, retry=None)
    stop = threading.Event()
    thread = threading.Thread(target=RedisReports(client).listen, args=(ear, stop))
    thread.start()
    try:
        # It hears from its start on; the first report is the one that proves it has begun.
        reports = RedisReports(server.client())

        def begun() -> bool:
            reports.publish("gone", call="CA0")
            return until(lambda: bool(ear.heard), 0.1)

        assert until(begun)
        while ("gone", {"call": "CA1"}) not in ear.heard:
            reports.publish("gone", call="CA1")
            until(lambda: ("gone", {"call": "CA1"}) in ear.heard, 1.0)
        ear.heard.clear()
        yield
    finally:
        stop.set()
        thread.join()
        client.close()


def test_reports_reach_every_dispatcher_in_order(redis_server: Any) -> None:
    one, other, reports = Ear(), Ear(), RedisReports(redis_server.client())
    with _listening(redis_server, one), _listening(redis_server, other):
        one.heard.clear()
        reports.publish("answered", token="t1")
        reports.publish("waiting", call="CA1", node="twilio", leg="")
        reports.publish("called_back", token="t2", how="busy")
        told = [
            ("answered", {"token": "t1"}),
            ("waiting", {"call": "CA1", "node": "twilio", "leg": ""}),
            ("called_back", {"token": "t2", "how": "busy"}),
        ]
        assert until(lambda: one.heard[-3:] == told)
        assert until(lambda: other.heard[-3:] == told)


def test_what_was_told_before_is_not_heard(redis_server: Any) -> None:
    RedisReports(redis_server.client()).publish("gone", call="CA-before")
    ear = Ear()
    with _listening(redis_server, ear):
        RedisReports(redis_server.client()).publish("gone", call="CA-after")
        assert until(lambda: ("gone", {"call": "CA-after"}) in ear.heard)
        assert ("gone", {"call": "CA-before"}) not in ear.heard


def test_after_a_gap_everything_is_compared_anew(redis_server: Any) -> None:
    ear = Ear()
    with _listening(redis_server, ear):
        redis_server.kill()
        assert until(lambda: ("resync", {}) in ear.heard)
        RedisReports(redis_server.client()).publish("gone", call="lost")  # logged, not raised
        redis_server.start()

        def again() -> bool:
            RedisReports(redis_server.client()).publish("gone", call="CA2")
            return until(lambda: ("gone", {"call": "CA2"}) in ear.heard, 0.2)

        assert until(again, 20)


@pytest.mark.parametrize(
    "report",
    [b"", b"[]", b"7", b"{", b"\xff", b'{"call": "CA1"}', b'{"kind": "resync"}', b'{"kind": []}',
     b'{"kind": "__init__"}'],
)  # fmt: skip
def test_a_report_that_cannot_be_read_is_left_out(report: bytes) -> None:
    ear = Ear()
    tell(ear, report)
    assert ear.heard == []


def test_a_listener_that_fails_does_not_end_the_listening(redis_server: Any) -> None:
    class Deaf(Ear):
        def answered(self, token: str) -> None:
            raise RuntimeError(token)

    ear = Deaf()
    reports = RedisReports(redis_server.client())
    with _listening(redis_server, ear):
        reports.publish("answered", token="t")
        reports.publish("answered", wrong="t")
        reports.publish("gone", call="CA2")
        assert until(lambda: ("gone", {"call": "CA2"}) in ear.heard)


def test_the_stream_does_not_grow_for_ever(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.channels.twilio.live.KEPT", 100)
    client = redis_server.client()
    reports = RedisReports(client)
    for number in range(500):
        reports.publish("gone", call=f"CA{number}")
    assert client.xlen(REPORTS) < 300
