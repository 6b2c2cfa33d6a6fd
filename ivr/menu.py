"""The picture of the menu: which keys a caller hears, in two languages, and where they lead.

Drawn from the flows: the first menu and the menus that are put as soon as one of its keys is
pressed. What asks a service first, or asks for a number, is told in `ivr.graph`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import graphviz  # type: ignore[import-untyped]

from ivr.flow import Flow, MenuStep, Option, RunStep, Sayings, SayStep
from ivr.prompts import Catalogue

MENU = "menu"
"""What `app.py check --graph` calls this picture."""
FIRST = ("main", "menu")
COLOURS = ("#fff3cd", "#e8f1fb")
"""Of keys and of words."""

Place = tuple[str, str]


@dataclass(frozen=True)
class Row:
    """Keys that one sentence tells. texts: the sentence by language. to: menus of these keys.

    No keys: the sentence that closes a menu, about keys that mean the same everywhere.
    """

    keys: tuple[str, ...]
    texts: tuple[str, ...]
    to: Mapping[str, Place]


def draw(flows: Mapping[str, Flow], catalogues: Sequence[Catalogue], output: Path) -> Path:
    """Write the picture as SVG. catalogues: of the languages whose words stand in it."""
    output.write_bytes(picture(flows, catalogues).pipe(format="svg"))
    return output


def picture(flows: Mapping[str, Flow], catalogues: Sequence[Catalogue]) -> graphviz.Digraph:
    """Return the picture."""
    drawn = graphviz.Digraph(
        MENU,
        graph_attr={"rankdir": "LR", "ranksep": "0.6", "nodesep": "0.25", "pad": "0.2"},
        node_attr={"shape": "plain", "fontname": "Helvetica", "fontsize": "11"},
        edge_attr={"color": "#546e7a", "arrowsize": "0.7", "fontname": "Helvetica"},
    )
    for place, rows in menus(flows, catalogues).items():
        drawn.node(_id(place), label=_table(rows))
        for row in rows:
            for key, target in row.to.items():
                drawn.edge(f"{_id(place)}:k{''.join(row.keys)}:e", _id(target), label=f" {key} ")
    return drawn


def menus(
    flows: Mapping[str, Flow], catalogues: Sequence[Catalogue]
) -> dict[Place, tuple[Row, ...]]:
    """Return the first menu and those behind its keys, each as rows, in the order of the keys."""
    found: dict[Place, tuple[Row, ...]] = {}
    waiting = [FIRST]
    while waiting:
        place = waiting.pop(0)
        if place not in found:
            found[place] = tuple(_rows(flows, place, catalogues))
            waiting += [target for row in found[place] for target in row.to.values()]
    return found


def _rows(
    flows: Mapping[str, Flow], place: Place, catalogues: Sequence[Catalogue]
) -> Iterator[Row]:
    """One row for each option that speaks; the silent ones after it are told in its words.

    Those before the first that speaks are told in the words of the menu itself.
    """
    flow = flows[place[0]]
    told: list[list[tuple[str, Option]]] = []
    menu = _menu(flow, place[1])
    for key, option in sorted(menu.options.items()):
        if option.says or not told:
            told.append([])
        told[-1].append((key, option))
    for group in told:
        targets = ((key, _menu_behind(flows, flow, option.to)) for key, option in group)
        yield Row(
            keys=tuple(key for key, _ in group),
            texts=tuple(_words(group[0][1].says or menu.says, each) for each in catalogues),
            to={key: target for key, target in targets if target and target != FIRST},
        )
    if menu.closing:
        yield Row((), tuple(_words(menu.closing, each) for each in catalogues), {})


def _menu(flow: Flow, name: str) -> MenuStep:
    step = flow.steps[name]
    if not isinstance(step, MenuStep):
        raise TypeError(f"{flow.name}.{name} is no menu")
    return step


def _menu_behind(flows: Mapping[str, Flow], flow: Flow, target: str) -> Place | None:
    """The menu that is put at once, None where something is looked up or asked before."""
    seen: set[Place] = set()
    while (flow.name, target) not in seen:
        seen.add((flow.name, target))
        step = flow.steps.get(target)
        if isinstance(step, MenuStep):
            return (flow.name, target) if step.options else None
        if isinstance(step, SayStep):
            target = step.to
        elif isinstance(step, RunStep) and step.flow in flows:
            flow = flows[step.flow]
            target = flow.start
        else:
            return None
    return None


def _words(says: Sayings, catalogue: Catalogue) -> str:
    texts = (catalogue.texts.get(saying.prompt, saying.prompt) for saying in says)
    return " ".join(text for text in texts if "{" not in text)


def _id(place: Place) -> str:
    return "_".join(place)


def _table(rows: Sequence[Row]) -> str:
    """Return a table of Graphviz's HTML: the keys of a row, and its words in each language."""
    key, words = COLOURS
    lines = [
        f'<tr><td bgcolor="{key}">{_keys(row)}</td><td port="k{"".join(row.keys)}" '
        f'bgcolor="{words}" align="left" balign="left">{_lines(row.texts)}</td></tr>'
        for row in rows
    ]
    head = '<table border="0" cellborder="1" cellspacing="0" cellpadding="5" color="#90a4ae">'
    return f"<{head}{''.join(lines)}</table>>"


def _keys(row: Row) -> str:
    return f"<b>{' '.join(row.keys)}</b>" if row.keys else ""


def _lines(texts: Sequence[str]) -> str:
    first, *rest = (escape(text) for text in texts if text)
    return "<br/>".join([first, *(f'<font color="#546e7a">{text}</font>' for text in rest)])
