"""The picture of the menu: what it shows is what callers hear, and the README's is not stale."""

import html
import re
from pathlib import Path

import app
from ivr import menu

SHOWN = Path(__file__).parents[1] / "docs" / "menu.svg"
TEXT = re.compile(r"<text[^>]*>([^<]*)</text>")


def rows(house):
    words = [house.catalogues["en"], house.catalogues["uk"]]
    return menu.menus(house.flows.flows, words)


def test_the_first_menu_comes_first_with_the_keys_of_every_company(house):
    found = rows(house)
    assert next(iter(found)) == menu.FIRST
    keys = [key for row in found[menu.FIRST] for key in row.keys]
    assert keys == list("12345678")
    outage, reading = found[menu.FIRST][0], found[menu.FIRST][1]
    assert outage.to == {"1": ("main", "outage")}
    assert reading.texts == ("Meter reading: two.", "Передати покази лічильника — два.")
    assert reading.to == {}


def test_keys_told_in_one_sentence_are_one_row(house):
    silent = [row.keys for row in rows(house)["main", "menu"] if len(row.keys) > 1]
    assert silent == [("5", "6", "7")]


def test_no_row_is_without_words(house):
    assert all(any(row.texts) for found in rows(house).values() for row in found)


def test_the_picture_of_the_readme_shows_the_menu_of_today(house):
    shown = {
        html.unescape(text).replace("\xa0", " ")
        for text in TEXT.findall(SHOWN.read_text(encoding="utf-8"))
    }
    wanted = {text for found in rows(house).values() for row in found for text in row.texts if text}
    shown = {text.strip() for text in shown}
    keys = {" ".join(row.keys) for found in rows(house).values() for row in found if row.keys}
    arrows = {key for found in rows(house).values() for row in found for key in row.to}
    stale = "draw it anew: app.py check --graph menu -o docs/menu.svg"
    assert shown == wanted | keys | arrows, stale


def test_the_command_draws_it(tmp_path, capsys):
    target = tmp_path / "menu.svg"
    assert app.main(["check", "--graph", "menu", "-o", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}: written\n"
    assert target.read_bytes().startswith(b"<?xml")
