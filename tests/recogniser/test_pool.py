"""Who listens to the next question: real processes, killed and frozen, and strangers."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from recogniser_process import Client, Process, free_port
from waiting import until

from ivr.speech.pool import Picked, Recognisers, Refused, Server


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with Process(tmp_path_factory.mktemp("recogniser"), recognisers=1) as started:
        yield started


@contextmanager
def stranger(answer: bytes) -> Iterator[Server]:
    """A server that answers everybody the same."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Server("press2-9", "127.0.0.1", listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def told(**more: object) -> bytes:
    """What a process answers."""
    import json

    known = {"busy": 0, "limit": 4, "instance": "i", "languages": ["uk", "ru"], "ready": True}
    return b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(known | more).encode()


def test_a_free_process_is_picked_and_is_alive(process):
    recognisers = Recognisers([process.server()], wait=2.0)
    assert until(lambda: process.load()["busy"] == 0)
    picked = recognisers.pick(["uk", "ru"])
    assert picked == Picked("press2-0", process.load()["instance"])
    assert recognisers.alive(picked)
    assert not recognisers.alive(Picked("press2-0", "another life"))
    assert not recognisers.alive(Picked("press2-7", picked.instance))


def test_a_busy_process_is_full(process):
    recognisers = Recognisers([process.server()], wait=2.0)
    with Client(process) as client:
        client.setup()
        assert recognisers.pick(["uk"]) == Refused("full")
    assert until(lambda: isinstance(recognisers.pick(["uk"]), Picked))


def test_a_language_that_nobody_knows_has_nobody_to_listen(process):
    assert Recognisers([process.server()], wait=2.0).pick(["vi"]) == Refused("down")


def test_nobody_there_is_down():
    nobody = Server("press2-0", "127.0.0.1", free_port())
    assert Recognisers([nobody]).pick(["uk"]) == Refused("down")
    assert Recognisers([Server("press2-0", "no.such.host.invalid", 1)]).pick(["uk"]) == Refused(
        "down"
    )
    assert Recognisers([]).pick(["uk"]) == Refused("down")


def test_a_killed_process_is_down_and_its_next_life_is_another_one(tmp_path):
    with Process(tmp_path) as process:
        recognisers = Recognisers([process.server()], wait=2.0)
        picked = recognisers.pick(["uk"])
        assert isinstance(picked, Picked)
        process.signal(signal.SIGKILL)
        process.process.wait()
        assert not recognisers.alive(picked)
        assert recognisers.pick(["uk"]) == Refused("down")
        process.start()
        assert not recognisers.alive(picked)
        again = recognisers.pick(["uk"])
        assert isinstance(again, Picked)
        assert again.instance != picked.instance


def test_a_frozen_process_is_down(tmp_path):
    """It takes connections, because the kernel does that, and never answers."""
    with Process(tmp_path) as process:
        patient, hasty = Recognisers([process.server()], wait=5.0), Recognisers([process.server()])
        picked = patient.pick(["uk"])
        assert isinstance(picked, Picked)
        process.signal(signal.SIGSTOP)
        assert not hasty.alive(picked)
        assert hasty.pick(["uk"]) == Refused("down")
        process.signal(signal.SIGCONT)
        assert patient.alive(picked)


def test_the_least_loaded_process_is_picked():
    with stranger(told(busy=3)) as one, stranger(told(busy=1, instance="b")) as other:
        named = Server("press2-1", other.host, other.port)
        assert Recognisers([one, named], wait=2.0).pick(["uk"]) == Picked("press2-1", "b")


def test_equals_take_turns():
    with stranger(told()) as one, stranger(told()) as other:
        recognisers = Recognisers([one, Server("press2-1", other.host, other.port)], wait=2.0)
        picked = {recognisers.pick(["uk"]) for _ in range(4)}
        assert picked == {Picked("press2-9", "i"), Picked("press2-1", "i")}


def test_who_knows_both_languages_comes_before_who_has_less_to_do():
    with stranger(told(languages=["uk"])) as one, stranger(told(busy=2, instance="b")) as other:
        named = Server("press2-1", other.host, other.port)
        assert Recognisers([one, named], wait=2.0).pick(["uk", "ru"]) == Picked("press2-1", "b")


def test_a_slow_process_takes_no_call_and_is_given_up_by_those_it_has():
    with stranger(told(slow=True)) as one:
        recognisers = Recognisers([one], wait=2.0)
        assert recognisers.pick(["uk"]) == Refused("full")
        assert not recognisers.alive(Picked("press2-9", "i"))


def test_a_process_that_still_loads_is_down():
    with stranger(told(ready=False)) as one:
        assert Recognisers([one], wait=2.0).pick(["uk"]) == Refused("down")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 500 Oops\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\n\r\n{",
        b'HTTP/1.1 200 OK\r\n\r\n{"busy": "many"}',
        b"x" * 100_000,
    ],
)
def test_a_stranger_on_the_port_is_down(answer):
    with stranger(answer) as one:
        assert Recognisers([one], wait=2.0).pick(["uk"]) == Refused("down")


def test_who_failed_is_left_alone_while_another_one_answers():
    nobody = Server("press2-0", "127.0.0.1", free_port())
    with stranger(told()) as one:
        recognisers = Recognisers([nobody, one], wait=2.0)
        assert recognisers.pick(["uk"]) == Picked("press2-9", "i")
        with stranger(told(instance="back")) as back:
            named = Server("press2-0", back.host, back.port)
            rested = Recognisers([named, one], wait=2.0)
            assert {rested.pick(["uk"]) for _ in range(2)} == {
                Picked("press2-0", "back"),
                Picked("press2-9", "i"),
            }
