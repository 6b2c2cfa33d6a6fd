from __future__ import annotations

import hashlib
import re
from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import prompts
from ivr.errors import PromptError
from ivr.prompts import Catalogue, Piece, load

NUMBERS = Path(__file__).parents[1] / "prompts" / "numbers"
PAUSE = Piece("silence_300ms", ",")


@pytest.fixture
def folder(tmp_path):
    """A prompts folder with the shipped number words and no prompts yet."""
    copytree(NUMBERS, tmp_path / "numbers")
    return tmp_path


@pytest.fixture
def write(folder):
    """Writes `uk.yaml` (or another language) and loads it."""

    def written(text: str, language: str = "uk") -> Catalogue:
        (folder / f"{language}.yaml").write_text(text, "utf-8")
        return load(folder)[language]

    return written


@pytest.fixture
def one(write):
    """A Ukrainian catalogue with the one prompt `p`."""
    return lambda text: write(f"p: >-\n  {text}\n")


# ---------------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        ("Добрий день!", {}, "Добрий день!"),
        (
            "Ви ввели: {value:digits}. Якщо так, натисніть один.",
            {"value": "02421"},
            "Ви ввели: нуль два чотири два один. Якщо так, натисніть один.",
        ),
        (
            "Рахунок {account:groups}.",
            {"account": "100200301"},
            "Рахунок один нуль нуль, два нуль нуль, три нуль один.",
        ),
        (
            "Показ: {value:digits}; {value:number}.",
            {"value": "02304"},
            "Показ: нуль два три нуль чотири; дві тисячі триста чотири.",
        ),
        (
            "Споживання: {used:kwh}.",
            {"used": 121},
            "Споживання: сто двадцять одна кіловат-година.",
        ),
        (
            "До {day:date} включно",
            {"day": "2026-11-03"},
            "До третього листопада включно",
        ),
        (
            "З {since:time_from} до {until:time_from}. Зараз {now:time}.",
            {"since": "11:00", "until": "14:30", "now": "08:40"},
            "З одинадцятої нуль нуль до чотирнадцятої тридцять. Зараз восьма сорок.",
        ),
        (
            "Телефон: {phone:phone}.",
            {"phone": "+380671110001"},
            "Телефон: нуль шістдесят сім, сто одинадцять, нуль нуль, нуль один.",
        ),
        ("Ви {place:ordinal} у черзі.", {"place": 2}, "Ви другий у черзі."),
        ("Черга {queue:subqueue}.", {"queue": "3.2"}, "Черга три крапка два."),
        ("{street:text}, {house:text}", {"street": " Шевченка ", "house": "27"}, "Шевченка, 27"),
        ("Ще {left:minute}{more:second}", {"left": 1, "more": 2}, "Ще одна хвилина дві секунди"),
        ("Далі {note:text}.", {"note": ""}, "Далі."),
        ("Далі. {note:text}.", {"note": ""}, "Далі."),
        ("{zone:text}: {n:number}", {"zone": "", "n": 1}, "один"),
        ("Далі ({note:text}).", {"note": "завтра"}, "Далі (завтра)."),
        ("Зачекайте... {n:number}", {"n": 1}, "Зачекайте... один"),
    ],
)
def test_text(one, text, values, said):
    assert one(text).text("p", values) == said


def test_text_suits_the_patterns_of_call_scripts(one):
    said = one("{r:digits} {n:kwh} {m:kwh} черга {q:subqueue}, {a:groups}").text(
        "p", {"r": "02421", "n": 121, "m": 21911, "q": "3.2", "a": "100200"}
    )
    for pattern in (
        r"(?i)нуль\W+два\W+чотири\W+два\W+один",
        r"(?i)сто двадцять одна кіловат-година(?!\w)",
        r"двадцять одна тисяча дев.?ятсот одинадцять кіловат-годин",
        r"черга три крапка два",
        r"один\W+нуль\W+нуль\W+два\W+нуль\W+нуль",
    ):
        assert re.search(pattern, said)


def test_an_english_time_ends_a_sentence_with_one_dot(write):
    catalogue = write('p: "Until {t:time}. Thank you."', "en")
    assert catalogue.text("p", {"t": "14:30"}) == "Until two thirty p.m. Thank you."


# ---------------------------------------------------------------------- pieces


def test_a_prompt_of_one_segment_is_one_piece(one):
    assert one("Добрий день!").pieces("p", {}) == (Piece("p", "Добрий день!"),)


def test_one_segment_keeps_the_prompts_own_id(one):
    assert one("Споживання: {used:kwh}.").pieces("p", {"used": 2}) == (
        Piece("p", "Споживання:"),
        Piece("n_2_f", "дві"),
        Piece("unit_kwh_few", "кіловат-години"),
    )


def test_segments_are_numbered_and_stops_after_values_are_pauses(one):
    catalogue = one("Ви ввели: {a:digits}; {b:number}. Якщо так — {c:text} (один).")
    values = {"a": "1", "b": 20, "c": "тисніть"}
    assert [piece.id for piece in catalogue.pieces("p", values)] == [
        "p-1",
        "n_1",
        "silence_300ms",
        "n_20",
        "silence_300ms",
        "p-2",
        catalogue.pieces("p", values)[-2].id,
        "p-3",
    ]
    assert catalogue.fixed()["p-2"] == "Якщо так"


def test_a_pause_parts_sentences_and_follows_a_value_before_a_dash(one):
    ids = [
        piece.id for piece in one("Дякуємо. {a:number} — {b:number}").pieces("p", {"a": 1, "b": 2})
    ]
    assert ids == ["p", "silence_300ms", "n_1", "silence_300ms", "n_2"]


def test_a_pause_is_neither_doubled_nor_last(one):
    catalogue = one("{a:text}, {b:text}, {c:number}.")
    assert catalogue.pieces("p", {"a": "", "b": "", "c": 1}) == (Piece("n_1", "один"),)
    assert catalogue.pieces("p", {"a": "так", "b": "", "c": 1})[1:] == (PAUSE, Piece("n_1", "один"))


def test_groups_are_parted_by_pauses(one):
    ids = [piece.id for piece in one("{a:groups}").pieces("p", {"a": "1002"})]
    assert ids == ["n_1", "n_0", "n_0", "silence_300ms", "n_2"]


def test_free_text_is_synthesised_under_a_hash_of_language_and_text(one):
    (piece,) = one("{street:text}").pieces("p", {"street": "Дачна"})
    digest = hashlib.sha256("ukДачна".encode()).hexdigest()
    assert piece == Piece(f"t_{digest[:12]}", "Дачна", dynamic=True)


def test_fixed_holds_segments_and_number_words_but_no_silence(write):
    fixed = write('hello: Вітаємо.\nsum: "Разом {n:kwh}, дякуємо. {x:text}"\n').fixed()
    assert fixed["hello"] == "Вітаємо."
    assert (fixed["sum-1"], fixed["sum-2"]) == ("Разом", "дякуємо.")
    assert fixed["n_21_f"] == "двадцять одна"
    assert not {"sum", "sum-3", "silence_300ms"} & fixed.keys()


def test_texts_and_placeholders_are_as_written(write):
    catalogue = write('sum: "Показ {v:digits}, {v:number} за {d:date}"\nempty:\n')
    assert catalogue.texts == {"sum": "Показ {v:digits}, {v:number} за {d:date}", "empty": ""}
    assert catalogue.placeholders("sum") == {"v": "digits", "d": "date"}
    assert (catalogue.pieces("empty", {}), catalogue.text("empty", {})) == ((), "")


# ---------------------------------------------------------------------- nesting


def test_a_prompt_stands_in_a_prompt_and_shares_its_values(write):
    catalogue = write('outer: "{why:prompt} Повторіть."\nlow: "Менше за {v:number}."\n')
    values = {"why": "low", "v": 5}
    assert catalogue.text("outer", values) == "Менше за п'ять. Повторіть."
    ids = [piece.id for piece in catalogue.pieces("outer", values)]
    assert ids == ["low", "n_5", "silence_300ms", "outer"]
    assert catalogue.text("outer", {"why": ""}) == "Повторіть."
    assert [piece.id for piece in catalogue.pieces("outer", {"why": ""})] == ["outer"]


def test_nested_prompts_are_joined_as_a_person_writes(write):
    catalogue = write(
        'p: "{zone:prompt}Введіть показ{place:prompt}. Далі ({note:prompt})."\n'
        "day: Денний тариф.\nhome: ', дім'\nnote: так\n"
    )
    values = {"zone": "day", "place": "home", "note": "note"}
    assert catalogue.text("p", values) == "Денний тариф. Введіть показ, дім. Далі (так)."
    ids = [piece.id for piece in catalogue.pieces("p", values)]
    assert ids == [
        "day",
        "silence_300ms",
        "p-1",
        "silence_300ms",
        "home",
        "silence_300ms",
        "p-2",
        "note",
    ]
    empty = {"zone": "", "place": "", "note": "note"}
    assert catalogue.text("p", empty) == "Введіть показ. Далі (так)."


def test_nesting_is_three_deep(write):
    catalogue = write(
        'p0: "0 {a:prompt}"\np1: "1 {b:prompt}"\np2: "2 {c:prompt}"\np3: "3 {d:prompt}"\n'
    )
    values = {"a": "p1", "b": "p2", "c": "p3", "d": ""}
    assert catalogue.text("p0", values) == "0 1 2 3"
    with pytest.raises(PromptError, match="'p3'.*'p0' stands more than 3 prompts deep"):
        catalogue.text("p0", {**values, "d": "p0"})


# ---------------------------------------------------------------------- values that do not fit


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("kwh", "багато", "'багато' is not a whole number"),
        ("number", None, "None is not a whole number"),
        ("number", 1_000_000_000, "numbers go from 0 to 999999999"),
        ("digits", 12, "12 is not text"),
        ("date", "3.11", "'3.11' is not a date"),
        ("text", 5, "5 is not text"),
        ("prompt", None, "None is not the id of a prompt"),
    ],
)
def test_a_value_of_the_wrong_type_names_prompt_language_and_slot(one, kind, value, reason):
    catalogue = one(f"Так {{v:{kind}}}")
    for render in (catalogue.pieces, catalogue.text):
        with pytest.raises(PromptError, match=f"prompt 'p' in uk, slot 'v': .*{reason}"):
            render("p", {"v": value})


def test_a_missing_value_names_prompt_language_and_slot(one):
    with pytest.raises(PromptError, match=r"prompt 'p' in uk, slot 'v': no value.*\{v:kwh\}"):
        one("{v:kwh}").text("p", {"w": 1})


def test_an_unknown_prompt_names_the_file(one):
    for call in (lambda c: c.text("q", {}), lambda c: c.placeholders("q")):
        with pytest.raises(PromptError, match=r"no prompt 'q' in uk; add it to prompts/uk\.yaml"):
            call(one("Так"))


def test_a_missing_number_word_names_the_file(folder, write):
    (folder / "numbers" / "uk.yaml").write_text("n_0: нуль\n", "utf-8")
    catalogue = write('p: "{v:number}"')
    with pytest.raises(PromptError, match=r"no number word 'n_7'; add it to .*numbers/uk\.yaml"):
        catalogue.text("p", {"v": 7})


# ---------------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- a\n- b\n", r"uk\.yaml is not a mapping"),
        ("", r"uk\.yaml is not a mapping"),
        ("a: так\nБ: ні\n", r"uk\.yaml, line 2: 'Б' is no id"),
        ("a-1: так\n", r"line 1: 'a-1' is no id"),
        ("a: так\n\na: ні\n", r"line 3: a is there twice"),
        ("a: [так, ні]\n", r"line 1: a is not a text; put it into quotes"),
        ("a: {v:digits}\n", r"line 1: a is not a text; put it into quotes"),
        ('a: "{v:kwhh}"\n', r"line 1: a: unknown kind in \{v:kwhh\}; the kinds are date, day, "),
        ('a: так\nb: "Ви ввели {v:digits"\n', r"line 2: b: the brace near 'Ви ввели \{v:digits'"),
        ('a: "Ви ввели v:digits}"\n', r"line 1: a: the brace near"),
        ('a: "{v}"\n', r"line 1: a: the brace near"),
        ("a: один: два\n", r"uk\.yaml.*line 1.*needs quotes"),
        ("n_5: так\n", r"uk\.yaml: n_5 is the id of a number word; rename"),
        ("silence_300ms: так\n", r"silence_300ms is the id of a number word"),
    ],
)
def test_a_bad_file_is_told_with_line_id_and_mend(write, text, reason):
    with pytest.raises(PromptError, match=reason):
        write(text)


def test_a_file_that_is_no_text_is_told(folder):
    (folder / "uk.yaml").write_bytes(b"a: \xff\xfe\n")
    with pytest.raises(PromptError, match=r"uk\.yaml"):
        load(folder)


def test_a_bad_number_file_is_told(folder, write):
    (folder / "numbers" / "uk.yaml").write_text("n_0: нуль\nn_0: зеро\n", "utf-8")
    with pytest.raises(PromptError, match=r"numbers/uk\.yaml, line 2: n_0 is there twice"):
        write("a: так\n")
    (folder / "numbers" / "uk.yaml").unlink()
    with pytest.raises(PromptError, match=r"numbers/uk\.yaml is missing"):
        write("a: так\n")


def test_a_language_without_number_rules_is_told(write):
    with pytest.raises(PromptError, match=r"pl\.yaml: no number rules for 'pl'"):
        write("a: tak\n", "pl")


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(PromptError, match="holds no prompts"):
        load(tmp_path)


def test_every_language_file_is_a_catalogue(folder):
    for language in prompts.numbers.LANGUAGES:
        (folder / f"{language}.yaml").write_text('p: "{n:number}"\n', "utf-8")
    catalogues = load(folder)
    said = {language: catalogue.text("p", {"n": 14}) for language, catalogue in catalogues.items()}
    assert said == {
        "uk": "чотирнадцять",
        "ru": "четырнадцать",
        "en": "fourteen",
        "vi": "mười bốn",
        "tt": "ундүрт",
    }
    assert catalogues["tt"].language == "tt"


def test_yaml_words_stay_words(write):
    catalogue = write("a: on\nb: 0123\nc: 12:30\nd: yes\n")
    assert catalogue.texts == {"a": "on", "b": "0123", "c": "12:30", "d": "yes"}


def test_seconds_grow_with_the_text():
    assert prompts.seconds("") == 0
    assert prompts.seconds("а" * 28) == 2


# ---------------------------------------------------------------------- properties


@given(st.text(st.sampled_from("аб {}:,!vdigts"), max_size=30))
def test_any_text_is_refused_or_said_as_written(text):
    try:
        catalogue = Catalogue("uk", {"p": text}, {})
        pieces = catalogue.pieces("p", {})
    except PromptError as error:
        assert "{" in text or "}" in text, error
        return
    assert re.findall(r"\w+", catalogue.text("p", {})) == re.findall(r"\w+", text)
    assert [piece.id for piece in pieces] == ["p"] * bool(re.search(r"\w", text))
