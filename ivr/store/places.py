"""How names of streets, settlements and houses are compared: pure functions from text to key.

Two registers write one street in many ways: "вул. Садова", "САДОВА ул.", "П'ятницька" with any
apostrophe or none. Keys are for comparing only; nobody is told one.
"""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHES = re.compile("['’ʼ`‘´′]")
_QUOTES = re.compile('["«»„“”]')
_STREET = r"(?:вулиця|вул|улица|ул|урамы|урам|ур|street|str|st|đường|phố)"
_BEFORE = re.compile(rf"^{_STREET}(?:\.\s*|\s+)(?=\S)")
_AFTER = re.compile(rf"(?<=\S)(?:\s+|\s*,\s*){_STREET}\.?$")
_SETTLEMENT = re.compile(
    r"^(?:місто|город|село|селище|поселок|деревня|смт|пгт|м|г|с|д|пос|city|town|"
    r"thành phố|tp|thị xã|tx|thị trấn|xã|phường)(?:\.\s*|\s+)(?=\S)"
)


def street(name: str) -> str:
    """Return the key of a street: no word for "street", no case, no apostrophe, ё as е.

    Words that tell two streets of one name apart (avenue, lane, boulevard) stay.
    """
    plain = _plain(name)
    return _AFTER.sub("", _BEFORE.sub("", plain)) or plain


def settlement(name: str) -> str:
    """Return the key of a settlement, without the word for its kind."""
    plain = _plain(name)
    return _SETTLEMENT.sub("", plain) or plain


def house(number: str) -> str:
    """Return the key of a house: "27-А", "27 а" and "27А" are one."""
    return re.sub(r"[\s.-]", "", _plain(number))


def name(text: str) -> str:
    """Return the key of anything else that is named, a substation."""
    return _plain(text)


def area(street_name: str | None, settlement_name: str | None) -> str | None:
    """Return what an area is looked up by: its street, else its settlement."""
    if street_name:
        return street(street_name)
    return settlement(settlement_name) if settlement_name else None


def _plain(text: str) -> str:
    """Fold case and spelling: what remains are letters, digits and single spaces."""
    folded = unicodedata.normalize("NFC", text).casefold().replace("ё", "е")
    bare = _QUOTES.sub("", _APOSTROPHES.sub("", folded))
    return " ".join(bare.split())
