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
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from ivr import check, company, graph, prompts
from ivr.check import MAIN, Finding
from ivr.company import Company
from ivr.errors import FlowError, Unfit
from ivr.flow import Flow
from ivr.prompts import Catalogue
from ivr.proof import Violation, prove, size
from ivr.releases import records, texts
from ivr.releases.texts import Files, Found
from ivr.releases.walks import Progress
from ivr.services import SERVICES
from ivr.services.callers import house
from ivr.store.supervision import FlowRelease

logger = logging.getLogger(__name__)

HOME = Path(__file__).resolve().parents[1]
UNUSED = ("unused-prompt", "unused-words")
"""Rules about the program's prompts: a release that speaks fewer of them is as good."""
WALK = 600.0
"""Seconds of processor time that a walk may take; the product's own flows take ten to twenty."""
TOLD = 0.5
"""Seconds between two looks at how far a walk is."""
NICE = 5
"""How far a walk stands back behind calls; with more it would never end on a busy machine."""
OUT_OF_MEMORY = 3
TOO_MUCH = (OUT_OF_MEMORY, -signal.SIGXCPU, -signal.SIGKILL)
"""How a process ends that took more time or memory than it may."""
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

    def check(self, db: Session, company: str, number: int, at: datetime) -> FlowRelease:
        """Check a release and keep what was found. Unfit: there is none, or it is empty."""
        row = records.find(db, company, number)
        if not row.changes:
            raise Unfit("release_empty", number=number)
        records.note_check(row, self.base, self.found(company, row.changes), at)
        return row

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

    def walk(
        self,
        name: str,
        changes: Mapping[str, str],
        told: Callable[[Progress], bool] = lambda _: True,
        seconds: float = WALK,
    ) -> dict[str, Any]:
        """Walk every way a call can take, in a process of its own; what is kept of it.

        told: is told how far it is, at least every second; the walk ends when it answers False.
        seconds: of processor time. State "done" comes with what `walked` returns.
        """
        task = {"home": str(self.home), "company": name, "changes": dict(changes)}
        kept: dict[str, Any] = {"base": self.base, "found": []}
        began = time.monotonic()
        with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as complaints:
            json.dump(task | {"seconds": seconds}, given)
            given.seek(0)
            child = subprocess.Popen(
                [sys.executable, "-m", "ivr.judge"], stdin=given, stdout=subprocess.PIPE,
                stderr=complaints, cwd=HOME,
            )  # fmt: skip
            try:
                last, wanted = _followed(child, told)
                if not wanted:
                    return kept | {"state": "cancelled"}
                ended = child.wait()
            finally:
                child.kill()
                child.wait()
                assert child.stdout is not None  # noqa: S101 - it is a pipe
                child.stdout.close()
            if ended == 0:
                took = round(time.monotonic() - began, 1)
                return kept | {"state": "done", "seconds": took, **last}
            complaints.seek(0)
            logger.error("the walk of a release ended (%d): %s", ended, complaints.read()[-2000:])
        return kept | {"state": "late" if ended in TOO_MUCH else "broken"}

    def walked(
        self,
        name: str,
        changes: Mapping[str, str],
        told: Callable[[Progress], object] = lambda _: None,
    ) -> dict[str, Any]:
        """Walk in this process, from every entrance that leads to a changed flow.

        Of the others all is as in the files. Returns found (rule, flow, line, place, text, way and
        script), states, and entrances. FlowError where the texts cannot be read.
        """
        laid = self.files.with_(changes)
        flows = texts.parse(laid)
        book, profile = check.book(flows, self.catalogues), self.companies[name]
        slots = house(profile, profile.languages[0])
        entrances = [each for each in check.ENTRANCES if check.runs(flows, each) & {*changes}]
        expected = sum(size(flows, entrance) for entrance in entrances)
        found: list[dict[str, Any]] = []
        states = 0
        for entrance in entrances:

            def tell(done: int, known: int, before: int = states) -> None:
                told(Progress(before + done, before + known, max(expected, before + known)))

            proof = prove(book, profile, SERVICES, slots, entrance, told=tell)
            states += proof.states
            found += [_violation(each, laid) for each in proof.violations]
        return {"found": found[:SHOWN], "states": states, "entrances": entrances}

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


def _violation(violation: Violation, laid: Mapping[str, str]) -> dict[str, Any]:
    flow, _, step = violation.place.partition(".")
    return {
        "rule": violation.rule,
        "place": violation.place,
        "flow": flow,
        "line": texts.lines(laid.get(flow, "")).get(step, 0),
        "text": violation.text,
        "way": [act.told for act in violation.way if act.told[0] != "answered"],
        "script": violation.script(),
    }


def _followed(
    child: subprocess.Popen[bytes], told: Callable[[Progress], bool]
) -> tuple[dict[str, Any], bool]:
    """Read what a walk tells until it ends; the last of it, and whether it was wanted so long."""
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    last: dict[str, Any] = {}
    progress, rest = Progress(), b""
    os.set_blocking(child.stdout.fileno(), False)
    with selectors.DefaultSelector() as ready:
        ready.register(child.stdout, selectors.EVENT_READ)
        while told(progress):
            if not ready.select(TOLD):
                continue
            part = child.stdout.read()
            if not part:
                return last, True
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                last = json.loads(line)
                progress = Progress(**last) if "done" in last else progress
    return last, False


def main() -> None:
    """Do one walk: a task of JSON on stdin, how far it is and its outcome on stdout, line by line.

    A process that nobody reads any more ends at its next line.
    """
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    task = json.load(sys.stdin)
    seconds = max(1, int(task["seconds"]))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    said = 0.0

    def tell(progress: Progress) -> None:
        nonlocal said
        if time.monotonic() > said + TOLD:
            said = time.monotonic()
            _line_out(progress._asdict())

    try:
        _line_out(Judge(Path(task["home"])).walked(task["company"], task["changes"], tell))
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)


def _line_out(told: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
