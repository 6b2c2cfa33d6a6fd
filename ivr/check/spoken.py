"""Rules of prompts: every sentence is there in every language, and is spoken."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise

from ivr.check.findings import Finding, sayings
from ivr.company import Company
from ivr.flow import Flow
from ivr.prompts import Catalogue
from ivr.services.inquiry import Service

ENGINE_PROMPTS = ("silence", "nomatch", "wait_offer", "wait_granted", "star_menu",
                  "service_failed", "goodbye", "apology", "speech_again", "speech_again_number",
                  "speech_digits", "speech_keys", "speech_off", "speech_down", "speech_cut",
                  "speech_heard", "speech_sure_word", "speech_sure_number")  # fmt: skip
CHANNEL_PROMPTS = ("queue_down", "speech_full")
"""Spoken by channels, which no flow is asked about."""


def uses(flows: Mapping[str, Flow]) -> dict[str, str]:
    """Return where each prompt is spoken: prompt id -> "reading.enter, reading.check"."""
    places: dict[str, list[str]] = {}
    for flow in flows.values():
        for name, step in flow.steps.items():
            for saying in sayings(step):
                places.setdefault(saying.prompt, []).append(f"{flow.name}.{name}")
    return {prompt: ", ".join(dict.fromkeys(where)) for prompt, where in places.items()}


def wanted(
    flows: Mapping[str, Flow], companies: Collection[str], services: Mapping[str, Service]
) -> dict[str, str]:
    """Return who speaks each prompt: flows, services that hand it over, the engine."""
    found = dict.fromkeys(ENGINE_PROMPTS, "the engine") | dict.fromkeys(
        CHANNEL_PROMPTS, "a channel"
    )
    found |= uses(flows)
    for service in services.values():
        for pattern in service.prompts:
            for company in companies:
                found.setdefault(pattern.format(company=company), f"service {service.name}")
    return found


def of_prompts(
    flows: Mapping[str, Flow],
    companies: Mapping[str, Company],
    catalogues: Mapping[str, Catalogue],
    services: Mapping[str, Service],
) -> Iterator[Finding]:
    """Tell prompts without a text, texts nobody speaks, and languages that want other slots."""
    speakers = wanted(flows, companies, services)
    spoken = {language for company in companies.values() for language in company.languages}
    for language in sorted(spoken):
        texts = catalogues[language].texts if language in catalogues else {}
        for prompt, where in sorted(speakers.items()):
            if prompt not in texts:
                text = f"no text for {prompt} in prompts/{language}.yaml"
                yield Finding("missing-prompt", where, text)
    for prompt in sorted({p for c in catalogues.values() for p in c.texts}):
        if prompt not in speakers:
            files = ", ".join(name for name, c in catalogues.items() if prompt in c.texts)
            yield Finding("unused-prompt", prompt, f"nothing speaks it; languages: {files}")
        kinds = {
            language: sorted(catalogue.placeholders(prompt).items())
            for language, catalogue in catalogues.items()
            if prompt in catalogue.texts
        }
        for (one, first), (other, second) in pairwise(kinds.items()):
            if first != second:
                yield Finding("placeholders-differ", prompt, f"{one} and {other} want other slots")
