"""Releases in the store: drafts, one canary and one live release of a company, what was before.

What calls get is one `State` of a company; every change of it names the state that was seen, and
is refused (`Changed`) when somebody was faster. The text of a release never changes once a call may
have begun with it: who wants to mend it makes a new draft from it.

states: draft -> canary -> live -> retired -> canary or live again; draft -> discarded -> draft.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ivr.actions import Undoing, done, flush, undoes
from ivr.errors import Changed, Unfit
from ivr.releases.texts import MOST, Files, Found, refuse
from ivr.store.supervision import FlowRelease

TARGET = "flows"
"""What is changed when another release goes to the calls of a company."""
SERVING = ("release.canary", "release.publish", "release.rollback", "release.stop")
"""Actions that change what calls get."""
SHOWN = 200
"""Releases of a list."""
LONGEST_TITLE = 120


@dataclass(frozen=True)
class State:
    """What new calls of a company get: numbers of releases, None for the files; share 0 to 1."""

    live: int | None = None
    canary: int | None = None
    share: float = 0.0


# ---------------------------------------------------------------------- what is


def state(db: Session, company: str, *, lock: bool = False) -> State:
    """Return what new calls get. lock: nobody else changes it before the transaction ends."""
    wanted = select(FlowRelease).where(
        FlowRelease.company == company, FlowRelease.state.in_(("canary", "live"))
    )
    rows = {row.state: row for row in db.scalars(wanted.with_for_update() if lock else wanted)}
    live, canary = rows.get("live"), rows.get("canary")
    return State(
        live.number if live else None,
        canary.number if canary else None,
        canary.share if canary else 0.0,
    )


def listed(db: Session, company: str) -> list[FlowRelease]:
    """Return the releases of a company, newest first, without those that were discarded."""
    wanted = select(FlowRelease).where(
        FlowRelease.company == company, FlowRelease.state != "discarded"
    )
    return list(db.scalars(wanted.order_by(FlowRelease.number.desc()).limit(SHOWN)))


def find(db: Session, company: str, number: int, version: int | None = None) -> FlowRelease:
    """Return a release and lock it where its version is named; Unfit("gone"), Changed."""
    wanted = select(FlowRelease).where(
        FlowRelease.company == company, FlowRelease.number == number,
        FlowRelease.state != "discarded",
    )  # fmt: skip
    row = db.scalar(wanted.with_for_update() if version is not None else wanted)
    if row is None:
        raise Unfit("release_gone", number=number)
    if version is not None and row.version != version:
        raise Changed(row.published_by or row.made_by)
    return row


def text_of(row: FlowRelease | None, name: str, files: Files) -> str:
    """Return the text of a flow as a release has it, "" where it has none."""
    changes: Mapping[str, str] = row.changes if row else {}
    return changes.get(name, files.texts.get(name, ""))


# ---------------------------------------------------------------------- drafts


def new(
    db: Session, company: str, who: str, at: datetime, *, like: int | None = None, title: str = ""
) -> FlowRelease:
    """Make a draft with the texts of another release, or those of the files."""
    changes = dict(find(db, company, like).changes) if like is not None else {}
    highest = select(func.max(FlowRelease.number)).where(FlowRelease.company == company)
    row = FlowRelease(
        company=company, number=(db.scalar(highest) or 0) + 1, title=title[:LONGEST_TITLE],
        changes=changes, made_by=who, made_at=at,
    )  # fmt: skip
    db.add(row)
    flush(db)
    done(db, company, who, "release.new", str(row.number), {}, {"like": like}, at)
    return row


def edit(
    db: Session,
    company: str,
    number: int,
    version: int,
    who: str,
    at: datetime,
    *,
    files: Files,
    texts: Mapping[str, str],
    title: str | None = None,
) -> FlowRelease:
    """Put texts into a draft; one that is as in the files, or empty, leaves it. Whole or nothing.

    What was found of the draft before is forgotten.
    """
    row = _draft(db, company, number, version)
    changes = dict(row.changes)
    for name, text in texts.items():
        refuse(name, text)
        tidy = "\n".join(text.splitlines()) + "\n" if text.strip() else ""
        changes.pop(name, None)
        if tidy and tidy != files.texts.get(name):
            changes[name] = tidy
    if len(changes) > MOST:
        raise Unfit("flows_many", most=MOST)
    before, row.title = row.title, row.title if title is None else title[:LONGEST_TITLE]
    if texts:
        row.changes, row.base, row.findings, row.walked, row.checked_at = changes, "", [], {}, None
    row.version += 1
    told = {"flows": sorted(texts), "title": row.title}
    done(db, company, who, "release.edit", str(number), {"title": before}, told, at)
    return row


def discard(
    db: Session, company: str, number: int, version: int, who: str, at: datetime
) -> FlowRelease:
    """Take a draft out of the list."""
    row = _draft(db, company, number, version)
    row.state, row.version = "discarded", row.version + 1
    shown = {"state": "draft"}, {"state": "discarded", "version": row.version}
    done(db, company, who, "release.discard", str(number), *shown, at)
    return row


def _draft(db: Session, company: str, number: int, version: int) -> FlowRelease:
    row = find(db, company, number, version)
    if row.state != "draft":
        raise Unfit("release_fixed", number=number)
    return row


# ---------------------------------------------------------------------- checks


def note_check(row: FlowRelease, base: str, found: Sequence[Found], at: datetime) -> None:
    """Keep what the check found. base: digest of the files it was checked against."""
    if row.base != base:
        row.walked = {}
    row.base, row.checked_at = base, at
    row.findings = [each.to_json() for each in found]


def note_walk(
    db: Session, company: str, number: int, changes: Mapping[str, str], walked: Mapping[str, Any]
) -> None:
    """Keep what became of the walk, unless the texts are others by now."""
    row = find(db, company, number)
    if row.changes == changes:
        row.walked = dict(walked)


def refuse_unfit(row: FlowRelease, base: str) -> None:
    """Raise Unfit unless the texts of a release passed the check against the files of `base`."""
    if not row.changes:
        raise Unfit("release_empty", number=row.number)
    if row.checked_at is None or row.base != base:
        raise Unfit("release_unchecked", number=row.number)
    wrong = sum(not each.get("hint") for each in row.findings)
    wrong += len(row.walked.get("found", ())) if row.walked.get("base") == base else 0
    if wrong:
        raise Unfit("release_unfit", number=row.number, findings=wrong)


# ---------------------------------------------------------------------- what calls get


def canary(
    db: Session,
    company: str,
    number: int,
    version: int,
    share: float,
    seen: State,
    base: str,
    who: str,
    at: datetime,
) -> State:
    """Give a release to a share of the new calls, 0 to 1. seen: what was, as far as is known."""
    if not 0.0 <= share <= 1.0:
        raise Unfit("release_share")
    row, now = find(db, company, number, version), _seen(db, company, seen)
    if row.state == "live":
        raise Unfit("release_live", number=number)
    if now.canary not in (None, number):
        raise Unfit("canary_taken", number=now.canary)
    refuse_unfit(row, base)
    return _serve(db, company, now, State(now.live, number, share), "release.canary", who, at)


def publish(
    db: Session,
    company: str,
    number: int,
    version: int,
    seen: State,
    base: str,
    who: str,
    at: datetime,
) -> State:
    """Give a release to every new call; another canary stays with its share."""
    row, now = find(db, company, number, version), _seen(db, company, seen)
    if row.state == "live":
        raise Unfit("release_live", number=number)
    refuse_unfit(row, base)
    row.replaced = now.live
    rest = (None, 0.0) if now.canary == number else (now.canary, now.share)
    return _serve(db, company, now, State(number, *rest), "release.publish", who, at)


def stop(db: Session, company: str, seen: State, who: str, at: datetime) -> State:
    """End the canary: new calls get the live release."""
    now = _seen(db, company, seen)
    if now.canary is None:
        raise Unfit("canary_none")
    return _serve(db, company, now, State(now.live), "release.stop", who, at)


def roll_back(
    db: Session, company: str, seen: State, who: str, at: datetime, *, base: str, to_files: bool
) -> State:
    """Give new calls the release that was live before, or the files; a canary ends with it.

    The one before must have passed the check against the files of `base`, too.
    """
    now = _seen(db, company, seen)
    if now.live is None:
        raise Unfit("release_none")
    replaced = find(db, company, now.live).replaced
    if to_files or replaced is None:
        return _serve(db, company, now, State(), "release.rollback", who, at)
    refuse_unfit(find(db, company, replaced), base)
    return _serve(db, company, now, State(replaced), "release.rollback", who, at)


def before(db: Session, company: str) -> FlowRelease | None:
    """Return the release that a roll-back would bring, None: the files."""
    live = state(db, company).live
    replaced = find(db, company, live).replaced if live is not None else None
    return find(db, company, replaced) if replaced is not None else None


def _seen(db: Session, company: str, seen: State) -> State:
    now = state(db, company, lock=True)
    if now != seen:
        wanted = select(FlowRelease.published_by).where(
            FlowRelease.company == company, FlowRelease.published_at.is_not(None)
        )
        latest = db.scalar(wanted.order_by(FlowRelease.published_at.desc()).limit(1))
        raise Changed(latest or "")
    return now


def _serve(
    db: Session, company: str, now: State, then: State, what: str, who: str, at: datetime
) -> State:
    """Change what new calls get, and write it down."""
    _put(db, company, now, then, who, at)
    done(db, company, who, what, TARGET, asdict(now), asdict(then), at)
    return then


def _put(db: Session, company: str, now: State, then: State, who: str, at: datetime) -> None:
    for number in {now.live, now.canary} - {None, then.live, then.canary}:
        assert number is not None  # noqa: S101 - taken out above
        row = find(db, company, number)
        row.state, row.share, row.retired_at = "retired", 0.0, at
        row.version += 1
    if now.canary is not None and now.canary == then.live:
        find(db, company, now.canary).state = "retired"  # no two rows of one state at any moment
    if now.live is not None and now.live == then.canary:
        find(db, company, now.live).state = "retired"
    flush(db)
    for number, wanted, share in ((then.live, "live", 1.0), (then.canary, "canary", then.share)):
        if number is None:
            continue
        row = find(db, company, number)
        if (row.state, row.share) != (wanted, share):
            row.state, row.share, row.version = wanted, share, row.version + 1
            row.published_by, row.published_at, row.retired_at = who, at, None
    flush(db)


# ---------------------------------------------------------------------- undone


@undoes(*SERVING)
def _served_again(undoing: Undoing) -> None:
    """Give new calls what they got before; their programs check it again when they load it."""
    db, company, action = undoing.db, undoing.company.id, undoing.action
    now = state(db, company, lock=True)
    if now != State(**action.after):
        raise undoing.refuse(*SERVING)
    _put(db, company, now, State(**action.before), undoing.who, undoing.at)


@undoes("release.discard")
def _draft_again(undoing: Undoing) -> None:
    wanted = select(FlowRelease).where(
        FlowRelease.company == undoing.company.id,
        FlowRelease.number == int(undoing.action.target),
    )
    row = undoing.db.scalar(wanted.with_for_update())
    if row is None or row.state != "discarded":
        raise undoing.refuse("release.discard")
    row.state, row.version = "draft", row.version + 1
