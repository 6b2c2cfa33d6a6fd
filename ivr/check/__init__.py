"""The check of flows: what would strand a caller is found before a call does.

`run` compares flows, prompts, services and company profiles and returns findings, each with the
name of its rule; `warnings` tells what makes answers by speech hard to understand, which strands
nobody: the keys are there. `RULES` and `WARNINGS` list the rules. `ivr.proof` walks the flows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ivr.check.edges import ENQUEUE_MAY, SENT_INTO, of_edges, of_offices, of_queues
from ivr.check.findings import Finding
from ivr.check.heard import named, of_speech, of_words
from ivr.check.known import of_models
from ivr.check.menus import of_keys, of_late_keys, of_menus, of_operators
from ivr.check.spoken import of_prompts, uses, wanted
from ivr.check.ways import ENTRANCES, MAIN, of_cycles, of_flows, of_reach, of_recursions, runs
from ivr.company import Company
from ivr.engine import Flows
from ivr.flow import Flow
from ivr.prompts import Catalogue, vocabulary
from ivr.services.inquiry import Service

__all__ = [
    "ENQUEUE_MAY",
    "ENTRANCES",
    "MAIN",
    "RULES",
    "SENT_INTO",
    "WARNINGS",
    "Finding",
    "book",
    "named",
    "run",
    "runs",
    "uses",
    "wanted",
    "warnings",
]

RULES = {
    "unknown-step": "an edge leads to a step or end that does not exist",
    "unknown-flow": "`run` names a flow that does not exist",
    "unreachable-step": "no way leads to the step",
    "unreachable-flow": "no way leads from the flow `main` to the flow",
    "missing-edge": "an outcome of the service, subflow or queue has no edge",
    "extra-edge": "an edge waits for an outcome that never comes",
    "missing-service": "no service of that name",
    "unknown-queue": "a company has no queue of that name",
    "no-office": "a flow tells of offices and the profile of a company has none",
    "missing-prompt": "a prompt has no text in a language of a company",
    "unused-prompt": "nothing speaks the prompt",
    "placeholders-differ": "a prompt wants other slots in one language than in another",
    "no-otherwise": "the flow does not say where three misses and failures lead",
    "no-operator": "an operator cannot be reached from a question",
    "silent-cycle": "steps go round without ever asking the caller",
    "too-many-choices": "a menu speaks more than five choices",
    "taken-key": "an option takes a key that means something else already",
    "late-key": "more than 20 s of speech before the first key a caller can press",
    "unknown-words": "a choice names `words` that are in no language",
    "unused-words": "no choice names the `words`",
}
WARNINGS = {
    "no-words": "a choice has no `words`: it can only be said by the number of its key",
    "missing-words": "`words`, or number words, are missing in a language of a company",
    "alike-words": "two answers of one question sound alike, or are the same",
    "unknown-to-model": "a configured model does not know words that are listened for",
}
NO_MODELS: Mapping[str, Path] = {}


def book(flows: Mapping[str, Flow], catalogues: Mapping[str, Catalogue]) -> Flows:
    """Join flows with what their prompts want, for the engine."""
    placeholders: dict[str, dict[str, str]] = {}
    for catalogue in catalogues.values():
        for prompt in catalogue.texts:
            placeholders.setdefault(prompt, {}).update(catalogue.placeholders(prompt))
    return Flows(flows, placeholders, vocabulary(catalogues))


def run(
    flows: Mapping[str, Flow],
    companies: Mapping[str, Company],
    catalogues: Mapping[str, Catalogue],
    services: Mapping[str, Service],
) -> list[Finding]:
    """Return every finding, in the order of the files."""
    findings: list[Finding] = []
    for flow in flows.values():
        findings += of_edges(flow, flows, services)
        findings += of_reach(flow)
        findings += of_cycles(flow, flows)
        findings += of_menus(flow)
        findings += of_keys(flow)
        findings += of_late_keys(flow, flows, catalogues)
        findings += of_operators(flow, flows)
        findings += of_queues(flow, companies)
        findings += of_offices(flow, companies)
    findings += of_flows(flows)
    findings += of_recursions(flows)
    findings += of_prompts(flows, companies, catalogues, services)
    return [*findings, *of_words(flows, companies, catalogues, services)]


def warnings(
    flows: Mapping[str, Flow],
    companies: Mapping[str, Company],
    catalogues: Mapping[str, Catalogue],
    services: Mapping[str, Service],
    models: Mapping[str, Path] = NO_MODELS,
) -> list[Finding]:
    """Return every warning. models: folder by language; each is loaded to see what it knows."""
    found = of_speech(flows, companies, catalogues, services)
    return [*found, *of_models(models, vocabulary(catalogues))]
