"""The call scripts walk every edge of the flows that a caller can come to."""

import contextlib
from pathlib import Path

import pytest

import app
from ivr import callscript
from ivr.check import ENTRANCES, MAIN
from ivr.composition import dialler
from ivr.coverage import Coverage, edges
from ivr.engine import Edge
from ivr.flow import Flow

CALLS = Path(__file__).parent / "calls"
SMALL = """
    flow: small
    start: ask
    operator: desk
    otherwise: desk
    ends: [back]
    steps:
      ask: {ask: number, as: typed, to: look, empty: menu}
      look: {lookup: words, on: {good: menu}, retry: {bad: {ask: ask}}, again: {odd: {ask: ask}}}
      menu: {menu: choose, options: {"1": {to: desk}, "*": {to: bye}}, each: rows, option: row,
             as: row, to: bye, another: {to: tape}}
      tape: {record: speak, as: tape, to: run}
      run: {run: other, on: {done: bye}}
      desk: {enqueue: general, keys: {"2": bye}, on: {ended: bye}}
      bye: {hangup: completed, say: goodbye}
"""


@pytest.fixture
def small(flows_of) -> Flow:
    return flows_of(SMALL).flows["small"]


def test_every_way_out_of_a_step_is_an_edge(small):
    assert [f"{edge.step} {edge.word}" for edge in edges(small)] == [
        "ask to", "ask empty", "ask back", "ask operator", "ask otherwise",
        "look good", "look bad", "look odd", "look failed",
        "menu 1", "menu *", "menu each", "menu another", "menu operator", "menu otherwise",
        "tape to",
        "run done",
        "desk ended", "desk 2",
    ]  # fmt: skip


def test_the_table_never_rounds_up(small):
    walked = Coverage({"small": small})
    for edge in list(edges(small))[:-1]:
        walked.walked(edge)
        walked.walked(edge)
    assert walked.missing() == [Edge("small", "desk", "2")]
    assert walked.table() == [
        "flow              edges  walked",
        "small                19      18   94 %",
        "all                  19      18   94 %",
        "missing: small.desk 2",
    ]
    walked.walked(Edge("small", "desk", "2"))
    assert walked.table()[-1].endswith(" 100 %")


def test_the_scripts_walk_every_edge(house):
    """Flows that press2 itself begins have tests of their own (tests/test_restoration)."""
    flows = {name: f for name, f in house.flows.flows.items() if name not in ENTRANCES[1:]}
    assert MAIN in flows
    walked = Coverage(flows)
    dial, done = dialler("console", house.flows, house.companies, house.catalogues, walked.walked)
    with contextlib.closing(contextlib.ExitStack()) as stack:
        stack.callback(done)
        for path in sorted(CALLS.rglob("*.yaml")):
            for script in callscript.read(path):
                callscript.run(script, house.companies, house.world, dial)
    assert walked.unknown() == []
    assert walked.missing() == [], "\n".join(walked.table())


def test_the_command_tells_the_edges(capsys):
    path = CALLS / "ac-10-silence.yaml"
    assert app.main(["call", "--coverage", str(path)]) == 1
    out = capsys.readouterr().out
    assert "missing: reading.accept accepted" in out
    assert "main.welcome welcome" not in out
