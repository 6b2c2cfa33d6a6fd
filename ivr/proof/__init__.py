"""The proof: every way through the flows of a company is walked by the engine itself.

`explore` visits every state a call can be in, with services, callers and operators that may do
anything they ever do; `rules` says what must hold in all of them. What does not hold comes as a
`Violation` with the shortest way to it, written as a call script. Pure: nothing is asked or stored.

Beside `ivr.check`, which compares files, this is about what happens: the small menu of `*`, misses
of two kinds, keys typed ahead, subflows left and entered again, a service that fails on the way.
"""

from ivr.proof.explore import Map, explore, size
from ivr.proof.rules import RULES, Proof, Violation, prove

__all__ = ["RULES", "Map", "Proof", "Violation", "explore", "prove", "size"]
