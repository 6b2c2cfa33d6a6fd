"""Figures for Prometheus at /metrics: those of the wallboard, and whether the parts are alive.

They name no person. Who asks is this machine, or knows the token of the settings (`Authorization:
Bearer TOKEN`). `deploy/grafana.json` is a dashboard of them.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from flask import Blueprint, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

HOME = ("127.0.0.1", "::1")


class Figures(Protocol):
    """Where the figures of each company come from (`ivr.board.Feed`)."""

    def figures(self, company: str) -> dict[str, Any]:
        """Return the last figures, {} while there are none."""


def blueprint(
    figures: Figures,
    companies: Sequence[str],
    alive: Callable[[], dict[str, float]],
    called: Callable[[str], float | None],
    token: str = "",
) -> Blueprint:
    """Return the route. alive: part -> share of its processes that answer.

    called: seconds since a company's last call to itself that succeeded, None: none is known.
    token: without it only this machine is answered.
    """
    routes = Blueprint("metrics", __name__)
    registry = CollectorRegistry()
    registry.register(_Collector(figures, companies, alive, called))

    @routes.get("/metrics")
    def metrics() -> Response:
        given = request.headers.get("Authorization", "")
        known = bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
        if not known and (token or request.remote_addr not in HOME):
            abort(403)
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return routes


class _Collector(Collector):
    def __init__(
        self,
        figures: Figures,
        companies: Sequence[str],
        alive: Callable[[], dict[str, float]],
        called: Callable[[str], float | None],
    ) -> None:
        self._figures = figures
        self._companies = companies
        self._alive = alive
        self._called = called

    def describe(self) -> list[Metric]:
        """Return nothing: what there is depends on what is known when somebody asks."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield everything that is known now."""
        gauges = _Gauges()
        for part, share in self._alive().items():
            gauges.put("up", "Share of a part's processes that answer", share, part=part)
        for company in self._companies:
            _company(gauges, company, self._figures.figures(company))
            if (age := self._called(company)) is not None:
                told = "Seconds since the last call to ourselves that succeeded"
                gauges.put("synthetic_age_seconds", told, age, company=company)
        yield from gauges.families.values()


class _Gauges:
    """Gauges by name; the labels of one are always the same."""

    def __init__(self) -> None:
        self.families: dict[str, GaugeMetricFamily] = {}

    def put(self, name: str, told: str, value: float | None, **labels: str) -> None:
        """Set one value; None is left out."""
        if value is None:
            return
        if name not in self.families:
            family = GaugeMetricFamily(f"press2_{name}", told, labels=list(labels))
            self.families[name] = family
        self.families[name].add_metric(list(labels.values()), value)


def _company(gauges: _Gauges, company: str, figures: dict[str, Any]) -> None:
    """Put the figures of one company's wallboard."""
    if not figures:
        return
    gauges.put("figures_time_seconds", "The time the figures hold for", figures["at"],
               company=company)  # fmt: skip
    for flow, count in figures["ivr"].items():
        gauges.put("ivr_calls", "Calls in the dialogue", count, company=company, flow=flow)
    calls = figures["calls"]
    gauges.put("calls_open", "Calls on the line", calls["open"], company=company)
    gauges.put("lines_used", "Lines of the trunk in use", calls["used"], company=company)
    gauges.put("lines", "Lines of the trunk", calls["lines"], company=company)
    for queue, found in figures["queues"].items():
        _queue(gauges, company, queue, found)
    for face, count in figures["faces"].items():
        gauges.put("operators", "Operators by state", count, company=company, state=face)
    storm = float(figures["storm"]["state"] == "on")
    gauges.put("storm", "1 while storm mode is on", storm, company=company)
    waits = figures["callbacks"] or {}
    for state in ("due", "late"):
        told = "Promises to call back"
        gauges.put("callbacks", told, waits.get(state), company=company, state=state)
    speech = figures["speech"] or {}
    for name, key in (("recogniser_busy", "busy"), ("recogniser_limit", "limit")):
        gauges.put(name, "Callers listened to, and at most", speech.get(key), company=company)
    outbox = figures["outbox"] or {}
    for state in ("due", "dead"):
        told = "Entries of the outbox that are late or given up"
        gauges.put("outbox", told, outbox.get(state), company=company, state=state)


def _queue(gauges: _Gauges, company: str, queue: str, found: dict[str, Any]) -> None:
    at = {"company": company, "queue": queue}
    gauges.put("queue_waiting", "Callers who wait", found["waiting"], **at)
    longest = found["longest"] or 0.0
    gauges.put("queue_longest_seconds", "The longest wait of them", longest, **at)
    gauges.put("queue_free", "Operators who are free", found["free"], **at)
    gauges.put("queue_serving", "Operators who serve it", found["serving"], **at)
    told = "Offers that no matchmaker has claimed; it takes a fraction of a second"
    gauges.put("queue_unclaimed", told, found["unclaimed"], **at)
    gauges.put("queue_turned", "Callers told that nobody serves it", found["turned"], **at)
    for outcome in ("offered", "answered", "within", "lost", "short"):
        told = "Calls of the local day: offered, answered, answered in time, lost, lost at once"
        gauges.put("queue_today", told, found[outcome], **at, outcome=outcome)
    gauges.put("queue_level", "Service level of the day, 0 to 1", found["level"], **at)
    gauges.put("queue_level_half", "The same of this half hour", found["level_half"], **at)
