"""What looks at a set-up and says what is wrong: doctor, twilio."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ivr import company
from ivr.commands.terminal import command, say
from ivr.composition import COMPANIES, HOME, settings, twilio_of
from ivr.errors import Press2Error

if TYPE_CHECKING:
    from ivr.channels.twilio.settings import TwilioSettings
    from ivr.doctor import Finding


def add(commands: Any) -> None:
    """Name the commands."""
    examiner = command(
        commands, "doctor", doctor, "looks at the set-up and says what is wrong with it"
    )
    examiner.add_argument(
        "what", nargs="?", choices=("queue", "recordings", "webhooks"),
        help="queue: audit the live queue; recordings: name the files that belong to no row of the"
        " store; webhooks: send one of Twilio's to the public URL",
    )  # fmt: skip
    account = commands.add_parser("twilio", help="our numbers at Twilio and its queue")
    acts = account.add_subparsers(metavar="WHAT", required=True)
    for act, text in (("setup", "sets what differs"), ("show", "shows it, changes nothing")):
        other = acts.add_parser(act, help=text, description=twilio_command.__doc__)
        other.set_defaults(command=twilio_command, change=act == "setup", dry_run=False)
        numbers = "E.164, +380487059090; default: every company's"
        other.add_argument("numbers", nargs="*", metavar="NUMBER", help=numbers)
        if act == "setup":
            other.add_argument("--dry-run", action="store_true", help="show what would be set")


def doctor(options: argparse.Namespace) -> int:
    """Look at the set-up, the live queue, recordings or Twilio's webhooks, and say what is wrong
    there.
    """
    if options.what == "queue":
        return _doctor_queue()
    if options.what == "recordings":
        return _doctor_recordings()
    from ivr import config
    from ivr.doctor import Finding, examine

    if options.what == "webhooks":
        from ivr.channels.twilio import doctor as twilio_doctor

        seen = twilio_doctor.examine(_twilio(), _company_numbers())
        return _tell(Finding(*remark) for remark in seen)
    return _tell(examine(config.path_of(os.environ, HOME), os.environ, HOME))


def _tell(findings: Iterable[Finding]) -> int:
    """Print findings as they come; exit code 1: there is a problem."""
    levels = []
    for finding in findings:
        levels.append(finding.level)
        say(str(finding))
    problems = levels.count("problem") + levels.count("differs")
    say(f"problems: {problems}, warnings: {levels.count('warning')}")
    return 1 if problems else 0


def _twilio() -> TwilioSettings:
    """Return the settings of the Twilio channel. Raises Press2Error: it is not configured."""
    config = settings()
    found = twilio_of(config)
    if found is None:
        raise Press2Error(f"{config.path.name}: [twilio] is empty; docs/twilio.md tells the steps")
    return found


def _company_numbers() -> list[str]:
    return [number for each in company.load(COMPANIES).values() for number in each.numbers]


def twilio_command(options: argparse.Namespace) -> int:
    """Show or set the addresses of our numbers at Twilio, and its queue of waiting callers."""
    from ivr.channels.twilio import rest, setup
    from ivr.doctor import Finding

    twilio, numbers = _twilio(), options.numbers or _company_numbers()
    act = setup.change if options.change and not options.dry_run else setup.look
    found = act(rest.client(twilio), twilio, numbers, given=bool(options.numbers))
    return _tell(Finding(*remark) for remark in found)


def _doctor_queue() -> int:
    """Audit the live queue; Redis pauses while it is read, some 50 ms for 1,000 tickets."""
    import redis

    from ivr.agent_queue.redis_queue import RedisQueue
    from ivr.doctor import examine_queue

    rules = {name: profile.queues for name, profile in company.load(COMPANIES).items()}
    with redis.Redis.from_url(settings().redis_url(), socket_timeout=30) as client:
        findings, summary = examine_queue(RedisQueue(client, rules), time.time())
    for line in findings or [summary]:
        say(line)
    return 1 if findings else 0


def _doctor_recordings() -> int:
    """Name the files of recordings that no row of the store names, one a line."""
    from ivr.doctor import stray_recordings

    found = stray_recordings(settings())
    for path in sorted(found):
        say(str(path))
    return 1 if found else 0
