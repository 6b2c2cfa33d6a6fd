"""What is handed to the outside world: stored with what it belongs to, delivered afterwards.

    put --> due --handler returns--> done
            | ^---handler raises---> later, ever farther apart
            |-----no try left, Permanent, past `until`---> dead --retry--> due

Any number of processes deliver at once: each takes an entry under a claim of its own. Whoever dies
with one, its claim runs out and another takes it. So everything is delivered at least once, and a
handler looks whether its work was done before when an entry is not `fresh`.
"""

from ivr.outbox.delivery import (
    LEASE,
    TRIES,
    Again,
    Clock,
    Handler,
    Later,
    Parcel,
    Permanent,
    Trouble,
    claim,
    deliver,
    expire,
    pause,
    prune,
    start,
)
from ivr.outbox.entries import (
    Survey,
    bury,
    busy,
    finish,
    late,
    listed,
    of_key,
    put,
    retry,
    survey,
    told,
    untouched,
    withdraw,
)

__all__ = [
    "LEASE",
    "TRIES",
    "Again",
    "Clock",
    "Handler",
    "Later",
    "Parcel",
    "Permanent",
    "Survey",
    "Trouble",
    "bury",
    "busy",
    "claim",
    "deliver",
    "expire",
    "finish",
    "late",
    "listed",
    "of_key",
    "pause",
    "prune",
    "put",
    "retry",
    "start",
    "survey",
    "told",
    "untouched",
    "withdraw",
]
