"""The recogniser process over its own sockets: AEAP, its limits, and clients that misbehave."""

from __future__ import annotations

import signal
import socket
import urllib.error
import urllib.request
import wave
from contextlib import ExitStack
from pathlib import Path

import pytest
from recogniser_process import Client, Process, alaw
from telephone_speech import digits, silence, spoken
from waiting import until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

NUMBER = "lang=uk+ru words=operator.repeat digits=5-5"


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with Process(tmp_path_factory.mktemp("recogniser"), recognisers=3) as started:
        yield started


@pytest.fixture
def call(process):
    """A call that is set up."""
    assert until(lambda: process.load()["busy"] == 0)
    with Client(process) as client:
        assert client.setup()["codecs"] == [{"name": "alaw"}]
        yield client


def test_a_number_is_heard_as_a_call_brings_it(call):
    assert "error_msg" not in call.ask("set", params={"language": "uk"})
    assert "error_msg" not in call.grammar(f"{NUMBER} prompt=0")
    call.speak(alaw(digits("uk", "02421") + silence(2.0)))
    result = call.result()
    kind, language, late = result["grammar"].split(".")
    assert (result["text"], kind, language) == ("нуль два чотири два один", "answer", "uk")
    assert result["score"] > 75
    assert 0 < int(late) < 3000


def test_one_question_follows_another_in_a_call(call):
    for number in ("02421", "31805"):
        call.grammar(NUMBER)
        call.speak(alaw(digits("ru", number) + silence(2.0)))
        assert call.result()["grammar"].startswith("answer.ru.")


def test_after_a_result_nothing_is_heard_until_the_next_question(call):
    call.grammar("lang=uk+ru words=operator keys=12")
    call.speak(alaw(spoken("uk/n_2", 2.0, "uk/n_1", 2.0)))
    assert call.result()["text"] == "два"
    assert call.ask("get", params=["results"])["params"] == {"results": []}
    assert call.results == []


def test_words_under_a_prompt_are_told_before_the_answer(call):
    call.grammar(f"{NUMBER} prompt=30")
    call.speak(alaw(digits("uk", "02421") + silence(2.0)))
    assert [call.result()["grammar"].split(".")[0] for _ in range(2)] == ["began", "answer"]


def test_an_empty_grammar_ends_the_question(call):
    call.grammar(NUMBER)
    call.grammar("")
    call.speak(alaw(digits("uk", "02421") + silence(2.0)))
    call.ask("get", params=["results"])
    assert call.results == []


@pytest.mark.parametrize("codec", ["ulaw", "slin"])
def test_other_codecs_of_a_telephone_are_taken(process, codec):
    with Client(process) as client:
        assert client.setup(codec)["codecs"] == [{"name": codec}]
        client.grammar("lang=uk+ru words=operator keys=12")
        if codec == "slin":
            client.speak(spoken("uk/n_2", 2.0).tobytes(), 320)
            assert client.result()["text"] == "два"


@pytest.mark.parametrize(
    "grammar", ["words=yes", "lang=vi words=yes", "lang=uk digits=x", "lang=uk prompt=x", "\u0000"]
)
def test_a_grammar_that_is_none_is_refused_and_the_call_goes_on(call, grammar):
    assert call.grammar(grammar)["error_msg"]
    assert "error_msg" not in call.grammar(NUMBER)


def test_an_unknown_request_is_refused_and_the_call_goes_on(call):
    assert "dance" in call.ask("dance")["error_msg"]
    assert "error_msg" not in call.ask("set", params={"volume": "11"})


def test_a_codec_that_is_none_of_a_telephone_is_refused(process):
    with Client(process) as client:
        assert "opus" in client.setup("opus")["error_msg"]
        with pytest.raises(ConnectionClosed):
            client.receive()
    assert process.logs("opus")


def test_another_protocol_is_refused(process):
    with (
        pytest.raises(InvalidStatus),
        connect(f"ws://127.0.0.1:{process.port}", subprotocols=["text_to_speech"]),
    ):
        pass


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("hello", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        ('{"request": "set"}', "before the setup"),
        (b"\xd5" * 160, "audio before the setup"),
        ("x" * 70_000, "above 64 KB"),
    ],
)
def test_a_client_that_begins_with_something_else_is_closed(process, message, fault):
    with Client(process) as client:
        client.socket.send(message)
        with pytest.raises(ConnectionClosed):
            while True:
                assert client.receive()["error_msg"]
    assert process.logs(fault)


def test_text_for_audio_ends_the_call_with_a_line_in_the_log(call, process):
    call.grammar(NUMBER)
    call.socket.send("this is my reading")
    assert "JSON" in call.receive()["error_msg"]
    with pytest.raises(ConnectionClosed):
        call.receive()
    assert process.logs("a text that is no JSON object (18 characters)")


def test_a_client_that_says_nothing_is_closed(process):
    with Client(process) as client, pytest.raises(ConnectionClosed):
        client.receive()
    assert process.logs("said nothing for 5 s")


def test_a_client_that_is_no_websocket_gets_one_line_in_the_log(process):
    with socket.create_connection(("127.0.0.1", process.port)) as client:
        client.sendall(b"\x16\x03\x01 not HTTP at all\r\n\r\n")
        while client.recv(1000):
            pass
    assert "Traceback" not in process.text()


def test_no_call_above_the_limit_is_taken_and_the_next_one_is(process):
    assert until(lambda: process.load()["busy"] == 0)
    with ExitStack() as open_calls:
        for _ in range(2):
            open_calls.enter_context(Client(process)).setup()
        with Client(process) as last:
            last.setup()
            assert (process.load()["busy"], process.load()["limit"]) == (3, 3)
            with pytest.raises(InvalidStatus, match="503"), Client(process):
                pass
            assert process.logs("full: 3 calls")
        assert until(lambda: process.load()["busy"] == 2)
        with Client(process) as client:
            assert "error_msg" not in client.setup()


def test_a_call_that_ends_in_mid_utterance_leaves_nothing_behind(process):
    with Client(process) as client:
        client.setup()
        client.grammar(NUMBER)
        client.speak(alaw(digits("uk", "024")))
    assert until(lambda: process.load()["busy"] == 0)


def test_an_utterance_is_kept_only_where_the_question_says_so(call, process):
    folder = process.folder / "var" / "utterances" / "pending"
    for name in ("", " keep=call-1.2", " keep=../../evil"):
        call.grammar(NUMBER + name)
        call.speak(alaw(digits("uk", "02421") + silence(2.0)))
        call.result()
    file = folder / "call-1.2.wav"
    assert until(file.is_file)
    assert [each.name for each in folder.iterdir()] == ["call-1.2.wav"]
    assert not list(process.folder.rglob("evil*"))
    with wave.open(str(file)) as kept:
        assert (kept.getframerate(), kept.getnchannels(), kept.getsampwidth()) == (8000, 1, 2)
        assert 2.0 < kept.getnframes() / 8000 < 5.0


def test_the_log_has_a_line_a_question_and_no_text_of_it(call, process):
    call.grammar(f"{NUMBER} prompt=0.25")
    call.speak(alaw(digits("uk", "02421") + silence(2.0)))
    call.result()
    assert process.logs(f"{NUMBER} prompt=0.25: answer.uk.")
    assert "чотири" not in process.text()


def test_load_tells_what_the_process_is(process):
    load = process.load()
    assert load["languages"] == ["uk", "ru", "en"]
    assert load["ready"] is True
    assert load["slow"] is False
    assert load["instance"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{process.port}/", timeout=10)


def test_words_the_models_lack_are_named_once(process):
    assert process.text().count("phrases with words that its model lacks") == 3


def test_memory_is_bounded_whatever_a_call_brings(process):
    """Half a minute of talk that ends nowhere, sent as fast as the socket takes it."""
    talk = alaw(spoken(*["uk/n_2", "uk/n_4", "uk/n_5"] * 20, gap=0.05))
    kinds = []
    for _ in range(3):
        with Client(process) as client:
            client.setup()
            client.grammar(NUMBER)
            client.speak(talk)
            kinds.append(client.result()["grammar"].split(".")[0])
    assert kinds == ["nothing"] * 3
    status = Path(f"/proc/{process.process.pid}/status").read_text(encoding="ascii")
    peak = int(status.partition("VmHWM:")[2].split()[0])
    assert peak < 400_000, f"{peak} KB"


def test_it_ends_soon_when_told_to_with_a_call_open(tmp_path):
    with Process(tmp_path) as process:
        with Client(process) as client:
            client.setup()
            client.grammar(NUMBER)
            client.speak(alaw(digits("uk", "02")))
            process.signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed):
                while True:
                    client.receive()
        assert until(process.ended)
        assert process.process.returncode == 0
        assert "stopped" in process.text()
        assert "Traceback" not in process.text()
