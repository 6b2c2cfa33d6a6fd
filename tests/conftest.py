"""What the tests share: calls on the pure engine, the product's own parts, a private Redis."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from types import MappingProxyType
from typing import Any, Protocol

import pytest
import redis
import yaml

from ivr import check, company, flow, prompts
from ivr.agent_queue.model import AgentQueue
from ivr.channels.line import Clock
from ivr.company import Company
from ivr.engine import Flows, Limits, Session, begin, step
from ivr.events import EventLog, MemoryLog
from ivr.model import Caller, Event, Lookup, Need, Result, Turn, Value
from ivr.prompts import Catalogue
from ivr.runner import Runner
from ivr.services import SERVICES, Service
from ivr.sessions import MemorySessions, Sessions
from ivr.store.database import Store, memory_store
from ivr.store.supply_world import load_supply
from ivr.store.world import load_world

HOME = Path(__file__).parents[1]
DEMO = HOME / "deploy" / "demo-data.yaml"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="write tests/transcripts anew instead of comparing"
    )


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written instead of compared."""
    return bool(request.config.getoption("--update"))


# ---------------------------------------------------------------------- the product's parts


@dataclass(frozen=True)
class House:
    """The product's own flows, profiles, prompts and demo data. world: its `world`."""

    flows: Flows
    companies: Mapping[str, Company]
    catalogues: Mapping[str, Catalogue]
    world: Mapping[str, Any]


@pytest.fixture(scope="session")
def house() -> House:
    catalogues = prompts.load(HOME / "prompts")
    return House(
        flows=check.book(flow.load(HOME / "flows"), catalogues),
        companies=company.load(HOME / "flows" / "companies"),
        catalogues=catalogues,
        world=yaml.load(DEMO.read_text(encoding="utf-8"), yaml.BaseLoader)["world"],  # noqa: S506
    )


@pytest.fixture
def demo_store(house: House) -> Iterator[Store]:
    """A store in memory with the demo data of odesa."""
    store = memory_store()
    with store.session() as session:
        load_world(session, "odesa", house.world)
        load_supply(session, "odesa", house.world, house.companies["odesa"].zone)
    yield store
    store.close()


@pytest.fixture
def clock() -> Clock:
    """Half past eight in Odesa on a day when readings are taken."""
    return Clock(datetime(2026, 10, 31, 6, 30, tzinfo=UTC))


class RunnerMaker(Protocol):
    """Makes runners over one store (the demo store), each a worker of its own."""

    def __call__(
        self,
        sessions: Sessions | None = None,
        log: EventLog | None = None,
        services: Mapping[str, Service] = SERVICES,
        flows: Flows | None = None,
        store: Store | None = None,
        queue: AgentQueue | None = None,
        hears: Mapping[str, Sequence[str]] | None = None,
    ) -> Runner: ...


@pytest.fixture
def worker(house: House, demo_store: Store, clock: Clock) -> RunnerMaker:
    def make(
        sessions: Sessions | None = None,
        log: EventLog | None = None,
        services: Mapping[str, Service] = SERVICES,
        flows: Flows | None = None,
        store: Store | None = None,
        queue: AgentQueue | None = None,
        hears: Mapping[str, Sequence[str]] | None = None,
    ) -> Runner:
        return Runner(
            flows or house.flows,
            house.companies,
            services,
            demo_store if store is None else store,
            MemorySessions() if sessions is None else sessions,
            MemoryLog() if log is None else log,
            clock,
            "odesa",
            queue=queue,
            hears=hears,
        )

    return make


@pytest.fixture
def caller() -> Caller:
    """Somebody whose telephone belongs to account 100200301."""
    return Caller(
        call="call-1",
        company="odesa",
        number="+380671110001",
        dialled="+380487059090",
        channel="console",
        arrived=datetime(2026, 10, 31, 6, 30, tzinfo=UTC),
    )


# ---------------------------------------------------------------------- calls on the engine


class Talk:
    """A call on the pure engine. Session and turn go through JSON between every two turns.

    said: ids of the prompts since the caller's last event.
    """

    def __init__(
        self,
        flows: Flows,
        start: str,
        slots: Mapping[str, Value],
        limits: Limits | None,
        answers: Mapping[str, Result],
    ) -> None:
        self._flows = flows
        self._limits = limits
        self._answers = answers
        self.session = begin(flows, "uk", slots, start)
        self.give(Event("answered"))

    def give(self, event: Event) -> Talk:
        """Hand over any event; a service whose answer is ready gives it at once."""
        self.said: list[str] = []
        self._take(event)
        while isinstance(self.need, Lookup) and self.need.service in self._answers:
            answer = self._answers[self.need.service]
            self._take(Event("result", outcome=answer.outcome, values=answer.values))
        return self

    def _take(self, event: Event) -> None:
        before = json.dumps(self.session.to_json())
        session, turn = step(self._flows, self.session, event, self._limits)
        assert step(self._flows, self.session, event, self._limits) == (session, turn)
        assert json.dumps(self.session.to_json()) == before, "the session given was changed"
        self.session = Session.from_json(json.loads(json.dumps(session.to_json())))
        self.turn = Turn.from_json(json.loads(json.dumps(turn.to_json())))
        assert (self.session, self.turn) == (session, turn)
        self.said += [say.prompt for say in self.turn.says]

    def press(self, keys: str) -> Talk:
        """Press keys and then none for so long that a number without `#` ends."""
        return self.give(Event("keys", text=keys, ended=not set(keys) & set("#*")))

    def silence(self) -> Talk:
        return self.give(Event("silence"))

    def speak(self, text: str) -> Talk:
        return self.give(Event("speech", text=text))

    def result(self, outcome: str, **values: Value) -> Talk:
        """Answer the open Lookup."""
        return self.give(Event("result", outcome=outcome, values=values))

    def operator(self, outcome: str) -> Talk:
        return self.give(Event("operator", outcome=outcome))

    def hang_up(self) -> Talk:
        return self.give(Event("hangup"))

    @property
    def need(self) -> Need:
        return self.turn.need

    @property
    def at(self) -> str:
        """Where the call stands: "flow.step"."""
        return f"{self.session.flow}.{self.session.step}"


class Talker(Protocol):
    """Begins a call.

    source: the name of a flow of the product, or the YAML text of flows, the first one answers.
    texts: prompts of those flows, where it matters what they want.
    answers: what services answer by themselves; a Lookup to any other waits for `result`.
    """

    def __call__(
        self,
        *source: str,
        slots: Mapping[str, Value] = ...,
        limits: Limits | None = None,
        answers: Mapping[str, Result] = ...,
        texts: Mapping[str, str] = ...,
    ) -> Talk: ...


WELCOME = Result(
    "welcome",
    {
        "company_name": "company_odesa",
        "house_language": "uk",
        "languages": [{"language": "uk"}, {"language": "ru"}, {"language": "en"}],
        "offered": [{"language": "en"}],
        "language": "uk",
    },
)


QUIET_DAY = {
    "callers.welcome": WELCOME,
    "outages.hit": Result("none"),
    "storms.greeting": Result("none"),
}
"""What the services before the first menu answer when nothing has happened."""


def _flows_of(*sources: str, texts: Mapping[str, str] | None = None) -> Flows:
    documents = [yaml.load(dedent(text), yaml.BaseLoader) for text in sources]  # noqa: S506
    flows = {
        document["flow"]: flow.parse(document, f"{document['flow']}.yaml", document["flow"])
        for document in documents
    }
    return check.book(flows, {"uk": Catalogue("uk", texts or {}, {})})


@pytest.fixture(scope="session")
def flows_of() -> Callable[..., Flows]:
    """Reads flows from YAML texts; `texts` are their prompts."""
    return _flows_of


@pytest.fixture
def talk(house: House) -> Talker:
    def begin_call(
        *source: str,
        slots: Mapping[str, Value] = MappingProxyType({}),
        limits: Limits | None = None,
        answers: Mapping[str, Result] = MappingProxyType({}),
        texts: Mapping[str, str] = MappingProxyType({}),
    ) -> Talk:
        if source[0] in house.flows.flows:
            known = {**QUIET_DAY, **answers}
            return Talk(house.flows, source[0], slots, limits, known)
        flows = _flows_of(*source, texts=texts)
        return Talk(flows, next(iter(flows.flows)), slots, limits, answers)

    return begin_call


# ---------------------------------------------------------------------- Redis


class RedisServer:
    """A private Redis on a Unix socket, which tests may kill and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{folder}/redis.sock"

    def client(self) -> redis.Redis:
        """Return a client as impatient as the one of the product."""
        return redis.Redis.from_url(
            self.url, socket_timeout=0.5, socket_connect_timeout=0.2, retry=None
        )

    def start(self) -> None:
        """Start, empty, unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        if shutil.which("redis-server") is None:
            pytest.fail("redis-server is missing; run `make setup` or apt-get install redis-server")
        options = "--port 0 --unixsocket redis.sock --save --appendonly no --loglevel warning"
        self._process = subprocess.Popen(
            ["redis-server", *options.split()], cwd=self._folder, stdout=subprocess.DEVNULL
        )
        with self.client() as client:
            assert until(lambda: self._answers(client)), "redis-server does not start"

    @staticmethod
    def _answers(client: redis.Redis) -> bool:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """End it as a crash does: nothing is kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def hang(self) -> None:
        """Make it keep connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a hang."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Poll until `true()`; the last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := true()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return answer


@pytest.fixture(scope="session")
def redis_process() -> Iterator[RedisServer]:
    folder = Path(tempfile.mkdtemp(prefix="press2-redis-"))
    server = RedisServer(folder)
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder)


@pytest.fixture
def redis_server(redis_process: RedisServer) -> RedisServer:
    """The private Redis, running and empty."""
    redis_process.start()
    with redis_process.client() as client:
        client.flushall()
    return redis_process


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis_server.client() as client:
        yield client
