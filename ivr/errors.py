"""Every error press2 raises on purpose.

    Press2Error
    +-- ConfigError      telephony.conf: unknown key, bad value, missing secret, port taken
    +-- FlowError        a flow or a company profile cannot be read, or cannot go on
    +-- PromptError      a prompt or a placeholder is unknown, a value cannot be spoken
    +-- ImportFileError  a file for `app.py import`: names the line and the field
    +-- ScriptError      a call script cannot be read: names the file, the line, the reason
    +-- SetupError       a program or a file the machine lacks; its text names the mend
    +-- StaleTurn        an event for a turn that is over (repeated webhook, second worker)
    +-- RefusedNumber    a telephone number that is not dialled; `reason` is one word
    +-- StormChanged     the storm is not what whoever changes it has seen
    +-- Changed          a thing is not what the supervisor who changes it has seen; `who` did it
    +-- NotUndone        an action that cannot be taken back; `reason` is one word
    +-- Unfit            what a supervisor wants cannot be; `reason` is one word
    +-- CallerGone       the caller hung up; raised by a channel, caught once a call

The text of each is one line for a person: what is wrong, where, and the mend.
"""


class Press2Error(Exception):
    """The root; `app.py` prints its text and exits with 2."""


class ConfigError(Press2Error):
    """A setting is unknown, bad or missing."""


class FlowError(Press2Error):
    """A flow or a company profile cannot be used."""


class PromptError(Press2Error):
    """A prompt is missing or cannot be spoken with the values given."""


class ImportFileError(Press2Error):
    """A data file for import is wrong; nothing of it was stored."""


class ScriptError(Press2Error):
    """A call script cannot be read."""


class SetupError(Press2Error):
    """The machine lacks something; the text names the mend."""


class StaleTurn(Press2Error):
    """The event belongs to a turn that is already over."""


class RefusedNumber(Press2Error):
    """A telephone number is not dialled. reason: impossible, premium or foreign."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"this number is not dialled: {reason}")
        self.reason = reason


class StormChanged(Press2Error):
    """Somebody else has switched or changed the storm meanwhile."""


class Changed(Press2Error):
    """Somebody changed a thing meanwhile. who: his login, "" where no supervisor did it."""

    def __init__(self, who: str = "") -> None:
        super().__init__(f"changed meanwhile{' by ' if who else ''}{who}")
        self.who = who


class NotUndone(Press2Error):
    """An action cannot be taken back. reason: gone, undone (by `who`), never, or late: the time
    that would be put back is over.
    """

    def __init__(self, reason: str, who: str = "") -> None:
        super().__init__(f"not undone: {reason}")
        self.reason = reason
        self.who = who


class Unfit(Press2Error):
    """A change makes no sense. reason: one word. details: what it is about."""

    def __init__(self, reason: str, **details: object) -> None:
        super().__init__(f"this cannot be: {reason}")
        self.reason = reason
        self.details = details


class CallerGone(Press2Error):
    """The caller's side of the call is closed."""
