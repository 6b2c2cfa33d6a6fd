"""A voice that names sounds and makes none: on a simulated line nobody plays any."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ivr.errors import Press2Error
from ivr.model import Say
from ivr.prompts import Catalogue

SILENCE = re.compile(r"silence_\w+")


class NamedVoice:
    """Names the sounds of a say without making them: on this line nobody plays any."""

    def __init__(self, catalogues: Mapping[str, Catalogue]) -> None:
        self._catalogues = catalogues
        self._texts = {
            f"{language}/{piece}": text
            for language, catalogue in catalogues.items()
            for piece, text in catalogue.fixed().items()
        }

    def files(self, say: Say, language: str, slow: bool = False, company: str = "") -> list[str]:
        """Return the sounds of `say`."""
        names = []
        for piece in self._catalogues[language].pieces(say.prompt, say.values):
            names.append(f"{language}/{piece.id}")
            if piece.dynamic:
                self._texts[names[-1]] = piece.text
        return names

    def seconds(self, names: Sequence[str]) -> float:
        """Return how long sounds play: none makes any."""
        return 0.0

    def lacks(self, say: Say, language: str, company: str = "") -> bool:
        """Return False: every sound has a name."""
        return False

    def text(self, name: str) -> str:
        """Return what the sound `name` says; Press2Error for one that does not exist."""
        if SILENCE.fullmatch(name.rpartition("/")[2]) or name.startswith("tones/"):
            return ","
        if name not in self._texts:
            raise Press2Error(f"the sound {name} is in no catalogue")
        return self._texts[name]


def readable(pieces: Iterable[str]) -> str:
    """Return what pieces say as one text; a pause is a comma where no other stop stands."""
    text = re.sub(r"(?:\s+,)+", ",", " ".join(pieces))
    return re.sub(r"([.,:;?!—]),", r"\1", text).strip(" ,")
