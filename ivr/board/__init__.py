"""The wallboard's figures: folded from the log of events, and from nothing else.

`Board` is pure: it takes entries, and tells the figures at an instant. `replay` makes one from a
log. `Feed` (`ivr.board.feed`) keeps one of each company up to date beside the store; `Sampler`
(`ivr.board.sampler`) writes into the log what no call and no operator tells of: how busy the
recognisers are, call-backs that wait, storm mode, the outbox.
"""

from ivr.board.board import Board as Board
from ivr.board.board import replay as replay
from ivr.board.feed import Feed as Feed
