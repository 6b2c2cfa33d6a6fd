"""How many operators are needed: staffing forecast, need, whatif."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ivr.commands.terminal import day, say
from ivr.composition import now, profile_of, settings, store_of
from ivr.errors import Press2Error

if TYPE_CHECKING:
    from ivr.company import Company
    from ivr.staffing.plan import Known, Planned, Wishes
    from ivr.staffing.whatif import Change
    from ivr.store.database import Store

DAYS = 31
"""Days planned at once, at most."""


def add(commands: Any) -> None:
    """Name the commands."""
    group = commands.add_parser("staffing", help="how many will call, how many operators it takes")
    deeds = group.add_subparsers(metavar="WHAT", required=True)
    told = {
        "forecast": "calls by half hour, from the last days of the same type and the trend",
        "need": "operators by half hour, by Erlang C and A",
        "whatif": "a day of the log lived again with other operators, rules, talks",
    }
    parsers = {}
    for deed, text in told.items():
        parsers[deed] = other = deeds.add_parser(deed, help=text, description=text)
        other.set_defaults(command=staffing, deed=deed)
        other.add_argument("--company", help="company profile")
        other.add_argument("--format", choices=("table", "csv", "json"), default="table")
    for deed in ("forecast", "need"):
        _planning(parsers[deed])
    parsers["forecast"].add_argument(
        "--backtest", type=int, metavar="DAYS",
        help="instead: how good forecasts of the last so many days would have been",
    )  # fmt: skip
    _needs(parsers["need"])
    _whatif(parsers["whatif"])


def _planning(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--day", type=day, help="2026-11-30; default: tomorrow")
    parser.add_argument("--days", type=int, default=1, help=f"from there on, at most {DAYS}")
    parser.add_argument(
        "--queue", action="append", default=[], help="only this one; may be said again"
    )
    parser.add_argument(
        "--type", dest="kind", default="", help="of the days, if not the calendar's"
    )
    parser.add_argument("--from-days", type=int, help="how many days of the type it stands on")


def _needs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--handling", type=float, help="seconds of a call; default: measured")
    parser.add_argument("--patience", type=float, help="mean seconds; default: measured")
    parser.add_argument("--within", type=float, help="seconds in which callers are answered")
    parser.add_argument("--target", type=float, help="share of them, 0.75")
    parser.add_argument("--lost", type=float, help="share that may hang up, 0.1")
    parser.add_argument("--shrinkage", type=float, help="share of paid time without calls, 0.3")
    parser.add_argument("--least", type=int, help="operators at any open hour")


def _whatif(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--day", type=day, help="default: yesterday")
    parser.add_argument("--operators", type=int, default=0, help="+2 more, -2 fewer")
    parser.add_argument("--skills", help="outage:5,general:3; default: the commonest of the day")
    parser.add_argument("--from", dest="since", default="00:00", help="local time, 08:00")
    parser.add_argument("--to", dest="until", default="24:00")
    parser.add_argument(
        "--rule", action="append", default=[], metavar="QUEUE.RULE=VALUE",
        help="outage.wrap_up=10, general.relax=0:3,60:1, metering.overflow_to=general",
    )  # fmt: skip
    parser.add_argument(
        "--handling", action="append", default=[], metavar="[QUEUE=]SECONDS",
        help="mean seconds of a call instead: 200, outage=150",
    )  # fmt: skip
    parser.add_argument("--queues", action="store_true", help="show each queue as well")
    parser.add_argument("--runs", type=int, default=5, help="of each variant")
    parser.add_argument("--seed", type=int, default=1, help="of chance; the same gives the same")


def staffing(options: argparse.Namespace) -> None:
    """Show a forecast, the operators it needs, or a day lived again."""
    from ivr.staffing.day import EmptyDay
    from ivr.staffing.forecast import NothingKnown

    config = settings()
    profile = profile_of(options.company or config.press2.company)
    with contextlib.closing(store_of(config)) as store:
        try:
            (_replayed if options.deed == "whatif" else _planned)(options, store, profile)
        except (ValueError, EmptyDay, NothingKnown) as reason:
            raise Press2Error(str(reason)) from None


def _planned(options: argparse.Namespace, store: Store, profile: Company) -> None:
    from ivr.staffing import plan, shown
    from ivr.staffing.backtest import backtest

    today = now().astimezone(profile.zone).date()
    first = options.day or today + timedelta(days=1)
    if not 1 <= options.days <= DAYS:
        raise Press2Error(f"--days is 1 to {DAYS}, found {options.days}")
    if (first - today).days > plan.FURTHEST:
        raise Press2Error(f"{first} is more than a year ahead")
    wishes = _wishes(options)
    with store.session(read_only=True) as db:
        known = plan.known(db, profile, options.queue, first, now())
    if getattr(options, "backtest", None) is not None:
        wanted = wishes.days or profile.terms.staffing.days
        if not 1 <= options.backtest <= plan.LOOK:
            raise Press2Error(f"--backtest is 1 to {plan.LOOK} days, found {options.backtest}")
        scores = backtest(known.history, min(first, today), options.backtest, wanted)
        _write(options, scores, shown.score_table(scores), [])
        return
    given = plan.inputs(known, wishes)
    days = [plan.day(known, first + timedelta(days=n), wishes, given) for n in range(options.days)]
    if options.deed == "need":
        _told(options, known, days, wishes)
        return
    text = "\n\n".join("\n".join([*shown.basis(d), shown.forecast_table(d)]) for d in days)
    _write(options, shown.slot_rows(days), text, shown.json_of(days, known, given))


def _told(options: argparse.Namespace, known: Known, days: list[Planned], wishes: Wishes) -> None:
    from ivr.staffing import plan, shown

    given = plan.inputs(known, wishes)
    text = "\n\n".join(
        ["\n".join(shown.stated(known, given))]
        + ["\n".join([*shown.basis(each), shown.need_table(each.lines)]) for each in days]
    )
    _write(options, shown.need_rows(days), text, shown.json_of(days, known, given))


def _wishes(options: argparse.Namespace) -> Wishes:
    from ivr.staffing.plan import Wishes

    given = vars(options)
    return Wishes(
        handle=given.get("handling"), patience=given.get("patience"),
        shrinkage=given.get("shrinkage"), least=given.get("least"), within=given.get("within"),
        level=given.get("target"), lost=given.get("lost"), days=options.from_days,
        kind=options.kind,
    )  # fmt: skip


def _replayed(options: argparse.Namespace, store: Store, profile: Company) -> None:
    from ivr.staffing import ask, shown
    from ivr.staffing.whatif import answer

    asked_for = options.day or now().astimezone(profile.zone).date() - timedelta(days=1)
    with store.session(read_only=True) as db:
        change = _change(options)
        asked = ask.question(db, profile, asked_for, change, now(), options.runs, options.seed)
    found = answer(ask.with_handling(asked, _handling(options.handling)))
    rows = shown.figure_rows(found)
    _write(options, rows, shown.answer_table(found, options.queues), found)


def _change(options: argparse.Namespace) -> Change:
    from ivr.staffing.whatif import Change, parse_rule

    rules: dict[str, dict[str, Any]] = {}
    for text in options.rule:
        queue, name, value = parse_rule(text)
        rules.setdefault(queue, {})[name] = value
    return Change(
        operators=options.operators, skills=_skills(options.skills or ""),
        since=options.since, until=options.until, rules=rules,
    )  # fmt: skip


def _skills(text: str) -> dict[str, int]:
    """Read "outage:5,general:3"; a queue without a level has 3."""
    found = {}
    for part in filter(None, text.split(",")):
        queue, _, level = part.strip().partition(":")
        if level and not level.isdecimal():
            raise ValueError(f"--skills {text}: write outage:5,general:3")
        found[queue] = int(level or 3)
    return found


def _handling(texts: list[str]) -> Mapping[str, float]:
    """Read "200" or "outage=150"."""
    found = {}
    for text in texts:
        queue, _, seconds = text.rpartition("=")
        try:
            found[queue] = float(seconds)
        except ValueError:
            raise ValueError(f"--handling {text}: write 200, or outage=150") from None
        if not 1 <= found[queue] <= 7200:
            raise ValueError(f"--handling {text}: 1 to 7200 seconds")
    return found


def _write(options: argparse.Namespace, rows: Any, text: str, document: Any) -> None:
    """Say it in the format that is wanted. document: of JSON, [] for the rows themselves."""
    import json
    from dataclasses import asdict, is_dataclass

    from ivr.figures import as_csv, as_json
    from ivr.staffing.backtest import Score

    if options.format == "table":
        say(text)
    elif options.format == "csv":
        say(as_csv(type(rows[0]) if rows else Score, rows))
    elif is_dataclass(document) and not isinstance(document, type):
        say(json.dumps(asdict(document), indent=2))
    else:
        say(json.dumps(document, indent=2) if document else as_json(rows))
