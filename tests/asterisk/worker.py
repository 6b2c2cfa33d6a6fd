"""A worker process of the tests; says "ready" when it is: worker.py PORT FOLDER SOUNDS SCRIPTS."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path

from scripted import ScriptedRunner, ScriptedVoice

from ivr.channels.agi import AgiServer
from ivr.speech.pool import Recognisers, Server


def recognisers() -> Recognisers | None:
    """Return those that the environment names, by the names that Asterisk has for them."""
    named = os.environ.get("PRESS2_TEST_RECOGNISERS", "").split()
    places = [address.split(":") for address in named]
    servers = [Server(f"press2-{n}", host, int(port)) for n, (host, port) in enumerate(places)]
    return Recognisers(servers) if servers else None


def main(port: str, folder: str, sounds: str, scripts: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    runner = ScriptedRunner(Path(folder), json.loads(scripts))
    server = AgiServer(
        "127.0.0.1",
        int(port),
        runner,
        ScriptedVoice(Path(sounds)),
        region="UA",
        recordings=Path(folder) / "recordings",
        recognisers=recognisers(),
        longest=5,
    )
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    server.serve(lambda: print("ready", flush=True))  # noqa: T201 - the test waits for this line


if __name__ == "__main__":
    main(*sys.argv[1:])
