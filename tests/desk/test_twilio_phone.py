"""Twilio's browser phone at the desk: tokens, what the page tells of it, what cannot be done."""

import json
import time
from dataclasses import replace

import jwt
import pytest

from agent_desk.desk import Desk, create_app
from agent_desk.live import Live
from ivr.channels.twilio.live import KINDS, REPORTS, RedisReports
from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.tokens import access_token, identity
from ivr.store.models import SignIn

SECRET = "s" * 32
TWILIO = TwilioSettings(
    account_sid="AC" + "0" * 32,
    auth_token="a" * 32,
    public_url="https://ivr.example.com",
    operators="client",
    api_key="SK" + "1" * 32,
    api_secret=SECRET,
)
SEEN = {"phone_found", "phone_lost", "dropped"}


def read(token):
    """Check a token as Twilio does; returns its head and its claims."""
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], issuer=TWILIO.api_key)
    return jwt.get_unverified_header(token), claims


# ---------------------------------------------------------------------- tokens


def test_a_token_claim_by_claim():
    before = int(time.time())
    head, claims = read(access_token(TWILIO, identity("op-olena"), 900))
    after = int(time.time())
    assert head == {"alg": "HS256", "cty": "twilio-fpa;v=1", "typ": "JWT"}
    assert set(claims) == {"jti", "iss", "sub", "nbf", "exp", "grants"}
    assert claims["iss"] == TWILIO.api_key
    assert claims["sub"] == TWILIO.account_sid
    assert before <= claims["nbf"] <= after
    assert before + 900 <= claims["exp"] <= after + 900
    assert claims["jti"].startswith(TWILIO.api_key + "-")
    assert claims["grants"] == {"identity": "op_olena", "voice": {"incoming": {"allow": True}}}


def test_a_token_does_not_hold_a_secret_of_the_account():
    token = access_token(TWILIO, "op_olena", 60)
    body = jwt.utils.base64url_decode(token.split(".")[1]).decode()
    assert TWILIO.auth_token not in body
    assert SECRET not in body


def test_a_token_of_another_key_is_none():
    other = replace(TWILIO, api_secret="x" * 32)
    with pytest.raises(jwt.InvalidSignatureError):
        read(access_token(other, "op_olena", 60))


@pytest.mark.parametrize("seconds", [0, -1, 24 * 3600 + 1])
def test_a_token_lives_a_day_at_most(seconds):
    with pytest.raises(ValueError, match="lives 1 to 86400 seconds"):
        access_token(TWILIO, "op_olena", seconds)


def test_an_identity_has_only_signs_that_twilio_rings():
    assert identity("op-olena7") == "op_olena7"


# ---------------------------------------------------------------------- the desk


@pytest.fixture
def told():
    """What was reported to the matchmaker."""
    return []


@pytest.fixture
def twilio(world, told):
    """The desk of a company without an Asterisk."""
    world.office.live.stop()

    def report(kind, **values):
        assert kind in SEEN & KINDS
        told.append((kind, values))

    office = replace(
        world.office,
        live=Live(20),
        node="twilio",
        twilio_token=lambda endpoint, seconds: access_token(TWILIO, identity(endpoint), seconds),
        phone_report=report,
    )
    app = create_app(Desk("127.0.0.1", 5060, 8088, "", ()), (), office)
    office.live.start(office)
    yield replace(world, app=app, office=office)
    office.live.stop()


FOUND = ("phone_found", {"endpoint": "op-olena", "node": "twilio"})
LOST = ("phone_lost", {"endpoint": "op-olena", "node": "twilio"})


def test_the_page_gets_a_token_instead_of_a_sip_account(twilio):
    browser = twilio.desk()
    browser.state()
    assert browser.given["phone"]["kind"] == "twilio"
    given = browser.send("phone").json
    assert set(given) == {"kind", "user", "token", "expires"}
    assert (given["kind"], given["user"]) == ("twilio", "op-olena")
    _, claims = read(given["token"])
    assert claims["grants"]["identity"] == "op_olena"
    assert claims["exp"] - claims["nbf"] == 3600
    assert given["expires"] == twilio.watch.now + 3600
    assert not list(twilio.queue.commands()), "no exchange is asked to admit it"


def test_a_token_ends_with_the_shift(twilio):
    browser = twilio.desk()
    browser.state()
    twilio.watch.now += 12 * 3600 - 600
    _, claims = read(browser.send("phone").json["token"])
    assert claims["exp"] - claims["nbf"] == 600


def test_a_token_is_for_who_is_signed_in_and_has_the_say(twilio):
    browser = twilio.desk()
    browser.state()
    csrf, browser.csrf = browser.csrf, "forged"
    assert browser.send("phone").json["error"] == "csrf"
    browser.csrf = csrf
    twilio.browser(other=browser).enter().state()
    assert browser.send("phone").json["error"] == "taken"
    assert browser.send("phone/registered", {"registered": True}).json["error"] == "taken"
    with twilio.store.session() as db:
        for row in db.query(SignIn):
            row.ended_at = twilio.office.now()
    assert browser.send("phone").status_code == 401
    assert ("olena", "stale_tab", False) in twilio.audit()


def test_a_sip_desk_is_as_it_was(world):
    browser = world.desk()
    browser.state()
    given = browser.send("phone").json
    assert set(given) == {"kind", "user", "secret", "realm", "url", "expires"}
    assert given["kind"] == "sip"
    assert browser.send("phone/registered", {"registered": True}).status_code == 404
    assert "twilio" not in browser.get("").headers["Content-Security-Policy"]


def test_the_policy_lets_the_sdk_out_and_nothing_else(twilio):
    browser = twilio.desk()
    page = browser.get("")
    policy = dict(
        part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";")
    )
    assert policy["connect-src"] == (
        "'self' wss://*.twilio.com https://eventgw.twilio.com https://eventgw.us1.twilio.com"
    )
    assert policy["default-src"] == "'self'"
    assert "twilio" not in policy["script-src"]
    assert '"@twilio/voice-sdk": "/voice-sdk/twilio.min.js"' in page.text
    start = browser.client.get("/").headers["Content-Security-Policy"]
    assert "twilio" not in start


def test_the_sdk_is_served_from_here(twilio):
    with twilio.app.test_client().get("/voice-sdk/twilio.min.js") as answer:
        assert answer.status_code == 200
        assert answer.mimetype == "text/javascript"
        assert b"twilio-js-sdk" in answer.data


# ---------------------------------------------------------------------- where the telephone is


def test_the_operator_signs_in_at_twilio(twilio):
    twilio.desk().state()
    known = twilio.queue.operator("odesa", "olena")
    assert (known.node, known.endpoint) == ("twilio", "op-olena")


def test_the_page_tells_that_its_telephone_is_there_or_not(twilio, told):
    browser = twilio.desk()
    browser.state()
    assert browser.send("phone/registered", {"registered": True}).json == {}
    assert browser.send("phone/registered", {"registered": False}).json == {}
    assert told == [FOUND, LOST]
    wrong = browser.send("phone/registered", {"registered": "yes"})
    assert (wrong.status_code, wrong.json["error"]) == (400, "field")
    assert told == [FOUND, LOST]


def test_a_lost_telephone_leaves_the_talk_alone(twilio, told):
    browser = twilio.desk().ready()
    twilio.talk()
    browser.send("phone/registered", {"registered": False})
    assert told == [LOST]


def test_a_page_that_is_closed_in_a_talk_breaks_it(twilio, told):
    browser = twilio.desk().ready()
    browser.send("phone/registered", {"registered": False, "leaving": True})
    assert told == [LOST], "no talk, nothing broken"
    ticket = twilio.talk()
    browser.send("phone/registered", {"registered": False, "leaving": True})
    assert told == [LOST, LOST, ("dropped", {"ticket": ticket.id})]


def test_another_tab_takes_the_talk_with_it(twilio, told):
    browser = twilio.desk().ready()
    ticket = twilio.talk()
    twilio.browser(other=browser).enter().state()
    assert told == [("dropped", {"ticket": ticket.id})]


def test_the_same_tab_comes_back_to_its_talk(twilio, told):
    browser = twilio.desk().ready()
    twilio.talk()
    browser.stream.close()
    browser.listen().state()
    assert told == []


def test_signing_out_takes_the_telephone_along(twilio, told):
    browser = twilio.desk()
    browser.state()
    assert browser.send("sign-out").status_code == 303
    assert told == [LOST]


@pytest.mark.parametrize("status", ["ready", "offline"])
def test_a_desk_that_is_gone_has_no_telephone(twilio, told, status):
    browser = twilio.desk()
    browser.state()
    if status == "ready":
        browser.ready()
    twilio.office.live._watch()
    assert told == []
    browser.stream.close()
    twilio.office.live.presence._seen.clear()
    twilio.office.live.presence._began = 0.0
    twilio.watch.now += 9
    twilio.office.live._watch()
    assert told
    assert set(map(str, told)) == {str(LOST)}
    known = twilio.queue.operator("odesa", "olena")
    assert known.status == ("paused" if status == "ready" else "offline")
    twilio.queue.sign_in(replace(known, endpoint="", node=""), twilio.watch.now)
    told.clear()
    twilio.office.live._watch()
    assert told == [], "once the matchmaker knows it is not told again"


def test_reports_reach_the_stream_that_dispatchers_read(twilio, redis_client):
    office = replace(twilio.office, phone_report=RedisReports(redis_client).publish)
    app = create_app(Desk("127.0.0.1", 5060, 8088, "", ()), (), office)
    browser = replace(twilio, app=app, office=office).desk().ready()
    ticket = twilio.talk()
    browser.send("phone/registered", {"registered": True})
    browser.send("phone/registered", {"registered": False, "leaving": True})
    found = [json.loads(fields[b"report"]) for _, fields in redis_client.xrange(REPORTS)]
    assert found == [
        {"kind": "phone_found", "endpoint": "op-olena", "node": "twilio"},
        {"kind": "phone_lost", "endpoint": "op-olena", "node": "twilio"},
        {"kind": "dropped", "ticket": ticket.id},
    ]


# ---------------------------------------------------------------------- what does not need SIP


def test_asking_a_colleague_is_refused_with_a_reason(twilio):
    browser = twilio.desk().ready()
    twilio.talk()
    twilio.desk("iryna").ready()
    refused = browser.send("consult", {"operator": "iryna"})
    assert (refused.status_code, refused.json["error"]) == (409, "no_consult")
    assert refused.json["text"]
    assert twilio.queue.operator("odesa", "iryna").state == "idle"


def test_a_check_without_figures_is_a_check(twilio):
    browser = twilio.desk()
    browser.state()
    told = browser.send("phone/tested", {"headset": "USB", "level": 0.5})
    assert told.json == {"tested": True, "poor": []}
    version = browser.version()
    assert browser.send("status", {"status": "ready", "version": version}).status_code == 200


CALL = "CA" + "f" * 32


def test_a_caller_of_twilio_is_served_to_the_end(twilio):
    """Everything of a talk that a matchmaker, not a telephone, does."""
    browser = twilio.desk().ready()
    ticket = twilio.talk(CALL, channel="twilio", node="twilio", dialled="+380487059090")
    talk = browser.state(lambda s: s["talk"])["talk"]
    assert (talk["ticket"], talk["recording"]) == (CALL, "on")
    assert talk["caller"]["accounts"][0]["account"] == "100200301"
    assert browser.send("record", {"ticket": CALL, "paused": True}).status_code == 200
    assert browser.state(lambda s: s["talk"]["recording"] == "paused")
    out = {"ticket": CALL, "to": "number", "target": "+380671110002"}
    assert browser.send("transfer", out).status_code == 200
    orders = [order["do"] for order in twilio.queue.commands()]
    assert orders == ["pause_recording", "send_out"]
    twilio.queue.ended(CALL, twilio.watch.now)
    end = {"token": ticket.token, "code": "other"}
    assert browser.send("wrap-up", end).status_code == 200
    assert browser.state(lambda s: not s["talk"])["operator"]["status"] == "ready"


@pytest.mark.parametrize(
    ("to", "target"), [("queue", "outage"), ("operator", "taras"), ("flow", "reading")]
)
def test_a_caller_of_twilio_is_passed_on(world, to, target):
    """At a SIP desk, too: the ticket's exchange is the matchmaker's business."""
    browser = world.desk().ready()
    world.talk(CALL, channel="twilio", node="twilio")
    world.desk("taras").ready()
    sent = {"ticket": CALL, "to": to, "target": target}
    assert browser.send("transfer", sent).status_code == 200
    moved = world.queue.ticket(CALL)
    assert (moved.id, moved.node) == (CALL, "twilio")
    assert moved.state != "talking"
