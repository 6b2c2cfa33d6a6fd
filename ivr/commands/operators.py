"""Who may sign in at the operators' desk: operator."""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

from ivr.commands.terminal import say
from ivr.composition import now, profile_of, settings, store_of


def add(commands: Any) -> None:
    """Name the commands."""
    people = commands.add_parser("operator", help="who may sign in at the operators' desk")
    deeds = people.add_subparsers(metavar="WHAT", required=True)
    adder = deeds.add_parser("add", help=operator_add.__doc__)
    adder.set_defaults(command=operator_add)
    adder.add_argument("login", metavar="LOGIN", help="1 to 32 small letters and digits")
    adder.add_argument("--name", default="", help="the name on screens")
    adder.add_argument("--role", default="operator", help="operator, supervisor or administrator")
    adder.add_argument("--queues", default="", help="general:3,metering:5 (levels 1 to 5)")
    adder.add_argument("--company", help="company profile")
    deeds.add_parser("list", help=operator_list.__doc__).set_defaults(command=operator_list)
    for deed, function in (("password", operator_password), ("disable", operator_disable)):
        other = deeds.add_parser(deed, help=function.__doc__)
        other.set_defaults(command=function)
        other.add_argument("login", metavar="LOGIN")


def operator_add(options: argparse.Namespace) -> None:
    """Make somebody who may sign in at the desk; the password is shown once."""
    from agent_desk import users

    config = settings()
    profile = profile_of(options.company or config.press2.company)
    skills = users.skills_of(options.queues, profile.queues)
    with contextlib.closing(store_of(config)) as store:
        password = users.add(
            store, profile.id, options.login, options.name, options.role, skills, now()
        )
    say(f"{options.login}: added; password (shown once): {password}")


def operator_list(_options: argparse.Namespace) -> None:
    """List who may sign in at the desk."""
    from agent_desk import users

    with contextlib.closing(store_of(settings())) as store:
        rows = users.listed(store)
    for user in rows:
        skills = ",".join(f"{queue}:{level}" for queue, level in user.skills.items())
        state = "" if user.enabled else "  (disabled)"
        say(f"{user.company:10} {user.login:16} {user.role:14} {user.name:20} {skills}{state}")


def operator_password(options: argparse.Namespace) -> None:
    """Give somebody a new password; it is shown once."""
    from agent_desk import users

    with contextlib.closing(store_of(settings())) as store:
        password = users.renew_password(store, options.login, now())
    say(f"{options.login}: new password (shown once): {password}")


def operator_disable(options: argparse.Namespace) -> None:
    """Shut somebody out at once."""
    from agent_desk import users

    with contextlib.closing(store_of(settings())) as store:
        users.disable(store, options.login, now())
    say(f"{options.login}: disabled; `operator password {options.login}` lets him in again")
