"""Speech output: recordings and synthesis become the sounds that Asterisk plays.

The maintainer's side makes files ahead of time (`render`, `build`, `check`, `sheet`), the
call's side (`voice`) only looks them up and makes what is missing. Nothing here decides what is
said: texts and their pieces come from `ivr.prompts`.
"""
