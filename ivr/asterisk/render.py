"""Asterisk's configuration files, written from `AsteriskSettings`.

A value goes into a file only when it is one line without the characters Asterisk gives a meaning.
"""

from __future__ import annotations

import re
import resource
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ivr.asterisk.settings import REALM, AsteriskSettings
from ivr.channels.ami_link import event_mark
from ivr.errors import ConfigError

TEMPLATES = Path(__file__).parent / "templates"
SOCKET_PATH_LIMIT = 100
"""Bytes of a UNIX socket's path; Linux takes 107."""
MOST_FILES = 65536
FOLDERS = ("etc", "data/sounds", "lib/keys", "log", "run", "spool", "recordings")
SAFE = re.compile(r"[\w .:/&@+=,~-]*")


def render(settings: AsteriskSettings, modules: Path, documentation: Path) -> Path:
    """Write every file below `settings.run_dir` and return the path of asterisk.conf.

    modules: folder of Asterisk's modules. documentation: folder of its XML documentation.
    Raises ConfigError on a value Asterisk could misread, a missing apology or a too long path.
    """
    check(settings)
    run_dir = settings.run_dir.resolve()
    for folder in FOLDERS:
        (run_dir / folder).mkdir(parents=True, exist_ok=True)
    recordings = (settings.recordings_dir or run_dir / "recordings").resolve()
    if not recordings.exists():  # what is said there is nobody else's
        recordings.mkdir(mode=0o700, parents=True)
    # The operators' telephones are admitted for a shift and this process only.
    for left in (run_dir / "lib").glob("astdb.sqlite3*"):
        left.unlink()
    link(run_dir / "data/sounds/press2", settings.sounds_dir.resolve())
    link(run_dir / "data/documentation", documentation)
    # The configuration holds passwords.
    (run_dir / "etc").chmod(0o700)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - configuration files, not pages; `check` guards the values
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    values: dict[str, Any] = {
        **{name: getattr(settings, name) for name in asdict(settings)},
        "run_dir": run_dir,
        "recordings_dir": recordings,
        "music_dir": music_of(settings.music_dir),
        "mark": event_mark(settings.ami_secret),
        "realm": REALM,
        "modules": modules,
        "files": files_allowed(),
        "operators": "&".join(map(destination, settings.ring_group)),
        # Debian ships the open one, others the vendor's.
        "opus": sorted(path.name for path in modules.glob("codec_opus*.so")),
    }
    for template in sorted(TEMPLATES.glob("*.conf")):
        text = environment.get_template(template.name).render(values)
        (run_dir / "etc" / template.name).write_text(text, encoding="utf-8")
    return run_dir / "etc/asterisk.conf"


def check(settings: AsteriskSettings) -> None:
    """Raise ConfigError naming the first setting Asterisk could not be given."""
    for name, value in asdict(settings).items():
        for text in flatten(value):
            if not SAFE.fullmatch(text):
                raise ConfigError(
                    f"asterisk: {name} holds a character Asterisk would misread; "
                    "use letters, digits and .:/&@+=,~-_ only"
                )
    if len(bytes(settings.run_dir.resolve() / "run/asterisk.ctl")) > SOCKET_PATH_LIMIT:
        raise ConfigError(f"asterisk: run_dir {settings.run_dir} is too long; choose a shorter one")
    if not settings.workers:
        raise ConfigError("asterisk: no FastAGI worker named; give at least one host:port")
    for sound in (settings.apology, *settings.apologies.values()):
        if not (settings.sounds_dir / f"{sound}.wav").is_file():
            raise ConfigError(
                f"asterisk: the apology {settings.sounds_dir / sound}.wav is missing; "
                "run `app.py prompts build`"
            )


def music_of(folder: Path | None) -> Path | None:
    """Return the folder of the music, None when there is none to be heard."""
    return folder.resolve() if folder and any(folder.glob("*.wav")) else None


def files_allowed() -> int:
    """Return how many files Asterisk may open: a call needs about ten, the usual limit is 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)


def destination(operator: str) -> str:
    """Return what Dial() needs to reach an operator: a SIP address or an endpoint of our own."""
    return f"PJSIP/operators/{operator}" if operator.startswith("sip:") else f"PJSIP/{operator}"


def flatten(value: object) -> list[str]:
    """Return every text inside `value`, however deep."""
    if isinstance(value, dict):
        return [text for pair in value.items() for text in flatten(pair)]
    if isinstance(value, tuple | list):
        return [text for item in value for text in flatten(item)]
    return [str(value)]


def link(path: Path, target: Path) -> None:
    """Make `path` a symbolic link to `target`, replacing an older one."""
    path.unlink(missing_ok=True)
    path.symlink_to(target)
