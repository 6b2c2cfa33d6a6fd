"""Settings of the API and the feed: tokens, and nothing in the clear."""

from pathlib import Path

import pytest

from ivr import config
from ivr.errors import ConfigError

LONG = "x" * 32


def load(folder: Path, text: str, **environ: str) -> config.Config:
    path = folder / "telephony.conf"
    path.write_text(text)
    return config.load(path, environ)


def test_tokens_are_read(tmp_path: Path) -> None:
    text = "[api]\ntokens = oms@odesa=OMS/events:write+*:read, wall@kazan=WALL/events:read"
    given = load(tmp_path, text, OMS=LONG, WALL=LONG + "y")
    first, second = given.api.tokens
    assert (first.name, first.company, first.rights) == (
        "oms", "odesa", ("events:write", "*:read"),
    )  # fmt: skip
    assert (second.secret.value, LONG in repr(given)) == (LONG + "y", False)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tokens = hunter2", "not of the form name@company=VARIABLE/rights; write one such as"),
        ("tokens = a@odesa=OMS/events:delete", "not of the form"),
        ("tokens = a@odesa=OMS/tickets:read", "not of the form"),
        ("tokens = a@odesa=SHORT/events:read", "SHORT is shorter than 32 characters; `openssl"),
        ("tokens = a@odesa=NONE/events:read", "is not set; export NONE"),
        ("tokens = a@odesa=OMS/*:read a@odesa=TOO/*:read", "a, a: two tokens have the same name"),
        ("tokens = a@odesa=OMS/*:read b@odesa=SAME/*:read", "two tokens have the same secret"),
    ],
)
def test_a_bad_token_is_told_and_not_shown(tmp_path: Path, text: str, told: str) -> None:
    environ = {"OMS": LONG, "SAME": LONG, "TOO": LONG + "z", "SHORT": "hunter2"}
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[api]\n{text}", **environ)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("url = https://erp.example.com/x", "[feed] secret: empty, but url is set"),
        ("url = http://erp.example.com/x\nsecret = S", "telephone numbers would go in the clear"),
        ("url = https:///x\nsecret = S", "write https://HOST/PATH"),
        ("url = https://me:hunter2@erp/x\nsecret = S", "holds a password; take it out"),
        ("url = ftp://erp/x", "does not begin with one of https://, http://"),
        ("secret = SHORT", "SHORT is shorter than 32 characters"),
        ("ca = none.pem", "no such file"),
    ],
)
def test_a_bad_feed_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[feed]\n{text}", S=LONG, SHORT="hunter2")
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_feed_may_go_to_this_machine_in_the_clear(tmp_path: Path) -> None:
    given = load(tmp_path, "[feed]\nurl = http://127.0.0.1:9000/x\nsecret = S", S=LONG)
    assert given.feed.url == "http://127.0.0.1:9000/x"
