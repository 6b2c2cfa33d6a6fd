from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import numbers
from ivr.errors import PromptError

FOLDER = Path(__file__).parents[1] / "prompts" / "numbers"
WORDS = {
    language: yaml.load((FOLDER / f"{language}.yaml").read_text("utf-8"), yaml.BaseLoader)  # noqa: S506
    for language in numbers.LANGUAGES
}
LANGUAGES = st.sampled_from(numbers.LANGUAGES)

KILOWATT_HOURS = {
    "uk": """
        0 нуль кіловат-годин
        1 одна кіловат-година
        2 дві кіловат-години
        5 п'ять кіловат-годин
        11 одинадцять кіловат-годин
        12 дванадцять кіловат-годин
        14 чотирнадцять кіловат-годин
        21 двадцять одна кіловат-година
        22 двадцять дві кіловат-години
        25 двадцять п'ять кіловат-годин
        100 сто кіловат-годин
        101 сто одна кіловат-година
        111 сто одинадцять кіловат-годин
        121 сто двадцять одна кіловат-година
        122 сто двадцять дві кіловат-години
        1000 одна тисяча кіловат-годин
        1001 одна тисяча одна кіловат-година
        2000 дві тисячі кіловат-годин
        2304 дві тисячі триста чотири кіловат-години
        5000 п'ять тисяч кіловат-годин
        11000 одинадцять тисяч кіловат-годин
        21911 двадцять одна тисяча дев'ятсот одинадцять кіловат-годин
        99870 дев'яносто дев'ять тисяч вісімсот сімдесят кіловат-годин
        100000 сто тисяч кіловат-годин
        1000000 один мільйон кіловат-годин
    """,
    "ru": """
        0 ноль киловатт-часов
        1 один киловатт-час
        2 два киловатт-часа
        5 пять киловатт-часов
        11 одиннадцать киловатт-часов
        12 двенадцать киловатт-часов
        14 четырнадцать киловатт-часов
        21 двадцать один киловатт-час
        22 двадцать два киловатт-часа
        25 двадцать пять киловатт-часов
        100 сто киловатт-часов
        101 сто один киловатт-час
        111 сто одиннадцать киловатт-часов
        121 сто двадцать один киловатт-час
        122 сто двадцать два киловатт-часа
        1000 одна тысяча киловатт-часов
        1001 одна тысяча один киловатт-час
        2000 две тысячи киловатт-часов
        2304 две тысячи триста четыре киловатт-часа
        5000 пять тысяч киловатт-часов
        11000 одиннадцать тысяч киловатт-часов
        21911 двадцать одна тысяча девятьсот одиннадцать киловатт-часов
        99870 девяносто девять тысяч восемьсот семьдесят киловатт-часов
        100000 сто тысяч киловатт-часов
        1000000 один миллион киловатт-часов
    """,
    "en": """
        0 zero kilowatt-hours
        1 one kilowatt-hour
        2 two kilowatt-hours
        5 five kilowatt-hours
        11 eleven kilowatt-hours
        12 twelve kilowatt-hours
        14 fourteen kilowatt-hours
        21 twenty-one kilowatt-hours
        22 twenty-two kilowatt-hours
        25 twenty-five kilowatt-hours
        100 one hundred kilowatt-hours
        101 one hundred one kilowatt-hours
        111 one hundred eleven kilowatt-hours
        121 one hundred twenty-one kilowatt-hours
        122 one hundred twenty-two kilowatt-hours
        1000 one thousand kilowatt-hours
        1001 one thousand one kilowatt-hours
        2000 two thousand kilowatt-hours
        2304 two thousand three hundred four kilowatt-hours
        5000 five thousand kilowatt-hours
        11000 eleven thousand kilowatt-hours
        21911 twenty-one thousand nine hundred eleven kilowatt-hours
        99870 ninety-nine thousand eight hundred seventy kilowatt-hours
        100000 one hundred thousand kilowatt-hours
        1000000 one million kilowatt-hours
    """,
    "vi": """
        0 không ki-lô-oát giờ
        1 một ki-lô-oát giờ
        2 hai ki-lô-oát giờ
        5 năm ki-lô-oát giờ
        11 mười một ki-lô-oát giờ
        12 mười hai ki-lô-oát giờ
        14 mười bốn ki-lô-oát giờ
        21 hai mươi mốt ki-lô-oát giờ
        22 hai mươi hai ki-lô-oát giờ
        25 hai mươi lăm ki-lô-oát giờ
        100 một trăm ki-lô-oát giờ
        101 một trăm linh một ki-lô-oát giờ
        111 một trăm mười một ki-lô-oát giờ
        121 một trăm hai mươi mốt ki-lô-oát giờ
        122 một trăm hai mươi hai ki-lô-oát giờ
        1000 một nghìn ki-lô-oát giờ
        1001 một nghìn không trăm linh một ki-lô-oát giờ
        2000 hai nghìn ki-lô-oát giờ
        2304 hai nghìn ba trăm linh bốn ki-lô-oát giờ
        5000 năm nghìn ki-lô-oát giờ
        11000 mười một nghìn ki-lô-oát giờ
        21911 hai mươi mốt nghìn chín trăm mười một ki-lô-oát giờ
        99870 chín mươi chín nghìn tám trăm bảy mươi ki-lô-oát giờ
        100000 một trăm nghìn ki-lô-oát giờ
        1000000 một triệu ki-lô-oát giờ
    """,
    "tt": """
        0 нуль киловатт-сәгать
        1 бер киловатт-сәгать
        2 ике киловатт-сәгать
        5 биш киловатт-сәгать
        11 унбер киловатт-сәгать
        12 унике киловатт-сәгать
        14 ундүрт киловатт-сәгать
        21 егерме бер киловатт-сәгать
        22 егерме ике киловатт-сәгать
        25 егерме биш киловатт-сәгать
        100 йөз киловатт-сәгать
        101 йөз бер киловатт-сәгать
        111 йөз унбер киловатт-сәгать
        121 йөз егерме бер киловатт-сәгать
        122 йөз егерме ике киловатт-сәгать
        1000 мең киловатт-сәгать
        1001 мең бер киловатт-сәгать
        2000 ике мең киловатт-сәгать
        2304 ике мең өч йөз дүрт киловатт-сәгать
        5000 биш мең киловатт-сәгать
        11000 унбер мең киловатт-сәгать
        21911 егерме бер мең тугыз йөз унбер киловатт-сәгать
        99870 туксан тугыз мең сигез йөз җитмеш киловатт-сәгать
        100000 йөз мең киловатт-сәгать
        1000000 бер миллион киловатт-сәгать
    """,
}


def say(language: str, ids: tuple[str, ...]) -> str:
    """The words of the pieces; a KeyError is a piece without a text."""
    words = " ".join("," if piece == numbers.PAUSE else WORDS[language][piece] for piece in ids)
    return words.replace(" ,", ",")


def rows(table: str) -> list[tuple[int, str]]:
    lines = (line.split(maxsplit=1) for line in table.strip().splitlines())
    return [(int(number), text.strip()) for number, text in lines]


@pytest.mark.parametrize("language", numbers.LANGUAGES)
def test_kilowatt_hours(language):
    table = rows(KILOWATT_HOURS[language])
    assert len(table) == 25
    said = [(n, say(language, numbers.quantity(language, n, "kwh"))) for n, _ in table]
    assert said == table


@pytest.mark.parametrize(
    ("language", "n", "unit", "text"),
    [
        ("uk", 1, "digit", "одна цифра"),
        ("uk", 5, "digit", "п'ять цифр"),
        ("uk", 2, "minute", "дві хвилини"),
        ("uk", 31, "second", "тридцять одна секунда"),
        ("uk", 2, "hour", "дві години"),
        ("uk", 2, "day", "два дні"),
        ("uk", 11, "day", "одинадцять днів"),
        ("uk", 8, "metre", "вісім метрів"),
        ("uk", 3, "try", "три спроби"),
        ("uk", 2, "reading", "два покази"),
        ("uk", 12, "person", "дванадцять осіб"),
        ("uk", 22, "person", "двадцять дві особи"),
        ("ru", 1, "digit", "одна цифра"),
        ("ru", 2, "minute", "две минуты"),
        ("ru", 42, "second", "сорок две секунды"),
        ("ru", 2, "hour", "два часа"),
        ("ru", 5, "hour", "пять часов"),
        ("ru", 21, "day", "двадцать один день"),
        ("ru", 8, "metre", "восемь метров"),
        ("ru", 2, "try", "две попытки"),
        ("ru", 1, "reading", "одно показание"),
        ("ru", 2, "reading", "два показания"),
        ("ru", 11, "reading", "одиннадцать показаний"),
        ("ru", 121, "reading", "сто двадцать одно показание"),
        ("ru", 1001, "reading", "одна тысяча одно показание"),
        ("ru", 3, "person", "три человека"),
        ("ru", 5, "person", "пять человек"),
        ("en", 1, "try", "one try"),
        ("en", 3, "try", "three tries"),
        ("en", 1, "person", "one person"),
        ("en", 0, "person", "zero people"),
        ("vi", 15, "minute", "mười lăm phút"),
        ("vi", 3, "try", "ba lần"),
        ("tt", 2, "day", "ике көн"),
        ("tt", 5, "digit", "биш цифр"),
    ],
)
def test_units_agree(language, n, unit, text):
    assert say(language, numbers.quantity(language, n, unit)) == text


@pytest.mark.parametrize(
    ("language", "n", "text"),
    [
        ("uk", 2421, "дві тисячі чотириста двадцять один"),
        ("uk", 22_000_000, "двадцять два мільйони"),
        ("uk", 5_002_001, "п'ять мільйонів дві тисячі один"),
        ("uk", 141_112, "сто сорок одна тисяча сто дванадцять"),
        ("ru", 2_032_000, "два миллиона тридцать две тысячи"),
        ("ru", 41_000_000, "сорок один миллион"),
        ("en", 3_000_019, "three million nineteen"),
        ("vi", 1_001_001, "một triệu không trăm linh một nghìn không trăm linh một"),
        ("vi", 34_010, "ba mươi tư nghìn không trăm mười"),
        ("vi", 105_000, "một trăm linh năm nghìn"),
        ("vi", 2_000_300, "hai triệu ba trăm"),
        ("tt", 1_001_200, "бер миллион мең ике йөз"),
        ("tt", 101_000, "йөз бер мең"),
    ],
)
def test_numbers_over_a_thousand(language, n, text):
    assert say(language, numbers.number(language, n)) == text


def test_number_goes_to_its_limit():
    text = say("uk", numbers.number("uk", numbers.LIMIT))
    assert text.startswith("дев'ятсот дев'яносто дев'ять мільйонів дев'ятсот")
    for n in (numbers.LIMIT + 1, -1):
        with pytest.raises(PromptError, match="from 0 to 999999999"):
            numbers.number("uk", n)


def test_feminine_number_is_a_row_of_pieces():
    assert numbers.number("uk", 2421, "f") == ("thousand_2", "n_400", "n_21_f")


@pytest.mark.parametrize(
    ("language", "day", "text"),
    [
        ("uk", "2026-11-03", "третього листопада"),
        ("uk", "2026-09-29", "двадцять дев'ятого вересня"),
        ("uk", "2028-02-29", "двадцять дев'ятого лютого"),
        ("uk", "2026-11-12", "дванадцятого листопада"),
        ("ru", "2026-11-03", "третьего ноября"),
        ("ru", "2028-02-29", "двадцать девятого февраля"),
        ("en", "2026-11-03", "November third"),
        ("en", "2028-02-29", "February twenty-ninth"),
        ("vi", "2026-11-03", "ngày mùng ba tháng mười một"),
        ("vi", "2026-04-15", "ngày mười lăm tháng tư"),
        ("tt", "2026-11-03", "өченче ноябрь"),
        ("tt", "2028-02-29", "егерме тугызынчы февраль"),
    ],
)
def test_dates(language, day, text):
    assert say(language, numbers.date(language, day)) == text


@pytest.mark.parametrize("day", ["2026-02-29", "2026-13-01", "03.11.2026", "", "2026-11-12T09:00"])
def test_what_is_no_date_is_refused(day):
    with pytest.raises(PromptError, match="not a date"):
        numbers.date("uk", day)


CLOCK = {
    "uk": """
        00:00 | нульова нуль нуль | нульової нуль нуль
        08:05 | восьма нуль п'ять | восьмої нуль п'ять
        08:40 | восьма сорок | восьмої сорок
        11:00 | одинадцята нуль нуль | одинадцятої нуль нуль
        14:30 | чотирнадцята тридцять | чотирнадцятої тридцять
        03:21 | третя двадцять одна | третьої двадцять одна
        23:05 | двадцять третя нуль п'ять | двадцять третьої нуль п'ять
        24:00 | двадцять четверта нуль нуль | двадцять четвертої нуль нуль
    """,
    "ru": """
        00:00 | полночь | полуночи
        00:30 | ноль часов тридцать | нуля часов тридцати
        08:40 | восемь сорок | восьми сорока
        11:00 | одиннадцать ноль-ноль | одиннадцати ноль-ноль
        14:30 | четырнадцать тридцать | четырнадцати тридцати
        23:05 | двадцать три ноль пять | двадцати трёх ноль пяти
        24:00 | полночь | полуночи
    """,
    "en": """
        00:00 | midnight | midnight
        00:15 | twelve fifteen a.m. | twelve fifteen a.m.
        08:40 | eight forty a.m. | eight forty a.m.
        12:00 | noon | noon
        12:30 | twelve thirty p.m. | twelve thirty p.m.
        14:30 | two thirty p.m. | two thirty p.m.
        15:00 | three p.m. | three p.m.
        23:05 | eleven oh five p.m. | eleven oh five p.m.
        24:00 | midnight | midnight
    """,
    "vi": """
        00:00 | không giờ | không giờ
        08:40 | tám giờ bốn mươi phút | tám giờ bốn mươi phút
        11:00 | mười một giờ | mười một giờ
        14:30 | mười bốn giờ ba mươi phút | mười bốn giờ ba mươi phút
        23:05 | hai mươi ba giờ năm phút | hai mươi ba giờ năm phút
    """,
    "tt": """
        00:00 | төнге сәгать унике | төнге сәгать унике
        08:40 | сәгать сигез дә кырык минут | сәгать сигез дә кырык минут
        11:00 | сәгать унбер | сәгать унбер
        14:30 | сәгать ундүрт тә утыз минут | сәгать ундүрт тә утыз минут
        23:05 | сәгать егерме өч тә биш минут | сәгать егерме өч тә биш минут
    """,
}


@pytest.mark.parametrize("language", numbers.LANGUAGES)
def test_times_of_day(language):
    for line in CLOCK[language].strip().splitlines():
        clock, at, since = (cell.strip() for cell in line.split("|"))
        assert say(language, numbers.time(language, clock)) == at
        assert say(language, numbers.time(language, clock, "from_")) == since


@pytest.mark.parametrize("clock", ["24:01", "25:00", "8:60", "14.30", "", "2026-11-12T09:00"])
def test_what_is_no_time_is_refused(clock):
    with pytest.raises(PromptError, match="not a time of day"):
        numbers.time("uk", clock)


@pytest.mark.parametrize(
    ("language", "phone", "text"),
    [
        ("uk", "+380671110001", "нуль шістдесят сім, сто одинадцять, нуль нуль, нуль один"),
        (
            "uk",
            "+380687509090",
            "нуль шістдесят вісім, сімсот п'ятдесят, дев'яносто, дев'яносто",
        ),
        ("uk", "+380500000777", "нуль п'ятдесят, нуль нуль нуль, нуль сім, сімдесят сім"),
        ("uk", "+380800500100", "нуль вісімсот, п'ятсот, сто"),
        ("ru", "+380487059090", "ноль сорок восемь, семьсот пять, девяносто, девяносто"),
        ("en", "+380671110001", "zero six seven, one one one, zero zero, zero one"),
        (
            "ru",
            "+78430000100",
            "восемь, восемь четыре три, ноль ноль ноль, ноль один, ноль ноль",
        ),
        ("tt", "+78430000100", "сигез, сигез дүрт өч, нуль нуль нуль, нуль бер, нуль нуль"),
        ("vi", "+84912345678", "không chín một hai, ba bốn năm, sáu bảy tám"),
        (
            "uk",
            "+48221234567",
            "плюс чотири вісім, два два, один два три, чотири п'ять, шість сім",
        ),
        ("uk", "104", "один нуль чотири"),
        ("uk", "705-90-90", "сім нуль п'ять, дев'ять нуль, дев'ять нуль"),
        ("uk", "+999", "дев'ять дев'ять дев'ять"),
    ],
)
def test_phones(language, phone, text):
    assert say(language, numbers.phone(language, phone)) == text


@pytest.mark.parametrize("phone", ["", "anonymous", "+38067abc"])
def test_what_is_no_phone_is_refused(phone):
    with pytest.raises(PromptError, match="not a row of digits"):
        numbers.phone("uk", phone)


def test_digits_and_groups():
    assert say("uk", numbers.digits("02421")) == "нуль два чотири два один"
    assert say("uk", numbers.groups("100200301")) == (
        "один нуль нуль, два нуль нуль, три нуль один"
    )
    assert say("uk", numbers.groups("4512")) == "чотири п'ять один, два"
    for text in ("", "12a", "1 2", "٣"):
        with pytest.raises(PromptError, match="not a row of digits"):
            numbers.digits(text)
        with pytest.raises(PromptError, match="not a row of digits"):
            numbers.groups(text)


@pytest.mark.parametrize(
    ("language", "n", "text"),
    [
        ("uk", 2, "другий"),
        ("uk", 3, "третій"),
        ("uk", 23, "двадцять третій"),
        ("uk", 40, "сороковий"),
        ("uk", 100, "сотий"),
        ("uk", 121, "сто двадцять перший"),
        ("ru", 2, "второй"),
        ("ru", 3, "третий"),
        ("ru", 46, "сорок шестой"),
        ("ru", 200, "двухсотый"),
        ("en", 12, "twelfth"),
        ("en", 21, "twenty-first"),
        ("en", 300, "three hundredth"),
        ("en", 320, "three hundred twentieth"),
        ("vi", 1, "thứ nhất"),
        ("vi", 4, "thứ tư"),
        ("vi", 101, "thứ một trăm linh một"),
        ("tt", 1, "беренче"),
        ("tt", 16, "уналтынчы"),
        ("tt", 40, "кырыгынчы"),
        ("tt", 100, "йөзенче"),
        ("tt", 230, "ике йөз утызынчы"),
    ],
)
def test_ordinals(language, n, text):
    assert say(language, numbers.ordinal(language, n)) == text


def test_ordinals_have_a_range():
    for n in (0, numbers.LAST_ORDINAL + 1):
        with pytest.raises(PromptError, match="from 1 to 999"):
            numbers.ordinal("uk", n)


def test_subqueues():
    assert say("uk", numbers.subqueue("uk", "3.2")) == "три крапка два"
    assert say("en", numbers.subqueue("en", "12.1")) == "twelve point one"
    assert say("vi", numbers.subqueue("vi", "4")) == "bốn"
    for text in ("3,2", "", "3.", "9" * 5000):
        with pytest.raises(PromptError, match="not a sub-queue"):
            numbers.subqueue("uk", text)


def test_spoken_takes_integers_and_rows_of_digits():
    expected = numbers.quantity("uk", 2304, "kwh")
    assert numbers.spoken("uk", "kwh", 2304) == expected
    assert numbers.spoken("uk", "kwh", "02304") == expected
    assert numbers.spoken("uk", "digits", "02") == ("n_0", "n_2")
    assert numbers.spoken("uk", "groups", "1002") == ("n_1", "n_0", "n_0", numbers.PAUSE, "n_2")
    assert numbers.spoken("uk", "time_from", "08:40") == ("hour_from_8", "minute_40")
    for value in (True, None, 1.5, "", "12.5", "-3", [1], "9" * 5000):
        with pytest.raises(PromptError, match="not a whole number"):
            numbers.spoken("uk", "kwh", value)
    with pytest.raises(PromptError, match="not text"):
        numbers.spoken("uk", "digits", 2304)


def test_a_language_without_rules_is_refused():
    with pytest.raises(PromptError, match="no number rules for language 'pl'"):
        numbers.number("pl", 1)


# ---------------------------------------------------------------------- the word files


@pytest.mark.parametrize("language", numbers.LANGUAGES)
def test_every_word_is_used_and_every_use_has_its_word(language):
    used = {numbers.PAUSE}
    counts = [*range(1000), *range(1000, 100_000, 1000), 100_000]
    counts += [1_000_000, 2_000_000, 5_000_000, 1_001_000, 1_000_001]
    for unit in numbers.UNITS:
        used.update(piece for n in counts for piece in numbers.quantity(language, n, unit))
    used.update(piece for n in counts for piece in numbers.number(language, n))
    for n in range(1, numbers.LAST_ORDINAL + 1):
        used.update(numbers.ordinal(language, n))
    for day in range(1, 32):
        used.update(numbers.date(language, f"2026-01-{day:02}"))
    for month in range(1, 13):
        used.update(numbers.date(language, f"2026-{month:02}-01"))
    for minutes in range(24 * 60 + 1):
        clock = f"{minutes // 60:02}:{minutes % 60:02}"
        used.update(numbers.time(language, clock), numbers.time(language, clock, "from_"))
    used.update(numbers.subqueue(language, "3.2"), numbers.phone(language, "+48221234567"))
    assert used - {numbers.PAUSE} == set(WORDS[language])


@pytest.mark.parametrize("language", numbers.LANGUAGES)
def test_words_are_clean(language):
    own = "CYRILLIC" if language in ("uk", "ru", "tt") else "LATIN"
    for piece, text in WORDS[language].items():
        assert re.fullmatch(r"[a-z0-9_]+", piece)
        assert text == unicodedata.normalize("NFC", " ".join(text.split()))
        for character in text:
            letter = character.isalpha() and unicodedata.name(character).startswith(own)
            assert letter or character in " -'.", f"{piece}: {character!r} in {text!r}"


# ---------------------------------------------------------------------- properties


@settings(deadline=None)
@given(LANGUAGES, st.integers(0, 999_999), st.sampled_from(["number", *numbers.UNITS]))
def test_every_number_has_its_words(language, n, kind):
    assert say(language, numbers.spoken(language, kind, n))


@settings(deadline=None)
@given(LANGUAGES, st.integers(0, numbers.LIMIT), st.sampled_from("mfn"))
def test_large_numbers_have_their_words(language, n, gender):
    assert say(language, numbers.number(language, n, gender))


UKRAINIAN = {
    word: value
    for value, words in {
        0: "нуль",
        1: "один одна",
        2: "два дві",
        3: "три",
        4: "чотири",
        5: "п'ять",
        6: "шість",
        7: "сім",
        8: "вісім",
        9: "дев'ять",
        10: "десять",
        11: "одинадцять",
        12: "дванадцять",
        13: "тринадцять",
        14: "чотирнадцять",
        15: "п'ятнадцять",
        16: "шістнадцять",
        17: "сімнадцять",
        18: "вісімнадцять",
        19: "дев'ятнадцять",
        20: "двадцять",
        30: "тридцять",
        40: "сорок",
        50: "п'ятдесят",
        60: "шістдесят",
        70: "сімдесят",
        80: "вісімдесят",
        90: "дев'яносто",
        100: "сто",
        200: "двісті",
        300: "триста",
        400: "чотириста",
        500: "п'ятсот",
        600: "шістсот",
        700: "сімсот",
        800: "вісімсот",
        900: "дев'ятсот",
    }.items()
    for word in words.split()
}


def value_of(text: str) -> int:
    total = group = 0
    for word in text.split():
        if word.startswith(("тисяч", "мільйон")):
            total += group * (1000 if word.startswith("тисяч") else 1_000_000)
            group = 0
        else:
            group += UKRAINIAN[word]
    return total + group


@settings(deadline=None)
@given(st.integers(0, numbers.LIMIT), st.sampled_from("mf"))
def test_ukrainian_words_give_the_number_back(n, gender):
    text = say("uk", numbers.number("uk", n, gender))
    assert value_of(text) == n
    assert not re.search("[A-Za-z]", text)


@settings(deadline=None)
@given(st.integers(0, 999_999))
def test_no_masculine_word_before_a_ukrainian_feminine(n):
    text = say("uk", numbers.quantity("uk", n, "kwh"))
    assert not re.search(r"(один|два) (кіловат|тисяч)", text)
    assert ("одна кіловат-година" in text) == (n % 10 == 1 and n % 100 != 11)


@settings(deadline=None)
@given(LANGUAGES, st.text("0123456789", min_size=1, max_size=15))
def test_phones_and_groups_keep_every_digit(language, row):
    spoken = [piece for piece in numbers.groups(row) if piece != numbers.PAUSE]
    assert spoken == [f"n_{digit}" for digit in row]
    assert say(language, numbers.phone(language, row))


@settings(deadline=None)
@given(LANGUAGES, st.text("0123456789", min_size=1, max_size=14))
def test_any_international_phone_has_its_words(language, row):
    assert say(language, numbers.phone(language, f"+{row}"))
