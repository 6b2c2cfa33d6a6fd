"""Rules of edges: every outcome has one, and each leads somewhere that exists."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ivr.check.findings import Finding, targets
from ivr.company import Company
from ivr.flow import EnqueueStep, Flow, LookupStep, Question, RunStep
from ivr.services.inquiry import Service

ENQUEUE_MUST = frozenset(("ended", "unavailable", "no_answer", "dropped"))
ENQUEUE_MAY = ENQUEUE_MUST | {"announce", "overdue", "shut", "transferred", "withdrawn"}
"""Outcomes of an Enqueue turn; the names of flows an operator may send a caller into come on top.

Where an edge for one of the latter is missing the caller goes `otherwise`."""
SENT_INTO = frozenset(("reading", "outage"))


def of_edges(
    flow: Flow, flows: Mapping[str, Flow], services: Mapping[str, Service]
) -> Iterator[Finding]:
    """Tell outcomes without an edge, edges without an outcome, and targets that do not exist."""
    known = {*flow.steps, *flow.ends}
    heads = (("start", flow.start), ("operator", flow.operator), ("otherwise", flow.otherwise))
    for head, target in heads:
        if target and target not in known:
            yield Finding("unknown-step", flow.name, f"`{head}: {target}` is no step")
    if not flow.otherwise:
        yield Finding("no-otherwise", flow.name, "`otherwise` is missing")
    for name, step in flow.steps.items():
        place = f"{flow.name}.{name}"
        for target in dict.fromkeys(targets(flow, step)):
            if target not in known:
                yield Finding("unknown-step", place, f"{target!r} is no step and no end")
        if isinstance(step, LookupStep):
            if step.service not in services:
                yield Finding("missing-service", place, f"no service {step.service}")
                continue
            outcomes = services[step.service].outcomes
            waited = [*step.on, *step.retry, *step.again]
            yield from _outcomes(place, step.service, outcomes | {"failed"}, waited, outcomes)
            for retry in (*step.retry.values(), *step.again.values()):
                if not isinstance(flow.steps.get(retry.ask), Question):
                    yield Finding("unknown-step", place, f"{retry.ask!r} is no question")
        elif isinstance(step, EnqueueStep):
            possible = ENQUEUE_MAY | SENT_INTO
            yield from _outcomes(place, "a queue", possible, [*step.on], ENQUEUE_MUST)
        elif isinstance(step, RunStep):
            if step.flow not in flows:
                yield Finding("unknown-flow", place, f"no flow {step.flow}")
                continue
            ends = frozenset(flows[step.flow].ends)
            yield from _outcomes(place, f"flow {step.flow}", ends, [*step.on], ends)


def _outcomes(
    place: str,
    who: str,
    possible: Collection[str],
    waited: Collection[str],
    wanted: Collection[str],
) -> Iterator[Finding]:
    for outcome in sorted(set(wanted) - set(waited)):
        yield Finding("missing-edge", place, f"{who} may answer {outcome!r}; no edge for it")
    for outcome in sorted(set(waited) - set(possible)):
        yield Finding("extra-edge", place, f"{who} never answers {outcome!r}")


def of_queues(flow: Flow, companies: Mapping[str, Company]) -> Iterator[Finding]:
    """Tell queues that a company does not have."""
    for name, step in flow.steps.items():
        queue = step.queue if isinstance(step, EnqueueStep) else ""
        queue = step.slots.get("queue", "") if isinstance(step, RunStep) else queue
        for company in companies.values():
            if queue and queue not in company.queues:
                text = f"{company.id} has no queue {queue!r}"
                yield Finding("unknown-queue", f"{flow.name}.{name}", text)


def of_offices(flow: Flow, companies: Mapping[str, Company]) -> Iterator[Finding]:
    """Tell companies without an office where a flow asks for one of them."""
    for name, step in flow.steps.items():
        if isinstance(step, LookupStep) and step.service == "offices.find":
            for company in companies.values():
                if not company.terms.offices:
                    text = f"{company.id} has no `offices:` in its profile; name at least one"
                    yield Finding("no-office", f"{flow.name}.{name}", text)
