"""The audio chain: decode, trim, level, measure, write for Asterisk.

One ffmpeg decodes many files at once: pydub's own reader starts two processes a file, which makes
minutes of the prompts of three languages. From there on everything is a pydub segment.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
import threading
import warnings
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ivr.errors import SetupError

with warnings.catch_warnings():
    # pydub warns at import where ffmpeg is missing; `ffmpeg` says so in one line, when needed
    warnings.simplefilter("ignore")
    from pydub import AudioSegment
    from pydub.generators import Sine
    from pydub.silence import detect_leading_silence

NARROW = 8000
WIDE = 16000
SUFFIXES = {NARROW: ".wav", WIDE: ".wav16"}
"""Samples a second -> Asterisk's file name ending for 16-bit mono WAV (format_wav.c)."""

LEVEL = -20.0
"""dBFS (RMS) every sound is brought to."""
PEAK = -3.0
"""dBFS no sample passes; a sound with a high peak stays below LEVEL."""
QUIET = 25.0
"""dB under a sound's own level that count as silence at its ends."""
EDGE = 40
"""Milliseconds of silence left at both ends."""
FADE = 5
"""Milliseconds of fading at both ends, against clicks."""
AT_ONCE = 50
"""Files one ffmpeg decodes: three open files each, far below the usual limit of 1024."""
CORES = os.cpu_count() or 1
FULL_SCALE = 32768
NEARLY_FULL = int(0.985 * FULL_SCALE)


class Sound(NamedTuple):
    """One sound at both sample rates, 16-bit mono."""

    narrow: AudioSegment
    wide: AudioSegment


class Measure(NamedTuple):
    """What was found in a recording. level, peak: dBFS; clipped: share of samples at full scale."""

    seconds: float
    level: float
    peak: float
    clipped: float


def decode(paths: Sequence[Path], limit: float | None = None) -> list[Sound | None]:
    """Read audio files of any format; None stands for a file that holds no audio.

    limit: seconds for each ffmpeg; a file that takes longer counts as broken.
    """
    sounds: list[Sound | None] = []
    for start in range(0, len(paths), AT_ONCE):
        batch = paths[start : start + AT_ONCE]
        decoded = _decode(batch, limit)
        if decoded is None:  # ffmpeg gives up at the first broken file: find it
            sounds += [one[0] if (one := _decode([path], limit)) else None for path in batch]
        else:
            sounds += decoded
    return sounds


def polished(sound: Sound) -> Sound:
    """Trim the ends, bring to LEVEL without passing PEAK, fade the edges."""
    start, end = _speech(sound.wide)
    wide = sound.wide[start:end]
    gain = min(LEVEL - wide.dBFS, PEAK - wide.max_dBFS) if wide.max else 0.0
    return Sound(*(_faded(rate[start:end].apply_gain(gain)) for rate in sound))


def silence(milliseconds: int) -> Sound:
    """Make digital silence."""
    return Sound(*(AudioSegment.silent(milliseconds, rate) for rate in (NARROW, WIDE)))


def tone(milliseconds: int) -> Sound:
    """Make an even tone of 440 Hz."""
    rates = (NARROW, WIDE)
    return Sound(
        *(Sine(440, sample_rate=rate).to_audio_segment(milliseconds, LEVEL) for rate in rates)
    )


def measure(sound: Sound) -> Measure:
    """Measure a recording as it came, without the silence at its ends."""
    start, end = _speech(sound.wide)
    speech = sound.wide[start:end]
    return Measure(speech.duration_seconds, speech.dBFS, speech.max_dBFS, _clipped(speech))


def edges(sound: Sound) -> tuple[int, int]:
    """Return the silence before and after the speech, milliseconds."""
    start, end = _speech(sound.wide)
    return start, len(sound.wide) - end


def write(sound: Sound, target: Path) -> None:
    """Write `target` with both endings; each file appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for segment in reversed(sound):  # .wav comes last: where it stands, .wav16 does
        with replacing(target.with_name(target.name + SUFFIXES[segment.frame_rate])) as path:
            segment.export(path, format="wav").close()


def segment(data: bytes, width: int, rate: int, channels: int) -> AudioSegment:
    """Return plain samples as a segment. width: bytes of one sample."""
    return AudioSegment(data=data, sample_width=width, frame_rate=rate, channels=channels)


def wav(sound: AudioSegment) -> bytes:
    """Return a segment as a WAV file."""
    file = io.BytesIO()
    sound.export(file, format="wav")
    return file.getvalue()


def place(files: Mapping[int, bytes], target: Path) -> None:
    """Write WAV files, by samples a second, as `write` does."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for rate in sorted(files, reverse=True):
        with replacing(target.with_name(target.name + SUFFIXES[rate])) as path:
            path.write_bytes(files[rate])


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a scratch path beside `target` that becomes `target` where the block ends well."""
    path = target.with_name(f".{os.getpid()}-{threading.get_ident()}-{target.name}")
    try:
        yield path
        path.replace(target)
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def encode_opus(sources: Sequence[Path], targets: Sequence[Path]) -> None:
    """Write each source as Ogg Opus, mono, 16 kHz, 24 kbit/s. SetupError: ffmpeg failed."""
    for start in range(0, len(sources), AT_ONCE):
        arguments: list[str | Path] = []
        for source in sources[start : start + AT_ONCE]:
            arguments += ["-i", source]
        for number, target in enumerate(targets[start : start + AT_ONCE]):
            arguments += ["-map", f"{number}:a:0", "-ac", "1", "-ar", str(WIDE), "-bitexact"]
            arguments += ["-c:a", "libopus", "-b:a", "24k", "-f", "ogg", target]
        done = ffmpeg(arguments, None)
        if done.returncode:
            raise SetupError(
                f"ffmpeg cannot write Ogg Opus: {done.stderr.decode(errors='replace')}"
            )


def _decode(paths: Sequence[Path], limit: float | None) -> list[Sound | None] | None:
    """Decode all in one process; None where ffmpeg stopped at a broken file or ran too long."""
    with tempfile.TemporaryDirectory(prefix="press2-") as folder:
        arguments: list[str | Path] = []
        for path in paths:
            arguments += ["-i", path.absolute()]
        for number in range(len(paths)):
            for rate in SUFFIXES:
                arguments += ["-map", f"{number}:a:0", "-ac", "1", "-ar", str(rate)]
                arguments += ["-f", "s16le", Path(folder, f"{number}.{rate}")]
        try:
            failed = ffmpeg(arguments, limit).returncode
        except subprocess.TimeoutExpired:
            failed = 1
        if failed:
            return None
        return [raw(Path(folder, str(number))) for number in range(len(paths))]


def raw(base: Path) -> Sound | None:
    """Read what ffmpeg wrote; None where the file held a header and no samples."""
    samples = {rate: base.with_name(f"{base.name}.{rate}").read_bytes() for rate in SUFFIXES}
    if not all(samples.values()):
        return None
    return Sound(
        *(
            AudioSegment(data=data, sample_width=2, frame_rate=rate, channels=1)
            for rate, data in samples.items()
        )
    )


def ffmpeg(
    arguments: Sequence[str | Path], limit: float | None, given: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg. limit: seconds; TimeoutExpired after them. given: what it reads from a pipe."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise SetupError("ffmpeg is not installed; install it with: apt-get install ffmpeg")
    quiet = [] if given is not None else ["-nostdin"]
    command = [program, *quiet, "-v", "error", "-y", *arguments]
    return subprocess.run(command, input=given, capture_output=True, timeout=limit, check=False)


def _speech(segment: AudioSegment) -> tuple[int, int]:
    """Find where speech starts and ends, in milliseconds, EDGE included."""
    length = len(segment)
    if not segment.max:
        return 0, length
    threshold = max(segment.dBFS - QUIET, -60.0)
    lead = detect_leading_silence(segment, threshold, 10)
    tail = detect_leading_silence(segment.reverse(), threshold, 10)
    return max(0, lead - EDGE), min(length, length - tail + EDGE)


def _faded(segment: AudioSegment) -> AudioSegment:
    return segment.fade_in(FADE).fade_out(FADE) if len(segment) > 2 * FADE else segment


def _clipped(segment: AudioSegment) -> float:
    """Share of samples within 1.5 % of full scale."""
    if segment.max < NEARLY_FULL:
        return 0.0
    samples: array[int] = segment.get_array_of_samples()
    return sum(abs(sample) >= NEARLY_FULL for sample in samples) / len(samples)
