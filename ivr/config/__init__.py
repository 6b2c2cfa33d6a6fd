"""Reads `telephony.conf` into frozen dataclasses, which are the one table of settings.

A field of `sections` is one setting: its name is the key, its dataclass the section, and `_setting`
holds the default as it would stand in the file, the reader (`readers`) that turns text into the
field's type, and a line of help. `example()` renders the table as a file; a test compares it with
the one shipped. `refusals` tells what cannot go together.

Only `app.py` and the modules that put the parts together read this; all else has plain values.
"""

from __future__ import annotations

import configparser
import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ivr.config import refusals as refuse
from ivr.config.readers import Hidden, Source
from ivr.config.sections import SECTIONS, SETTINGS, Config, Setting
from ivr.errors import ConfigError

__all__ = ["SECTIONS", "SETTINGS", "Config", "Setting", "example", "load", "path_of", "ports"]


def path_of(environ: Mapping[str, str], home: Path) -> Path:
    """Where the settings stand: the file named by PRESS2_CONF, else `telephony.conf` in `home`."""
    return Path(environ.get("PRESS2_CONF") or home / "telephony.conf").absolute()


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read `path`, with defaults for the rest. Raises ConfigError: one line, the first mistake."""
    given = _given(path)
    _refuse_unknown(path, given)
    source = Source(path.parent, environ)
    values: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for setting in SETTINGS:
        text = given.get(setting.section, {}).get(setting.key, setting.default)
        values[setting.section][setting.name] = _value(path, setting, text, source)
    refuse.clashes(path, values)
    refuse.half(path, values["twilio"])
    refuse.open_hook(path, "feed", values["feed"], "telephone numbers")
    refuse.open_hook(path, "alerts", values["alerts"], "what goes wrong here")
    return Config(path=path, **{name: SECTIONS[name](**values[name]) for name in SECTIONS})


def example() -> str:
    """The text of a `telephony.conf` with every setting commented at its default."""
    lines = [
        "# Settings of press2. Each line shows the default; take the # away to change it.",
        "# Secrets never stand here: a setting names the environment variable that holds one.",
    ]
    for name, section in SECTIONS.items():
        lines += ["", f"[{name}]", f"# {section.__doc__}"]
        for setting in (row for row in SETTINGS if row.section == name):
            lines += ["", f"# {setting.help}", f"#{setting.key} = {setting.default}".rstrip()]
    return "\n".join(lines) + "\n"


def ports(config: Config) -> Iterator[tuple[str, str, str, int]]:
    """Each port a start will listen on: (section and key, "tcp" or "udp", address, port)."""
    yield "[asterisk] sip_port", "udp", config.asterisk.bind, config.asterisk.sip_port
    yield "[asterisk] websocket_port", "tcp", config.asterisk.bind, config.asterisk.websocket_port
    for number in range(config.agi.processes):
        yield "[agi] port", "tcp", config.agi.host, config.agi.port + number
    if config.speech.models() and not config.speech.servers:
        for number in range(config.speech.processes):
            yield "[speech] port", "tcp", config.speech.host, config.speech.port + number
    yield "[asterisk] ami_port", "tcp", "127.0.0.1", config.asterisk.ami_port
    yield "[web] port", "tcp", config.web.host, config.web.port


def _given(path: Path) -> dict[str, dict[str, str]]:
    """Sections and keys of the file; leading spaces mean nothing, unlike in configparser."""
    parser = configparser.ConfigParser(
        interpolation=None, delimiters=("=",), comment_prefixes=("#", ";"), default_section=""
    )
    try:
        text = path.read_text(encoding="utf-8-sig")
        parser.read_string("\n".join(line.strip() for line in text.splitlines()), source=path.name)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; PRESS2_CONF names the file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: not a text in UTF-8; save it as UTF-8") from error
    except configparser.DuplicateOptionError as error:
        raise ConfigError(
            f"{path.name}: [{error.section}] {error.option}: stands twice, again in line"
            f" {error.lineno}; keep one of them"
        ) from error
    except configparser.DuplicateSectionError as error:
        raise ConfigError(
            f"{path.name}: [{error.section}]: stands twice, again in line {error.lineno};"
            " put them together"
        ) from error
    except configparser.MissingSectionHeaderError as error:
        raise ConfigError(
            f"{path.name}: line {error.lineno} stands before any section;"
            " write a line such as [web] above it"
        ) from error
    except configparser.ParsingError as error:
        number, line = error.errors[0]
        raise ConfigError(f"{path.name}: line {number}: {line} is not `key = value`") from error
    return {name: dict(parser[name]) for name in parser.sections()}


def _refuse_unknown(path: Path, given: Mapping[str, Mapping[str, str]]) -> None:
    for name, keys in given.items():
        if name not in SECTIONS:
            near = difflib.get_close_matches(name, SECTIONS, 1)
            mend = f"did you mean [{near[0]}]?" if near else f"there are {_listed(SECTIONS)}"
            raise ConfigError(f"{path.name}: [{name}]: unknown section; {mend}")
        for key, value in keys.items():
            if not any((row.section, row.key) == (name, key) for row in SETTINGS):
                shown = key if re.search("pas|pwd|secret|token", key) else f"{key} = {value}"
                mend = _nearest(name, key)
                raise ConfigError(f"{path.name}: [{name}] {shown}: unknown key; {mend}")


def _listed(sections: Mapping[str, Any]) -> str:
    return ", ".join(f"[{name}]" for name in sections)


def _nearest(section: str, key: str) -> str:
    """The known key that was probably meant: of the same section first, then of any."""
    here = [row.key for row in SETTINGS if row.section == section]
    if near := difflib.get_close_matches(key, here, 1):
        return f'did you mean "{near[0]}"?'
    if near := difflib.get_close_matches(key, [row.key for row in SETTINGS], 1):
        there = next(row.section for row in SETTINGS if row.key == near[0])
        return f'did you mean "{near[0]}" in [{there}]?'
    return f"[{section}] has {', '.join(here)}"


def _value(path: Path, setting: Setting, text: str, source: Source) -> Any:
    where = f"{path.name}: [{setting.section}] {setting.key}"
    try:
        return setting.read(text, source)
    except Hidden as error:
        raise ConfigError(f"{where}: {error}") from error
    except ValueError as error:
        raise ConfigError(f"{where} = {text}".rstrip() + f": {error}") from error
