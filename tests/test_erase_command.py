"""`app.py erase` and `app.py retention`, as an administrator types them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ivr.store.database import open_store
from ivr.store.models import Audit, Conversation
from ivr.store.world import keep_company

HOME = Path(__file__).parents[1]
NUMBER = "+380671112233"
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    """A store in which somebody called a year ago, and his talk was recorded."""
    store = open_store(f"sqlite:///{tmp_path}/var/press2.db", migrate=True)
    at = datetime.now(UTC) - timedelta(days=365)
    with store.session() as db:
        keep_company(db, "odesa")
        db.add(
            Conversation(
                company="odesa", call="c-1", token="t", operator="olena", queue="general",
                caller_number=NUMBER, entered_at=at, answered_at=at, ended_at=at,
                recording="talks/1.wav",
            )
        )  # fmt: skip
    sound = tmp_path / "var" / "recordings" / "talks" / "1.wav"
    sound.parent.mkdir(parents=True)
    sound.write_bytes(b"RIFF")
    yield store
    store.close()


@pytest.fixture
def command(store: Any, tmp_path: Path, redis_server: Any) -> Command:
    """Run a command of app.py; text: typed. redis: where it asks for one."""

    def run(
        *words: str, text: str = "", redis: str = redis_server.url
    ) -> subprocess.CompletedProcess[str]:
        conf = tmp_path / "telephony.conf"
        conf.write_text(f"[press2]\nvar = {tmp_path}/var\n[redis]\nurl = {redis}\n")
        return subprocess.run(
            [sys.executable, str(HOME / "app.py"), *words],
            env=os.environ | {"PRESS2_CONF": str(conf)},
            input=text, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def called(store: Any) -> list[str | None]:
    with store.session(read_only=True) as db:
        return list(db.scalars(select(Conversation.caller_number)))


def test_erasing_asks_once_more_and_prints_the_proof(
    store: Any, command: Command, tmp_path: Path
) -> None:
    dry = command("erase", "--number", "067 111 22 33", "--dry-run")
    assert "sql:conversations" in dry.stdout and dry.returncode == 0
    other = command("erase", "--number", NUMBER, text="067\n")
    assert other.returncode == 2 and "nothing was erased" in other.stderr
    assert called(store) == [NUMBER]
    done = command("erase", "--number", NUMBER, text=f"{NUMBER}\n")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "erasure 1: done")
    assert called(store) == [None]
    assert not (tmp_path / "var" / "recordings" / "talks" / "1.wav").exists()
    with store.session(read_only=True) as db:
        (row,) = db.scalars(select(Audit).where(Audit.what == "customer_erased"))
    assert row.who.startswith("shell:")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--number", "abc"), "is no telephone number"),
        (("--number", "+380509998877"), "nothing is known by that"),
        (("--number", NUMBER, "--company", "kazan"), "nothing is known by that"),
        (("--number", "+380487059090"), "a number of"),
        (("--account", "1"), "is no account"),
        (("--number", NUMBER, "--company", "nowhere"), "nowhere"),
    ],
)
def test_what_is_nobody(store: Any, command: Command, words: tuple[str, ...], told: str) -> None:
    refused = command("erase", "--yes", *words)
    assert refused.returncode == 2 and told in refused.stderr
    assert called(store) == [NUMBER]


def test_nobody_is_erased_while_redis_is_away(store: Any, command: Command, tmp_path: Path) -> None:
    away = command("erase", "--yes", "--number", NUMBER, redis=f"unix://{tmp_path}/none.sock")
    assert away.returncode == 2 and "start press2" in away.stderr
    assert called(store) == [NUMBER]


def test_retention(store: Any, command: Command, tmp_path: Path) -> None:
    sound = tmp_path / "var" / "recordings" / "talks" / "1.wav"
    dry = command("retention", "--dry-run", "--company", "odesa")
    assert "odesa (dry run)" in dry.stdout and "recordings                       1" in dry.stdout
    assert sound.exists()
    assert command("retention", "--company", "odesa").returncode == 0
    assert not sound.exists()
    assert called(store) == [NUMBER]
