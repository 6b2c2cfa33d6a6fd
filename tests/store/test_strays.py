"""Recordings that no row of the store names: found, told by the doctor, named one by one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr import doctor
from ivr.config import load
from ivr.erasure import strays
from ivr.store.database import Store, open_store
from ivr.store.models import Conversation, VoiceMessage

HOME = Path(__file__).parents[2]
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = 3600, 24 * 3600


def sound(folder: Path, name: str, age: float, size: int = 1000) -> Path:
    """Write a file of so many bytes, so many seconds old."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - age,) * 2)
    return path


def named(store: Store, talk: str, message: str) -> None:
    """Keep a talk and a voice message with these files, and a talk without any."""
    with store.session() as db:
        for token, path in (("a", talk), ("b", None)):
            db.add(
                Conversation(
                    company="odesa", call=token, token=token, operator="olena", queue="general",
                    entered_at=AT, answered_at=AT, recording=path,
                )
            )  # fmt: skip
        db.add(
            VoiceMessage(
                company="odesa", call="c", key="c/1", queue="general", path=message, created_at=AT
            )
        )


def test_only_old_sounds_without_a_row_are_strays(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strays, "CHUNK", 1)
    named(store, "talks/2026-11-20/a.wav", "c-1.wav")
    for name in ("talks/2026-11-20/a.wav", "c-1.wav"):
        sound(tmp_path, name, 2 * DAY)
    sound(tmp_path, "talks/2026-11-20/lost.wav", 2 * DAY, 700)
    sound(tmp_path, "c-2.wav", 2 * DAY, 44)
    sound(tmp_path, "talks/young.wav", 23 * HOUR)
    sound(tmp_path, ".RE1.claim.part", 2 * DAY)
    found = strays.strays(store, tmp_path, time.time() - DAY)
    assert found == {"talks/2026-11-20/lost.wav": 700, "c-2.wav": 44}
    assert strays.strays(store, tmp_path / "none", time.time()) == {}


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Settings over a store that names one recording."""
    path = tmp_path / "telephony.conf"
    path.write_text(f"[press2]\nvar = {tmp_path}/var\n")
    store = open_store(f"sqlite:///{tmp_path}/var/press2.db", migrate=True)
    named(store, "talks/a.wav", "c-1.wav")
    store.close()
    sound(tmp_path / "var/recordings", "talks/a.wav", 2 * DAY)
    return path


def told(settings: Path) -> doctor.Finding:
    check = next(each for each in doctor.CHECKS if each.__name__ == "_recordings")
    (finding,) = check(load(settings, {}), HOME)
    return finding


def test_the_doctor_warns_of_them_with_number_size_and_mend(settings: Path) -> None:
    assert told(settings).level == "ok"
    folder = settings.parent / "var/recordings"
    for name in ("talks/lost.wav", "x-3.wav"):
        sound(folder, name, 2 * DAY, 2_000_000)
    finding = told(settings)
    assert finding.level == "warning"
    assert finding.text.startswith("2 older than a day, 4.0 MB, ")
    assert "app.py doctor recordings" in finding.mend


@pytest.mark.parametrize(("lost", "code"), [((), 0), (("talks/lost.wav", "x-3.wav"), 1)])
def test_the_command_names_them(settings: Path, lost: tuple[str, ...], code: int) -> None:
    paths = [sound(settings.parent / "var/recordings", name, 2 * DAY) for name in lost]
    done = subprocess.run(
        [sys.executable, HOME / "app.py", "doctor", "recordings"],
        env=os.environ | {"PRESS2_CONF": str(settings)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.stdout.split(), done.returncode) == ([str(path) for path in paths], code)
