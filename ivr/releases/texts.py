"""The texts of flow files: the program's own, and what a supervisor writes instead.

What a person writes is measured before it is read: a text of some kilobytes can stand for gigabytes
(YAML's aliases) or be nested deeper than Python counts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from ivr import flow
from ivr.errors import FlowError, Unfit
from ivr.flow import Flow

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What a flow may be called; no path fits it."""
LONGEST = 40_000
"""Characters of one text; the longest flow of ours has a fifth of it."""
MOST = 60
"""Flows of one release."""
NODES = 20_000
"""Values of one text, those that aliases repeat included."""
DEPTH = 12
PARSED = 400
"""Flows that are kept parsed."""
_LINE = re.compile(r"\bline (\d+)")
_STEP = re.compile(r": step (\w+)")


@dataclass(frozen=True)
class Found:
    """Something to mend in a release. line: of the flow's text, 0: nowhere in it.

    hint: it does not keep the release back.
    """

    flow: str
    line: int
    rule: str
    text: str
    hint: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as the store keeps it."""
        return asdict(self)


@dataclass(frozen=True)
class Files:
    """The flow files of this program: flow's name -> text."""

    texts: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Return 16 hexadecimal digits that stand for all of them."""
        told = hashlib.sha256()
        for name, text in sorted(self.texts.items()):
            told.update(f"{name}\0{text}\0".encode())
        return told.hexdigest()[:16]

    def with_(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Return the texts with some of them replaced."""
        return {**self.texts, **changes}


def read(folder: Path) -> Files:
    """Read every flow file of a folder."""
    try:
        texts = {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.yaml"))}
    except (OSError, UnicodeDecodeError) as reason:
        raise FlowError(f"{folder}: cannot be read: {' '.join(str(reason).split())}") from reason
    return Files(texts)


def refuse(name: str, text: str) -> None:
    """Raise Unfit for what is kept in no draft: a name that is none, a text that is too long."""
    if not NAME.fullmatch(name):
        raise Unfit("flow_name", name=name[:60])
    if len(text) > LONGEST:
        raise Unfit("flow_long", most=LONGEST)


def parse(texts: Mapping[str, str]) -> dict[str, Flow]:
    """Read texts that are known to be good; FlowError names the flow and the place."""
    return {name: parsed(name, text) for name, text in texts.items()}


@lru_cache(maxsize=PARSED)
def parsed(name: str, text: str) -> Flow:
    """Read one text, once: releases share most of their flows."""
    _measure(name, text)
    return flow.from_text(text, f"{name}.yaml", name)


def try_parse(texts: Mapping[str, str]) -> tuple[dict[str, Flow], list[Found]]:
    """Read texts; what cannot be read is left out and told, with its line."""
    flows, found = {}, []
    for name, text in texts.items():
        try:
            flows[name] = parsed(name, text)
        except FlowError as reason:
            found.append(Found(name, _line(text, str(reason)), "unreadable", str(reason)))
    return flows, found


def lines(text: str) -> dict[str, int]:
    """Return the line of each step; empty where the text cannot be read."""
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError):
        return {}
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    steps = next((value for key, value in pairs if key.value == "steps"), None)
    if not isinstance(steps, yaml.MappingNode):
        return {}
    return {str(key.value): key.start_mark.line + 1 for key, _ in steps.value}


def _line(text: str, reason: str) -> int:
    """Return the line that an error is about, 1 where it does not say."""
    if told := _LINE.findall(reason):
        return int(told[-1])
    step = _STEP.search(reason)
    return lines(text).get(step[1], 1) if step else 1


def _measure(name: str, text: str) -> None:
    """Raise FlowError for a text that is too deep or too big once its aliases are followed."""
    sizes: dict[str, int | None] = {}
    open_: list[tuple[str | None, int]] = [(None, 0)]
    try:
        for event in yaml.parse(text, Loader=yaml.BaseLoader):
            size = 0
            if isinstance(event, yaml.CollectionStartEvent):
                if event.anchor:
                    sizes[event.anchor] = None
                open_.append((event.anchor, 1))
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, size = open_.pop()
                if anchor:
                    sizes[anchor] = size
            elif isinstance(event, yaml.AliasEvent):
                aliased = sizes.get(event.anchor or "", 1)
                size = NODES + 1 if aliased is None else aliased  # it holds itself
            elif isinstance(event, yaml.ScalarEvent):
                size = 1
            around, held = open_[-1]
            open_[-1] = around, held + size
            if len(open_) > DEPTH or held + size > NODES:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise FlowError(f"{name}.yaml: line {line}: this is too deep, or too much")
    except yaml.YAMLError as reason:
        said = " ".join(str(reason).split())
        raise FlowError(f"{name}.yaml: cannot be read: {said}") from reason
