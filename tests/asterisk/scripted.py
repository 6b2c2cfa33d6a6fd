"""The runner and the voice of the channel's own tests: a dialogue that is a list of questions.

The state lies in files, so that a second worker can take a call over from a killed one.
"""

from __future__ import annotations

import json
import wave
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ivr.errors import StaleTurn
from ivr.model import Ask, Caller, Enqueue, Event, Hangup, Need, Record, Say, Turn

PROMPT_SECONDS = {"long": 600, "some": 4, "short": 0.2}


def need(words: str) -> Need:
    """Return a need from its short form: "key", "number", "queue", "record" or "hangup"."""
    kind, *seconds = words.split()
    timeout, between = (float(text) for text in seconds or ("20", "20"))
    return {
        "key": Ask("key", timeout, between),
        "number": Ask("number", timeout, between),
        "queue": Enqueue("general"),
        "record": Record(5),
        "hangup": Hangup(),
    }[kind]


class ScriptedRunner:
    """Asks the questions of one script after another; a silence asks again.

    scripts: by the first digit of the dialled number, or * and a digit: a list of [prompt, need] or
    [prompt, need, grammar]. Where nobody listens any more the questions have no grammar.
    """

    def __init__(self, folder: Path, scripts: dict[str, list[list[str]]]) -> None:
        self.folder = folder
        self.scripts = scripts

    def open(self, caller: Caller) -> Turn:
        state = self.load(caller.call) or {
            "turn": 1,
            "step": 0,
            "typed": "",
            "heard": [],
            "closed": "",
            "deaf": False,
            "dialled": caller.dialled,
            "number": caller.number,
        }
        self.save(caller.call, state)
        return self.turn(state)

    def advance(self, call: str, event: Event, turn: int) -> Turn:
        state = self.load(call)
        assert state
        if state["turn"] != turn:
            raise StaleTurn(f"turn {turn} of {call} is over")
        if event.text == "666#":
            raise RuntimeError("a bug in the dialogue")
        state["turn"] += 1
        state["heard"].append({k: v for k, v in asdict(event).items() if v and k != "confidence"})
        if event.kind == "keys":
            self.take(state, state["typed"] + event.text, event.ended)
        elif event.kind != "silence" and event.outcome != "down":
            state["step"] += 1
        state["deaf"] = state["deaf"] or event.outcome == "down" or event.deaf != ""
        self.save(call, state)
        return self.turn(state)

    def take(self, state: dict[str, Any], keys: str, ended: bool) -> None:
        while keys:
            asked = need(self.script(state)[state["step"]][1])
            if not isinstance(asked, Ask):
                break
            if asked.entry == "key":
                keys = keys[1:]
            elif "#" in keys or ended:
                keys = keys.partition("#")[2]
            else:
                break
            state["step"] += 1
        state["typed"] = keys

    def here(self, call: str, leg: str = "", node: str = "") -> bool:
        """There is a queue where the test made one: a file with the callers who wait."""
        path = self.folder / "queue"
        if not path.exists():
            return False
        with path.open("a") as queue:
            queue.write(f"{call} {leg} {node}\n")
        return True

    def taken(self, call: str) -> bool:
        return (self.folder / f"{call}.taken").exists()

    def close(self, call: str, by: str = "caller") -> None:
        state = self.load(call)
        assert state
        self.save(call, state | {"closed": "hangup", "by": by})

    def company_of(self, dialled: str | None) -> str:
        return "demo"

    def script(self, state: dict[str, Any]) -> list[list[str]]:
        dialled = (state["dialled"] or "1").lstrip("+")
        return self.scripts[dialled[:2] if dialled.startswith("*") else dialled[0]]

    def turn(self, state: dict[str, Any]) -> Turn:
        prompt, words, *grammar = self.script(state)[state["step"]]
        asked = need(words)
        if isinstance(asked, Ask):
            spoken = "" if state["deaf"] else "".join(grammar)
            asked = Ask(asked.entry, asked.timeout, asked.between, state["typed"], spoken)
        return Turn(state["turn"], (Say(prompt),) if prompt else (), asked, "uk")

    def load(self, call: str) -> dict[str, Any] | None:
        path = self.folder / f"{call}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def save(self, call: str, state: dict[str, Any]) -> None:
        half = self.folder / f"{call}.half"
        half.write_text(json.dumps(state))
        half.replace(self.folder / f"{call}.json")


class ScriptedVoice:
    """One sound a prompt: "long" lasts ten minutes, every other a fifth of a second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self, say: Say, language: str, slow: bool = False, company: str = "") -> list[str]:
        name, _, count = say.prompt.partition(" ")
        record_tone(self.folder / language / f"{name}.wav", PROMPT_SECONDS.get(name, 0.2))
        return [f"{language}/{name}"] * int(count or 1)

    def seconds(self, names: Sequence[str]) -> float:
        return sum(PROMPT_SECONDS.get(name.rpartition("/")[2], 0.2) for name in names)


def record_tone(path: Path, seconds: float) -> None:
    """Write a quiet tone, 8 kHz, once."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(f".{id(path)}")
    with wave.open(str(half), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\x00\x01\x00\x02\x00\x01\x00\x00" * int(2000 * seconds))
    half.replace(path)
