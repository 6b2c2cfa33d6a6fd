"""Every error press2 raises on purpose.

    Press2Error
    +-- ConfigError      telephony.conf: an unknown key, a bad value, a missing secret, a port taken
    +-- FlowError        flows/*.yaml or a company profile: cannot be read, or a rule of the check is broken
    +-- PromptError      prompts/*.yaml: an unknown prompt, an unknown placeholder, a value that cannot be spoken
    +-- ImportFileError a data file handed to `app.py import`: names the line and the field
    +-- ScriptError      a call script that cannot be read: names the file, the line and the reason
    +-- StaleTurn        an event came for a turn that is over (a repeated webhook, a second worker)
    +-- CallerGone       the caller hung up; raised by a channel, caught once at the top of a call
    +-- SetupError       a program or a file the machine lacks; its text names the mend

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


class CallerGone(Press2Error):
    """The caller's side of the call is closed."""
