"""A first flow with a step of most kinds; it runs another one, `sub`, and breaks no rule."""

MAIN = """\
flow: main
start: word
operator: desk
otherwise: desk
steps:
  word: {lookup: words.today, on: {good: menu, bad: menu}}
  menu: {menu: choose, options: {"1": {say: one, to: sub}}}
  sub: {run: sub, on: {done: bye, operator: desk}}
  desk: {enqueue: general, on: {ended: bye, unavailable: bye, no_answer: desk, dropped: desk}}
  bye: {hangup: completed, say: goodbye}
"""
