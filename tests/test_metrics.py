"""/metrics: figures of the log for Prometheus; the dashboard shows them all."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from agent_desk import metrics
from ivr import board, company
from ivr.composition import COMPANIES
from ivr.events import Entry

HOME = Path(__file__).parents[1]
AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


class Figures:
    """The boards of two companies: one with a log, one that nothing is known of yet."""

    def figures(self, name: str) -> dict[str, object]:
        return FIGURES if name == "odesa" else {}


def log() -> list[Entry]:
    """A caller begins to wait in `outage`, another one is in the menu; an operator is paused."""
    at = AT.timestamp()
    waiting = {
        "state": "waiting", "queue": "outage", "priority": "normal", "kind": "call",
        "operator": "", "entered": at, "outcome": "", "token": "",
    }  # fmt: skip
    olena = {
        "operator": "olena", "shown": "Олена", "status": "paused", "reason": "lunch",
        "state": "idle", "ticket": "", "skills": {"outage": 3}, "since": at - 60,
    }  # fmt: skip
    measured = {
        "speech": {"busy": 2, "limit": 8, "up": 1, "of": 1},
        "callbacks": {"due": 4, "late": 1},
        "outbox": {"due": 0, "dead": 3, "oldest": None},
    }
    start = {"from": "+380671110001", "to": "+380487059090", "channel": "agi"}
    return [
        Entry("odesa", "a", AT, "answered", "main", "welcome", start),
        Entry("odesa", "b", AT, "answered", "main", "welcome", start),
        Entry("odesa", "a", AT, "ticket", details=waiting),
        Entry("odesa", "", AT, "operator", details=olena),
        Entry("odesa", "", AT, "measured", details=measured),
    ]


def figures() -> dict[str, object]:
    folded = board.Board(company.load(COMPANIES)["odesa"])
    for entry in log():
        folded.apply(entry)
    return folded.figures(AT + timedelta(seconds=90))


FIGURES = figures()


def ask(token: str = "", **headers: str) -> tuple[int, str]:
    app = Flask(__name__)
    app.register_blueprint(
        metrics.blueprint(
            Figures(), ("odesa", "kazan"), lambda: {"dispatch": 1.0, "workers": 0.5},
            {"odesa": 12.0, "kazan": None}.get, token,
        )
    )  # fmt: skip
    remote = headers.pop("remote", "127.0.0.1")
    answer = app.test_client().get(
        "/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": remote}
    )
    return answer.status_code, answer.get_data(as_text=True)


def samples() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    _, text = ask()
    found = {}
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            found[each.name, tuple(sorted(each.labels.items()))] = each.value
    return found


def value(name: str, **labels: str) -> float:
    return samples()[f"press2_{name}", tuple(sorted(labels.items()))]


def test_figures_of_the_board() -> None:
    odesa = {"company": "odesa"}
    assert value("queue_waiting", **odesa, queue="outage") == 1
    assert value("queue_waiting", **odesa, queue="general") == 0
    assert value("queue_longest_seconds", **odesa, queue="outage") == 90
    assert value("calls_open", **odesa) == 2
    assert value("lines", **odesa) == 250
    assert value("operators", **odesa, state="paused") == 1
    assert value("recogniser_busy", **odesa) == 2
    assert value("callbacks", **odesa, state="late") == 1
    assert value("outbox", **odesa, state="dead") == 3
    assert value("storm", **odesa) == 0
    assert value("synthetic_age_seconds", **odesa) == 12
    assert value("up", part="workers") == 0.5


def test_what_is_not_known_is_not_told() -> None:
    assert not [key for key in samples() if ("company", "kazan") in key[1]]


@pytest.mark.parametrize(
    ("token", "headers", "code"),
    [
        ("", {}, 200),
        ("", {"remote": "10.0.0.7"}, 403),
        ("secret", {}, 403),
        ("secret", {"Authorization": "Bearer wrong"}, 403),
        ("secret", {"Authorization": "Bearer secret", "remote": "10.0.0.7"}, 200),
        ("secret", {"Authorization": "Bearer сек"}, 403),
    ],
)
def test_who_may_ask(token: str, headers: dict[str, str], code: int) -> None:
    assert ask(token, **headers)[0] == code


def test_no_person_is_named() -> None:
    _, text = ask()
    assert "olena" not in text
    assert "Олена" not in text
    assert "380671110001" not in text


def names(expression: str) -> set[str]:
    return set(re.findall(r"press2_\w+", expression))


LEVELS = {"press2_queue_level", "press2_queue_level_half"}
"""They are there once somebody was offered to a queue."""


def panels() -> list[dict[str, Any]]:
    found = json.loads((HOME / "deploy/grafana.json").read_text("utf-8"))["panels"]
    assert isinstance(found, list)
    return found


def rules() -> list[str]:
    """Return what the rules ask for."""
    read = yaml.safe_load((HOME / "deploy/prometheus-rules.yml").read_text("utf-8"))
    return [rule["expr"] for rule in read["groups"][0]["rules"]]


def test_every_figure_has_a_panel_and_no_panel_asks_for_another() -> None:
    known = {name for name, _ in samples()} | LEVELS
    shown = {name for each in panels() for one in each["targets"] for name in names(one["expr"])}
    assert shown == known


def test_panels_tell_apart_by_labels_that_there_are() -> None:
    labels = {name: {label for label, _ in each} for name, each in samples()}
    labels |= dict.fromkeys(LEVELS, {"company", "queue"})
    for panel in panels():
        for target in panel["targets"]:
            told = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            for name in names(target["expr"]):
                assert told <= labels[name], panel["title"]


def test_the_rules_ask_for_figures_and_parts_that_there_are() -> None:
    known = {name for name, _ in samples()} | LEVELS
    assert {name for each in rules() for name in names(each)} <= known
    told = {value for _, each in samples() for value in dict(each).values()}
    asked = {value for each in rules() for value in re.findall(r'press2_\w+{\w+="(\w+)"}', each)}
    assert asked <= told


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
