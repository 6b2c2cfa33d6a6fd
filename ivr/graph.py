"""A picture of flows: boxes for steps, arrows for keys and outcomes, drawn by Graphviz as SVG.

Lookups that go on in the same ways (a form whose every answer may lead to any question) share one
dot, from which those ways are drawn once.
"""

from __future__ import annotations

import re
import subprocess
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import NamedTuple

import graphviz  # type: ignore[import-untyped]

from ivr.errors import FlowError, SetupError
from ivr.flow import (
    AskStep,
    EnqueueStep,
    Flow,
    HangupStep,
    LookupStep,
    MenuStep,
    Question,
    RecordStep,
    RunStep,
    Sayings,
    SayStep,
    Step,
)
from ivr.prompts import Catalogue

ALL = "all"
"""Every flow as one box; their steps together would be a wall."""
MOST = 3
"""Names of steps at one arrow of that picture."""
START, COMMON = "-start", "-common"
"""Names of the two dots of a flow, which no step can have."""
WIDTH, LINES = 24, 2
"""Characters and lines of a prompt that a box shows."""
TELLING = 15
"""Letters of its own that a prompt needs to stand for a step that says several."""
SHARED = 4
"""Ways that two lookups must have in common to get a dot for them."""


class Look(NamedTuple):
    """How a kind of step is drawn. kind: the word over its name."""

    kind: str
    shape: str
    colour: str


LOOKS: dict[type[Step], Look] = {
    SayStep: Look("say", "box", "#e8f1fb"),
    AskStep: Look("ask", "parallelogram", "#fff3cd"),
    MenuStep: Look("menu", "hexagon", "#ffe3b8"),
    RecordStep: Look("record", "tab", "#fde2e4"),
    LookupStep: Look("lookup", "component", "#e6f4ea"),
    RunStep: Look("run", "folder", "#ece3f8"),
    EnqueueStep: Look("enqueue", "house", "#d9f0f3"),
    HangupStep: Look("hangup", "octagon", "#eceff1"),
}
FONT = {"fontname": "Helvetica"}
INK = {"on": "#37474f", "retry": "#c62828", "back": "#90a4ae", "run": "#7e57c2"}
"""Colours of arrows: ways on, asked again, one step back, into a subflow."""
DASHES = {"retry": "dashed", "back": "dashed", "run": "dashed"}


@dataclass(frozen=True)
class Arrow:
    """A way out of a step. ink: its colour's name."""

    target: str
    label: str
    ink: str = "on"


def draw(
    flows: Mapping[str, Flow], catalogue: Catalogue, name: str, output: Path | None = None
) -> Path:
    """Write the picture of one flow, or of "all", as SVG; the file written.

    catalogue: whose words stand in the boxes. output: default NAME.svg in the current folder.
    """
    path = output or Path(f"{name}.svg")
    drawn = svg(flows, catalogue, name)
    try:
        path.write_bytes(drawn)
    except OSError as reason:
        raise SetupError(f"{path}: cannot be written: {reason.strerror}") from reason
    return path


def svg(
    flows: Mapping[str, Flow], catalogue: Catalogue, name: str, seconds: float | None = None
) -> bytes:
    """Return the picture of one flow, or of "all". seconds: that it may take, None: any time."""
    if name != ALL and name not in flows:
        raise FlowError(f"no flow {name}; known: {', '.join([*flows, ALL])}")
    source = _picture(flows, catalogue, name).source
    try:
        done = subprocess.run(
            ["dot", "-Tsvg"], input=source.encode(), capture_output=True, timeout=seconds,
            check=True,
        )  # fmt: skip
    except FileNotFoundError as reason:
        raise SetupError("dot is missing; apt-get install graphviz") from reason
    except subprocess.TimeoutExpired as reason:
        raise SetupError(f"dot needs more than {seconds:.0f} s for {name}") from reason
    except subprocess.CalledProcessError as reason:
        said = " ".join(reason.stderr.decode("utf-8", "replace").split())
        raise SetupError(f"dot could not draw {name}: {said}") from reason
    return bytes(done.stdout)


def _picture(flows: Mapping[str, Flow], catalogue: Catalogue, name: str) -> graphviz.Digraph:
    picture = graphviz.Digraph(
        name,
        graph_attr={"rankdir": "TB", "ranksep": "0.45", "nodesep": "0.3", "pad": "0.3", **FONT},
        node_attr={"fontsize": "11", "margin": "0.1,0.05", "color": "#546e7a", **FONT},
        edge_attr={"fontsize": "10", "arrowsize": "0.7", **FONT},
    )
    if name == ALL:
        for shown in _in_order(flows):
            _join(picture, flows[shown], flows)
        return picture
    with picture.subgraph(name=f"cluster_{name}") as cluster:
        cluster.attr(label=_title(flows[name]), labeljust="l", color="#b0bec5", style="rounded")
        _Sheet(cluster, flows[name]).draw(catalogue)
    return picture


def _in_order(flows: Mapping[str, Flow]) -> list[str]:
    """Names of the flows as a call comes to them, `main` first."""
    found: dict[str, None] = {}
    waiting = [name for name in ("main", *flows) if name in flows]
    while waiting:
        name = waiting.pop(0)
        if name in flows and name not in found:
            found[name] = None
            runs = [s.flow for s in flows[name].steps.values() if isinstance(s, RunStep)]
            waiting = runs + waiting
    return list(found)


def _title(flow: Flow) -> str:
    ways = [f"0 &#8594; {flow.operator}"] if flow.operator else []
    ways += [f"3 misses, failures &#8594; {flow.otherwise}"] if flow.otherwise else []
    return f'<<b>{flow.name}</b>  <font point-size="10" color="#607d8b">{", ".join(ways)}</font>>'


def _join(picture: graphviz.Digraph, flow: Flow, flows: Mapping[str, Flow]) -> None:
    """Draw a flow as one box, with an arrow to each flow that its steps run."""
    look = LOOKS[RunStep]
    picture.node(flow.name, shape=look.shape, style="filled", fillcolor=look.colour)
    runs: dict[str, list[str]] = defaultdict(list)
    for name, step in flow.steps.items():
        if isinstance(step, RunStep) and step.flow in flows:
            runs[step.flow].append(name)
    for run, steps in runs.items():
        label = "\n".join(steps) if len(steps) <= MOST else f"{len(steps)} steps"
        picture.edge(flow.name, run, label=label, color=INK["run"], style=DASHES["run"])


class _Sheet:
    """The part of a picture that shows one flow. Steps stand about in the order of the file."""

    def __init__(self, cluster: graphviz.Digraph, flow: Flow) -> None:
        self.cluster = cluster
        self.flow = flow
        self.arrows = {name: list(_arrows(step)) for name, step in flow.steps.items()}
        self.places = {name: place for place, name in enumerate([*flow.steps, *flow.ends])}
        self.common = _common(self.arrows)
        self.sharing = [n for n, a in self.arrows.items() if self.common and self.common <= {*a}]
        if self.sharing:
            half = self.sharing[(len(self.sharing) - 1) // 2]
            self.places[COMMON] = self.places[half]
        self.entered = {
            arrow.target
            for name, arrows in self.arrows.items()
            for arrow in arrows
            if self._onward(name, arrow.target)
        }

    def draw(self, catalogue: Catalogue) -> None:
        """Draw the boxes and the arrows between them."""
        self._dot(START, "0.18")
        self.cluster.edge(self._id(START), self._id(self.flow.start))
        for name, step in self.flow.steps.items():
            self._box(name, step, catalogue)
        self._ends()
        if self.sharing:
            self._dot(COMMON, "0.1")
            self._connect(COMMON, self.common)
        for name, arrows in self.arrows.items():
            own = arrows
            if name in self.sharing:
                self._edge(name, COMMON, "on", arrowhead="none")
                own = [arrow for arrow in arrows if arrow not in self.common]
            self._connect(name, own)

    def _onward(self, source: str, target: str) -> bool:
        return self.places.get(target, 0) > self.places[source]

    def _id(self, name: str) -> str:
        return f"{self.flow.name} {name}"

    def _dot(self, name: str, width: str) -> None:
        self.cluster.node(self._id(name), label="", shape="circle", style="filled", width=width)

    def _box(self, name: str, step: Step, catalogue: Catalogue) -> None:
        look = LOOKS[type(step)]
        self.cluster.node(
            self._id(name),
            label=_label(name, step, look, catalogue),
            shape=look.shape,
            style="filled,rounded" if look.shape == "box" else "filled",
            fillcolor=look.colour,
        )

    def _ends(self) -> None:
        used = {arrow.target for arrows in self.arrows.values() for arrow in arrows}
        for end in self.flow.ends:
            if end in used:
                look = {"shape": "cds", "style": "filled", "fillcolor": "#cfd8dc"}
                self.cluster.node(self._id(end), label=end, **look)

    def _connect(self, source: str, arrows: Iterable[Arrow]) -> None:
        """Draw arrows; those of one colour to one target are one arrow with all their labels."""
        labels: dict[tuple[str, str], list[str]] = defaultdict(list)
        for arrow in sorted(arrows, key=lambda arrow: (arrow.target, arrow.ink, arrow.label)):
            labels[arrow.target, arrow.ink].append(arrow.label)
        for (target, ink), words in labels.items():
            self._edge(source, target, ink, label=" " + "\\n ".join(words))

    def _edge(self, source: str, target: str, ink: str, **look: str) -> None:
        """Draw one arrow; one that leads back to an earlier step does not move that step down."""
        pulls = self._onward(source, target) or target not in self.entered
        self.cluster.edge(
            self._id(source),
            self._id(target),
            color=INK[ink],
            fontcolor=INK[ink],
            style=DASHES.get(ink, "solid"),
            constraint=str(pulls).lower(),
            **look,
        )


# ---------------------------------------------------------------------- ways


def _arrows(step: Step) -> Iterator[Arrow]:
    """Every way out of a step; what the whole flow has in common stands in its title."""
    if isinstance(step, SayStep | RecordStep):
        yield Arrow(step.to, "")
    elif isinstance(step, Question):
        yield from _answers(step)
        if step.back:
            yield Arrow(step.back, "*", "back")
        if step.operator:
            yield Arrow(step.operator, "0")
        if step.otherwise:
            yield Arrow(step.otherwise, "3 misses", "retry")
    elif isinstance(step, LookupStep):
        yield from (Arrow(target, outcome) for outcome, target in step.on.items())
        for outcome, retry in {**step.retry, **step.again}.items():
            yield Arrow(retry.ask, outcome, "retry")
    elif isinstance(step, RunStep | EnqueueStep):
        yield from (Arrow(target, outcome) for outcome, target in step.on.items())
        if isinstance(step, EnqueueStep):
            yield from (Arrow(target, key) for key, target in step.keys.items())


def _answers(step: Question) -> Iterator[Arrow]:
    if isinstance(step, MenuStep):
        yield from (Arrow(option.to, key) for key, option in step.options.items())
        if step.each:
            yield Arrow(step.to, "1..n")
        if step.another:
            yield Arrow(step.another.to, "n+1")
    else:
        yield Arrow(step.to, "#")
        if isinstance(step, AskStep) and step.empty:
            yield Arrow(step.empty, "# alone")


def _common(drawn: Mapping[str, list[Arrow]]) -> frozenset[Arrow]:
    """The ways that several steps share, when they are many."""
    found = Counter(frozenset(arrows) for arrows in drawn.values() if len(arrows) >= SHARED)
    shared = [ways for ways, steps in found.items() if steps > 1]
    return max(shared, key=len, default=frozenset())


# ---------------------------------------------------------------------- words


def _label(name: str, step: Step, look: Look, catalogue: Catalogue) -> str:
    lines = [
        f'<font point-size="8" color="#607d8b">{look.kind}</font>',
        f"<b>{escape(name)}</b>",
        *(f'<font point-size="10">{escape(line)}</font>' for line in _words(step, catalogue)),
    ]
    return f"<{'<br/>'.join(lines)}>"


def _words(step: Step, catalogue: Catalogue) -> list[str]:
    """The first words of what a step says, or whom it asks."""
    if isinstance(step, LookupStep):
        return [step.service]
    if isinstance(step, RunStep):
        return [f"flow {step.flow}"]
    texts = [_plain(catalogue.texts.get(saying.prompt, saying.prompt)) for saying in _first(step)]
    telling = [text for text in texts if sum(map(str.isalpha, text)) >= TELLING] or texts
    words = textwrap.wrap(telling[0], WIDTH, max_lines=LINES, placeholder=" …") if telling else []
    if isinstance(step, EnqueueStep):
        return [f"queue {step.queue or 'of the slot ' + step.slot}", *words]
    return words


def _first(step: Step) -> Sayings:
    if isinstance(step, LookupStep | RunStep):
        return ()
    if step.says or not isinstance(step, MenuStep):
        return step.says
    return next((option.says for option in step.options.values() if option.says), ())


def _plain(text: str) -> str:
    """Put dots for the values of a text."""
    return " ".join(re.sub(r"(\{\w+:\w+\}[ .,:]*)+", " … ", text).split())
