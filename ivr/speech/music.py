"""Music for the wait, made here: an arpeggio that loops without a seam; the tone "speak now"."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path

from ivr.speech.audio import NARROW, replacing

CHORDS = (
    (60, 64, 67, 71), (57, 60, 64, 67), (65, 69, 72, 76), (55, 62, 65, 71),
    (60, 67, 71, 76), (64, 67, 71, 74), (65, 69, 72, 79), (62, 65, 69, 72),
    (57, 64, 67, 72), (65, 69, 72, 76), (62, 69, 72, 77), (55, 62, 67, 71),
    (60, 64, 71, 76), (57, 64, 67, 72), (62, 65, 69, 76), (55, 65, 71, 74),
)  # fmt: skip
"""MIDI numbers; each chord is played up and down. All are within 200 to 800 Hz."""
ORDER = (0, 1, 2, 3, 2, 3, 1, 2)
STEP = 3750
"""Samples from note to note: 128 notes are a minute."""
PARTIALS = ((1, 1.0), (2, 0.35), (3, 0.12))
ATTACK, DECAY, LENGTH = 0.05, 0.8, 3.0
"""Seconds: of swelling, until a note has a third of its strength, of its end."""
LEVEL = -22.6
"""dBFS (RMS): -23 LUFS (EBU R 128) for these notes."""
NAME = "arpeggio-1.wav"
"""Carries the number of the piece: another piece is another file."""
TONE = "speak.wav"
TONE_PITCH = 81
"""880 Hz."""
SILENCE = "silence.wav"


def make(folder: Path) -> None:
    """Write the music into `folder` unless it is there already."""
    target = folder / NAME
    if target.is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("arpeggio-*.wav"):
        old.unlink()
    _write(target, levelled(loop()))


def make_tones(folder: Path) -> None:
    """Write into `folder` what is not there already: the tone after which a caller speaks, and a
    moment of silence, played to a caller who is listened to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / TONE).is_file():
        _write(folder / TONE, levelled(note(TONE_PITCH)[: NARROW // 2]))
    if not (folder / SILENCE).is_file():
        _write(folder / SILENCE, array("h", bytes(NARROW // 50 * 2)))


def _write(target: Path, samples: array[int]) -> None:
    with replacing(target) as path, wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, NARROW, 0, "NONE", ""))
        sound.writeframes(samples.tobytes())


def loop() -> list[float]:
    """Return the samples of one minute; what rings on at its end rings at its beginning."""
    samples = [0.0] * (STEP * len(ORDER) * len(CHORDS))
    notes: dict[int, list[float]] = {}
    for place in range(len(samples) // STEP):
        chord = CHORDS[place // len(ORDER)]
        pitch = chord[ORDER[place % len(ORDER)]]
        if pitch not in notes:
            notes[pitch] = note(pitch)
        for at, value in enumerate(notes[pitch], place * STEP):
            samples[at % len(samples)] += value
    return samples


def note(pitch: int) -> list[float]:
    """Return one soft note."""
    turn = math.tau * 440 * 2 ** ((pitch - 69) / 12) / NARROW
    length = int(LENGTH * NARROW)
    return [
        swell(at / NARROW) * sum(part * math.sin(turn * n * at) for n, part in PARTIALS)
        for at in range(length)
    ]


def swell(seconds: float) -> float:
    """Return the strength of a note so long after its beginning, 0 at both ends."""
    rise = 0.5 - 0.5 * math.cos(math.pi * min(1.0, seconds / ATTACK))
    return rise * math.exp(-seconds / DECAY) * min(1.0, (LENGTH - seconds) / 0.5)


def levelled(samples: list[float]) -> array[int]:
    """Return 16-bit samples at LEVEL."""
    strength = math.sqrt(sum(value * value for value in samples) / len(samples))
    gain = 32768 * 10 ** (LEVEL / 20) / strength
    return array("h", (round(gain * value) for value in samples))
