"""Two supervisors press at the same moment, with a database that lets both write at once."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import demo_staff
import pytest
from sqlalchemy import select, update

from agent_desk.answer_base import AnswerBase
from agent_desk.desk import Desk, create_app
from agent_desk.live import Live
from agent_desk.office import Office
from ivr.agent_queue.memory import MemoryQueue
from ivr.agent_queue.model import Operator, Ticket
from ivr.store.database import Store, open_store
from ivr.store.models import Audit, User
from ivr.store.supervision import Action, Listening
from ivr.store.world import keep_company

pytestmark = pytest.mark.postgres
HOME = Path(__file__).parents[2]
ROUNDS = 8

Press = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def office(house: Any, cluster: Any, tmp_path: Path) -> Iterator[Office]:
    store: Store = open_store(cluster.empty_database(), migrate=True)
    with store.session() as db:
        keep_company(db, "odesa")
    rules = {name: profile.queues for name, profile in house.companies.items()}
    answers = AnswerBase(HOME / "agent_desk" / "answers")
    yield Office(
        store=store, queue=MemoryQueue(rules), companies=house.companies, answers=answers,
        live=Live(limit=5), var=tmp_path, node="pbx1",
    )  # fmt: skip
    store.close()


@pytest.fixture
def pair(office: Office) -> list[Press]:
    """Two supervisors: each sends something and returns the answer."""
    passwords = demo_staff.seat(office.store, office.companies["odesa"])
    with office.store.session() as db:
        db.execute(update(User).where(User.login == "marta").values(role="supervisor"))
    app = create_app(Desk("127.0.0.1", 5060, 8088, "", ()), (), office)

    def sat_down(login: str) -> Press:
        client = app.test_client()
        form = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/desk/sign-in").text)
        assert form
        sent = {"login": login, "password": passwords[login], "csrf_token": form[1]}
        assert client.post("/desk/sign-in", data=sent).status_code == 303
        text = client.get("/desk/supervisor/floor/").text
        given = re.search(r'id="given"[^>]*>(.*?)</script>', text, re.S)
        assert given
        headers = {"X-CSRFToken": json.loads(given[1])["csrf"]}
        return lambda path, body: client.post(
            f"/desk/supervisor/{path}", json=body, headers=headers
        )

    return [sat_down("vira"), sat_down("marta")]


def together(pair: list[Press], path: str, bodies: list[dict[str, Any]]) -> list[Any]:
    """Press at the same moment; the answers, the refusal last."""
    ready, answers = threading.Barrier(2), []

    def press(send: Press, body: dict[str, Any]) -> None:
        ready.wait()
        answers.append(send(path, body))

    threads = [threading.Thread(target=press, args=each) for each in zip(pair, bodies, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.sort(key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [200, 409], [a.text for a in answers]
    return answers


def talk(office: Office) -> None:
    """Olena talks; both supervisors have their telephones."""
    now = time.time()
    for login in ("olena", "vira", "marta"):
        wanted = Operator(login, "odesa", skills={"general": 5}, tab="t", endpoint=f"op-{login}")
        office.queue.sign_in(wanted, now)
    office.queue.set_status("odesa", "olena", "ready", now)
    office.queue.enter(Ticket("pbx1-1.1", "odesa", "general", now), now)
    (offer,) = office.queue.offers()
    assert office.queue.answered(offer.token, now)


def names(answer: Any) -> bool:
    return any(name in answer.json["text"] for name in ("Віра", "Марта"))


def test_a_wait_is_ended_by_one(office: Office, pair: list[Press]) -> None:
    for number in range(ROUNDS):
        call = f"pbx1-{number}.1"
        office.queue.enter(Ticket(call, "odesa", "general", time.time()), time.time())
        body = {"ticket": call, "was": "general"}
        _, refusal = together(pair, "floor/withdraw", [body, body])
        assert refusal.json["error"] == "changed"
        assert names(refusal)
        with office.store.session(read_only=True) as db:
            assert len(db.scalars(select(Action).where(Action.target == call)).all()) == 1
            done = select(Audit).where(Audit.call == call, Audit.allowed)
            assert len(db.scalars(done).all()) == 1


def test_a_caller_is_taken_over_by_one(office: Office, pair: list[Press]) -> None:
    talk(office)
    sent = {"operator": "olena", "ticket": "pbx1-1.1", "mode": "barge"}
    tokens = [press("listening/begin", sent).json["token"] for press in pair]
    for _ in range(ROUNDS):
        with office.store.session() as db:
            db.execute(update(Listening).values(mode="barge", heard_at=office.now()))
        bodies = [{"token": token, "mode": "take"} for token in tokens]
        _, refusal = together(pair, "listening/mode", bodies)
        assert refusal.json["error"] == "listen_taken"
        assert names(refusal)
        with office.store.session(read_only=True) as db:
            assert sorted(db.scalars(select(Listening.mode))) == ["barge", "take"]
    with office.store.session(read_only=True) as db:
        tried = select(Audit.allowed).where(Audit.what == "listen_mode")
        assert sorted(db.scalars(tried)) == [False] * ROUNDS + [True] * ROUNDS


def test_who_take_over_at_once_while_it_rings(office: Office, pair: list[Press]) -> None:
    talk(office)
    body = {"operator": "olena", "ticket": "pbx1-1.1", "mode": "take"}
    for _ in range(ROUNDS):
        _, refusal = together(pair, "listening/begin", [body, body])
        assert refusal.json["error"] == "listen_taken"
        with office.store.session() as db:
            db.execute(update(Listening).values(ended_at=office.now(), why="supervisor"))
