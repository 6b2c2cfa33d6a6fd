"""Access numbers with labels, services with numbers and queues of their own."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import phonenumbers
import pytest

from ivr import company
from ivr.access import Number
from ivr.errors import FlowError

BASE = dedent("""
    company: test
    name: Test grid
    region: UA
    timezone: Europe/Kyiv
    languages: [uk]
    account: '\\d{9}'
    window: {open: {day: 1}, close: {day: 5}}
    queues: {hotline: {}, centre_outage: {}}
""")
TWO = dedent("""
    services:
      centre: {label: Centre, numbers: ["+380480000001"], queues: {outage: centre_outage}}
      hotline:
        numbers: [{number: "+380480000002", label: Hot, line: mobile}]
        queues: {general: hotline}
""")


def read(folder: Path, text: str) -> company.Company:
    path = folder / "test.yaml"
    path.write_text(BASE + text, encoding="utf-8")
    return company.read(path)


def test_the_dialled_number_says_what_a_queue_means(tmp_path: Path) -> None:
    profile = read(tmp_path, TWO)
    centre, hotline = profile.numbers
    assert profile.access[1] == Number(hotline, "Hot", "mobile")
    assert [s.label for s in profile.services] == ["Centre", "hotline"]
    assert profile.queue_of(centre, "general") == "general"
    assert profile.queue_of(hotline, "general") == "hotline"
    assert profile.queue_of(hotline, "hotline") == "hotline", "told twice it is the same"
    assert profile.queue_of(centre, "outage") == "centre_outage"
    assert profile.queue_of(None, "general") == "general"
    words = [profile.word_of(queue) for queue in ("hotline", "centre_outage", "danger", "x")]
    assert words == ["general", "outage", "danger", "x"]
    found = profile.service_of(hotline)
    assert found is not None
    assert found.name == "hotline"
    assert profile.service_of("+380480000009") is None


def test_every_number_of_the_house_can_be_dialled(house) -> None:
    for profile in house.companies.values():
        for number in profile.numbers:
            parsed = phonenumbers.parse(number)
            assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number
            national = number.removeprefix(f"+{parsed.country_code}")
            assert phonenumbers.parse(national, profile.region) == parsed
    kazan = house.companies["kazan"]
    assert kazan.numbers[0] == "+78430000100"
    assert {each.line for each in house.companies["odesa"].access} == {"landline", "mobile"}


WRONG = {
    "no number at all": ("", "`numbers` is missing"),
    "a national number": ('numbers: ["0487059090"]', "`numbers`: 0487059090 is no number like"),
    "without quotes": ("numbers: [{number: +380480000001}]", "`numbers`: .*quotes"),
    "another key": ('numbers: [{nummer: "+380480000001"}]', "`numbers`: unknown key `nummer`"),
    "another line": ('numbers: [{number: "+380480000001", line: x}]', "`numbers: line` is one of"),
    "a service in a word": ("services: {a: b}", "`services: a` must be a mapping"),
    "a key of a service": ("services: {a: {hours: 1}}", "`services: a`: unknown key `hours`"),
    "queues in a list": ("services: {a: {queues: [general]}}", "`services: a: queues` must be"),
    "no word": ("services: {a: {queues: {lottery: hotline}}}", "lottery is none of"),
    "no queue": ("services: {a: {queues: {general: lottery}}}", "lottery is no queue"),
    "danger elsewhere": ("services: {a: {queues: {danger: hotline}}}", "danger has one queue"),
    "a chain": (
        "services: {a: {queues: {general: metering, metering: hotline}}}",
        "metering means another queue itself",
    ),
}


@pytest.mark.parametrize(("text", "error"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_meant(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(FlowError, match=error):
        read(tmp_path, text)


def test_a_number_belongs_to_one_service_of_one_company(tmp_path: Path) -> None:
    for name in ("one", "two"):
        text = (BASE + TWO).replace("company: test", f"company: {name}")
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(FlowError, match=r"\+380480000001 belongs to one and two"):
        company.load(tmp_path)
