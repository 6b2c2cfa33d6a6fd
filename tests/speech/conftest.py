from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from speech_house import House, install

from ivr.speech import synthesis


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone is PATH: ffmpeg, the shell's own tools, and what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("ffmpeg", "sh", "sleep", "cat", "cp", "echo"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def rhvoice(tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """RHVoice's command line with one voice, `natalia`: espeak-ng speaks in its place."""
    espeak = programs / "real-espeak"
    espeak.symlink_to(str(shutil.which("espeak-ng", path=os.defpath)))
    install(programs, "RHVoice-test", f'exec {espeak} -v uk -w "$4" --stdin')
    voices = tmp_path / "voices"
    (voices / "natalia").mkdir(parents=True)
    monkeypatch.setattr(synthesis, "RHVOICE_VOICES", voices)
    return programs / "RHVoice-test"
