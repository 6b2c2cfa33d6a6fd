"""No body, however odd, makes any address fail: it is refused, and the queue stays as it was."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

WORDS = st.sampled_from(
    [
        "olena", "taras", "general", "outage", "reading", "queue", "number", "ready", "paused",
        "break", "other", "on", "off", "change", "confirm", "close",
        "meter", "100200301", "02421", "+380671110001", "yes", "pbx1-1.1", "",
    ]
)  # fmt: skip
FIELDS = st.sampled_from(
    [
        "status", "reason", "version", "token", "code", "note", "seconds", "ticket", "to",
        "target", "operator", "paused", "loss", "jitter", "account", "values", "confirm",
        "answer", "override", "type", "fields", "call", "form", "number", "queue", "do", "key",
        "headset", "single", "day", "text", "scope", "hours", "cap", "gates", "regions", "message",
        "callbacks", "wrap_up", "restore_by", "customers", "cause",
    ]
)  # fmt: skip
LEAVES = WORDS | st.text(max_size=30) | st.none() | st.booleans() | st.integers() | st.floats()
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(FIELDS | st.text(), inner, max_size=4)
    ),
    max_leaves=8,
)
WITHOUT_BODY = {"/desk/phone", "/desk/supervisor/staffing/whatif/stop"}
"""What reads nothing of what is sent."""
BODIES = st.dictionaries(FIELDS, VALUES, max_size=8) | VALUES


def addresses(app):
    """Return (method, path) of everything at the desk that changes something."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/desk/") and rule.endpoint not in (
            "entrance.sign_in",
            "desk.leave",
        ):
            path = re.sub("<.*>", "1", rule.rule)
            found += [(method.lower(), path) for method in rule.methods & {"POST", "PUT"}]
    return sorted(found)


def test_no_body_makes_an_address_fail(world):
    browser = world.desk("vira").ready()
    world.talk()
    paths = addresses(world.app)
    assert len(paths) >= 15

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(paths), BODIES)
    def attempt(address, body):
        method, path = address
        answer = browser.send(path.removeprefix("/desk/"), body, method)
        assert answer.status_code < 500, (address, body, answer.text)
        if answer.status_code >= 400:
            assert answer.json["error"]
            assert answer.json["text"]

    attempt()
    assert world.queue.audit("odesa", world.watch.now) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"5",
        b'"x"',
        b"\xff\xfe",
        b"[" * 2000,
        b'{"a":NaN}',
        b"{}" * 40_000,
    ],
)
def test_what_is_no_json_object(world, data):
    browser = world.desk("vira")
    headers = {
        "X-CSRFToken": browser.csrf,
        "X-Tab": browser.tab,
        "Content-Type": "application/json",
    }
    done = []
    for method, path in addresses(world.app):
        answer = getattr(browser.client, method)(path, data=data, headers=headers)
        assert answer.status_code < 500, (path, answer.text)
        if answer.status_code >= 400:
            assert answer.status_code in (400, 403, 404, 409, 413), (path, answer.status_code)
            assert json.loads(answer.text)["error"]
        else:
            done.append(path)
    assert set(done) <= WITHOUT_BODY


@pytest.mark.parametrize(
    "path",
    [
        "accounts?q=%00%00%00", "accounts", "events", "events?tab=x", "events?tab=" + "y" * 200,
        "events?tab=%0d%0aevil-header", "answers?limit=x", "recordings?call=%ff", "nowhere",
        "inbox/message/99999999999999999999/sound", "recordings/0/sound", "phone",
    ],
)  # fmt: skip
def test_odd_addresses(world, path):
    answer = world.desk("vira").get(path)
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert answer.json["error"]
