"""The desk's page without a browser: its modules under node, its words against what uses them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent_desk.desk import LANGUAGES, desk_texts
from agent_desk.tickets import FORMS
from ivr.company import QUEUES, Company

HOME = Path(__file__).parent.parent
SCRIPTS = [HOME / "agent_desk" / "static" / name for name in ("desk", "dispatch", "supervisor")]
PAGES = ("desk.html", "dispatch.html", "sign_in.html")
SUPERVISOR = HOME / "agent_desk" / "templates" / "supervisor"
TEMPLATES = [HOME / "agent_desk" / "templates" / name for name in PAGES]
TEMPLATES += sorted(SUPERVISOR.glob("*.html"))
NAMED = {
    "role", "mode", "told", "pause", "queue", "registration", "line", "phone", "broke", "rest",
    "code", "match", "priority", "language", "why", "flow", "step", "keyed", "refused", "kind",
    "register", "channel", "form", "draft", "reading", "stored", "problem", "warn", "field",
    "outage_field", "choice", "application", "item", "presence", "key", "figure", "advice",
    "check", "status", "recording", "error", "cause", "site_kind", "supervisor_page",
    "records_did", "records_part",
}  # fmt: skip
"""Words whose key is put together from one of these and a name that is data."""


def texts() -> dict[str, str]:
    return desk_texts()["en"]


def source() -> str:
    paths = sorted(path for folder in SCRIPTS for path in folder.rglob("*.js"))
    return "".join(path.read_text("utf-8") for path in paths)


@pytest.mark.parametrize(
    ("name", "tests"), [("desk_phone.test.mjs", 17), ("desk_parts.test.mjs", 30)]
)
def test_the_modules_of_the_page(name: str, tests: int) -> None:
    node = Path(sys.executable).parent / "node"
    run = [node, "--test", "--test-reporter=tap", HOME / "tests" / "browser" / name]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"# pass {tests}" in done.stdout


def test_every_word_is_there_in_every_language() -> None:
    every = desk_texts()
    assert set(every) == set(LANGUAGES)
    assert len({frozenset(words) for words in every.values()}) == 1
    for key in every["uk"]:
        holes = {frozenset(re.findall(r"\{(\w+)\}", words[key])) for words in every.values()}
        assert len(holes) == 1, key
        assert all(words[key].strip() for words in every.values()), key


def test_every_word_that_is_used_has_a_text_and_every_text_is_used() -> None:
    code = source() + "".join(path.read_text("utf-8") for path in TEMPLATES)
    used = set(re.findall(r'say\(\s*"(\w+)"', code))
    used |= set(re.findall(r"words\.(\w+)\b(?!\()", code))
    literals = set(re.findall(r'"(\w+)"', code))
    known = set(texts())
    assert used - known - {"js"} == set()
    put_together = re.findall(r"say\(`(\w+_)\$\{", code)
    kinds = (*(f"{kind}_" for kind in NAMED), *put_together)
    assert {key for key in known - used - literals if not key.startswith(kinds)} == set()


def test_names_that_are_data_have_words(house: object) -> None:
    words = texts()
    for kind, fields in FORMS.items():
        assert f"form_{kind}" in words
        for field in fields:
            assert f"field_{field.name}" in words, field
            for choice in field.choices:
                assert f"choice_{field.name}_{choice}" in words, (kind, field.name, choice)
    assert {f"queue_{queue}" for queue in QUEUES} <= set(words)
    companies: dict[str, Company] = house.companies  # type: ignore[attr-defined]
    for company in companies.values():
        assert {f"pause_{reason}" for reason in company.pauses} <= set(words)
        assert {f"code_{code}" for code in company.wrap_up_codes} <= set(words)


def test_every_shortcut_is_explained() -> None:
    acts = re.findall(r'act: "(\w+)"', (SCRIPTS[0] / "shortcuts.js").read_text("utf-8"))
    assert acts
    assert {f"key_{act}" for act in acts} <= set(texts())


def test_every_script_is_checked_by_its_types() -> None:
    for path in (path for folder in SCRIPTS for path in folder.rglob("*.js")):
        assert path.read_text("utf-8").startswith("// @ts-check\n"), path.name
