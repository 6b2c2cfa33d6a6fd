"""Data of the company comes in: from files (`app.py import`) and over HTTP (`agent_desk/api.py`).

    file -> files.read --+--> entries --> reading.check (schemas) --> storing.take -> the store
    HTTP -> JSON --------+                    |all or nothing|          |one transaction|

Both ways end in the same two functions, so both refuse the same things with the same words.
"""

from ivr.intake.age import age
from ivr.intake.reading import Entry, Where, check, of_json
from ivr.intake.refusal import MOST, Problem, Refusal
from ivr.intake.schemas import KINDS, Setting
from ivr.intake.storing import take
from ivr.intake.task import Summary

__all__ = [
    "KINDS",
    "MOST",
    "Entry",
    "Problem",
    "Refusal",
    "Setting",
    "Summary",
    "Where",
    "age",
    "check",
    "of_json",
    "take",
]
