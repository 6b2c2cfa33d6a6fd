"""Which model of vosk's list is taken. The net is not asked."""

import pytest

from ivr.errors import SetupError
from ivr.speech.fetch import entries


def listed(*rows):
    return [
        {"name": name, "lang": lang, "type": kind, "obsolete": obsolete}
        for name, lang, kind, obsolete in rows
    ]


@pytest.mark.parametrize("code", ["uk", "ua"])
def test_ukrainian_has_two_codes(code):
    (found,) = entries(listed(("vosk-model-small-uk-v3-small", code, "small", "false")), "uk")
    assert found["name"] == "vosk-model-small-uk-v3-small"


def test_the_highest_version_is_first_and_named_small():
    rows = listed(
        ("vosk-model-small-uk-v3-small", "ua", "small", "false"),
        ("vosk-model-small-uk-v3-nano", "ua", "small", "false"),
        ("vosk-model-small-uk-0.9", "uk", "small", "false"),
        ("vosk-model-small-uk-0.10", "uk", "small", "false"),
    )
    assert [each["name"].rpartition("uk-")[2] for each in entries(rows, "uk")] == [
        "v3-small",
        "v3-nano",
        "0.10",
        "0.9",
    ]


def test_big_obsolete_and_other_models_are_left_out():
    rows = listed(
        ("vosk-model-ru-0.42", "ru", "big", "false"),
        ("vosk-model-small-ru-0.4", "ru", "small", "true"),
        ("vosk-model-small-uk-v3-nano", "ua", "small", "false"),
    )
    with pytest.raises(SetupError, match="no small model for ru"):
        entries(rows, "ru")
