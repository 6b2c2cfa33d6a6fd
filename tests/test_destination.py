"""Where press2 may dial: nothing that a caller keys or an operator types gets past the rules."""

import re

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ivr.destination import Calling, Destination, destination
from ivr.errors import RefusedNumber

UKRAINE = Calling(allow=("+380",), premium=("+380900", "+380703"))
RUSSIA = Calling(allow=("+73", "+74", "+78", "+79"), premium=("+7803", "+7809"))
VIETNAM = Calling(allow=("+84",), premium=("+841900",))
RULES = {"UA": UKRAINE, "RU": RUSSIA, "VN": VIETNAM}


@pytest.mark.parametrize(
    ("region", "text", "number"),
    [
        ("UA", "0500000777", "+380500000777"),
        ("UA", "050 000-07-77", "+380500000777"),
        ("UA", "(050) 000 07 77", None),
        ("UA", "380500000777", "+380500000777"),
        ("UA", "+380500000777", "+380500000777"),
        ("UA", "+380 (50) 000-07-77", "+380500000777"),
        ("UA", "00380500000777", "+380500000777"),
        ("UA", "500000777", "+380500000777"),
        ("UA", "0487059090", "+380487059090"),
        ("RU", "89171234567", "+79171234567"),
        ("RU", "+7 917 123-45-67", "+79171234567"),
        ("VN", "0912345678", "+84912345678"),
        ("VN", "02383123456", "+842383123456"),
    ],
)
def test_a_number_is_read_as_people_write_it(region, text, number):
    if number is None:
        with pytest.raises(RefusedNumber):
            destination(text, RULES[region], region)
    else:
        assert destination(text, RULES[region], region).number == number


@pytest.mark.parametrize(
    ("region", "text", "reason"),
    [
        ("UA", "", "impossible"),
        ("UA", "0", "impossible"),
        ("UA", "050000077", "impossible"),
        ("UA", "05000007770", "impossible"),
        ("UA", "05000AA777", "impossible"),
        ("UA", "0500000777;ext=5", "impossible"),
        ("UA", "0500000777&PJSIP/trunk", "impossible"),
        ("UA", "0500000777,30,g", "impossible"),
        ("UA", "sip:0500000777@example.com", "impossible"),
        ("UA", "0500000777\n", "impossible"),
        ("UA", "０５０００００７７７", "impossible"),
        ("UA", "٠٥٠٠٠٠٠٧٧٧", "impossible"),
        ("UA", "0" * 5000, "impossible"),
        ("UA", "112", "impossible"),
        ("UA", "101", "impossible"),
        ("UA", "0890000777", "impossible"),
        ("UA", "0900300400", "premium"),
        ("UA", "+380900300400", "premium"),
        ("UA", "00380 900 300 400", "premium"),
        ("UA", "0703123456", "premium"),
        ("UA", "+48221234567", "foreign"),
        ("UA", "0048221234567", "foreign"),
        ("UA", "+79171234567", "foreign"),
        ("UA", "+12122345678", "foreign"),
        ("RU", "88091234567", "premium"),
        ("RU", "88031234567", "premium"),
        ("RU", "+77011234567", "foreign"),
        ("RU", "+380500000777", "foreign"),
        ("VN", "19001234", "premium"),
        ("VN", "+380500000777", "foreign"),
    ],
)
def test_what_is_not_dialled_is_refused_with_a_reason(region, text, reason):
    with pytest.raises(RefusedNumber) as caught:
        destination(text, RULES[region], region)
    assert caught.value.reason == reason


def test_a_company_that_allows_nothing_calls_nobody():
    with pytest.raises(RefusedNumber):
        destination("0500000777", Calling(), "UA")


def test_a_premium_prefix_is_refused_where_it_is_allowed_too():
    rules = Calling(allow=("+380", "+380501"), premium=("+380501",))
    with pytest.raises(RefusedNumber) as caught:
        destination("0501234567", rules, "UA")
    assert caught.value.reason == "premium"


def test_nobody_makes_a_destination_by_himself():
    with pytest.raises(TypeError, match="made by"):
        Destination("+380900300400")
    with pytest.raises(TypeError, match="made by"):
        Destination("+380900300400", None)
    made = destination("0500000777", UKRAINE, "UA")
    assert str(made) == "+380500000777"
    assert repr(made) == "Destination(number='+380500000777')"
    with pytest.raises(AttributeError):
        made.number = "+380900300400"  # type: ignore[misc]


WRITTEN = st.one_of(
    st.text(max_size=40),
    st.text("0123456789+*# ()-.,;&/@abx٠０", max_size=30),
    st.from_regex(r"(\+|00|0|8|810)?[0-9 ().-]{3,20}", fullmatch=True),
    st.from_regex(r"(\+?380|00380|0)(900|703|50|44|89)[0-9]{5,8}", fullmatch=True),
    st.from_regex(r"(\+?7|8|810)(80[0-9]|9[0-9]{2}|70[0-9])[0-9]{7}", fullmatch=True),
)


@given(text=WRITTEN, region=st.sampled_from(sorted(RULES)))
@example("0900300400", "UA")
@example("+380 900 300 400", "UA")
@example("8 809 123 45 67", "RU")
def test_no_way_of_writing_leads_to_a_number_that_is_not_allowed(text, region):
    rules = RULES[region]
    try:
        found = destination(text, rules, region)
    except RefusedNumber as refusal:
        assert refusal.reason in ("impossible", "premium", "foreign")  # noqa: PT017 - either is right
        return
    assert re.fullmatch(r"\+[1-9]\d{6,14}", found.number, re.ASCII), "plus and digits, nothing else"
    assert found.number.startswith(rules.allow)
    assert not found.number.startswith(rules.premium)
    parsed = phonenumbers.parse(found.number)
    assert phonenumbers.is_valid_number(parsed)
    assert phonenumbers.number_type(parsed) != phonenumbers.PhoneNumberType.PREMIUM_RATE
    assert destination(found.number, rules, region) == found, "what is dialled is allowed itself"
