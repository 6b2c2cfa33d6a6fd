"""Flow releases at the terminal: release."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivr.commands.terminal import say
from ivr.composition import HOME, now, profile_of, settings, store_of
from ivr.errors import Changed, Press2Error, Unfit

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from ivr.judge import Judge
    from ivr.releases.records import State
    from ivr.releases.walks import Progress
    from ivr.store.database import Store
    from ivr.store.supervision import FlowRelease

WHY = {
    "release_gone": "there is no release {number}",
    "release_fixed": "calls have heard release {number}; do: release new --like {number}",
    "release_empty": "release {number} is empty",
    "release_unchecked": "release {number} was not checked against this program",
    "release_unfit": "release {number} does not pass: {findings} found; do: release check {number}",
    "release_live": "release {number} is live already",
    "release_none": "calls get the program's files already",
    "release_share": "a share is 0 to 100 percent",
    "canary_taken": "release {number} is the canary already; publish it, or: release stop",
    "canary_none": "there is no canary",
    "flow_name": "{name} is no name of a flow: a-z, digits, _",
    "flow_long": "a flow has {most} characters at most",
    "flows_many": "a release changes {most} flows at most",
}  # fmt: skip


ENDED = {
    "late": "the walk through all ways took more time or memory than it may",
    "broken": "the walk through all ways broke; see the log",
    "cancelled": "the walk through all ways was ended",
}


def add(commands: Any) -> None:
    """Name the commands."""
    told = "flow releases: what calls get instead of the files in flows/"
    deeds = commands.add_parser("release", help=told, description=told).add_subparsers(
        metavar="WHAT", required=True
    )
    for deed, text in {
        "list": "the releases, and what new calls get",
        "show": "what a release changes",
        "new": "a draft from flow files",
        "check": "check a release against this program",
        "publish": "give a release to every new call",
        "canary": "give a release to a share of new calls",
        "stop": "end the canary",
        "rollback": "the release that was live before, or the files",
    }.items():
        one = deeds.add_parser(deed, help=text, description=text)
        one.set_defaults(command=release, deed=deed)
        one.add_argument("--company", help="company profile")
        if deed in ("show", "check", "publish", "canary"):
            one.add_argument("number", type=int)
        if deed == "new":
            one.add_argument("files", nargs="*", type=Path, metavar="FLOW.yaml")
            one.add_argument(
                "--like", type=int, metavar="NUMBER", help="with the texts of this one"
            )
            one.add_argument("--title", default="")
        if deed == "canary":
            one.add_argument("percent", type=float, help="of new calls, 0 to 100")
        if deed == "rollback":
            one.add_argument("--files", action="store_true", help="to the program's files")
        if deed == "check":
            one.add_argument(
                "--paths", action="store_true", help="walk every way a call can take, too"
            )


def release(options: argparse.Namespace) -> int:
    """List, show, make, check, publish or roll back releases."""
    import getpass

    from ivr.judge import Judge

    config = settings()
    company = profile_of(options.company or config.press2.company).id
    deed = _DEEDS[options.deed]
    with contextlib.closing(store_of(config)) as store:
        try:
            judge = Judge(HOME)
            with store.session() as db:
                work = _Work(db, company, f"shell:{getpass.getuser()}", judge)
                ended = deed(work, options) or 0
            if ended == 0 and options.deed == "check":
                return _checked(store, judge, company, options)
            return ended
        except Unfit as reason:
            known = WHY.get(reason.reason, str(reason))
            raise Press2Error(known.format(**reason.details)) from None
        except Changed:
            raise Press2Error("somebody has just changed this; look again") from None


class _Work:
    """What each deed needs."""

    def __init__(self, db: Session, company: str, who: str, judge: Judge) -> None:
        self.db, self.company, self.who, self.judge = db, company, who, judge

    def state(self) -> State:
        from ivr.releases import records

        return records.state(self.db, self.company)

    def row(self, number: int) -> FlowRelease:
        from ivr.releases import records

        return records.find(self.db, self.company, number)

    def checked(self, number: int) -> FlowRelease:
        """Check a release and keep what was found."""
        return self.judge.check(self.db, self.company, number, now())

    def tell(self) -> None:
        state = self.state()
        live = "the files" if state.live is None else f"release {state.live}"
        say(f"{self.company}: new calls get {live}")
        if state.canary is not None:
            say(f"  {100 * state.share:.4g} % of them, the canary: release {state.canary}")


def _list(work: _Work, _options: argparse.Namespace) -> None:
    from ivr.releases import records

    work.tell()
    for row in records.listed(work.db, work.company):
        flows = ", ".join(sorted(row.changes)) or "-"
        made = f"{row.made_by} {row.made_at:%Y-%m-%d %H:%M}"
        say(f"{row.number:4}  {row.state:8}  {flows:30}  {made}  {row.title}")


def _show(work: _Work, options: argparse.Namespace) -> None:
    row = work.row(options.number)
    say(f"release {row.number}, {row.state}, by {row.made_by}: {row.title or 'no title'}")
    for name, text in sorted(row.changes.items()):
        old = work.judge.files.texts.get(name, "").splitlines()
        shown = (f"flows/{name}.yaml", f"release {row.number}/{name}.yaml")
        for line in difflib.unified_diff(old, text.splitlines(), *shown, lineterm=""):
            say(line)


def _new(work: _Work, options: argparse.Namespace) -> None:
    from ivr.releases import records

    try:
        texts = {path.stem: path.read_text("utf-8") for path in options.files}
    except (OSError, UnicodeDecodeError) as reason:
        raise Press2Error(f"a flow file cannot be read: {reason}") from reason
    given = work.db, work.company
    row = records.new(*given, work.who, now(), like=options.like, title=options.title)
    if texts:
        records.edit(
            *given, row.number, row.version, work.who, now(), files=work.judge.files, texts=texts
        )
    changed = ", ".join(sorted(row.changes)) or "nothing yet"
    say(f"release {row.number} is a draft; it changes {changed}")


def _check(work: _Work, options: argparse.Namespace) -> int:
    row = work.checked(options.number)
    for each in row.findings:
        hint = "hint: " if each["hint"] else ""
        say(f"{hint}{each['flow']}:{each['line']}: {each['text']} [{each['rule']}]")
    wrong = sum(not each["hint"] for each in row.findings)
    if wrong:
        say(_findings(wrong))
    return 1 if wrong else 0


def _checked(store: Store, judge: Judge, company: str, options: argparse.Namespace) -> int:
    """Go on from a check that found nothing: walk, where that is wanted."""
    from ivr.releases import records

    if not options.paths:
        say("nothing found")
        return 0
    with store.session(read_only=True) as db:
        changes = dict(records.find(db, company, options.number).changes)
    walked = judge.walk(company, changes, _Line().told)
    with store.session() as db:
        records.note_walk(db, company, options.number, changes, walked)
    if walked["state"] != "done":
        say(ENDED[walked["state"]])
        return 1
    for each in walked["found"]:
        way = ", ".join(" ".join(act).strip() for act in each["way"]) or "the call begins"
        place = f"{each['flow']}:{each['line']}: {each['place']}"
        say(f"{place}: {each['text']} [{each['rule']}]\n  the way: {way}\n{each['script']}\n")
    wrong, entrances = len(walked["found"]), ", ".join(walked["entrances"]) or "nowhere"
    told = _findings(wrong) if wrong else "nothing found"
    say(f"{told}; walked from {entrances}: {walked['states']:,} states, {walked['seconds']} s")
    return 1 if wrong else 0


def _findings(count: int) -> str:
    return "1 finding" if count == 1 else f"{count} findings"


class _Line:
    """Says how far a walk is: one line that changes, or one each ten seconds where it cannot."""

    def __init__(self) -> None:
        self.since = self.said = time.monotonic()
        self.shown = sys.stderr.isatty()

    def told(self, progress: Progress) -> bool:
        now = time.monotonic()
        if not progress.known:
            self.since = now
        if progress.done and now > self.said + (1 if self.shown else 10):
            self.said = now
            left = (now - self.since) * (progress.expected / progress.done - 1)
            text = f"{progress.done:,} of about {progress.expected:,} states, {left:.0f} s left"
            sys.stderr.write(f"\r{text:60}\r" if self.shown else f"{text}\n")
            sys.stderr.flush()
        return True


def _publish(work: _Work, options: argparse.Namespace) -> None:
    from ivr.releases import records

    row = work.checked(options.number)
    records.publish(
        work.db, work.company, row.number, row.version, work.state(), work.judge.base, work.who,
        now(),
    )  # fmt: skip
    work.tell()


def _canary(work: _Work, options: argparse.Namespace) -> None:
    from ivr.releases import records

    row = work.checked(options.number)
    records.canary(
        work.db, work.company, row.number, row.version, options.percent / 100, work.state(),
        work.judge.base, work.who, now(),
    )  # fmt: skip
    work.tell()


def _stop(work: _Work, _options: argparse.Namespace) -> None:
    from ivr.releases import records

    records.stop(work.db, work.company, work.state(), work.who, now())
    work.tell()


def _rollback(work: _Work, options: argparse.Namespace) -> None:
    from ivr.releases import records

    before = records.before(work.db, work.company)
    if before is not None and not options.files:
        work.checked(before.number)
    records.roll_back(
        work.db, work.company, work.state(), work.who, now(),
        base=work.judge.base, to_files=options.files,
    )  # fmt: skip
    work.tell()


_DEEDS = {
    "list": _list, "show": _show, "new": _new, "check": _check, "publish": _publish,
    "canary": _canary, "stop": _stop, "rollback": _rollback,
}  # fmt: skip
