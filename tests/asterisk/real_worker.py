"""A worker with the product's own flows, services and store, at a time of its own; says "ready"."""

from __future__ import annotations

import logging
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
from worker import recognisers

from ivr import composition, utterances
from ivr.agent_queue.redis_queue import RedisQueue
from ivr.channels.agi import AgiServer
from ivr.events import StoreLog, StreamLog
from ivr.runner import Runner
from ivr.services import SERVICES
from ivr.sessions import RedisSessions, SturdySessions
from ivr.speech.synthesis import Synthesiser
from ivr.speech.voice import Voice
from ivr.store.database import open_store

INSIDE_THE_WINDOW = datetime(2026, 10, 31, 10, tzinfo=UTC)


def clock(folder: Path) -> datetime:
    """Return a time inside the window; it passes from when the file "began" was made on."""
    began = folder / "began"
    passed = time.time() - began.stat().st_mtime if began.exists() else 0.0
    return INSIDE_THE_WINDOW + timedelta(seconds=passed)


def main(port: str, folder: str, sounds: str, redis_url: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    flows, companies, catalogues = composition.house()
    if (
        Path(folder) / "keeps"
    ).exists():  # the company asks everybody whether it may keep his answers
        terms = companies["odesa"].terms
        terms = replace(terms, speech=replace(terms.speech, kept=1.0))
        companies["odesa"] = replace(companies["odesa"], terms=terms)
    listening = recognisers()
    store = open_store(f"sqlite:///{folder}/press2.db")
    client = redis.Redis.from_url(redis_url, socket_timeout=0.5, retry=None)
    sessions = SturdySessions(RedisSessions(client))
    runner = Runner(
        flows,
        companies,
        SERVICES,
        store,
        sessions,
        StreamLog(client, StoreLog(store)),
        lambda: clock(Path(folder)),
        "odesa",
        queue=RedisQueue(client, {name: each.queues for name, each in companies.items()}),
        hears={"agi": ["uk"]} if listening else {},
    )
    voice = Voice(catalogues, composition.PROMPTS, Path(sounds), Synthesiser())
    recordings = Path(folder) / "recordings"
    server = AgiServer(
        "127.0.0.1", int(port), runner, voice, region="UA", recordings=recordings,
        recognisers=listening, keeps=utterances.keeps(companies),
    )  # fmt: skip
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    server.serve(lambda: print("ready", flush=True))  # noqa: T201 - the test waits for this line


if __name__ == "__main__":
    main(*sys.argv[1:])
