"""A recording that somebody uploads: taken for what it is, bounded, converted, measured.

The kind of a file is read from its first bytes and told to ffmpeg, which then opens nothing else
(a playlist could name any file or address), reads from a pipe and writes so many seconds at most,
whatever the file promises. Without ffmpeg only WAV is taken.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

from ivr.errors import SetupError, Unfit
from ivr.prompts import seconds as expected
from ivr.recorded import Recording
from ivr.speech import audio, check
from ivr.speech.audio import Measure, Sound

LARGEST = 5 * 1024 * 1024
"""Bytes of a file."""
LONGEST = 60.0
"""Seconds of a file, silence at its ends included."""
PATIENCE = 20.0
"""Seconds in which it must be decoded."""
RATES = (4000, 192_000)
"""Samples a second that are believed of a WAV file."""
CHANNELS = 8
EDGES = 1000
"""Milliseconds of silence before or after the speech that are worth a word."""
SHORT, LONG = 0.4, 2.0
"""Shares of the time that the text should take, beyond which it is hardly that text."""
SLACK = 1.0
"""Seconds of it that are no matter."""


def read(data: bytes, text: str) -> Recording:
    """Return an upload as it is kept, with what is wrong with it. text: what should be heard.

    Unfit: "sound_large", "sound_unreadable", "sound_long", "sound_silent", "sound_no_ffmpeg".
    """
    if len(data) > LARGEST:
        raise Unfit("sound_large", most=LARGEST // 1024 // 1024)
    sound = _decoded(data)
    length = sound.wide.duration_seconds
    if length > LONGEST:
        raise Unfit("sound_long", most=int(LONGEST))
    if not sound.wide.max:
        raise Unfit("sound_silent")
    found = audio.measure(sound)
    ready = audio.polished(sound)
    narrow, wide = audio.wav(ready.narrow), audio.wav(ready.wide)
    return Recording(
        sound=narrow,
        wide=wide,
        digest=hashlib.sha256(narrow + wide).hexdigest()[:16],
        seconds=round(ready.narrow.duration_seconds, 2),
        level=round(found.level, 1),
        peak=round(found.peak, 1),
        findings=_findings(found, sound, text),
    )


def kind(data: bytes) -> str:
    """Return what ffmpeg calls the format of a file, "" for one that is not taken."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[:4] == b"OggS":
        return "ogg"
    if data[:4] == b"fLaC":
        return "flac"
    mpeg = len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0
    return "mp3" if data[:3] == b"ID3" or mpeg else ""


def _findings(found: Measure, sound: Sound, text: str) -> list[str]:
    """Return words for what is wrong; the file is taken all the same, people decide."""
    words = check.faults(found)
    wanted = expected(text)
    if found.seconds > LONG * wanted + SLACK:
        words.append("long_for_text")
    if found.seconds < SHORT * wanted - SLACK:
        words.append("short_for_text")
    lead, tail = audio.edges(sound)
    if max(lead, tail) > EDGES:
        words.append("silence_cut")
    return words


def _decoded(data: bytes) -> Sound:
    format_ = kind(data)
    if not format_:
        raise Unfit("sound_unreadable")
    if shutil.which("ffmpeg"):
        return _by_ffmpeg(data, format_)
    if format_ != "wav":
        raise Unfit("sound_no_ffmpeg")
    return _by_hand(data)


def _by_ffmpeg(data: bytes, format_: str) -> Sound:
    with tempfile.TemporaryDirectory(prefix="press2-") as folder:
        arguments: list[str | Path] = ["-protocol_whitelist", "pipe"]
        arguments += ["-f", format_, "-i", "pipe:0"]
        for rate in audio.SUFFIXES:
            arguments += ["-map", "0:a:0", "-t", str(LONGEST + 1), "-ac", "1", "-ar", str(rate)]
            arguments += ["-f", "s16le", Path(folder, f"0.{rate}")]
        try:
            done = audio.ffmpeg(arguments, PATIENCE, data)
        except (subprocess.TimeoutExpired, SetupError):
            raise Unfit("sound_unreadable") from None
        found = audio.raw(Path(folder, "0")) if done.returncode == 0 else None
    if found is None:
        raise Unfit("sound_unreadable")
    return found


def _by_hand(data: bytes) -> Sound:
    """Read a WAV file of plain samples."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, rate = file.getnchannels(), file.getframerate()
            if not RATES[0] <= rate <= RATES[1] or not 1 <= channels <= CHANNELS:
                raise Unfit("sound_unreadable")
            width = file.getsampwidth()
            samples = file.readframes(int((LONGEST + 1) * rate))
            samples = samples[: len(samples) // (width * channels) * width * channels]
            segment = audio.segment(samples, width, rate, channels)
        plain = segment.set_channels(1).set_sample_width(2)
        return Sound(*(plain.set_frame_rate(rate) for rate in audio.SUFFIXES))
    except (wave.Error, EOFError, ValueError) as reason:
        raise Unfit("sound_unreadable") from reason
