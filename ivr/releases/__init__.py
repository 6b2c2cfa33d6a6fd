"""Flow releases: the program's flow files with some of them replaced, as calls use them.

`texts` reads and bounds the texts, `records` keeps drafts, canaries and live releases in the store,
`served` gives calls their flows. A call keeps the flows it began with until it ends: its session
says which release, and which files of which program the release was laid over.
"""

from ivr.releases.served import Chosen, Pin, Served
from ivr.releases.texts import Files, Found

__all__ = ["Chosen", "Files", "Found", "Pin", "Served"]
