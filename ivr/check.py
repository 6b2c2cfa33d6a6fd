"""The check of flows: what would strand a caller is found before a call does.

`run` compares flows, prompts, services and company profiles and returns findings, each with the
name of its rule. `RULES` lists the rules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from ivr.company import Company
from ivr.engine import Flows
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
    Saying,
    Sayings,
    SayStep,
    Step,
    questions,
)
from ivr.prompts import Catalogue, seconds
from ivr.services.inquiry import Service

RULES = {
    "unknown-step": "an edge leads to a step or end that does not exist",
    "unknown-flow": "`run` names a flow that does not exist",
    "unreachable-step": "no way leads to the step",
    "unreachable-flow": "no way leads from the flow `main` to the flow",
    "missing-edge": "an outcome of the service, subflow or queue has no edge",
    "extra-edge": "an edge waits for an outcome that never comes",
    "missing-service": "no service of that name",
    "unknown-queue": "a company has no queue of that name",
    "missing-prompt": "a prompt has no text in a language of a company",
    "unused-prompt": "nothing speaks the prompt",
    "placeholders-differ": "a prompt wants other slots in one language than in another",
    "no-otherwise": "the flow does not say where three misses and failures lead",
    "no-operator": "an operator cannot be reached from a question",
    "silent-cycle": "steps go round without ever asking the caller",
    "too-many-choices": "a menu speaks more than five choices",
    "late-key": "more than 20 s of speech before the first key a caller can press",
}

MAIN = "main"
ENTRANCES = (MAIN, "restored")
"""Flows in which calls begin: those of callers, and those to people who asked to be told."""
CHOICES = 5
SPEECH = 20.0
SERVICE_KEYS = frozenset("089*#")
"""Keys with the same meaning everywhere; they do not count as choices of a menu."""
ENGINE_PROMPTS = ("silence", "nomatch", "wait_offer", "wait_granted", "star_menu",
                  "service_failed", "goodbye", "apology")  # fmt: skip
CHANNEL_PROMPTS = ("queue_down",)
"""Spoken by channels, which no flow is asked about."""
ENQUEUE_MUST = frozenset(("ended", "unavailable", "no_answer", "dropped"))
ENQUEUE_MAY = ENQUEUE_MUST | {"announce", "overdue", "shut", "transferred", "callback"}
"""Outcomes of an Enqueue turn; the names of flows an operator may send a caller into come on top.

Where an edge for one of the latter is missing the caller goes `otherwise`."""
SENT_INTO = frozenset(("reading", "outage"))


@dataclass(frozen=True)
class Finding:
    """One broken rule. place: "flow.step"."""

    rule: str
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text} [{self.rule}]"


def book(flows: Mapping[str, Flow], catalogues: Mapping[str, Catalogue]) -> Flows:
    """Join flows with what their prompts want, for the engine."""
    placeholders: dict[str, dict[str, str]] = {}
    for catalogue in catalogues.values():
        for prompt in catalogue.texts:
            placeholders.setdefault(prompt, {}).update(catalogue.placeholders(prompt))
    return Flows(flows, placeholders)


def uses(flows: Mapping[str, Flow]) -> dict[str, str]:
    """Return where each prompt is spoken: prompt id -> "reading.enter, reading.check"."""
    places: dict[str, list[str]] = {}
    for flow in flows.values():
        for name, step in flow.steps.items():
            for saying in sayings(step):
                places.setdefault(saying.prompt, []).append(f"{flow.name}.{name}")
    return {prompt: ", ".join(dict.fromkeys(where)) for prompt, where in places.items()}


def run(
    flows: Mapping[str, Flow],
    companies: Mapping[str, Company],
    catalogues: Mapping[str, Catalogue],
    services: Mapping[str, Service],
) -> list[Finding]:
    """Return every finding, in the order of the files."""
    findings: list[Finding] = []
    for flow in flows.values():
        findings += _edges(flow, flows, services)
        findings += _reach(flow)
        findings += _cycles(flow, flows)
        findings += _menus(flow)
        findings += _late_keys(flow, flows, catalogues)
        findings += _operator(flow, flows)
        findings += _queues(flow, companies)
    findings += _unreached(flows)
    findings += _recursions(flows)
    return [*findings, *_prompts(flows, companies, catalogues, services)]


# ---------------------------------------------------------------------- edges


def targets(flow: Flow, step: Step) -> Iterator[str]:
    """Every target an edge of the step names, the flow's own ways out not included."""
    if isinstance(step, SayStep | RecordStep):
        yield step.to
    elif isinstance(step, Question):
        yield from (target for target in (step.to, step.back, step.otherwise) if target)
        if isinstance(step, AskStep) and step.empty:
            yield step.empty
        if isinstance(step, MenuStep):
            yield from (option.to for option in step.options.values())
            if step.another:
                yield step.another.to
    elif isinstance(step, LookupStep):
        yield from step.on.values()
        yield from (retry.ask for retry in (*step.retry.values(), *step.again.values()))
    elif isinstance(step, RunStep | EnqueueStep):
        yield from step.on.values()
        if isinstance(step, EnqueueStep):
            yield from step.keys.values()


def sayings(step: Step) -> Iterator[Saying]:
    """Everything a step can speak."""
    if isinstance(step, HangupStep | EnqueueStep | SayStep | RecordStep):
        yield from step.says
    elif isinstance(step, LookupStep):
        for retry in (*step.retry.values(), *step.again.values()):
            yield from retry.says
    elif isinstance(step, Question):
        yield from (*step.says, *step.short, *step.silence, *step.nomatch)
        if isinstance(step, MenuStep):
            for option in step.options.values():
                yield from option.says
            if step.another:
                yield from step.another.says
            yield from step.closing
            if step.option:
                yield Saying(step.option, step.each)


def _edges(
    flow: Flow, flows: Mapping[str, Flow], services: Mapping[str, Service]
) -> Iterator[Finding]:
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


def _queues(flow: Flow, companies: Mapping[str, Company]) -> Iterator[Finding]:
    for name, step in flow.steps.items():
        queue = step.queue if isinstance(step, EnqueueStep) else ""
        queue = step.slots.get("queue", "") if isinstance(step, RunStep) else queue
        for company in companies.values():
            if queue and queue not in company.queues:
                text = f"{company.id} has no queue {queue!r}"
                yield Finding("unknown-queue", f"{flow.name}.{name}", text)


# ---------------------------------------------------------------------- ways through a flow


def _after(flow: Flow, name: str) -> list[str]:
    """The steps of the same flow a step can lead to."""
    step = flow.steps[name]
    found = list(targets(flow, step))
    if isinstance(step, Question):
        found += [flow.operator, flow.otherwise]
    if isinstance(step, LookupStep):
        found.append(flow.otherwise)
    return [target for target in found if target in flow.steps]


def _reached(flow: Flow, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start] if start in flow.steps else []
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(_after(flow, name))
    return seen


def _reach(flow: Flow) -> Iterator[Finding]:
    reached = _reached(flow, flow.start)
    for name in flow.steps:
        if name not in reached:
            yield Finding("unreachable-step", f"{flow.name}.{name}", "no way leads here")


def _unreached(flows: Mapping[str, Flow]) -> Iterator[Finding]:
    if MAIN not in flows:
        yield Finding("unknown-flow", MAIN, "there is no such flow; every call begins in it")
        return
    reached: set[str] = set()
    waiting = list(ENTRANCES)
    while waiting:
        name = waiting.pop()
        if name in flows and name not in reached:
            reached.add(name)
            steps = flows[name].steps.values()
            waiting.extend(step.flow for step in steps if isinstance(step, RunStep))
    for name in sorted(set(flows) - reached):
        yield Finding("unreachable-flow", name, "no way leads here from main")


def _asks(flow: Flow, name: str, flows: Mapping[str, Flow]) -> bool:
    """Whether the caller is always asked (or the call leaves the flow's walk) at this step."""
    step = flow.steps[name]
    if isinstance(step, RunStep) and step.flow in flows:
        sub = flows[step.flow]
        return not _silent_end(sub, sub.start, flows, frozenset((flow.name,)))
    return isinstance(step, Question | RecordStep | EnqueueStep | HangupStep)


def _silent_end(flow: Flow, start: str, flows: Mapping[str, Flow], inside: frozenset[str]) -> bool:
    """Whether a subflow can end without a question."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in flow.ends:
            return True
        if name in seen or name not in flow.steps:
            continue
        seen.add(name)
        step = flow.steps[name]
        if isinstance(step, RunStep) and step.flow in flows and step.flow not in inside:
            sub = flows[step.flow]
            if not _silent_end(sub, sub.start, flows, inside | {flow.name}):
                continue
        elif isinstance(step, Question | RecordStep | EnqueueStep | HangupStep):
            continue
        elif isinstance(step, LookupStep):
            waiting.extend((*step.on.values(), flow.otherwise))
            continue
        waiting.extend(targets(flow, step))
    return False


def _recursions(flows: Mapping[str, Flow]) -> Iterator[Finding]:
    """Flows that run each other before a question is put."""
    after = {
        name: [run for run in _run_silently(flow, flows) if run in flows]
        for name, flow in flows.items()
    }
    done: set[str] = set()
    for start in after:
        if path := _circle(start, after, done):
            way = " -> ".join(path)
            yield Finding("silent-cycle", start, f"flows run each other silently: {way}")


def _run_silently(flow: Flow, flows: Mapping[str, Flow]) -> Iterator[str]:
    """The flows that may be run before the caller was asked anything."""
    seen: set[str] = set()
    waiting = [flow.start]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in flow.steps:
            continue
        seen.add(name)
        step = flow.steps[name]
        if isinstance(step, RunStep):
            yield step.flow
        if not _asks(flow, name, flows):
            waiting.extend(_silent_targets(flow, name))


def _cycles(flow: Flow, flows: Mapping[str, Flow]) -> Iterator[Finding]:
    silent = {name for name in flow.steps if not _asks(flow, name, flows)}
    after = {
        name: [t for t in _silent_targets(flow, name) if t in silent] for name in sorted(silent)
    }
    done: set[str] = set()
    for start in after:
        path = _circle(start, after, done)
        if path:
            way = " -> ".join(path)
            yield Finding("silent-cycle", f"{flow.name}.{path[0]}", f"goes round silently: {way}")


def _silent_targets(flow: Flow, name: str) -> Iterator[str]:
    step = flow.steps[name]
    if isinstance(step, LookupStep):
        yield from step.on.values()
        if flow.otherwise in flow.steps:
            yield flow.otherwise
    else:
        yield from targets(flow, step)


def _circle(start: str, after: Mapping[str, list[str]], done: set[str]) -> list[str]:
    """A way from `start` back to itself, or nothing. done: steps of circles told before."""
    waiting = [[start]]
    seen = set()
    while waiting:
        path = waiting.pop()
        for name in after[path[-1]]:
            if name == start and not done & set(path):
                done.update(path)
                return [*path, start]
            if name not in seen:
                seen.add(name)
                waiting.append([*path, name])
    return []


# ---------------------------------------------------------------------- menus


def _menus(flow: Flow) -> Iterator[Finding]:
    for name, step in flow.steps.items():
        if isinstance(step, MenuStep):
            spoken = [k for k, o in step.options.items() if o.says and k not in SERVICE_KEYS]
            if len(spoken) > CHOICES:
                text = f"speaks {len(spoken)} choices; {CHOICES} at most"
                yield Finding("too-many-choices", f"{flow.name}.{name}", text)


def _late_keys(
    flow: Flow, flows: Mapping[str, Flow], catalogues: Mapping[str, Catalogue]
) -> Iterator[Finding]:
    """Speech since the last question, up to the end of the first choice, along the longest way."""
    for language, catalogue in catalogues.items():
        before = _speech_before(flow, catalogue)
        for name, step in questions(flow).items():
            first = list(step.says)
            if isinstance(step, MenuStep):
                first += [Saying(step.option)] if step.each else _first_choice(step)
            total = before.get(name, 0.0) + _length(tuple(first), catalogue)
            if total > SPEECH:
                text = f"{total:.0f} s of speech ({language}) before the first key"
                yield Finding("late-key", f"{flow.name}.{name}", text)


def _first_choice(step: MenuStep) -> list[Saying]:
    return next((list(option.says) for option in step.options.values() if option.says), [])


def _speech_before(flow: Flow, catalogue: Catalogue) -> dict[str, float]:
    """Seconds spoken by `say` steps on the longest silent way to each step."""
    longest: dict[str, float] = {}
    waiting: list[tuple[str, float, frozenset[str]]] = [(flow.start, 0.0, frozenset())]
    stops = [name for name, step in flow.steps.items() if isinstance(step, Question | EnqueueStep)]
    waiting += [(target, 0.0, frozenset()) for name in stops for target in _after(flow, name)]
    while waiting:
        name, spoken, walked = waiting.pop()
        if name not in flow.steps or name in walked or longest.get(name, -1.0) >= spoken:
            continue
        longest[name] = spoken
        step = flow.steps[name]
        if name in stops:
            continue
        spoken += _length(step.says, catalogue) if isinstance(step, SayStep) else 0.0
        waiting += [(target, spoken, walked | {name}) for target in _silent_targets(flow, name)]
    return longest


def _length(says: Sayings, catalogue: Catalogue) -> float:
    return sum(seconds(catalogue.texts.get(saying.prompt, "")) for saying in says)


# ---------------------------------------------------------------------- the operator


def _operator(flow: Flow, flows: Mapping[str, Flow]) -> Iterator[Finding]:
    for name in questions(flow):
        if not flow.operator:
            yield Finding(
                "no-operator", f"{flow.name}.{name}", "`operator` is missing: key 0 leads nowhere"
            )
        elif not _connects(flow, flow.operator, flows, frozenset()):
            text = f"key 0 leads to {flow.operator!r}, from where no queue is reached"
            yield Finding("no-operator", f"{flow.name}.{name}", text)


def _connects(
    flow: Flow, target: str, flows: Mapping[str, Flow], seen: frozenset[tuple[str, str]]
) -> bool:
    """Whether a queue is reached from a target without another question."""
    if (flow.name, target) in seen:
        return False
    seen |= {(flow.name, target)}
    if target in flow.ends:
        return all(
            _connects(outer, step.on.get(target, ""), flows, seen)
            for outer, step in _runs_of(flow.name, flows)
        ) and bool(list(_runs_of(flow.name, flows)))
    step = flow.steps.get(target)
    if isinstance(step, EnqueueStep):
        return True
    if isinstance(step, RunStep) and step.flow in flows:
        sub = flows[step.flow]
        return _connects(sub, sub.start, flows, seen)
    if isinstance(step, SayStep | LookupStep):
        return any(_connects(flow, each, flows, seen) for each in targets(flow, step))
    return False


def _runs_of(name: str, flows: Mapping[str, Flow]) -> Iterator[tuple[Flow, RunStep]]:
    for outer in flows.values():
        for step in outer.steps.values():
            if isinstance(step, RunStep) and step.flow == name:
                yield outer, step


# ---------------------------------------------------------------------- prompts


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


def _prompts(
    flows: Mapping[str, Flow],
    companies: Mapping[str, Company],
    catalogues: Mapping[str, Catalogue],
    services: Mapping[str, Service],
) -> Iterator[Finding]:
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
