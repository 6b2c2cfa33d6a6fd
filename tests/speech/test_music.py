"""The music of the wait, measured."""

from __future__ import annotations

import re
import subprocess
import wave

from ivr.speech import music


def test_it_is_as_loud_as_it_should_be_everywhere_and_loops(tmp_path):
    music.make(tmp_path)
    (path,) = tmp_path.iterdir()
    with wave.open(str(path)) as sound:
        assert sound.getparams()[:3] == (1, 2, 8000)
        assert sound.getnframes() / 8000 == 60
    measured = subprocess.run(
        ["ffmpeg", "-hide_banner", "-nostats", "-i", str(path), "-filter:a"]
        + ["ebur128=peak=true,silencedetect=noise=-45dB:d=0.3", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    figures = dict(re.findall(r"(I|LRA|Peak): +(-?[\d.]+) (?:LU|dB)", measured.split("Summary")[1]))
    assert -24 < float(figures["I"]) < -22
    assert float(figures["LRA"]) < 4
    assert float(figures["Peak"]) < -6
    assert "silence_start" not in measured


def test_its_end_runs_into_its_beginning():
    samples = music.loop()
    steps = [abs(after - before) for before, after in zip(samples, samples[1:], strict=False)]
    assert abs(samples[0] - samples[-1]) <= max(steps)


def test_an_older_piece_makes_way_and_one_s_own_stays(tmp_path):
    (tmp_path / "arpeggio-0.wav").touch()
    (tmp_path / "own.wav").touch()
    music.make(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {music.NAME, "own.wav"}
    before = (tmp_path / music.NAME).stat().st_mtime_ns
    music.make(tmp_path)
    assert (tmp_path / music.NAME).stat().st_mtime_ns == before
