"""The table of numbers and units, the ways of saying things, and the letters of every text."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
import yaml

from ivr import numbers, prompts

PROMPTS = Path(__file__).parents[1] / "prompts"
LANGUAGES = numbers.LANGUAGES
WORDS = {
    language: yaml.load(
        (PROMPTS / "numbers" / f"{language}.yaml").read_text("utf-8"),
        yaml.BaseLoader,  # noqa: S506
    )
    for language in LANGUAGES
}


def say(language: str, pieces: tuple[str, ...]) -> str:
    words = (" " if piece == numbers.PAUSE else WORDS[language][piece] for piece in pieces)
    return " ".join(" ".join(words).split())


FORMS = {
    "uk": {
        "kwh": "кіловат-година кіловат-години кіловат-годин",
        "hour": "година години годин",
        "minute": "хвилина хвилини хвилин",
        "day": "день дні днів",
    },
    "ru": {
        "kwh": "киловатт-час киловатт-часа киловатт-часов",
        "hour": "час часа часов",
        "minute": "минута минуты минут",
        "day": "день дня дней",
    },
    "en": {
        "kwh": "kilowatt-hour kilowatt-hours kilowatt-hours",
        "hour": "hour hours hours",
        "minute": "minute minutes minutes",
        "day": "day days days",
    },
}
FEMININE = {"uk": ("kwh", "hour", "minute"), "ru": ("minute",), "en": ()}
COUNTED = {
    "uk": {1: ("один", "одна"), 2: ("два", "дві")},
    "ru": {1: ("один", "одна"), 2: ("два", "две")},
    "en": {1: ("one", "one"), 2: ("two", "two")},
}


def form(n: int, language: str) -> int:
    """Which of three forms a number takes: one, few, many (in English: one, other)."""
    if language == "en":
        return 0 if n == 1 else 1
    if n % 10 == 1 and n % 100 != 11:
        return 0
    return 1 if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else 2


@pytest.mark.parametrize("language", FORMS)
@pytest.mark.parametrize("unit", ["kwh", "hour", "minute", "day"])
def test_every_number_to_a_thousand_agrees_with_its_unit(language: str, unit: str) -> None:
    nouns = FORMS[language][unit].split()
    for n in range(1001):
        text = say(language, numbers.quantity(language, n, unit))
        number, noun = text.rsplit(" ", 1)
        assert noun == nouns[form(n, language)], text
        last = n % 10 if n % 100 not in (11, 12) else 0
        if last in (1, 2):
            masculine, feminine = COUNTED[language][last]
            wanted = feminine if unit in FEMININE[language] else masculine
            assert re.split("[ -]", number)[-1] == wanted, text


def test_vietnamese_and_tatar_nouns_never_change() -> None:
    nouns = {
        "vi": {"kwh": "ki-lô-oát giờ", "minute": "phút", "day": "ngày"},
        "tt": {"kwh": "киловатт-сәгать", "hour": "сәгать", "minute": "минут", "day": "көн"},
    }
    for language, units in nouns.items():
        for unit, noun in units.items():
            for n in (0, 1, 2, 5, 11, 21, 101, 1000):
                text = say(language, numbers.quantity(language, n, unit))
                assert text == f"{say(language, numbers.number(language, n))} {noun}"


def test_vietnamese_units_after_tens_and_empty_places() -> None:
    words = ["không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"]
    for tens in range(2, 10):
        for one in range(1, 10):
            last = {1: "mốt", 4: "tư", 5: "lăm"}.get(one, words[one])
            text = say("vi", numbers.number("vi", tens * 10 + one))
            assert text in (f"{words[tens]} mươi {last}", f"{words[tens]} mươi {words[one]}")
            if one in (1, 5):
                assert text.endswith(last)
    assert say("vi", numbers.number("vi", 15)) == "mười lăm"
    assert say("vi", numbers.number("vi", 11)) == "mười một"
    for one in range(1, 10):
        assert say("vi", numbers.number("vi", 100 + one)) == f"một trăm linh {words[one]}"


def test_tatar_compounds() -> None:
    ones = ["бер", "ике", "өч", "дүрт", "биш", "алты", "җиде", "сигез", "тугыз"]
    tens = ["ун", "егерме", "утыз", "кырык", "илле", "алтмыш", "җитмеш", "сиксән", "туксан"]
    for one, word in enumerate(ones, 1):
        assert say("tt", numbers.number("tt", one)) == word
        assert say("tt", numbers.number("tt", 10 + one)) == f"ун{word}", "one word"
        for ten in range(2, 10):
            text = say("tt", numbers.number("tt", ten * 10 + one))
            assert text == f"{tens[ten - 1]} {word}"
    assert say("tt", numbers.number("tt", 100)) == "йөз"
    assert say("tt", numbers.number("tt", 1000)) == "мең"


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (numbers.groups("123456789"), "один два три чотири п'ять шість сім вісім дев'ять"),
        (numbers.digits("02304"), "нуль два три нуль чотири"),
        (numbers.number("uk", 2304), "дві тисячі триста чотири"),
        (numbers.quantity("uk", 121, "kwh"), "сто двадцять одна кіловат-година"),
        (numbers.date("uk", "2026-11-03"), "третього листопада"),
        (numbers.date("uk", "2026-09-29"), "двадцять дев'ятого вересня"),
        (numbers.time("uk", "11:00", "from_"), "одинадцятої нуль нуль"),
        (numbers.time("uk", "14:30", "from_"), "чотирнадцятої тридцять"),
        (numbers.phone("uk", "+380687509090"), "нуль шістдесят вісім сімсот п'ятдесят"
         " дев'яносто дев'яносто"),
        (numbers.subqueue("uk", "3.2"), "три крапка два"),
    ],
)  # fmt: skip
def test_what_is_said_how(pieces: tuple[str, ...], text: str) -> None:
    assert say("uk", pieces) == text


# ---------------------------------------------------------------------- letters


def texts(language: str) -> dict[str, str]:
    """Every text of a language: prompts, words of numbers, messages, phrases of callers."""
    found = {}
    for place in (".", "numbers", "sms"):
        path = PROMPTS / place / f"{language}.yaml"
        loaded = yaml.load(path.read_text("utf-8"), yaml.BaseLoader)  # noqa: S506
        said = loaded.pop("words", {})
        found.update({f"{place}/{name}": text for name, text in loaded.items()})
        found.update(
            {
                f"words/{word}-{n}": phrase
                for word, each in said.items()
                for n, phrase in enumerate(each)
            }
        )
    return found


def phrases(language: str) -> dict[str, str]:
    """What callers say, by id of its words and number of the phrase."""
    return {name: text for name, text in texts(language).items() if name.startswith("words/")}


def plain(text: str) -> str:
    """A text without its placeholders, links and names of programs."""
    return re.sub(r"\{[^}]*\}", " ", text)


@pytest.mark.parametrize("language", ["uk", "ru", "tt"])
def test_no_latin_letter_in_a_cyrillic_text(language: str) -> None:
    for name, text in texts(language).items():
        assert not re.search(r"[A-Za-zÀ-ʯ]", plain(text)), f"{name}: {text!r}"


@pytest.mark.parametrize("language", ["en", "vi"])
def test_no_cyrillic_letter_in_a_latin_text(language: str) -> None:
    for name, text in texts(language).items():
        letters = (unicodedata.name(each, "") for each in plain(text) if each.isalpha())
        assert all(each.startswith("LATIN") for each in letters), f"{name}: {text!r}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_are_composed_and_of_the_language(language: str) -> None:
    foreign = {"uk": "ыэёъ", "ru": "іїєґ", "tt": "іїєґ"}.get(language, "")
    for name, text in texts(language).items():
        assert text == unicodedata.normalize("NFC", text), name
        assert not set(plain(text).lower()) & set(foreign), f"{name}: {text!r}"


def test_every_placeholder_is_there_in_every_language() -> None:
    def slots(text: str) -> list[str]:
        return sorted(set(re.findall(r"\{[^}]*\}", text)))

    def every(language: str) -> dict[str, list[str]]:
        other = "numbers/", "words/"
        found = texts(language).items()
        return {name: slots(text) for name, text in found if not name.startswith(other)}

    for language in LANGUAGES[1:]:
        assert every(language) == every("uk"), language


# ---------------------------------------------------------------------- what callers say


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_have_the_same_ids_in_every_language(language: str) -> None:
    def ids(of: str) -> list[str]:
        return list(dict.fromkeys(name.partition("-")[0] for name in phrases(of)))

    assert ids(language) == ids("uk")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_phrase_is_one_to_five_words_in_lower_case_and_nothing_else(language: str) -> None:
    for name, phrase in phrases(language).items():
        words = phrase.split()
        assert 1 <= len(words) <= 5, f"{name}: {phrase}"
        assert phrase == " ".join(words).lower(), f"{name}: {phrase}"
        assert phrase.replace("'", "").replace(" ", "").isalpha(), f"{name}: {phrase}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_id_has_a_phrase_twice(language: str) -> None:
    ids = [(name.partition("-")[0], phrase) for name, phrase in phrases(language).items()]
    assert sorted(ids) == sorted(set(ids))


SAID = {
    "uk": {
        "reading": ("показання", "передати показання", "покази"),
        "outage": ("немає світла", "світло", "аварія"),
        "bills": ("оплата", "баланс"),
        "operator": ("оператор", "з'єднайте з оператором"),
        "back": ("назад", "головне меню"),
        "repeat": ("повторити", "ще раз"),
        "yes": ("так", "вірно", "підтверджую"),
    },
    "ru": {
        "reading": ("показания", "передать показания"),
        "outage": ("нет света", "свет", "авария"),
        "operator": ("оператор", "соедините с оператором"),
        "yes": ("да", "верно", "подтверждаю"),
    },
    "en": {"reading": ("meter reading", "submit reading"), "outage": ("outage", "no power")},
}


@pytest.mark.parametrize("language", SAID)
def test_what_is_said_first_of_all_is_there(language: str) -> None:
    known = prompts.load(PROMPTS)[language].words
    for word, wanted in SAID[language].items():
        assert set(wanted) <= set(known[word]), word
