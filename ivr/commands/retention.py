"""What is deleted: retention by age, and the erasure of one customer."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ivr import company
from ivr.commands.terminal import command, say
from ivr.composition import COMPANIES, now, profile_of, queue_of, redis_of, settings, store_of
from ivr.errors import Press2Error

if TYPE_CHECKING:
    from ivr.config import Config
    from ivr.erasure.customer import Parts
    from ivr.erasure.subject import Subject

REFUSED = {
    "number": "{given!r} is no telephone number; write it like +380671110001",
    "account": "{given!r} is no account",
    "own": "this is a number of {owner} itself",
    "unknown": "nothing is known by that; is it of another company (--company)?",
    "calling": "he is in a call right now ({calls}); wait until it is over, or use --wait SECONDS",
    "busy": "another erasure or round of retention is under way; try again later",
}
LOOK = 1.0
"""Seconds between two looks whether a call is over."""


def add(commands: Any) -> None:
    """Name the commands."""
    aged = command(commands, "retention", retention, "deletes what is old enough, by the policy")
    aged.add_argument("--dry-run", action="store_true", help="count only what would go")
    aged.add_argument("--company", help="company profile; default: every one")
    one = command(commands, "erase", erase, "erases one customer everywhere and prints the proof")
    whose = one.add_mutually_exclusive_group(required=True)
    whose.add_argument("--number", help="telephone: +380671110001")
    whose.add_argument("--account", help="number of the account")
    one.add_argument("--dry-run", action="store_true", help="count only what would go")
    one.add_argument("--yes", action="store_true", help="do not ask")
    one.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="for a call of his to end"
    )
    one.add_argument(
        "--vacuum", action="store_true",
        help="write SQLite's file anew afterwards; callers wait meanwhile",
    )  # fmt: skip
    one.add_argument("--company", help="company profile")


def retention(options: argparse.Namespace) -> None:
    """Delete what is old enough, and tell what it was."""
    from ivr.erasure import retention as policy

    config = settings()
    profiles = company.load(COMPANIES)
    wanted = [profile_of(options.company)] if options.company else list(profiles.values())
    with _parts(config, profiles) as parts, _refusals():
        for profile in wanted:
            if options.dry_run:
                told = policy.dry_run(parts, profile)
            else:
                told = policy.run(parts, profile, _who())
            say(f"{profile.id}{' (dry run)' if options.dry_run else ''}")
            for row in told["kinds"]:
                oldest = row["oldest"] or "-"
                days = f"{row['days']} days" if row["days"] else "for ever"
                say(f"  {row['kind']:24} {row['count']:9}   kept {days}, oldest {oldest}")


def erase(options: argparse.Namespace) -> int:
    """Erase one customer and print the proof; 1: something is left."""
    from ivr.erasure import customer
    from ivr.erasure.subject import account_of, number_of

    config = settings()
    profiles = company.load(COMPANIES)
    profile = profile_of(options.company or config.press2.company)
    with _parts(config, profiles) as parts, _refusals():
        if options.number:
            subject = number_of(profile, profiles, options.number)
        else:
            subject = account_of(profile, options.account)
        if options.dry_run:
            _print(customer.dry_run(parts, subject))
            return 0
        if parts.client is None:
            raise Press2Error("nothing was erased: start press2, or its Redis, first")
        if not options.yes:
            _print(customer.dry_run(parts, subject))
            given = input("This cannot be undone. Write the number or account again: ")
            if given.strip() != (options.number or options.account).strip():
                raise Press2Error("not the same; nothing was erased")
        key = _begin(parts, subject, options.wait)
        proof = customer.finish(parts, subject, key, _who())
        if options.vacuum:
            customer.vacuum(parts)
        _print(proof)
        say(f"erasure {key}: {proof['state']}")
        return 0 if proof["state"] == "done" else 1


def _begin(parts: Parts, subject: Subject, wait: float) -> int:
    """Begin as soon as he is in no call."""
    from ivr.erasure import customer
    from ivr.erasure.subject import NotErased

    until = time.monotonic() + wait
    while True:
        try:
            return customer.begin(parts, subject, _who())
        except NotErased as reason:
            if reason.reason != "calling" or time.monotonic() >= until:
                raise
            time.sleep(LOOK)


def _print(proof: Mapping[str, Any]) -> None:
    say(f"{'place':26} {'looked':>9} {'found':>7} {'erased':>7} {'left':>6} {'kept':>6}  why")
    for row in proof["places"]:
        if row["found"] or row["left"] or row["kept"]:
            say(
                f"{row['place']:26} {row['looked']:9} {row['found']:7} {row['erased']:7}"
                f" {row['left']:6} {row['kept']:6}  {row['why']}".rstrip()
            )
    clean = [row["place"] for row in proof["places"] if not (row["found"] or row["kept"])]
    say(f"nothing in: {', '.join(clean)}")
    for name, count in proof["notes"].items():
        if count:
            say(f"note: {count} open {name}")


@contextlib.contextmanager
def _parts(config: Config, profiles: Mapping[str, company.Company]) -> Iterator[Parts]:
    import redis

    from ivr.erasure.customer import Parts

    client: redis.Redis | None = None
    try:
        redis_of(config).ping()
        client = redis.Redis.from_url(config.redis_url(), socket_timeout=30)
    except redis.RedisError:
        say("Redis does not answer: what is in it was not looked through")
    with contextlib.closing(store_of(config)) as store:
        queue = queue_of(config, profiles) if client is not None else None
        yield Parts(store, profiles, config.press2.var, now, client, queue)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    from ivr.erasure.subject import NotErased

    try:
        yield
    except NotErased as refused:
        raise Press2Error(REFUSED[refused.reason].format(**refused.details)) from None


def _who() -> str:
    return f"shell:{getpass.getuser()}"
