"""Key to next prompt: our reading dialogue against the same prompts and keys in plain dialplan.

    python -m bench.turn [--rates 10,25,50,100] [--seconds 20]

One Asterisk serves both. SIPp places the calls, `bench.telephones` hears and presses keys. Ours is
the product: two FastAGI workers, the runner, SQLite with many accounts, a private Redis, the job
that moves events into the store. Every caller has an account of his own and gives one reading.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import multiprocessing
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bench.ports import free_ports
from ivr import composition, prompts
from ivr.asterisk.process import Asterisk, find_program
from ivr.asterisk.settings import AsteriskSettings
from ivr.channels.agi import AgiServer
from ivr.events import MemoryLog, StoreLog, StreamLog, drain
from ivr.model import Ask, Caller, Event, Turn
from ivr.runner import Runner
from ivr.services import SERVICES
from ivr.sessions import MemorySessions, RedisSessions, SturdySessions
from ivr.speech import build
from ivr.speech.synthesis import Synthesiser
from ivr.speech.voice import Voice
from ivr.store.account_file import COLUMNS
from ivr.store.database import Store, open_store
from ivr.store.models import Account, Reading
from ivr.store.transfer import import_accounts

SOUNDS = composition.HOME / "var" / "sounds"
COMPANY, DIALLED, NATIVE = "odesa", "+380487059090", "7000"
INSIDE_THE_WINDOW = datetime(2026, 10, 31, 10, tzinfo=UTC)
FIRST_ACCOUNT, FIRST_PHONE = 200_000_000, 670_000_000
STREETS = ("Шевченка", "Садова", "Дачна", "Морська", "Гагаріна", "Преображенська", "Базарна")
ANSWERS = ("2", "1", "02421#", "1", "2")
"""Readings, this account, the value, confirmed, no other account."""
WORKERS = 2
WARM_UP = 2
"""Seconds of calls that are not counted: the first sight of every sound and page."""
GOODBYE_TIME = 60_000
"""Milliseconds a caller waits for the end of his call."""
INVITE = f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="reading">
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@127.0.0.1>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio PORT RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rrs="true" timeout="20000"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv request="BYE" timeout="{GOODBYE_TIME}"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"""


# ---------------------------------------------------------------------- our side


def account_file(path: Path, accounts: int) -> None:
    """Write a register of accounts, each with a telephone and a one-zone meter of its own."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS, restval="")
        rows.writeheader()
        for number in range(accounts):
            rows.writerow(
                {
                    "account": FIRST_ACCOUNT + number,
                    "kind": "household",
                    "settlement": "Одеса",
                    "street": STREETS[number % len(STREETS)],
                    "house": number % 90 + 1,
                    "phones": f"0{FIRST_PHONE + number}",
                    "meter": f"{number + 1:08}",
                    "digits": 5,
                    "register": "single",
                    "previous": "02304",
                    "on": "2026-10-01",
                    "per_day": "4.0",
                    "permitted_kw": 10,
                }
            )


class Clock:
    """The real clock, moved into an open window."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self) -> datetime:
        """Return the time."""
        return INSIDE_THE_WINDOW + timedelta(seconds=time.monotonic() - self._start)


def redis_client(folder: Path) -> redis.Redis:
    """Return a client as the product's."""
    return redis.Redis(
        unix_socket_path=f"{folder}/redis.sock",
        socket_timeout=0.5,
        socket_connect_timeout=0.2,
        retry=None,
    )


def serve(port: int, folder: Path) -> None:
    """Be a worker until killed."""
    composition.log_to((folder / f"worker-{port}.log").open("w"), "info")
    flows, companies, catalogues = composition.house()
    store = open_store(f"sqlite:///{folder}/press2.db")
    client = redis_client(folder)
    sessions = SturdySessions(RedisSessions(client))
    log = StreamLog(client, StoreLog(store))
    runner = Runner(flows, companies, SERVICES, store, sessions, log, Clock(), COMPANY)
    voice = Voice(catalogues, composition.PROMPTS, SOUNDS, Synthesiser())
    AgiServer(
        "127.0.0.1", port, runner, voice, region="UA", recordings=folder / "recordings"
    ).serve(ready=(folder / f"ready-{port}").touch)


def move_events(folder: Path) -> None:
    """Be the job that moves events into the store, until killed."""
    store = open_store(f"sqlite:///{folder}/press2.db")
    client = redis.Redis(unix_socket_path=f"{folder}/redis.sock", socket_timeout=5, retry=None)
    while True:
        try:
            drain(client, store, "jobs")
        except (SQLAlchemyError, TimeoutError):  # the product starts this process again
            logging.exception("the events stay in the stream")


def accepted(store: Store) -> int:
    """Count the accepted readings of different accounts with the value that was keyed."""
    wanted = select(func.count(Reading.account_id.distinct())).where(
        Reading.state == "accepted", Reading.value == ANSWERS[2].strip("#")
    )
    with store.session(read_only=True) as db:
        return db.scalar(wanted) or 0


def prompts_of_a_call(store: Store) -> list[list[str]]:
    """Return the sounds of each turn of one reading call, the last one after the last key.

    Plays one call in this process; the sounds of every street are made, for no caller shall wait.
    """
    flows, companies, catalogues = composition.house()
    voice = Voice(catalogues, composition.PROMPTS, SOUNDS, Synthesiser())
    runner = Runner(
        flows, companies, SERVICES, store, MemorySessions(), MemoryLog(), Clock(), COMPANY
    )

    def sounds(turn: Turn) -> list[str]:
        named = (voice.files(say, say.language or turn.language, turn.slow) for say in turn.says)
        return [f"press2/{name}" for names in named for name in names]

    spoken: list[list[str]] = []
    for number in range(len(STREETS)):
        phone = f"+380{FIRST_PHONE + number}"
        caller = Caller(f"first-{number}", COMPANY, phone, DIALLED, "bench", Clock()())
        turn = runner.open(caller)
        spoken = [sounds(turn)]
        for keys in ANSWERS:
            assert isinstance(turn.need, Ask), turn
            turn = runner.advance(caller.call, Event("keys", keys), turn.number)
            spoken.append(sounds(turn))
    return spoken


# ---------------------------------------------------------------------- the native side


def native_dialplan(prompts: Sequence[Sequence[str]]) -> str:
    """Return the same dialogue in plain dialplan: as many questions, the same sounds and keys."""
    lines = ["", "[incoming](+)", f"exten => {NATIVE},1,Answer()"]
    for place, (keys, sounds) in enumerate(zip(ANSWERS, prompts, strict=False)):
        files = "&".join(sounds)
        # Without # in the count: Read takes it as the end of a number.
        most = 1 if len(keys) == 1 else 9
        lines.append(f" same => n,Read(ANSWER{place},{files},{most},,1,8)")
        expected = keys.rstrip("#")
        lines.append(f' same => n,GotoIf($["${{ANSWER{place}}}" != "{expected}"]?wrong)')
    lines.append(f" same => n,Playback({'&'.join(prompts[-1])})")
    lines += [" same => n(wrong),Hangup()", ""]
    return "\n".join(lines)


# ---------------------------------------------------------------------- one run


@dataclass(frozen=True)
class Measured:
    """One run.

    turns: seconds from key to prompt by answer, of the calls that heard every prompt.
    cpu: milliseconds a call by program. busy: share of the machine while calls came and went.
    readings: accepted in SQL.
    """

    side: str
    rate: int
    calls: int
    failed: int
    turns: list[list[float]]
    cpu: dict[str, float]
    busy: float
    readings: int = 0

    @property
    def all(self) -> list[float]:
        """Every turn."""
        return [turn for turns in self.turns for turn in turns]


def cpu_of(pid: int) -> float:
    """Return the processor time a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_machine() -> tuple[int, int]:
    """Return the ticks all processors were busy, and all ticks."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def run(
    side: str,
    rate: int,
    seconds: float,
    phones: Sequence[str],
    sip_port: int,
    programs: dict[str, list[int]],
    answers: Sequence[str] = ANSWERS,
) -> Measured:
    """Place calls for some seconds and wait for the end of the last one.

    answers: the keys of each answer of a caller.
    """
    with tempfile.TemporaryDirectory(prefix="press2-run-") as name:
        folder = Path(name)
        callers = subprocess.Popen([sys.executable, "-m", "bench.telephones", name, *answers])
        wait_for(folder / "port")
        scenario = folder / "scenario.xml"
        scenario.write_text(INVITE.replace("PORT", (folder / "port").read_text()))
        (folder / "phones.csv").write_text("SEQUENTIAL\n" + "\n".join(phones) + "\n")
        before = {each: sum(map(cpu_of, pids)) for each, pids in programs.items()}
        ours = resource.getrusage(resource.RUSAGE_CHILDREN)
        calls = len(phones)
        sipp = subprocess.Popen(
            ["sipp", "-sf", str(scenario), "-inf", str(folder / "phones.csv")]
            + ["-m", str(calls), "-r", str(rate), "-l", str(calls), "-i", "127.0.0.1"]
            + ["-s", DIALLED if side == "press2" else NATIVE, "-nostdin"]
            + ["-trace_stat", "-stf", str(folder / "stat.csv"), "-fd", "5"]
            + [f"127.0.0.1:{sip_port}"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(seconds * 0.4)  # from here on calls end as fast as they come
        machine = cpu_of_machine()
        time.sleep(seconds * 0.6)
        busy, ticks = (b - a for a, b in zip(machine, cpu_of_machine(), strict=True))
        sipp.wait()
        after = {each: sum(map(cpu_of, pids)) for each, pids in programs.items()}
        (folder / "stop").touch()
        callers.wait()
        theirs = resource.getrusage(resource.RUSAGE_CHILDREN)
        turns = json.loads((folder / "turns.json").read_text())
        whole = [each for each in turns if len(each) == len(answers)]
        failed = max(calls - len(whole), calls - succeeded(folder / "stat.csv"))
        cpu = {each: (after[each] - before[each]) / calls * 1000 for each in programs}
        used = theirs.ru_utime + theirs.ru_stime - ours.ru_utime - ours.ru_stime
        cpu["callers"] = used / calls * 1000
    return Measured(
        side,
        rate,
        calls,
        failed,
        [[turns[place] for turns in whole] for place in range(len(answers))],
        cpu,
        busy / ticks,
    )


def succeeded(path: Path) -> int:
    """Return how many calls SIPp saw through to their end."""
    with path.open() as file:
        *_, last = csv.DictReader(file, delimiter=";")
    return int(last["SuccessfulCall(C)"])


def wait_for(path: Path, seconds: float = 60) -> None:
    """Wait until a file exists."""
    until = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > until:
            raise SystemExit(f"{path.name} did not come in {seconds:g} s")
        time.sleep(0.02)


# ---------------------------------------------------------------------- the house


@dataclass
class House:
    """Everything that runs. programs: process ids by what they are."""

    store: Store
    sip_port: int
    programs: dict[str, list[int]]
    folder: Path


@contextmanager
def house(folder: Path, accounts: int) -> Iterator[House]:
    """Start Asterisk, workers, job and Redis over a store with many accounts."""
    with ExitStack() as stack:
        redis_server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", f"{folder}/redis.sock", "--save", ""]
            + ["--appendonly", "yes", "--dir", str(folder)],
            stdout=subprocess.DEVNULL,
        )
        stack.callback(redis_server.wait)
        stack.callback(redis_server.kill)
        wait_for(folder / "redis.sock")
        store = open_store(f"sqlite:///{folder}/press2.db", migrate=True)
        stack.callback(store.close)
        account_file(folder / "accounts.csv", accounts)
        import_accounts(store, COMPANY, folder / "accounts.csv", region="UA", now=INSIDE_THE_WINDOW)
        with store.session(read_only=True) as db:
            print(f"{db.scalar(select(func.count(Account.id))):,} accounts in the store")
        prompts = prompts_of_a_call(store)
        sip, http, *workers = free_ports(2 + WORKERS)
        spawn = multiprocessing.get_context("spawn")
        processes = [
            *(spawn.Process(target=serve, args=(port, folder)) for port in workers),
            spawn.Process(target=move_events, args=(folder,)),
        ]
        for process in processes:
            process.start()
            stack.callback(process.join)
            stack.callback(process.kill)
        for port in workers:
            wait_for(folder / f"ready-{port}")
        settings = AsteriskSettings(
            run_dir=folder / "asterisk",
            sounds_dir=SOUNDS,
            workers=tuple(f"127.0.0.1:{port}" for port in workers),
            apology="uk/apology",
            sip_port=sip,
            http_port=http,
            rtp=(10000, 19999),
        )
        asterisk = Asterisk(find_program(composition.HOME / "var/asterisk-root"), settings)
        with asterisk:
            with (asterisk.run_dir / "etc/extensions.conf").open("a") as dialplan:
                dialplan.write(native_dialplan(prompts))
            asterisk.command("dialplan reload")
            programs = {
                "Asterisk": [asterisk.pid],
                "workers": [process.pid or 0 for process in processes[:-1]],
                "Redis": [redis_server.pid],
                "job": [processes[-1].pid or 0],
            }
            yield House(store, sip, programs, folder)


# ---------------------------------------------------------------------- the report


def percentile(values: Sequence[float], part: float) -> float:
    """Return a percentile in milliseconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 if ordered else 0.0


def median(values: Sequence[float]) -> float:
    """Return the median in milliseconds."""
    return statistics.median(values) * 1000 if values else 0.0


HEAD = (
    "| calls/s | dialogue | calls | failed | readings in SQL | key to prompt: median ms | p99 ms |"
    " CPU ms a call: Asterisk | workers | Redis | job | callers | machine busy |\n"
    + "|---" * 13
    + "|"
)


def row(measured: Measured) -> str:
    """Return one line of the table."""
    cpu = " | ".join(
        f"{measured.cpu[each]:.1f}" for each in ("Asterisk", "workers", "Redis", "job", "callers")
    )
    return (
        f"| {measured.rate} | {measured.side} | {measured.calls} | {measured.failed} |"
        f" {measured.readings or '-'} | {median(measured.all):.1f} |"
        f" {percentile(measured.all, 0.99):.1f} | {cpu} | {measured.busy:.0%} |"
    )


def by_answer(measured: Measured) -> str:
    """Return one line of the second table."""
    cells = " | ".join(
        f"{median(turns):.1f} / {percentile(turns, 0.99):.1f}" for turns in measured.turns
    )
    return f"| {measured.rate} | {measured.side} | {cells} |"


def main() -> None:
    """Run both sides at every rate and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", default="10,25,50,100", help="calls a second, with commas")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run")
    parser.add_argument("--accounts", type=int, default=100_000)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends as well
    rates = [int(rate) for rate in options.rates.split(",")]
    catalogues = {"uk": prompts.load(composition.PROMPTS)["uk"]}
    build.run(catalogues, composition.PROMPTS, SOUNDS, Synthesiser(), sys.stderr)
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    print(f"load before: {os.getloadavg()[0]:.2f}")
    first = len(STREETS)
    results = []
    with (
        tempfile.TemporaryDirectory(prefix="press2-") as name,
        house(Path(name), options.accounts) as built,
    ):

        def measure(side: str, rate: int, seconds: float) -> Measured:
            nonlocal first
            calls = round(rate * seconds)
            numbers = [f"0{FIRST_PHONE + first + number}" for number in range(calls)]
            if side == "press2":
                first += calls
            stored = accepted(built.store)
            done = run(side, rate, seconds, numbers, built.sip_port, built.programs)
            if side == "native":
                return done
            readings = accepted(built.store) - stored
            return replace(done, readings=readings, failed=max(done.failed, calls - readings))

        measure("native", 10, WARM_UP)
        measure("press2", 10, WARM_UP)
        print(HEAD, flush=True)
        for rate in rates:
            for side in ("native", "press2"):
                measured = measure(side, rate, options.seconds)
                results.append(measured)
                print(row(measured), flush=True)
    print("\nMedian / p99 by answer, ms:\n")
    print("| calls/s | dialogue | " + " | ".join(ANSWERS) + " |")
    print("|---" * (2 + len(ANSWERS)) + "|")
    for measured in results:
        print(by_answer(measured))
    print(f"\nload after: {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
