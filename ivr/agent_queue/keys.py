"""The names of all keys in Redis, and the scripts that change them.

One hash tag a company: an operator serves several queues and must never have two offers, so every
change looks at all queues of a company, and all its keys lie in one slot of a cluster.
Below `press2:queue:{COMPANY}:`

| key | kind | holds |
|---|---|---|
| ticket:ID | hash | a ticket; ends a day after it is done |
| operator:NAME | hash | an operator |
| operators | set | names of all who are known |
| live | zset | tickets that are not done, by rank (`entered` less the head start) |
| wait:QUEUE:PRIORITY | zset | tickets that may be matched, by `entered`; guests of overflow, too |
| rest:QUEUE:PRIORITY | zset | tickets that keep a place but are away or held, by `entered` |
| held:NAME | zset | tickets held for an operator, by rank |
| free:QUEUE | zset | operators ready and idle: highest level, then longest idle first |
| serving:QUEUE | set | operators who are signed in and connected |
| offered | set | tickets whose offer nobody has claimed |
| due | zset | "t:ID" and "o:NAME" by the time at which their state ends by itself |
| consults | hash | token -> who asks, who is asked |
| redial:QUEUE:NUMBER | string | place of a caller who hung up; ends after `redial` seconds |
| talks:QUEUE | list | the last 100 talk times, newest first |
| journal | stream | each visible change of a ticket or an operator, until it is stored |
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import redis

from ivr.agent_queue.model import HEAD_STARTS, PRIORITIES, SEEN_OF_OPERATOR, SEEN_OF_TICKET
from ivr.agent_queue.order import CALLER_RINGS, DAY, LONGEST_CONSULT, SPREAD, URGENT
from ivr.agent_queue.state import BATCH, TALKS

COMPANIES = "press2:companies"
"""Set of the companies that have a queue."""
COMMANDS = "press2:commands"
"""List of what the matchmaker is asked for."""
CHANGES = "press2:changes"
"""Channel of the news: {"company": C, "changes": [[what, id], ...]}."""

JOURNAL_LIMIT = 1_000_000
"""Records that wait at most for `jobs`; then the oldest go."""

LUA = Path(__file__).parent / "lua"
READERS = ("place", "offers", "snapshot")
"""Scripts that change nothing and stand without the prelude."""


def prefix(company: str) -> str:
    """Return what the keys of a company begin with."""
    return f"press2:queue:{{{company}}}:"


def journal(company: str) -> str:
    """Return the name of the stream in which the queue of a company notes what changed."""
    return prefix(company) + "journal"


class Scripts:
    """Every script in `lua/`, known to one client. One that Redis forgot is sent again."""

    def __init__(self, client: redis.Redis) -> None:
        self._scripts = {name: client.register_script(source(name)) for name in names()}

    def __call__(self, name: str, company: str, args: list[Any]) -> Any:
        """Run a script on the keys of a company."""
        return self._scripts[name](keys=[prefix(company)], args=args)


def names() -> list[str]:
    """Return the names of the scripts."""
    return sorted(path.stem for path in LUA.glob("*.lua") if path.stem != "prelude")


@cache
def source(name: str) -> str:
    """Return the text of a script: constants, prelude, body."""
    parts = [_constants()]
    if name not in READERS:
        parts.append((LUA / "prelude.lua").read_text())
    return "\n".join([*parts, (LUA / f"{name}.lua").read_text()])


def _constants() -> str:
    """Return the words and figures that Lua shares with Python."""
    words = {
        "HEAD": _table(HEAD_STARTS),
        "ORDER": _table({priority: at for at, priority in enumerate(PRIORITIES, 1)}),
        "URGENT": _table(dict.fromkeys(URGENT, "true")),
        "PRIORITIES": "{ " + ", ".join(f"'{priority}'" for priority in PRIORITIES) + " }",
        "CHANGES": f"'{CHANGES}'",
        "VISIBLE": _table(dict.fromkeys(SEEN_OF_TICKET + SEEN_OF_OPERATOR, "true")),
    }
    figures = {
        "SPREAD": SPREAD,
        "DAY": int(DAY),
        "LONGEST_CONSULT": LONGEST_CONSULT,
        "CALLER_RINGS": CALLER_RINGS,
        "BATCH": BATCH,
        "TALKS": TALKS,
        "JOURNAL_LIMIT": JOURNAL_LIMIT,
    }
    return "\n".join(f"local {name} = {value}" for name, value in (words | figures).items())


def _table(pairs: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{name} = {value}" for name, value in pairs.items()) + " }"
