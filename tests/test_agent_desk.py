"""The pages without a browser: languages, health, headers; and the phone's states under node."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent_desk.desk import LANGUAGES, Desk, Line, Probe, create_app, load_texts

HOME = Path(__file__).parent.parent
LINES = (Line("Одеські <електромережі>", "+380487059090"),)


def client(secret="s3cret", probes=(), hosts=()):
    desk = Desk("127.0.0.1", 5060, 8088, secret, LINES, "100200301", hosts)
    return create_app(desk, probes).test_client()


def given(page):
    """What the page hands to its script."""
    found = re.search(r'id="given"[^>]*>(.*?)</script>', page.text, re.DOTALL)
    return json.loads(found[1])


def test_the_page_tells_what_to_dial():
    page = client().get("/")
    assert "sip:+380487059090@127.0.0.1:5060" in page.text
    assert "Одеські &lt;електромережі&gt;" in page.text
    assert given(page)["secret"] == "s3cret"
    assert given(page)["port"] == 8088
    assert page.headers["Cache-Control"] == "no-store"


def test_without_a_secret_there_is_no_phone():
    page = client(secret="").get("/")
    assert "make run" in page.text
    assert 'class="call"' not in page.text


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [("ru-RU,ru;q=0.9", "ru"), ("en-GB", "en"), ("uk", "uk"), ("fr-FR", "uk"), ("", "uk")],
)
def test_the_browser_chooses_the_language(accepted, chosen):
    page = client().get("/", headers={"Accept-Language": accepted})
    assert f'<html lang="{chosen}">' in page.text


def test_the_chosen_language_is_remembered():
    browser = client()
    assert '<html lang="ru">' in browser.get("/?language=ru").text
    assert '<html lang="ru">' in browser.get("/", headers={"Accept-Language": "en"}).text
    assert '<html lang="en">' in browser.get("/?language=en").text
    other = browser.get("/?language=xx")
    assert '<html lang="en">' in other.text
    assert "Set-Cookie" not in other.headers


def test_every_text_is_there_in_every_language():
    texts = load_texts()
    assert set(texts) == set(LANGUAGES)
    for words in texts.values():
        assert all(words.values())
    assert len({frozenset(words) for words in texts.values()}) == 1


def test_every_word_of_the_page_has_a_text_and_every_text_is_used():
    page = (HOME / "agent_desk/templates/start.html").read_text("utf-8")
    script = (HOME / "agent_desk/static/start.js").read_text("utf-8")
    used = set(re.findall(r"words\.(\w+)", page + script))
    texts = set(load_texts()["en"])
    assert used <= texts
    assert {text for text in texts - used if not text.startswith(("state_", "part_"))} == set()


def test_health_counts_what_is_up():
    well = client(probes=[Probe("redis", lambda: True), Probe("workers", lambda: 2, of=2)])
    answer = well.get("/health")
    assert answer.status_code == 200
    assert answer.json == {
        "ok": True,
        "parts": [
            {"name": "redis", "up": 1, "of": 1},
            {"name": "workers", "up": 2, "of": 2},
        ],
    }
    ill = client(probes=[Probe("workers", lambda: 1, of=2)]).get("/health")
    assert ill.status_code == 503
    assert ill.json["ok"] is False


def test_scripts_come_from_here_only():
    page = client().get("/", base_url="http://localhost:8080")
    policy = page.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)[1]
    assert "connect-src 'self' ws://localhost:8088;" in policy
    assert page.text.count(f'nonce="{nonce}"') == 2
    assert client().get("/").headers["Content-Security-Policy"] != policy


def test_another_name_for_a_loopback_page_is_refused():
    browser = client(hosts=("localhost", "127.0.0.1"))
    assert browser.get("/", base_url="http://127.0.0.1:8080").status_code == 200
    assert browser.get("/", base_url="http://evil.example:8080").status_code == 400


def test_the_sip_library_is_served_and_nothing_beside_it():
    browser = client()
    with browser.get("/sip.js/index.js") as module:
        assert module.status_code == 200
        assert module.mimetype == "text/javascript"
    assert browser.get("/sip.js/../package.json").status_code == 404


def test_the_states_of_the_phone():
    node = Path(sys.executable).parent / "node"
    run = [node, "--test", "--test-reporter=tap", HOME / "tests/browser/phone.test.mjs"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "# pass 9" in done.stdout
