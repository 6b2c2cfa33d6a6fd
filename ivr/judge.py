"""What is said of a release before calls get it: the check, the walk through all ways, the picture.

The check compares texts with prompts, services and the profile of the company, in some tenths of a
second. The walk takes up to minutes, so it is done in a process of its own that is ended when it
takes too long: `python -m ivr.judge`, which reads a task from stdin and answers on stdout.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ivr import check, company, graph, prompts
from ivr.check import MAIN, Finding
from ivr.company import Company
from ivr.errors import FlowError
from ivr.flow import Flow
from ivr.prompts import Catalogue
from ivr.proof import prove
from ivr.releases import texts
from ivr.releases.texts import Files, Found
from ivr.services import SERVICES
from ivr.services.callers import house

logger = logging.getLogger(__name__)

HOME = Path(__file__).resolve().parents[1]
UNUSED = ("unused-prompt", "unused-words")
"""Rules about the program's prompts: a release that speaks fewer of them is as good."""
WALK = 900.0
"""Seconds that a walk may take."""
MEMORY = 2 * 1024**3
"""Bytes that it may use."""
PICTURE = 20.0
"""Seconds that a picture may take."""
SHOWN = 50
"""Findings that are kept of a check or a walk."""


class Judge:
    """Knows the program's flows, prompts, profiles and services; reads them when first asked."""

    def __init__(self, home: Path = HOME, companies: Mapping[str, Company] | None = None) -> None:
        self.home = home
        self._given = companies

    @cached_property
    def files(self) -> Files:
        """The flow files."""
        return texts.read(self.home / "flows")

    @cached_property
    def base(self) -> str:
        """The digest of the flow files."""
        return self.files.digest

    @cached_property
    def catalogues(self) -> Mapping[str, Catalogue]:
        """The prompts, by language."""
        return prompts.load(self.home / "prompts")

    @cached_property
    def companies(self) -> Mapping[str, Company]:
        """The profiles."""
        return self._given or company.load(self.home / "flows" / "companies")

    # ------------------------------------------------------------------ the check

    def found(self, name: str, changes: Mapping[str, str]) -> list[Found]:
        """Return what is wrong with a release of a company, those first that keep it back."""
        laid = self.files.with_(changes)
        flows, found = texts.try_parse(laid)
        if not found:
            places = {flow: texts.lines(text) for flow, text in laid.items() if flow in changes}
            wrong, harmless = self._check(name, flows)
            found = [_found(each, places) for each in wrong]
            found += [_found(each, places, hint=True) for each in harmless]
        return found[:SHOWN]

    def fits(self, name: str, flows: Mapping[str, Flow]) -> list[Finding]:
        """Return what keeps flows from being served to the callers of a company."""
        return self._check(name, flows)[0]

    def _check(self, name: str, flows: Mapping[str, Flow]) -> tuple[list[Finding], list[Finding]]:
        """Return the findings of the check, and those of them that do no harm and are new."""
        profile = self.companies.get(name)
        if profile is None:
            return [Finding("no-company", name, "no profile of that name")], []
        try:
            found = check.run(flows, {name: profile}, self.catalogues, SERVICES)
        except RecursionError:
            return [Finding("too-deep", MAIN, "flows and steps lead too deep")], []
        old = check.run(self._own, {name: profile}, self.catalogues, SERVICES)
        harmless = [each for each in found if self._harmless(each, flows)]
        wrong = [each for each in found if each not in harmless]
        return wrong, [each for each in harmless if each not in old]

    def _harmless(self, finding: Finding, flows: Mapping[str, Flow]) -> bool:
        """Whether a release just does not use something that the program has."""
        if finding.rule == "unreachable-flow":
            return flows[finding.place] == self._own.get(finding.place)
        return finding.rule in UNUSED

    @cached_property
    def _own(self) -> Mapping[str, Flow]:
        return texts.parse(self.files.texts)

    # ------------------------------------------------------------------ the walk

    def walk(self, name: str, changes: Mapping[str, str], seconds: float = WALK) -> dict[str, Any]:
        """Walk every way a call can take, in a process of its own; what is kept of it.

        state: "done" (see found: rule, place, text, script) or "late", it took too long.
        """
        task = json.dumps({"home": str(self.home), "company": name, "changes": dict(changes)})
        kept: dict[str, Any] = {"state": "late", "base": self.base, "found": []}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "ivr.judge"], input=task, text=True, capture_output=True,
                timeout=seconds, cwd=HOME, check=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return kept
        except subprocess.CalledProcessError as reason:
            logger.error("the walk of a release broke: %s", reason.stderr[-2000:])
            return kept
        return kept | {"state": "done", **json.loads(done.stdout)}

    def walked(self, name: str, changes: Mapping[str, str]) -> dict[str, Any]:
        """Walk in this process; FlowError where the texts cannot be read."""
        flows = texts.parse(self.files.with_(changes))
        book, profile = check.book(flows, self.catalogues), self.companies[name]
        found, states = [], 0
        for entrance in check.ENTRANCES:
            if entrance not in flows:
                continue
            proof = prove(book, profile, SERVICES, house(profile, profile.languages[0]), entrance)
            states += proof.states
            found += [
                {"rule": each.rule, "place": each.place, "text": each.text, "script": each.script()}
                for each in proof.violations
            ]
        return {"found": found[:SHOWN], "states": states}

    # ------------------------------------------------------------------ the picture

    def picture(self, changes: Mapping[str, str], flow: str, language: str = "en") -> bytes:
        """Return the picture of a flow of a release, SVG; FlowError where there is none."""
        flows, found = texts.try_parse(self.files.with_(changes))
        if wrong := [each for each in found if each.flow == flow]:
            raise FlowError(wrong[0].text)
        spoken = self.catalogues.get(language) or next(iter(self.catalogues.values()))
        return graph.svg(flows, spoken, flow, PICTURE)


@cache
def of_program() -> Judge:
    """Return the judge of this program's own files."""
    return Judge()


def _found(finding: Finding, places: Mapping[str, Mapping[str, int]], hint: bool = False) -> Found:
    flow, _, step = finding.place.partition(".")
    line = places.get(flow, {}).get(step, 0)
    text = f"{finding.place}: {finding.text}" if step else f"{flow}: {finding.text}"
    return Found(flow, line, finding.rule, text, hint)


def main() -> None:
    """Do one walk: a task of JSON on stdin, its outcome on stdout."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    task = json.load(sys.stdin)
    done = Judge(Path(task["home"])).walked(task["company"], task["changes"])
    json.dump(done, sys.stdout, ensure_ascii=False)


if __name__ == "__main__":
    main()
