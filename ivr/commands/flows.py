"""What works on flows and prompts: check, prompts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivr import check, company, flow, prompts
from ivr.commands.terminal import command, say
from ivr.composition import COMPANIES, FLOWS, MESSAGES, PROMPTS, settings, synthesiser_of
from ivr.errors import Press2Error
from ivr.services import SERVICES

if TYPE_CHECKING:
    from ivr.engine import Flows


def add(commands: Any) -> None:
    """Name the commands."""
    checker = command(commands, "check", check_flows, "checks flows, prompts, services, profiles")
    checker.add_argument(
        "--paths", action="store_true", help="walk every way a call can take, too (minutes)"
    )
    checker.add_argument("--strict", action="store_true", help="warnings fail, too")
    checker.add_argument(
        "--graph", metavar="FLOW", help="write a picture (SVG) instead: of a flow, all, or the menu"
    )
    checker.add_argument("-o", "--output", type=Path, help="file of the picture")
    told = "builds and checks the sounds of all prompts"
    sounds = command(commands, "prompts", prompts_command, told)
    sounds.add_argument("action", choices=("build", "check", "sheet", "render"))
    sounds.add_argument("--language", metavar="LANG", help="only this language")


def check_flows(options: argparse.Namespace) -> int:
    """Check flows, prompts, services and profiles against each other, or draw them."""
    from ivr.services import notices

    catalogues = prompts.load(PROMPTS)
    flows = flow.load(FLOWS)
    if options.graph:
        from ivr import graph, menu

        if options.graph == menu.MENU:
            output = options.output or Path(f"{menu.MENU}.svg")
            target = menu.draw(flows, [catalogues["en"], catalogues["uk"]], output)
        else:
            target = graph.draw(flows, catalogues["en"], options.graph, options.output)
        say(f"{target}: written")
        return 0
    notices.load(MESSAGES)
    parts = flows, company.load(COMPANIES), catalogues, SERVICES
    findings = check.run(*parts)
    for finding in findings:
        say(str(finding))
    warnings = check.warnings(*parts, settings().speech.models())
    if warnings:
        say("warnings:")
    for warning in warnings:
        say(f"  {warning}")
    counted = f"{len(flows)} flows, {sum(len(f.steps) for f in flows.values())} steps"
    told = f"{len(findings)} findings" if findings else "nothing found"
    say(f"{counted}: {told}" + f", {len(warnings)} warnings" * bool(warnings))
    wrong = _walk_paths(check.book(flows, catalogues)) if options.paths else 0
    return 1 if findings or wrong or (warnings and options.strict) else 0


def _walk_paths(flows: Flows) -> int:
    """Walk every way a call can take, for every company; how many rules do not hold."""
    from ivr.proof import prove
    from ivr.services.callers import house as known

    wrong = 0
    for profile in company.load(COMPANIES).values():
        slots = known(profile, profile.languages[0])
        for entrance in check.ENTRANCES:
            if entrance in flows.flows:
                proof = prove(flows, profile, SERVICES, slots, entrance)
                say(f"{entrance}, {proof}")
                wrong += len(proof.violations)
                for violation in proof.violations:
                    say(f"{violation}\n{violation.script()}\n")
    return wrong


def prompts_command(options: argparse.Namespace) -> int:
    """Build the sounds, check them, write the list for the voice artist, render with a voice."""
    from ivr.speech import build, render, sheet
    from ivr.speech import check as sound_check

    config = settings()
    catalogues = prompts.load(PROMPTS)
    if options.language:
        if options.language not in catalogues:
            raise Press2Error(f"no prompts/{options.language}.yaml; known: {', '.join(catalogues)}")
        catalogues = {options.language: catalogues[options.language]}
    sounds = config.press2.var / "sounds"
    synthesiser = synthesiser_of(config)
    if options.action == "build":
        return 1 if build.run(catalogues, PROMPTS, sounds, synthesiser, sys.stderr).failed else 0
    if options.action == "check":
        return 1 if sound_check.run(catalogues, PROMPTS, sounds, synthesiser, sys.stdout) else 0
    if options.action == "render":
        render.run(catalogues, PROMPTS, synthesiser, sys.stderr)
        return 0
    parts = flow.load(FLOWS), company.load(COMPANIES), SERVICES
    said = {f"word_{word}": where for word, where in check.named(*parts).items()}
    sheet.run(catalogues, PROMPTS, sys.stdout, check.wanted(*parts) | said)
    return 0
