"""The picture of flows: every step, every way, in a file a browser shows."""

from xml.etree import ElementTree

import pytest

import app
from ivr import graph
from ivr.errors import FlowError, SetupError

SVG = "{http://www.w3.org/2000/svg}"


def drawn(path):
    """Words, boxes and arrows of a picture; arrows as (from, to)."""
    root = ElementTree.parse(path).getroot()  # noqa: S314 - our own file
    groups = {"node": [], "edge": []}
    for group in root.iter(f"{SVG}g"):
        title = group.findtext(f"{SVG}title")
        if group.get("class") in groups:
            groups[group.get("class")].append(title)
    words = {text.text.strip() for text in root.iter(f"{SVG}text") if text.text}
    return words, set(groups["node"]), {tuple(edge.split("->")) for edge in groups["edge"]}


def test_a_flow_is_drawn_with_its_steps_keys_and_words(house, tmp_path):
    path = graph.draw(
        house.flows.flows, house.catalogues["en"], "identify", tmp_path / "identify.svg"
    )
    words, nodes, arrows = drawn(path)
    assert {f"identify {step}" for step in house.flows.flows["identify"].steps} < nodes
    assert {("identify by_phone", "identify choose"), ("identify this_one", "identify found")} < (
        arrows
    )
    assert {"by_phone", "accounts.by_phone", "several", "1", "2", "1..n", "n+1"} < words
    assert "Several accounts are" in words


@pytest.mark.parametrize("language", ["uk", "vi", "tt"])
def test_the_words_may_be_of_any_language(house, tmp_path, language):
    path = graph.draw(house.flows.flows, house.catalogues[language], "by_keys", tmp_path / "x.svg")
    first = house.catalogues[language].texts["account_enter"].split()[0]
    assert any(word.startswith(first) for word in drawn(path)[0])


def test_ways_that_many_lookups_share_are_drawn_once(house, tmp_path):
    flows = house.flows.flows
    path = graph.draw(flows, house.catalogues["en"], "reading", tmp_path / "reading.svg")
    arrows = drawn(path)[2]
    assert ("reading agree", "reading -common") in arrows
    assert ("reading -common", "reading read_back") in arrows
    assert ("reading agree", "reading read_back") not in arrows


def test_all_flows_hang_together(house, tmp_path):
    flows = house.flows.flows
    path = graph.draw(flows, house.catalogues["en"], "all", tmp_path / "all.svg")
    words, nodes, arrows = drawn(path)
    assert nodes == set(flows)
    assert ("main", "reading") in arrows
    assert ("reading", "identify") in arrows
    assert "last_reading" in words


def test_every_kind_of_step_has_a_look(flows_of, house, tmp_path):
    flows = flows_of(
        """
        flow: main
        start: one
        operator: two
        otherwise: two
        steps:
          one: {record: tone, as: voice, to: two}
          two: {enqueue: general, on: {ended: three, unavailable: three}}
          three: {menu: [], options: {"1": {to: four}, "2": {to: four}}, back: one}
          four: {ask: a < b & c, as: d, to: five, empty: six, otherwise: six}
          five: {say: e, to: six}
          six: {hangup: completed}
        """
    )
    path = graph.draw(flows.flows, house.catalogues["en"], "main", tmp_path / "main.svg")
    words, nodes, _ = drawn(path)
    assert {"record", "enqueue", "menu", "ask", "say", "hangup"} < words
    assert {"queue general", "a < b & c", "# alone", "3 misses", "*"} < words
    assert len(nodes) == 7


def test_an_unknown_flow_names_the_known_ones(house):
    with pytest.raises(FlowError, match=r"no flow readings; known: .*survey, all"):
        graph.draw(house.flows.flows, house.catalogues["en"], "readings")


def test_without_graphviz_the_mend_is_named(house, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="dot is missing; apt-get install graphviz"):
        graph.draw(house.flows.flows, house.catalogues["en"], "main", tmp_path / "main.svg")


def test_a_file_that_cannot_be_written_is_named(house, tmp_path):
    path = tmp_path / "none" / "main.svg"
    with pytest.raises(SetupError, match=rf"{path}: cannot be written: No such file"):
        graph.draw(house.flows.flows, house.catalogues["en"], "main", path)


def test_the_command_writes_the_picture_here(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert app.main(["check", "--graph", "by_keys"]) == 0
    assert capsys.readouterr().out == "by_keys.svg: written\n"
    assert (tmp_path / "by_keys.svg").read_text(encoding="utf-8").startswith("<?xml")
