"""Telephone numbers as people write them."""

import pytest

from ivr.store import fields


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("+380487059090", "UA", "+380487059090"),
        ("048 705 90 90", "UA", "+380487059090"),
        ("80487059090", "UA", "+380487059090"),
        ("380671110001", "UA", "+380671110001"),
        ("+38(067)111-00-01", "UA", "+380671110001"),
        ("+842383000100", "UA", "+842383000100"),
        ("8 843 233-01-00", "RU", "+78432330100"),
        ("7 843 233 01 00", "RU", "+78432330100"),
        ("0238 300 0100", "VN", "+842383000100"),
    ],
)
def test_one_number_in_many_forms(text: str, region: str, number: str) -> None:
    assert fields.phone(text, region) == number


@pytest.mark.parametrize(
    "text", ["", "067111000", "06711100011", "abc", "103", "+38067", "0671110001 ext. 5"]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="is not a telephone number"):
        fields.phone(text, "UA")
