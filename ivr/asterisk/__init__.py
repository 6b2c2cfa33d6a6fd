"""The PBX beside us: its settings, the configuration written from them, its process.

Nothing here speaks AGI; that is `ivr.channels.agi`. Everything Asterisk reads or writes lies under
one run directory, so a system Asterisk and several of ours live side by side.
"""
