"""Operators' desks and callers' telephones around one running press2, each with a sound of its own.

Every person sits at a `Machine`: a Chromium process whose microphone sounds on one frequency, whose
network can be cut and which can be killed. So who hears whom is measured, not believed.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis
from playwright.sync_api import Browser, BrowserContext, CDPSession, Dialog, Error, Page, expect
from running import Press2, until

from ivr import company
from ivr.agent_queue.model import QueueDown, Ticket
from ivr.agent_queue.redis_queue import RedisQueue

HOME = Path(__file__).parents[2]
CALLER, FIRST, SECOND, MUSIC = 600, 1000, 1700, 2400
"""Hertz of the caller's voice, of two operators' and of the music. Far from the keys' tones."""
AUDIBLE = -45.0
"""dB of a tone that counts as heard. Those that are sent measure -14 to -27, others below -70."""
PATIENCE = 20.0
EARS = Path(__file__).with_name("ears.js")
MICROPHONE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


def tone(path: Path, hertz: int, rate: int = 48000, steady: bool = False) -> None:
    """Write two seconds of a tone; it pulses, because noise suppression takes steady ones away,
    and swells and fades, because a click sounds on every frequency.
    """
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        for place in range(2 * rate):
            swell = 1.0 if steady else math.sin(math.tau * place / rate) ** 2
            level = 13000 * swell * math.sin(math.tau * hertz * place / rate)
            file.writeframesraw(struct.pack("<h", round(level)))


def level_in(path: Path, hertz: int) -> float:
    """Return the level (dB) of a frequency in the loudest tenth of a second of a WAV file."""
    with wave.open(str(path)) as file:
        rate, count = file.getframerate(), file.getnframes()
        samples = struct.unpack(f"<{count}h", file.readframes(count))
    window = rate // 10
    turn = 2 * math.cos(math.tau * hertz / rate)
    loudest = 1e-12
    for start in range(0, count - window, window):
        one = two = 0.0
        for sample in samples[start : start + window]:
            one, two = sample / 32768 + turn * one - two, one
        loudest = max(loudest, (one * one + two * two - turn * one * two) / (window / 2) ** 2)
    return 10 * math.log10(loudest)


# ---------------------------------------------------------------------- machines


class Wire:
    """A TCP way to a server that can be cut: what is sent meanwhile waits, as in TCP it does."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open = threading.Event()
        self._open.set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        self._open.clear()

    def mend(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        self._open.wait()
        try:
            far = socket.create_connection(("127.0.0.1", self._target), 5)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        back = threading.Thread(target=self._carry, args=(far, near), daemon=True)
        back.start()
        self._carry(near, far)
        back.join()
        near.close()
        far.close()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._open.wait()
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


NETWORK = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}


class Machine:
    """A computer with a Chromium. hertz: what its microphone hears."""

    def __init__(
        self, launch: Callable[..., Browser], folder: Path, name: str, hertz: int, web_port: int
    ) -> None:
        self.name, self.hertz = name, hertz
        self.microphone = folder / f"{name}.wav"
        tone(self.microphone, hertz)
        self._launch = launch
        self._web_port = web_port
        self._browser: Browser | None = None
        self._lines: dict[Page, CDPSession] = {}
        self.wire = Wire(web_port)

    @property
    def browser(self) -> Browser:
        """The Chromium; started when it is not running."""
        if self._browser is None or not self._browser.is_connected():
            sound = f"--use-file-for-fake-audio-capture={self.microphone}"
            self._browser = self._launch(*MICROPHONE, sound)
            self._lines.clear()
        return self._browser

    def page(self, mishaps: list[str]) -> Page:
        """Open a page in a context of its own. mishaps: gets the errors of its scripts."""
        context = self.browser.new_context(
            locale="en-GB", viewport={"width": 1366, "height": 768}, reduced_motion="reduce"
        )
        return self.tab(context, mishaps)

    def tab(self, context: BrowserContext, mishaps: list[str]) -> Page:
        """Open another page beside those of a context."""
        page = context.new_page()
        page.on("pageerror", lambda error: mishaps.append(f"{self.name}: {error}"))
        page.add_init_script(path=EARS)
        line = context.new_cdp_session(page)
        line.send("Network.enable")
        # Chromium looks at these limits for a UDP socket only if there were some when it was made.
        line.send("Network.emulateNetworkConditions", {**NETWORK, "offline": False, "latency": 1})
        self._lines[page] = line
        page.on("close", self._forget)
        page.on("crash", self._forget)  # a dead tab would never answer
        return page

    @contextmanager
    def network_cut(self) -> Iterator[None]:
        """Nothing comes in and nothing goes out: Chromium's network process drops every UDP packet,
        holds back what WebSockets send and receive and refuses new requests; the proxy in front of
        the web server holds back what the requests that are open already would get.
        """
        self.wire.cut()
        self._tell({"offline": True, "packetLoss": 100})
        try:
            yield
        finally:
            self._tell({"offline": False, "latency": 1})
            self.wire.mend()

    def _tell(self, network: Mapping[str, object]) -> None:
        """Change the network of every tab that is open."""
        for line in list(self._lines.values()):
            line.send("Network.emulateNetworkConditions", {**NETWORK, **network})

    def _forget(self, page: Page) -> None:
        self._lines.pop(page, None)

    def kill(self) -> None:
        """Kill the Chromium as a power cut does: nobody is told anything."""
        os.killpg(self._group(), signal.SIGKILL)
        assert self._browser
        assert until(lambda: self._waited() and not self._browser.is_connected())

    def kill_tabs(self) -> None:
        """Kill the processes of all tabs: no script of theirs runs any more."""
        group = self._group()
        for process, words in _command_lines():
            with suppress(ProcessLookupError):
                if "--type=renderer" in words and os.getpgid(process) == group:
                    os.kill(process, signal.SIGKILL)

    def _group(self) -> int:
        """The process group of the Chromium; its first process knows of the microphone."""
        sound = f"--use-file-for-fake-audio-capture={self.microphone}"
        for process, words in _command_lines():
            if sound in words and "--type=" not in words:
                return os.getpgid(process)
        raise AssertionError(f"no Chromium of {self.name} runs")

    def _waited(self) -> bool:
        """Let playwright take in what has happened."""
        with suppress(Error):
            self._browser.contexts[0].pages[0].wait_for_timeout(50)
        return True


def _command_lines() -> Iterator[tuple[int, str]]:
    """Process id and command line of every process."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield int(process.name), (process / "cmdline").read_bytes().decode()


class Listening:
    """A page with somebody in front of it who hears."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def heard(self, hertz: int, seconds: float = 0.7) -> bool:
        """Tell whether a frequency is heard within a while."""
        given = [hertz, AUDIBLE, 1000 * seconds]
        return bool(self.page.evaluate("given => heard(...given)", given))

    def hears(self, hertz: int, seconds: float = 10) -> bool:
        """Wait until a frequency is heard."""
        return bool(until(lambda: self.heard(hertz), seconds))

    def silent(self, hertz: int, seconds: float = 10) -> bool:
        """Wait until a frequency is not heard for a second and a half."""
        return bool(until(lambda: not self.heard(hertz, 1.5), seconds))


# ---------------------------------------------------------------------- people


class Telephone(Listening):
    """The browser phone of the start page, and the person who calls with it."""

    def __init__(self, house: House, machine: Machine, mishaps: list[str]) -> None:
        super().__init__(machine.page(mishaps))
        self.house, self.machine, self.hertz = house, machine, machine.hertz
        self.call = ""
        self._questions = 0
        self.page.goto(house.press2.page)

    def ring(self) -> Telephone:
        """Call; returns when the flow has begun."""
        known = set(self.house.calls())
        self.page.get_by_role("button", name="Call", exact=True).click()
        self.state("talking")
        assert until(lambda: set(self.house.calls()) - known), self.house.press2.log()[-2000:]
        (self.call,) = set(self.house.calls()) - known
        self._questions = 0
        return self

    def state(self, name: str) -> None:
        expect(self.page.locator(".phone")).to_have_attribute(
            "data-state", name, timeout=1000 * PATIENCE
        )

    def at(self, step: str) -> Telephone:
        """Wait until the flow asks at this step."""
        return self.through({}, step)

    def through(self, keys: Mapping[str, str], step: str) -> Telephone:
        """Answer the questions that come with the keys given for them, until `step` asks."""
        while (asked := self._question()) != step:
            self.press(keys.get(asked, ""))
        return self

    def _question(self) -> str:
        """The next question of the flow."""
        wanted = self._questions + 1
        assert until(lambda: len(self.house.questions(self.call)) >= wanted, PATIENCE), (
            f"no question came: {self.house.tail(self.call)}"
        )
        self._questions = wanted
        return self.house.questions(self.call)[wanted - 1]

    def press(self, keys: str) -> Telephone:
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def to_operator(self) -> Telephone:
        """Call and press 0; returns when the ticket is in the queue."""
        return self.ring().at("main.menu").press("0").waits()

    def waits(self) -> Telephone:
        """Wait until the caller stands in a queue: # means nothing there, and ends the speech."""
        house, call = self.house, self.call
        assert until(lambda: house.needs(call)[-1] == "enqueue", PATIENCE), house.tail(call)
        self.press("#")
        assert until(lambda: house.ticket_state(call) is not None, PATIENCE), house.tail(call)
        return self

    def hang_up(self) -> None:
        if self.page.locator(".phone").get_attribute("data-state") == "talking":
            self.page.get_by_role("button", name="Hang up").click()
        self.page.locator('.phone[data-state="ended"], .phone[data-state="failed"]').wait_for()

    def close(self) -> None:
        self.page.context.close()


class Desk(Listening):
    """The desk of one operator in one tab."""

    def __init__(
        self, house: House, machine: Machine, mishaps: list[str], login: str, page: Page | None
    ) -> None:
        super().__init__(page or machine.page(mishaps))
        self.house, self.machine, self.login = house, machine, login
        self.tab = ""
        self.page.on("request", self._see)
        self.page.on("dialog", _agree)
        self.origin = f"http://127.0.0.1:{machine.wire.port}"

    def _see(self, request: Any) -> None:
        if found := re.search(r"/desk/events\?tab=([\w-]+)", request.url):
            self.tab = found[1]

    def sign_in(self) -> Desk:
        """Sign in by the form, as a person does."""
        self.page.goto(f"{self.origin}/desk/sign-in")
        self.page.get_by_label("Login").fill(self.login)
        self.page.get_by_label("Password").fill(self.house.passwords[self.login])
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/desk/")
        return self.opened()

    def open(self) -> Desk:
        """Open the desk; the sign-in is there already."""
        self.page.goto(f"{self.origin}/desk/")
        return self.opened()

    def opened(self) -> Desk:
        """Wait until the page has its state and its telephone is registered."""
        self.page.locator("body:not([data-mode=loading])").wait_for(timeout=1000 * PATIENCE)
        self.registered()
        return self

    def registered(self) -> None:
        lamp = self.page.locator(".top .lamp")
        expect(lamp).to_have_class(re.compile(r"registered|good|fair|poor"))

    def tested(self) -> Desk:
        """Tell what the headset test of the page would tell; the test itself takes 20 seconds."""
        figures = {"headset": "tone", "loss": 0, "jitter": 1, "round_trip": 1, "level": 0.5}
        assert self.post("phone/tested", figures)[0] == 200
        if self.page.locator("dialog[open]").count():
            self.page.keyboard.press("Escape")
        expect(self.page.locator("dialog[open]")).to_have_count(0)
        expect(self.page.locator(".face [data-focus=check]")).to_have_count(0)
        return self

    def ready(self) -> Desk:
        self.page.keyboard.press("Alt+g")
        return self.becomes("ready", "offer")

    def sees_free(self, name: str) -> None:
        """Wait until a colleague is shown as free."""
        row = self.page.locator("#colleagues li", has_text=name)
        expect(row.locator(".lamp")).to_have_class("lamp free", timeout=1000 * PATIENCE)

    @property
    def mode(self) -> str:
        return self.page.locator("body").get_attribute("data-mode") or ""

    def becomes(self, *modes: str, seconds: float = PATIENCE) -> Desk:
        """Wait until the desk is in one of these modes."""
        wanted = ", ".join(f"body[data-mode={mode}]" for mode in modes)
        try:
            self.page.locator(wanted).wait_for(timeout=1000 * seconds)
        except Exception as error:
            told = f"{self.login} is in {self.mode}, not in {modes}: {self.operator()}"
            raise AssertionError(told) from error
        return self

    def rings(self) -> Desk:
        """Wait until an offer is on the screen and the telephone of the page rings."""
        self.becomes("offer")
        return self

    def answer(self) -> Desk:
        """Answer by key."""
        self.page.keyboard.press("F2")
        return self.becomes("talk")

    def hang_up(self) -> Desk:
        self.page.keyboard.press("F4")
        return self.becomes("wrap_up")

    def finish(self, code: str = "other", note: str = "") -> Desk:
        """End the wrap-up with a code and a note, by the keyboard."""
        self.page.locator(f".wrap-up input[value={code}]").check()
        self.page.locator("#wrap-note").fill(note)
        self.page.keyboard.press("Control+Enter")
        return self.becomes("ready", "paused", "offline", "offer")

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Post as the page does; status and answer."""
        assert until(lambda: self._tick() and self.tab), "the page has no stream of events"
        script = """async ([path, tab, body]) => {
          const { csrf } = JSON.parse(document.querySelector("#given").textContent);
          const headers = { "Content-Type": "application/json", "X-CSRFToken": csrf, "X-Tab": tab };
          const wish = { method: "POST", headers, body: JSON.stringify(body) };
          const answer = await fetch(`/desk/${path}`, wish);
          return [answer.status, await answer.json()];
        }"""
        status, told = self.page.evaluate(script, [path, self.tab, body])
        return status, told

    def _tick(self) -> bool:
        self.page.wait_for_timeout(20)  # playwright takes in what has happened
        return True

    def operator(self) -> dict[str, Any]:
        """What the queue knows of him."""
        known = self.house.queue.operator("odesa", self.login)
        return vars(known) if known else {}

    def shot(self, name: str) -> None:
        """Take a picture of the desk where DESK_SHOTS says, if it does."""
        if folder := os.environ.get("DESK_SHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}.png")

    def automatic(self) -> Desk:
        """Let offers be answered by themselves."""
        self.page.get_by_label("Answer automatically").first.check()
        return self

    def crash(self) -> None:
        """Kill the process of the tab."""
        self.machine.kill_tabs()

    def close(self) -> None:
        with suppress(Error):
            self.page.context.close()


def _agree(dialog: Dialog) -> None:
    """Leave a page that asks whether one wants to."""
    with suppress(Error):
        dialog.accept()


# ---------------------------------------------------------------------- the house


@dataclass
class House:
    """A running press2 and the people of one test around it."""

    press2: Press2
    conf: Path
    launch: Callable[..., Browser]
    folder: Path
    passwords: dict[str, str] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    mishaps: list[str] = field(default_factory=list)
    desks: list[Desk] = field(default_factory=list)
    telephones: list[Telephone] = field(default_factory=list)

    def __post_init__(self) -> None:
        rules = {
            name: profile.queues for name, profile in company.load(HOME / "flows/companies").items()
        }
        client = redis.Redis.from_url(f"unix://{self.press2.var}/redis/redis.sock")
        self.queue = RedisQueue(client, rules)

    # ------------------------------------------------------------------ people

    def machine(self, name: str, hertz: int) -> Machine:
        """The machine of this name; it stays on for the whole session."""
        if name not in self.machines:
            port = int(self.press2.page.rstrip("/").rpartition(":")[2])
            self.machines[name] = Machine(self.launch, self.folder, name, hertz, port)
        return self.machines[name]

    def telephone(self, name: str = "caller", hertz: int = CALLER) -> Telephone:
        phone = Telephone(self, self.machine(name, hertz), self.mishaps)
        self.telephones.append(phone)
        return phone

    def desk(self, login: str = "olha", page: Page | None = None) -> Desk:
        """A desk that is not open yet, at the operator's own machine."""
        machine = self.machine(login, VOICES[login])
        desk = Desk(self, machine, self.mishaps, login, page)
        self.desks.append(desk)
        return desk

    def seated(self, login: str = "olha") -> Desk:
        """An operator who signed in and tested his headset, and is not ready yet."""
        return self.desk(login).sign_in().tested()

    def tab(self, desk: Desk) -> Desk:
        """Another tab beside a desk's, not open yet."""
        page = desk.machine.tab(desk.page.context, self.mishaps)
        return self.desk(desk.login, page)

    def clear(self) -> None:
        """Send everybody home: the next test finds no call, no offer and nobody signed in."""
        for phone in self.telephones:
            with suppress(Error):
                phone.close()
        for desk in self.desks:
            desk.close()
        self.telephones.clear()
        self.desks.clear()
        assert until(lambda: not self.queue.waiting("odesa"), PATIENCE), self.queue.waiting("odesa")
        for operator in self.queue.operators("odesa"):
            self.queue.finish("odesa", operator.name, time.time())
            self.queue.set_status("odesa", operator.name, "offline", time.time(), tab=operator.tab)

    # ------------------------------------------------------------------ what can be seen

    def calls(self) -> list[str]:
        """Ids of all calls, in the order of their beginnings."""
        return list(dict.fromkeys(re.findall(r"call ([\w.-]+) turn ", self.press2.log())))

    def tail(self, call: str) -> str:
        """The last lines of the log about a call, and all lines of trouble."""
        lines = self.press2.log().splitlines()
        wanted = [line for line in lines if call in line or "ERROR" in line or "Traceback" in line]
        return "\n".join(wanted[-30:])

    def questions(self, call: str) -> list[str]:
        """The steps at which the flow asked this caller, "main.menu"."""
        return re.findall(rf"call {re.escape(call)} turn \d+ ([\w.]+): ask", self.press2.log())

    def needs(self, call: str) -> list[str]:
        """What each turn of a call came to: "ask", "enqueue", "hangup"."""
        return re.findall(rf"call {re.escape(call)} turn \d+ [\w.]+: (\w+)", self.press2.log())

    @property
    def sip(self) -> tuple[str, int]:
        """Where softphones call."""
        return "127.0.0.1", int(re.search(r"sip_port = (\d+)", self.conf.read_text())[1])

    def queue_answers(self) -> bool:
        """Tell whether Redis is there."""
        with suppress(QueueDown):
            self.queue.operators("odesa")
            return True
        return False

    def ticket(self, call: str) -> Ticket:
        """The ticket of a call."""
        found = self.queue.ticket(call)
        assert found
        return found

    def ticket_state(self, call: str) -> str | None:
        ticket = self.queue.ticket(call)
        return ticket.state if ticket else None

    def stands(self, call: str, *states: str, seconds: float = PATIENCE) -> bool:
        """Wait until a ticket is in one of these states."""
        return bool(until(lambda: self.ticket_state(call) in states, seconds))

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(self.press2.var / "press2.db")) as store:
            store.row_factory = sqlite3.Row
            return store.execute(query, values).fetchall()

    def events(self, call: str, kind: str) -> list[dict[str, Any]]:
        """Details of a call's events of one kind, each with its "at" (seconds since 1970)."""
        rows = self.rows(
            "select at, details from events where call = ? and kind = ? order by at", call, kind
        )
        return [{**json.loads(row["details"]), "at": _seconds(row["at"])} for row in rows]

    def told(self, call: str, prompt: str, since: float = 0.0, seconds: float = PATIENCE) -> float:
        """Wait until the log says that a prompt was said after `since`; when it was."""

        def said() -> float:
            for event in self.events(call, "said"):
                if prompt in event["prompts"] and event["at"] >= since:
                    return event["at"]
            return 0.0

        found = until(said, seconds)
        assert found, f"{prompt} was not said: {self.events(call, 'said')}\n{self.tail(call)}"
        return float(found)

    def conversations(self, call: str) -> list[sqlite3.Row]:
        return self.rows("select * from conversations where call = ? order by answered_at", call)

    def refusals(self, what: str) -> list[sqlite3.Row]:
        """Audit entries of things that were not allowed."""
        return self.rows("select * from audit where what = ? and not allowed", what)

    # ------------------------------------------------------------------ what can be done to it

    def kill(self, part: str) -> None:
        """Kill a part of press2."""
        self.signal(part, signal.SIGKILL)

    def signal(self, part: str, number: int) -> None:
        """Send a signal to a part of press2."""
        os.kill(self.press2.pids(part)[-1], number)

    def command(self, *words: str) -> str:
        """Run a command of app.py on this press2; what it printed."""
        done = subprocess.run(
            [sys.executable, str(HOME / "app.py"), *words],
            env=os.environ | {"PRESS2_CONF": str(self.conf)},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def add_operator(self, login: str, *more: str) -> None:
        words = ["operator", "add", login, "--name", login.title(), *more]
        self.passwords[login] = self.command(*words).split()[-1]


VOICES = {"olha": FIRST, "petro": SECOND}


def _seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def hear_each_other(person: Any, desk: Desk) -> None:
    """Both hear the frequency of the other. person: with `hertz` and `hears`."""
    assert person.hears(desk.machine.hertz), "the caller does not hear the operator"
    assert desk.hears(person.hertz), "the operator does not hear the caller"


def talk(house: House, caller: Telephone, login: str = "olha") -> Desk:
    """Bring a caller together with an operator who was free."""
    desk = house.seated(login).ready()
    caller.to_operator()
    desk.rings().answer()
    hear_each_other(caller, desk)
    return desk


def music(folder: Path) -> Path:
    """Make a folder with the music of the wait: one tone."""
    folder.mkdir()
    tone(folder / "tone.wav", MUSIC, rate=8000, steady=True)
    return folder


def settled(house: House, seconds: float = PATIENCE) -> Sequence[str]:
    """Wait until the queue's auditor finds nothing; what it finds otherwise."""
    found: list[str] = []

    def clean() -> bool:
        found[:] = house.queue.audit("odesa", time.time())
        return not found

    until(clean, seconds)
    return found
