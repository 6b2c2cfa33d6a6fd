"""Company profiles: the window of readings day by day, and profiles that cannot be used."""

from calendar import isleap
from datetime import UTC, date, datetime, timedelta
from textwrap import dedent
from zoneinfo import ZoneInfo

import pytest

from ivr import company
from ivr.agent_queue.model import Rules
from ivr.destination import Calling
from ivr.errors import FlowError
from ivr.opening import daily
from ivr.services import Inquiry
from ivr.window import Day, Window, WindowRule, days_between

RULE_A = WindowRule(
    Day("last_day_minus", 1), Day("next_month_day", 3), as_of=Day("next_month_day", 1)
)
RULE_B = WindowRule(Day("day", 30), Day("next_month_day", 3), as_of=Day("next_month_day", 1))
OPENS = {1: 30, 3: 30, 4: 29, 5: 30, 6: 29, 7: 30, 8: 30, 9: 29, 10: 30, 11: 29, 12: 30}
"""Rule A: the day each month's window opens; February depends on the year."""
MONTHS = [(year, month) for year in range(2023, 2034) for month in range(1, 13)]
LEAP_YEARS = {2024, 2028, 2032}


def opening(year: int, month: int) -> date:
    return date(year, month, OPENS.get(month) or (28 if year in LEAP_YEARS else 27))


def following(year: int, month: int, day: int) -> date:
    return date(year + month // 12, month % 12 + 1, day)


@pytest.mark.parametrize(("year", "month"), MONTHS)
def test_rule_a_in_every_month(year, month):
    opens, closes = opening(year, month), following(year, month, 3)
    window = Window(opens, closes, following(year, month, 1))
    assert RULE_A.window(year, month) == window
    for offset in range((closes - opens).days + 1):
        assert RULE_A.at(opens + timedelta(days=offset)) == window
    before, after = opens - timedelta(days=1), closes + timedelta(days=1)
    assert RULE_A.at(before) is None
    assert RULE_A.at(after) is None
    assert RULE_A.next(before) == window
    assert RULE_A.last(after) == window


def test_the_years_of_the_table_are_the_leap_years():
    assert {year for year, _ in MONTHS if isleap(year)} == LEAP_YEARS


def test_rule_a_takes_exactly_the_days_of_the_table():
    days = (date(2023, 1, 1) + timedelta(days=n) for n in range(4018))
    taken = {day for day in days if RULE_A.at(day)}
    expected = {date(2023, 1, d) for d in (1, 2, 3)}
    for year, month in MONTHS:
        first, last = opening(year, month), following(year, month, 3)
        expected |= {first + timedelta(days=n) for n in range((last - first).days + 1)}
    assert taken == {day for day in expected if day.year < 2034}


@pytest.mark.parametrize(
    ("month", "opens"),
    [
        ((2027, 2), date(2027, 2, 28)),
        ((2028, 2), date(2028, 2, 29)),
        ((2026, 4), date(2026, 4, 30)),
        ((2026, 10), date(2026, 10, 30)),
    ],
)
def test_rule_b_opens_on_the_30th_or_the_last_day(month, opens):
    window = RULE_B.window(*month)
    assert window == Window(opens, following(*month, 3), following(*month, 1))
    assert RULE_B.at(opens - timedelta(days=1)) is None


def test_odesa_has_rule_a(house):
    odesa = house.companies["odesa"]
    assert odesa.window == RULE_A
    assert odesa.zone == ZoneInfo("Europe/Kyiv")
    assert odesa.languages == ("uk", "ru", "en")


def test_kazan_takes_readings_to_the_25th(house):
    kazan = house.companies["kazan"]
    february = Window(date(2028, 2, 1), date(2028, 2, 25), None)
    assert kazan.window.at(date(2028, 2, 1)) == february
    assert kazan.window.at(date(2028, 2, 25)) == february
    for closed in (date(2028, 1, 31), date(2028, 2, 26), date(2028, 2, 29)):
        assert kazan.window.at(closed) is None
    assert kazan.window.last(date(2028, 2, 29)) == february
    assert kazan.window.next(date(2028, 2, 29)) == Window(date(2028, 3, 1), date(2028, 3, 25), None)


def test_nghean_takes_readings_on_any_day(house):
    nghean = house.companies["nghean"]
    for offset in range(1500):
        day = date(2027, 1, 1) + timedelta(days=offset)
        window = nghean.window.at(day)
        assert window is not None
        assert (window.opens.day, window.opens.month) == (1, day.month)
        assert (window.closes + timedelta(days=1)).day == 1


# ---------------------------------------------------------------------- the clock


def at(house, moment: datetime) -> Window | None:
    """The window of odesa at a moment, as a service sees it."""
    odesa = house.companies["odesa"]
    inquiry = Inquiry(None, odesa, moment, {}, {}, "key", None)
    return odesa.window.at(inquiry.today)


@pytest.mark.parametrize(
    ("month", "hours"),
    [
        ((2024, 3), 119),
        ((2025, 3), 119),
        ((2027, 10), 121),
        ((2030, 3), 119),
        ((2031, 3), 119),
        ((2032, 10), 121),
        ((2033, 10), 121),
        ((2026, 10), 120),
    ],
)
def test_a_window_lasts_whole_local_days_when_clocks_change(house, month, hours):
    zone = house.companies["odesa"].zone
    window = RULE_A.window(*month)
    start = datetime.combine(window.opens, datetime.min.time(), zone).astimezone(UTC)
    after = window.closes + timedelta(days=1)
    end = datetime.combine(after, datetime.min.time(), zone).astimezone(UTC)
    assert (end - start) == timedelta(hours=hours)
    second = timedelta(seconds=1)
    assert at(house, start) == at(house, end - second) == window
    assert at(house, start - second) is None
    assert at(house, end) is None


def test_the_evening_of_the_third_is_inside_though_it_is_another_day_elsewhere(house):
    assert at(house, datetime(2026, 12, 3, 21, 30, tzinfo=UTC)) is not None
    assert at(house, datetime(2026, 12, 3, 22, 0, tzinfo=UTC)) is None


def test_days_are_counted_on_the_calendar():
    assert days_between(date(2024, 3, 30), date(2024, 4, 1)) == 2
    assert days_between(date(2026, 11, 3), date(2026, 10, 30)) == -4


# ---------------------------------------------------------------------- bad profiles

GOOD = dedent("""
    company: test
    name: Test grid
    region: UA
    timezone: Europe/Kyiv
    languages: [uk, ru]
    offer: [ru]
    numbers: ["+380000000001"]
    account: '\\d{9}'
    window: {open: {day: 1}, close: {day: 5}}
    limits: {first: 4.5, misses: 2}
    readings: {high_use: 2.5, tries: 3}
""")


def read(folder, text: str, name: str = "test"):
    path = folder / f"{name}.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return company.read(path)


def test_limits_of_a_profile_replace_those_of_the_product(tmp_path):
    profile = read(tmp_path, GOOD)
    assert (profile.limits.first, profile.limits.misses, profile.limits.again) == (4.5, 2, 10.0)
    assert (profile.readings.high_use, profile.readings.tries) == (2.5, 3)
    assert profile.window.as_of is None
    assert profile.account.fullmatch("100200301")


def change(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


KEYS = ["company", "name", "region", "timezone", "languages", "numbers", "account", "window"]
BAD = {
    "not yaml": ("company: [test", "cannot be read: .*line 1"),
    "a list": ("- test", "a mapping is wanted"),
    "nothing": ("", "a mapping is wanted"),
    "another name": (change("company: test", "company: tset"), "`company: tset`.* is named test"),
    "an unknown key": (change("offer:", "offers:"), "unknown key `offers`"),
    "no language": (change("languages: [uk, ru]", "languages: []"), "`languages` is empty"),
    "a bad pattern": (change("'\\d{9}'", "'(\\d{9}'"), "unterminated subpattern"),
    "no opening": (change("open: {day: 1}, ", ""), "`open` is missing"),
    "an unknown rule": (
        change("open: {day: 1}", "open: {weekday: 1}"),
        "`window: open` wants one of day, last_day_minus, next_month_day, found",
    ),
    "two rules": (
        change("{day: 5}", "{day: 5, next_month_day: 3}"),
        "`window: close` wants one of",
    ),
    "a day no month has": (change("{day: 5}", "{day: 32}"), "`window: close: day` is 1..31"),
    "a day in words": (change("{day: 5}", "{day: five}"), "`window: close: day` is 1..31"),
    "too far from the end": (
        change("{day: 1}", "{last_day_minus: 28}"),
        "`window: open: last_day_minus` is 0..27, found 28",
    ),
    "a bad day that counts": (
        change("close: {day: 5}", "close: {day: 5}, as_of: {next_month_day: 0}"),
        "`window: as_of: next_month_day` is 1..31, found 0",
    ),
    "an unknown limit": (change("misses: 2", "mises: 2"), "mises"),
    "an unknown bound of readings": (change("tries: 3", "trys: 3"), "trys"),
}


SENSELESS = {
    "an unknown zone": (change("Europe/Kyiv", "Europe/Kiyv"), "Europe/Kiyv: not known"),
    "languages in a word": (change("[uk, ru]", "uk"), "`languages` must be a list"),
    "numbers in a word": (change('["+380000000001"]', '"+380000000001"'), "`numbers` must be"),
    "a number without quotes": (change('"+380000000001"', "+380000000001"), "`numbers`: .*quotes"),
    "an offer nobody can choose": (change("offer: [ru]", "offer: [en]"), "`offer`: en is not"),
    "a limit in words": (change("misses: 2", "misses: two"), "`limits: misses`.*two"),
    "a limit below zero": (change("first: 4.5", "first: -1"), "`limits: first`.*-1"),
    "a bound in words": (change("tries: 3", "tries: three"), "`readings: tries`.*three"),
    "queues in a list": (GOOD + "queues: [general]", "`queues` must be a mapping"),
    "a queue in a word": (GOOD + "queues: {general: fast}", "`queues: general` must be a mapping"),
    "an unknown rule of a queue": (
        GOOD + "queues: {general: {limits: 3}}",
        "`queues: general`: unknown key `limits`",
    ),
    "a rule below zero": (GOOD + "queues: {default: {ring: -1}}", "`queues: danger: ring`.*-1"),
    "a rule without end": (GOOD + "queues: {outage: {longest: .inf}}", "`queues: outage: longest`"),
    "half a caller": (
        GOOD + "queues: {general: {limit: 2.5}}",
        "`queues: general: limit` is a whole number, found 2.5",
    ),
    "overflow to nowhere": (
        GOOD + "queues: {general: {overflow_to: lottery}}",
        "`queues: general: overflow_to`: lottery is no queue",
    ),
    "overflow to a number": (
        GOOD + "queues: {general: {overflow_to: 7}}",
        "`queues: general: overflow_to` is the name of a queue",
    ),
    "relaxation that begins late": (
        GOOD + "queues: {general: {relax: [[10, 1]]}}",
        r"`queues: general: relax` is \[\[0, level\]",
    ),
    "relaxation that falls": (
        GOOD + "queues: {general: {relax: [[0, 3], [60, 2], [30, 1]]}}",
        "`queues: general: relax`",
    ),
    "relaxation in a word": (GOOD + "queues: {general: {relax: slow}}", "`queues: general: relax`"),
    "hours of no queue": (GOOD + 'hours: {lottery: ["08:00", "20:00"]}', "`hours: lottery`"),
    "hours of one end": (GOOD + 'hours: {general: ["08:00"]}', "`hours: general` is"),
    "an hour there is not": (GOOD + 'hours: {general: ["08:00", "25:00"]}', "`hours: general` is"),
    "hours that YAML takes for numbers": (GOOD + "hours: {general: [8, 20]}", "`hours: general`"),
    "a pause in words": (GOOD + "pauses: {lunch: long}", "`pauses: lunch` is a number"),
    "codes in a word": (GOOD + "wrap_up_codes: reading", "`wrap_up_codes` must be a list"),
    "a recording of no kind": (GOOD + "recording: {tape: true}", "`recording`: unknown key `tape`"),
    "half a refusal": (GOOD + "recording: {refusal: maybe}", "`recording: refusal` is true or"),
    "a typical talk in words": (GOOD + "typical_talk: short", "`typical_talk` is a number"),
    "a call to nowhere": (
        GOOD + 'calling: {allow: ["0800"]}',
        "`calling: allow`: '0800' is no prefix like",
    ),
    "a prefix without quotes": (
        GOOD + "calling: {premium: [+380900]}",
        "`calling: premium`|quotes",
    ),
    "calling at all hours": (GOOD + "calling: {hours: always}", "`calling: hours` is"),
    "half a try": (GOOD + "calling: {tries: 1.5}", "`calling: tries` is a whole number, found 1.5"),
    "an unknown rule of calling": (GOOD + "calling: {when: now}", "`calling`: unknown key `when`"),
    "hearing among the limits": (change("misses: 2", "hearing: 2"), "hearing"),
    "a confidence above one": (GOOD + "speech: {accept: 1.5}", "`speech: accept`.*1.5"),
    "nothing between the bands": (
        GOOD + "speech: {accept: 0.5, confirm: 0.6}",
        r"`confirm` \(0.6\) is above `accept` \(0.5\)",
    ),
    "a telephone as it is dialled": (
        GOOD + 'speech: {without: ["0501234567"]}',
        "`speech: without",
    ),
    "an unknown kind of alert": (
        GOOD + "alerts: {quiet: [waitings]}",
        "`alerts: quiet: 0`: input should be 'service_level'",
    ),
    "an unknown key of speech": (GOOD + "speech: {loud: true}", "`speech: loud`"),
    "a region that YAML takes for no": (change("region: UA", "region: NO"), "`region`"),
}


@pytest.mark.parametrize(("text", "error"), SENSELESS.values(), ids=SENSELESS)
def test_a_value_that_cannot_be_meant_is_named(tmp_path, text, error):
    with pytest.raises(FlowError, match=error):
        read(tmp_path, text)


def test_rules_of_queues_are_read(tmp_path):
    profile = read(
        tmp_path,
        GOOD
        + dedent("""
            queues:
              default: {longest: 600, relax: [[0, 4], [30, 1]]}
              danger: {longest: 0, overflow_to: outage, overflow_after: 5}
              complaints: {limit: 3}
            hours: {complaints: ["09:00", "17:30"]}
            pauses: {lunch: 45}
            wrap_up_codes: [reading]
            recording: {refusal: true}
            calling: {allow: ["+380"], premium: ["+380900"], tries: 2}
        """),
    )
    assert set(profile.queues) == {*company.QUEUES, "complaints"}
    relax = ((0.0, 4), (30.0, 1))
    assert profile.queues["general"] == Rules(longest=600, relax=relax)
    assert profile.queues["complaints"] == Rules(longest=600, relax=relax, limit=3)
    danger = profile.queues["danger"]
    assert (danger.longest, danger.overflow_to, danger.overflow_after) == (0, "outage", 5)
    assert profile.opening.weeks == {"complaints": daily(9 * 60, 17 * 60 + 30)}
    assert profile.pauses == {"lunch": 45}
    assert profile.wrap_up_codes == ("reading",)
    assert profile.recording.refusal
    assert profile.calling == Calling(("+380",), ("+380900",), tries=2)


def test_bounds_of_speech_are_those_of_the_dialogue(tmp_path):
    text = GOOD + "speech: {accept: 0.9, together: [[ru, tt]], misses: 3, kept: 0.1}"
    profile = read(tmp_path, text)
    hearing = profile.limits.hearing
    assert (hearing.accept, hearing.confirm, hearing.misses) == (0.9, 0.45, 3)
    assert hearing.together == (("ru", "tt"),)
    assert (profile.terms.speech.kept, profile.terms.speech.days) == (0.1, 90)


def test_callers_of_the_house_mix_the_languages_of_their_place(house):
    mixed = {name: each.limits.hearing.together for name, each in house.companies.items()}
    assert mixed == {"odesa": (("uk", "ru"),), "kazan": (("ru", "tt"),), "nghean": ()}


def test_a_profile_needs_no_word_about_operators(tmp_path):
    profile = read(tmp_path, GOOD)
    assert profile.queues == dict.fromkeys(company.QUEUES, Rules())
    assert (profile.opening.weeks, profile.pauses, profile.wrap_up_codes) == ({}, {}, ())
    assert not profile.recording.refusal
    assert profile.calling.allow == (), "nobody is called who is not allowed"


def test_the_profiles_of_the_house_serve_every_queue(house):
    for profile in house.companies.values():
        assert set(profile.queues) >= set(company.QUEUES)
        assert profile.calling.allow
        assert profile.calling.premium
        assert profile.wrap_up_codes
        assert profile.pauses
    odesa = house.companies["odesa"]
    assert odesa.queues["general"].longest == 0, "the cap is a storm's, which ends by itself"
    assert odesa.terms.storm.cap == 20
    assert odesa.recording.refusal


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_is_missing_is_named(tmp_path, key):
    lines = [line for line in GOOD.splitlines() if not line.strip().startswith(f"{key}:")]
    with pytest.raises(FlowError, match=rf"^{tmp_path}/test.yaml: `{key}` is missing$"):
        read(tmp_path, "\n".join(lines))


@pytest.mark.parametrize(("text", "error"), BAD.values(), ids=BAD)
def test_a_bad_profile_is_one_line_that_names_it(tmp_path, text, error):
    with pytest.raises(FlowError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/test.yaml: ")
    caught.match(error)
    assert "\n" not in str(caught.value)


def test_a_number_belongs_to_one_company(tmp_path):
    read(tmp_path, GOOD)
    other = tmp_path / "other.yaml"
    other.write_text(dedent(change("company: test", "company: other")))
    with pytest.raises(FlowError, match=r"number \+380000000001 belongs to other and test"):
        company.load(tmp_path)


def test_a_folder_without_profiles_is_an_error(tmp_path):
    with pytest.raises(FlowError, match=rf"{tmp_path}: no company profiles"):
        company.load(tmp_path)
