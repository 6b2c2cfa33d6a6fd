"""Who may sign in: made, listed and shut out from the command line; the operators of the demo."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from agent_desk.office import ROLES
from agent_desk.passwords import hashed, new_password
from ivr.errors import SetupError
from ivr.store.database import Store
from ivr.store.models import SignIn, User

LOGIN = r"[a-z0-9]{1,32}"
LEVELS = range(1, 6)
DEMO = {
    "olena": ("Олена", "operator", ("general", "metering")),
    "taras": ("Тарас", "operator", ("outage", "danger")),
    "iryna": ("Ірина", "operator", ("connection", "general")),
    "bohdan": ("Богдан", "operator", ("business",)),
    "marta": ("Марта", "operator", ("metering", "outage", "danger")),
    "vira": ("Віра", "supervisor", ()),
}
"""Login -> name, role and best queues of the demo's operators; they serve every other one too."""
USUAL, BEST = 3, 5


def add(
    store: Store,
    company: str,
    login: str,
    name: str,
    role: str,
    skills: Mapping[str, int],
    now: datetime,
) -> str:
    """Make a user and return his random password, which is kept nowhere."""
    if not re.fullmatch(LOGIN, login):
        raise SetupError(f"{login!r}: a login is 1 to 32 small letters and digits")
    if role not in ROLES:
        raise SetupError(f"{role!r} is no role; the roles are {', '.join(ROLES)}")
    password = new_password()
    row = User(
        company=company, login=login, name=name or login, role=role, password=hashed(password),
        skills=dict(skills), languages=[], created_at=now,
    )  # fmt: skip
    with store.session() as db:
        if db.scalar(select(User.id).where(User.login == login)) is not None:
            raise SetupError(f"{login}: there is such a user; `operator password {login}` renews")
        db.add(row)
    return password


def renew_password(store: Store, login: str, now: datetime) -> str:
    """Give a user a new random password and end his shifts."""
    password = new_password()
    fresh = hashed(password)
    with store.session() as db:
        user = db.scalar(select(User).where(User.login == login))
        if user is None:
            raise _nobody(login)
        user.password, user.enabled = fresh, True
        _end_shifts(db, user.id, now)
    return password


def disable(store: Store, login: str, now: datetime) -> None:
    """Shut a user out at once."""
    with store.session() as db:
        user = db.scalar(select(User).where(User.login == login))
        if user is None:
            raise _nobody(login)
        user.enabled = False
        _end_shifts(db, user.id, now)


def listed(store: Store) -> list[User]:
    """Return all users by company and login."""
    with store.session(read_only=True) as db:
        return list(db.scalars(select(User).order_by(User.company, User.login)))


def add_demo(store: Store, company: str, queues: Collection[str], now: datetime) -> dict[str, str]:
    """Make the operators of the demo in a store without users; returns login -> password."""
    with store.session(read_only=True) as db:
        if db.scalar(select(func.count(User.id))):
            return {}
    return {
        login: add(store, company, login, name, role, _skills(queues, best), now)
        for login, (name, role, best) in DEMO.items()
    }


def _skills(queues: Collection[str], best: Collection[str]) -> dict[str, int]:
    return {queue: BEST if queue in best else USUAL for queue in queues}


def skills_of(text: str, queues: Collection[str]) -> dict[str, int]:
    """Read "general:3,metering:5"; a queue without a level has 3."""
    skills: dict[str, int] = {}
    for part in filter(None, re.split(r"[,\s]+", text)):
        queue, _, level = part.partition(":")
        if queue not in queues:
            raise SetupError(f"{queue!r} is no queue; the queues are {', '.join(queues)}")
        if level and (not level.isdecimal() or int(level) not in LEVELS):
            raise SetupError(f"{part}: a level is a number from 1 (least) to 5 (best)")
        skills[queue] = int(level or USUAL)
    return skills


def _end_shifts(db: Session, user: int, now: datetime) -> None:
    running = update(SignIn).where(SignIn.user_id == user, SignIn.ended_at.is_(None))
    db.execute(running.values(ended_at=now))


def _nobody(login: str) -> SetupError:
    return SetupError(f"{login}: there is no such user; `operator list` shows all")
