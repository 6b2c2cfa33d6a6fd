"""A worker process of the tests; says "ready" when it is: worker.py PORT FOLDER SOUNDS SCRIPTS."""

from __future__ import annotations

import json
import logging
import signal
import sys
from pathlib import Path

from scripted import ScriptedRunner, ScriptedVoice

from ivr.channels.agi import AgiServer


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
    )
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    server.serve(lambda: print("ready", flush=True))  # noqa: T201 - the test waits for this line


if __name__ == "__main__":
    main(*sys.argv[1:])
