"""A line through the AGI channel: this file is Asterisk's side of the protocol, simulated.

Call scripts run through the real FastAGI server over TCP and the commands that a real Asterisk
would get (`ivr/asterisk/templates/extensions.conf` has the routines they call). What the caller
hears is read back from the names of the sounds, so a wrong or missing piece shows as a wrong text.
"""

from __future__ import annotations

import contextlib
import shlex
import socket
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from ivr.channels.agi import SECOND, AgiServer
from ivr.channels.heard import taken
from ivr.channels.line import BARGE_IN, KEY, Clock, Heard, Line, Said
from ivr.channels.named_voice import NamedVoice, readable
from ivr.channels.operators import Operators
from ivr.errors import CallerGone, Press2Error
from ivr.grammar import Grammar
from ivr.model import Caller, Enqueue, Event, Hangup, Turn
from ivr.prompts import Catalogue, seconds
from ivr.runner import Runner
from ivr.speech.pool import Picked

LISTENS = 6
"""Arguments of routine press2-ask; press2-hear has more."""


class Switch:
    """The runner of the line that is in use: one worker serves all lines, one after the other."""

    runner: Runner

    def open(self, caller: Caller) -> Turn:
        """Begin a call or return its open turn."""
        return self.runner.open(caller)

    def advance(self, call: str, event: Event, turn: int) -> Turn:
        """Hand an event over."""
        return self.runner.advance(call, event, turn)

    def here(self, call: str, leg: str = "", node: str = "") -> bool:
        """Put the caller into the queue."""
        return self.runner.here(call, leg, node)

    def taken(self, call: str) -> bool:
        """Tell whether an operator has the call."""
        return self.runner.taken(call)

    def close(self, call: str, by: str = "caller") -> None:
        """Note that the caller hung up."""
        self.runner.close(call, by)

    def company_of(self, dialled: str | None) -> str:
        """Return the company profile of a dialled number."""
        return self.runner.company_of(dialled)


class Listeners:
    """The recognisers of the line: whoever speaks is heard as the script says."""

    def pick(self, languages: Sequence[str]) -> Picked:
        """Return the one there is."""
        return Picked("press2-0", "line")

    def alive(self, picked: Picked) -> bool:
        """Return True."""
        return True

    def avoid(self, picked: Picked) -> None:
        """Nothing: it is always reached."""


class AgiExchange:
    """A real FastAGI worker on a free port, and the lines to it."""

    def __init__(self, catalogues: Mapping[str, Catalogue]) -> None:
        self._voice = NamedVoice(catalogues)
        self._switch = Switch()
        self._folder = tempfile.TemporaryDirectory(prefix="press2-recordings-")
        recordings = Path(self._folder.name)
        self._server = AgiServer(
            "127.0.0.1", 0, self._switch, self._voice, region="UA", recordings=recordings,
            recognisers=Listeners(),
        )  # fmt: skip
        self._thread = threading.Thread(target=self._server.serve, daemon=True)
        self._thread.start()

    def line(self, runner: Runner, clock: Clock, operators: Operators) -> AgiLine:
        """Return a line to the worker, which from now on uses `runner`."""
        self._switch.runner = runner
        return AgiLine(self._server.port, runner, self._voice, clock, operators)

    def close(self) -> None:
        """Stop the worker."""
        self._server.stop()
        self._thread.join()
        self._folder.cleanup()


class AgiLine(Line):
    """One call. The worker's commands are taken until it asks a question or gives the call back."""

    def __init__(
        self, port: int, runner: Runner, voice: NamedVoice, clock: Clock, operators: Operators
    ) -> None:
        self.heard = Heard()
        self._operators = operators
        self._port = port
        self._runner = runner
        self._voice = voice
        self._clock = clock
        self._variables: dict[str, str] = {}
        self._question: list[str] = []
        self._recording = ""
        self._ahead = ""
        self._speech = 0.0
        self._told = False
        self._gone = False

    # ------------------------------------------------------------------ the caller

    def dial(self, caller: Caller) -> None:
        """Call."""
        self._caller = caller
        self._connect("", "")

    def press(self, keys: str) -> None:
        """Press keys, cutting the prompt short."""
        if self._question:
            self._clock.pass_(min(self._speech, BARGE_IN) + KEY * len(keys))
            self._ahead = keys
            self._give()
        elif self._told:
            self._clock.pass_(min(self._speech, BARGE_IN) + KEY * len(keys))
            self._ahead, self._speech = keys, 0.0
            self._go_on("OK")
        elif self._waits:
            self._clock.pass_(KEY * len(keys))
            self._ahead = keys
            self._key()

    def speak(self, text: str, confidence: float) -> None:
        """Say something: into a recording or to a question that listens, else unheard."""
        if self._recording:
            self._clock.pass_(self._speech + seconds(text))
            Path(f"{self._recording}.wav").write_bytes(bytes(2 * SECOND))
            self._recorded("200 result=35 (dtmf) endpos=16000")
        elif len(self._question) > LISTENS:
            self._clock.pass_(min(self._speech, BARGE_IN) + seconds(text))
            turn, grammar = self._question[4], Grammar.parse(self._question[6])
            heard, score = " ".join(text.split()), round(100 * confidence)
            said = f"{turn}|answer.{grammar.languages[0]}|{score}|{heard}"
            self._variables["PRESS2_SAID"] = said
            self._give()
        else:
            self.silence()

    def silence(self) -> None:
        """Do nothing until the question times out."""
        if self._question:
            self._clock.pass_(self._speech + float(self._question[2]))
            self._give()
        elif self._recording:
            self._clock.pass_(self._speech)
            self._recorded("200 result=0 (timeout) endpos=0")

    def _recorded(self, answer: str) -> None:
        self._speech, self._recording = 0.0, ""
        self._answer(answer)
        self._serve()

    def wait(self, seconds: float) -> None:
        """Wait in a queue."""
        self._stand()
        for outcome in self._operators.pass_(seconds):
            self._come_back(outcome)
            self._stand()

    def operator(self, word: str) -> None:
        """The operator answers, ...; when the talk is over the dialplan brings the call back."""
        self._stand()
        if self._waits:
            self._come_back(self._operators.act(self._caller.call, word))

    def _stand(self) -> None:
        """Hear to its end what is said before the wait, and stand in the queue."""
        while self._told:
            self._clock.pass_(self._speech)
            self._speech = 0.0
            self._go_on("TIMEOUT")

    def _go_on(self, status: str) -> None:
        """End the Read that speaks before a wait."""
        self._told = False
        self._variables["READSTATUS"] = status
        self._answer("200 result=0")
        self._serve()

    @property
    def _waits(self) -> bool:
        return self.heard.ended is None and self._variables.get("PRESS2_NEXT") == "queue"

    def _come_back(self, outcome: str) -> None:
        """Go to a worker with what an operator did, as context press2-operator does."""
        if outcome and self._waits:
            self._connect(self._variables["PRESS2_TURN"], outcome)
        if outcome == "dropped":
            self._speech = 0.0  # the operator's seconds to come back run while it is said

    def _key(self) -> None:
        """Go to a worker with one key, as context press2-wait does; an operator's caller stays."""
        if not self._operators.hears_keys(self._caller.call):
            self._ahead = ""
            return
        key, self._ahead = self._ahead[0], self._ahead[1:]
        turn = self._variables["PRESS2_TURN"]
        self._variables["PRESS2_GIVEN"] = f"{turn}:{key}"
        self._connect(turn, "")

    def hang_up(self) -> None:
        """Hang up; a call that no worker holds is ended by the script "gone"."""
        self._stand()
        if self.heard.ended is None:
            self._gone = True
            talked = self._operators.talk(self._caller.call)
            self.heard.ended = "operator" if talked else "caller"
            if self._question or self._recording:
                self._answer("200 result=-1")
                self._serve()
            else:
                self._connect("", "", script="gone")
            self._look()

    # ------------------------------------------------------------------ Asterisk

    def _connect(self, turn: str, operator: str, script: str = "talk") -> None:
        """Open an AGI session, as AGI() of the dialplan does."""
        number = self._caller.number
        fields = {
            "network": "yes",
            "network_script": script,
            "request": f"agi://127.0.0.1/{script}",
            "uniqueid": self._caller.call,
            "callerid": number or "unknown",
            "callingpres": "0" if number else "32",
            "dnid": self._caller.dialled or "",
            "arg_1": turn,
            "arg_2": operator,
        }
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=20)
        self._replies = self._socket.makefile("w", encoding="utf-8", newline="\n")
        self._commands = self._socket.makefile("r", encoding="utf-8", newline="\n")
        self._variables.pop("PRESS2_NEXT", None)
        self._replies.write("".join(f"agi_{name}: {value}\n" for name, value in fields.items()))
        self._answer("")
        self._serve()

    def _serve(self) -> None:
        """Obey commands until the worker waits for the caller or closes the session."""
        self._question = []
        while command := self._commands.readline():
            word, *arguments = shlex.split(command)
            if self._gone:
                self._replies.write("HANGUP\n")
            asks = word == "GOSUB" and arguments[0] in ("press2-ask", "press2-hear")
            if asks and not self._gone:
                self._ask(arguments[3].split(","))
                return
            if word == "EXEC" and arguments[0] == "Read" and not self._gone:
                self._play(arguments[1].split(",")[1])
                self._told = True
                return
            if word == "RECORD" and not self._gone:
                self._recording = arguments[1]
                # Asterisk writes it anew; another script may have left one of the same name.
                Path(f"{self._recording}.wav").unlink(missing_ok=True)
                return
            self._answer(self._obey(word, arguments))
        self._close()
        self._back()

    def _close(self) -> None:
        """Close the session; the worker may have gone with the last reply unread."""
        with contextlib.suppress(OSError):
            self._replies.close()
        self._commands.close()
        self._socket.close()

    def _obey(self, word: str, arguments: list[str]) -> str:
        match word, arguments:
            case "GET", ["VARIABLE", "PRESS2_KEYS"]:
                return f"200 result=1 ({self._ahead})"
            case "GET", ["VARIABLE", name]:
                value = self._variables.get(name)
                return "200 result=0" if value is None else f"200 result=1 ({value})"
            case "SET", ["VARIABLE", "PRESS2_KEYS", value]:
                self._ahead = value
                return "200 result=1"
            case "SET", ["VARIABLE", name, value]:
                self._variables[name] = value
                return "200 result=1"
            case "GOSUB", ["press2-play", _, _, sounds]:
                self._play(sounds)
                return "200 result=0 Gosub complete"
            case "EXEC", ["Read", _]:
                return "200 result=0"
            case "EXEC", ["Playback", sounds]:
                self._play(sounds)
                return "200 result=0"
            case "GOSUB", ["press2-ear", _, _, engine]:
                self._variables["PRESS2_EAR"] = engine.replace(",", " ")
                return "200 result=0 Gosub complete"
            case "GOSUB", ["press2-ask" | "press2-hear", *_]:
                return "200 result=-1"
            case "NOOP", _:
                return "200 result=0"
        raise Press2Error(f"the worker sent {word} {' '.join(arguments)}, unknown to this line")

    def _answer(self, line: str) -> None:
        self._replies.write(f"{line}\n")
        self._replies.flush()

    def _play(self, sounds: str) -> None:
        names = [name.removeprefix("press2/") for name in sounds.split("&") if name]
        text = readable(self._voice.text(name) for name in names)
        if text:
            self._speech += seconds(text)
            self.heard.said.append(Said(text, names[0].partition("/")[0]))

    def _ask(self, question: list[str]) -> None:
        """Routines press2-ask, press2-hear: keys that wait cut the prompt, else the caller may."""
        self._question = question
        self._variables["PRESS2_SAID"] = ""
        self._play(question[0])
        if self._ahead:
            self._give()

    def _give(self) -> None:
        """End the question with the keys it takes; those after them stay for the next one."""
        _, entry, _, _, turn, *_ = self._question
        end = taken(entry, self._ahead)
        given, self._ahead = self._ahead[:end], self._ahead[end:]
        self._variables["PRESS2_GIVEN"] = f"{turn}:{given}"
        self._variables["PRESS2_TURN"] = turn
        self._speech = 0.0
        self._answer("200 result=0 Gosub complete")
        self._serve()

    def _back(self) -> None:
        """The worker gave the call back to the dialplan."""
        turn = self._runner.turn(self._caller.call)
        self.heard.language = turn.language
        if self._gone:
            return
        way = self._variables.get("PRESS2_NEXT")
        self._look()
        if way == "ring" and isinstance(turn.need, Enqueue):
            # extensions.conf, [press2] ring, of an exchange without a group of telephones
            self._clock.pass_(self._speech)
            self._speech = 0.0
            self._connect(self._variables["PRESS2_TURN"], "unavailable")
            return
        if way == "hangup" and isinstance(turn.need, Hangup):
            self.heard.ended = turn.need.reason
        elif way != "queue" or not isinstance(turn.need, Enqueue):
            raise CallerGone(f"the worker broke in call {self._caller.call}")
        self._clock.pass_(self._speech)
        self._speech = 0.0
        if way == "queue" and self._ahead:
            self._key()
        elif way == "queue":
            self._operators.stands(self._caller.call)

    def _look(self) -> None:
        self.heard.place = self._operators.queue.ticket(self._caller.call)
