"""A process that cannot keep up: it says so, takes no further call, and gives a question up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import threading
from pathlib import Path

import pytest
from recogniser_process import alaw
from telephone_speech import digits, silence
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from ivr.speech.aeap import Server
from ivr.speech.recogniser import Rules

NUMBER = "lang=uk+ru words=operator digits=5-5"


@pytest.fixture
def server(models, vocabulary, tmp_path: Path) -> Server:
    return Server(models, vocabulary, Rules(), limit=4, folder=tmp_path)


async def until(true) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving(server: Server):
    """Serve on a free port, which is what is yielded, and stop as a signal does."""
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(server.run("127.0.0.1", 0, started.set_result))
    try:
        yield await started
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await task


@contextlib.asynccontextmanager
async def busy(server: Server):
    """Keep every thread of the recognisers at work."""
    free = threading.Event()
    work = [asyncio.create_task(server.threads(free.wait)) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        free.set()
        await asyncio.gather(*work)


async def ask(call: ClientConnection, request: str, **more: object) -> None:
    await call.send(json.dumps({"request": request, "id": request, **more}))
    assert "error_msg" not in await call.recv()


async def speak(call: ClientConnection, audio: bytes) -> None:
    for start in range(0, len(audio), 160):
        await call.send(audio[start : start + 160])


async def result(call: ClientConnection) -> str:
    told = json.loads(await call.recv())["params"]["results"][0]
    return str(told["grammar"].split(".")[0])


def test_a_process_that_lags_takes_no_call_and_gives_the_question_up(server: Server) -> None:
    async def talk() -> None:
        async with serving(server) as port, connect(f"ws://127.0.0.1:{port}") as call:
            await ask(call, "setup", codecs=[{"name": "alaw"}])
            await ask(call, "set", params={"grammar": NUMBER})
            async with busy(server):
                await speak(call, alaw(silence(4.0)))
                await until(lambda: server.load()["slow"])
                with pytest.raises(InvalidStatus, match="503"):
                    async with connect(f"ws://127.0.0.1:{port}"):
                        pass
                assert await result(call) == "broken"
            assert server.counts["slow"] == server.counts["broken"] == 1
            await until(lambda: not server.load()["slow"])
            await ask(call, "set", params={"grammar": NUMBER})
            await speak(call, alaw(digits("uk", "02421") + silence(1.5)))
            assert await result(call) == "answer"

    asyncio.run(talk())


def test_a_recogniser_that_breaks_is_told_and_the_call_goes_on(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async def talk() -> None:
        async with serving(server) as port, connect(f"ws://127.0.0.1:{port}") as call:
            await ask(call, "setup", codecs=[{"name": "alaw"}])
            await ask(call, "set", params={"grammar": NUMBER})
            (open_call,) = server.calls
            open_call._question._levels = None  # its next step fails
            await speak(call, alaw(silence(0.5)))
            assert await result(call) == "broken"
            await ask(call, "set", params={"grammar": NUMBER})
            await speak(call, alaw(digits("uk", "02421") + silence(1.5)))
            assert await result(call) == "answer"

    asyncio.run(talk())
    assert "the recogniser broke" in caplog.text
