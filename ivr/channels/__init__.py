"""Channels: each turns a Turn into its own commands, and what comes back into an Event.

A channel performs and never decides: it knows no flow, no service and no rule. One file each.
"""
