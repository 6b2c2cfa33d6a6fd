"""`app.py release`: the same things at the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

import app

HOME = Path(__file__).parents[1]
SPOKEN = "{say: main_reading, to: reading, words: reading}"
SILENT = "{to: reading, words: reading}"


@pytest.fixture
def press2(tmp_path, monkeypatch, capsys):
    """Runs a command of a press2 of its own; its exit code and what it said."""
    config = tmp_path / "telephony.conf"
    config.write_text(f"[press2]\nvar = {tmp_path / 'var'}\n")
    monkeypatch.setenv("PRESS2_CONF", str(config))

    def run(*words):
        code = app.main(["release", *map(str, words)])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


@pytest.fixture
def flow(tmp_path):
    """Writes a changed first menu and returns its file."""

    def write(old=SPOKEN, new=SILENT):
        text = (HOME / "flows" / "main.yaml").read_text("utf-8")
        assert old in text
        path = tmp_path / "main.yaml"
        path.write_text(text.replace(old, new, 1), "utf-8")
        return path

    return write


def test_from_files_to_calls_and_back(press2, flow):
    code, told = press2("new", flow(), "--title", "No readings aloud")
    assert (code, "release 1 is a draft; it changes main" in told) == (0, True)
    assert press2("check", 1) == (0, "nothing found\n")
    code, told = press2("show", 1)
    assert ("-" in told, SILENT in told, code) == (True, True, 0)
    assert "5 % of them, the canary: release 1" in press2("canary", 1, 5)[1]
    assert "new calls get release 1\n" in press2("publish", 1)[1]
    assert "No readings aloud" in press2("list")[1]
    assert "new calls get the files\n" in press2("rollback")[1]


def test_what_cannot_be_is_told_and_nothing_is_done(press2, flow, tmp_path):
    press2("new", flow("to: to_outage", "to: nowhere"))
    code, told = press2("check", 1)
    assert (code, "main:" in told, "1 finding" in told) == (1, True, True)
    for words, why in (
        (("publish", 1), "does not pass: 1 found"),
        (("canary", 1, 5), "does not pass"),
        (("canary", 1, 101), "0 to 100 percent"),
        (("canary", 1, "nan"), "0 to 100 percent"),
        (("publish", 9), "there is no release 9"),
        (("rollback",), "get the program's files already"),
        (("stop",), "there is no canary"),
        (("new", tmp_path / "nothing.yaml"), "cannot be read"),
        (("new", tmp_path), "cannot be read"),
    ):
        code, told = press2(*words)
        assert (code, why in told) == (2, True), told
    assert "new calls get the files" in press2("list")[1]
    press2("new")
    assert "release 2 is empty" in press2("publish", 2)[1]


def test_a_walk_is_told_with_the_way_to_what_it_found(press2, tmp_path):
    text = (HOME / "flows" / "restored.yaml").read_text("utf-8")
    said = "    say: [restored_thanks]\n"
    assert said in text
    path = tmp_path / "restored.yaml"
    path.write_text(text.replace(said, ""), "utf-8")
    press2("new", path)
    code, told = press2("check", 1, "--paths")
    assert (code, "walked from restored: 7," in told) == (1, True)
    assert "restored:26: restored.thanks: the call is ended without a word [mute-end]" in told
    assert "the way: answers restoration.announce restored, press 2, answers" in told
    assert '- press: "2"' in told
    code, told = press2("publish", 1)
    assert (code, "release 1 does not pass: 1 found" in told) == (2, True)
    path.write_text(text + "# other\n", "utf-8")
    press2("new", path)
    code, told = press2("check", 2, "--paths")
    assert (code, told.startswith("nothing found; walked from restored: 7,")) == (0, True)
