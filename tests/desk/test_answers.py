"""The answer base: found by beginnings of words in three languages, shown as safe HTML."""

import pytest

from agent_desk.answer_base import AnswerBase, read
from agent_desk.desk import LANGUAGES


@pytest.fixture(scope="module")
def base(request):
    return AnswerBase(request.config.rootpath / "agent_desk" / "answers")


@pytest.mark.parametrize(
    ("question", "language", "slug"),
    [
        ("немає світла", "uk", "outage-report"),
        ("обірваний дріт", "uk", "fallen-wire"),
        ("нет света", "ru", "outage-report"),
        ("fallen wire", "en", "fallen-wire"),
        ("коли передавати покази", "uk", "reading-window"),
        ("когда передавать показания", "ru", "reading-window"),
        ("лічильник нулі", "uk", "roll-over"),
        ("двозонного лічильника", "uk", "two-zones"),
        ("замена счетчика", "ru", "meter-replacement"),
        ("замена счётчика", "ru", "meter-replacement"),
        ("скаргу", "uk", "complaint"),
        ("red digit", "en", "decimal-digit"),
        ("тариф", "uk", "bills-supplier"),
        ("приєднан", "uk", "connection-application"),
        ("запис на прийом", "uk", "appointment"),
    ],
)
def test_the_right_answer_comes_first(base, question, language, slug):
    found, milliseconds = base.search(question, language)
    assert slug in [entry["id"].partition("/")[2] for entry in found[:2]], found
    assert found[0]["id"].startswith(f"{language}/")
    assert milliseconds >= 0


def test_apostrophes_do_not_matter(base):
    ways = ["п'ятизначний", "п’ятизначний", "пʼятизначний", "пятизначний"]
    assert {base.search(way, "uk")[0][0]["id"] for way in ways} == {"uk/roll-over"}


@pytest.mark.parametrize(
    "question", ["", "   ", '"', "* OR *", "NEAR(a b", "title:x", "';--", "()", "-", "^" * 50, "\0"]
)
def test_odd_questions_do_no_harm(base, question):
    assert isinstance(base.search(question, "uk")[0], list)


def test_a_word_nobody_wrote_is_not_found(base):
    assert base.search("xylophone", "en")[0] == []


def test_every_entry_is_there_in_every_language(base):
    slugs = {
        language: {e.slug for e in base._index.entries.values() if e.language == language}
        for language in LANGUAGES
    }
    assert len(slugs["uk"]) >= 25
    assert slugs["uk"] == slugs["ru"] == slugs["en"]
    steps = {
        slug: {e.steps for e in base._index.entries.values() if e.slug == slug}
        for slug in slugs["uk"]
    }
    assert all(len(each) == 1 for each in steps.values())


def test_no_word_mixes_alphabets(base):
    import re

    for entry in base._index.entries.values():
        for word in re.findall(r"[^\W\d_]+", f"{entry.title} {entry.keywords} {entry.text}"):
            both = re.search("[A-Za-z]", word) and re.search("[А-Яа-яЁёІіЇїЄєҐґ]", word)
            assert not both, f"{entry.id}: {word}"


def test_a_changed_file_is_found_at_once(tmp_path):
    folder = tmp_path / "uk"
    folder.mkdir()
    base = AnswerBase(tmp_path)
    assert base.search("зебра", "uk")[0] == []
    (folder / "zebra.md").write_text("# Зебра\nkeywords: смуги\n\nТекст.\n", encoding="utf-8")
    (folder / "broken.md").write_text("no title", encoding="utf-8")
    (folder / "binary.md").write_bytes(b"\xff\xfe\x00")
    assert base.refresh() is True
    assert base.refresh() is False
    assert base.search("смуги", "uk")[0][0]["id"] == "uk/zebra"
    (folder / "zebra.md").unlink()
    assert base.refresh() is True
    assert base.search("зебра", "uk")[0] == []


def test_html_of_an_entry_is_not_let_through(tmp_path):
    (tmp_path / "uk").mkdir()
    text = "# T\n\n<script>alert(1)</script> [x](javascript:alert(1)) <b onclick=x>b</b>\n"
    (tmp_path / "uk" / "evil.md").write_text(text)
    html = AnswerBase(tmp_path).entry("uk/evil")["html"]
    assert "<script" not in html
    assert "<b " not in html
    assert "href" not in html


def test_a_head_of_keywords_and_steps():
    entry = read("uk/x", "# Title\nkeywords: a, b\nsteps: reading.enter, misses\n\nText\n")
    assert (entry.title, entry.keywords, entry.text) == ("Title", "a, b", "Text")
    assert entry.steps == {"reading.enter", "misses"}
    with pytest.raises(ValueError, match="Title"):
        read("uk/x", "Title")


def test_the_desk_searches_and_shows(world):
    browser = world.desk()
    told = browser.get("answers", query_string={"q": "лічильник", "limit": "3"}).json
    assert len(told["found"]) == 3
    assert set(told["found"][0]) == {"id", "title", "excerpt"}
    shown = browser.get(f"answers/{told['found'][0]['id']}").json
    assert shown["title"] == told["found"][0]["title"]
    assert shown["html"].startswith("<")
    assert browser.get("answers/uk/none").status_code == 404
    assert browser.get("answers/../../etc/passwd").status_code == 404
    assert browser.get("answers?q=x&limit=-1").status_code == 400
    assert browser.get("answers?q=x&limit=99999999").status_code == 200
