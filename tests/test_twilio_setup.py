"""`app.py twilio setup` and `show` against the emulator of Twilio."""

import socket

import pytest
from twilio.rest.api.v2010.account.incoming_phone_number import IncomingPhoneNumberInstance
from twilio_emulator import Emulator

import app
from ivr.channels.twilio import rest, setup
from ivr.channels.twilio.settings import TwilioSettings
from ivr.errors import SetupError

OURS = "+380487059090"
OTHER = "+380687509090"
TRY = "+14155550100"
URL = "https://ivr.example.com/press2"
CHANGES = {"POST", "PUT", "DELETE"}


@pytest.fixture
def twilio():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def settings(twilio):
    return TwilioSettings(
        account_sid=twilio.account_sid,
        auth_token=twilio.auth_token,
        public_url=URL,
        api_url=twilio.url,
    )


@pytest.fixture
def client(settings):
    return rest.client(settings)


def lines(remarks):
    return [(each.level, each.subject, each.text) for each in remarks]


def changes(twilio):
    return [(path, form) for method, path, form in twilio.rest_requests if method in CHANGES]


def test_a_new_number_gets_its_addresses_and_the_queue_is_made(twilio, settings, client):
    number = twilio.number(OURS, "https://demo.twilio.com/welcome/voice/")
    number.sms = ("https://sms.example.com/in", "GET")
    found = lines(setup.change(client, settings, [OURS]))
    assert found == [
        ("set", OURS, f"voice_url: https://demo.twilio.com/welcome/voice/ -> {URL}/twilio/voice"),
        ("set", OURS, f"voice_fallback_url: empty -> {URL}/twilio/fallback"),
        ("set", OURS, f"status_callback: empty -> {URL}/twilio/status"),
        ("set", "queue", "press2: none -> 5000"),
    ]
    assert number.voice == (f"{URL}/twilio/voice", "POST")
    assert number.fallback == (f"{URL}/twilio/fallback", "POST")
    assert number.status == (f"{URL}/twilio/status", "POST")
    assert number.sms == ("https://sms.example.com/in", "GET")
    assert twilio.queues["press2"].most == 5000


def test_setting_twice_changes_nothing(twilio, settings, client):
    twilio.number(OURS)
    list(setup.change(client, settings, [OURS]))
    before = len(changes(twilio))
    assert lines(setup.change(client, settings, [OURS])) == [
        ("ok", OURS, f"{URL}/twilio/voice"),
        ("ok", "queue", "press2 holds 5000 callers"),
    ]
    assert len(changes(twilio)) == before


def test_looking_changes_nothing(twilio, settings, client):
    number = twilio.number(OURS, f"{URL}/twilio/voice")
    number.voice = (f"{URL}/twilio/voice", "GET")
    found = lines(setup.look(client, settings, [OURS]))
    assert ("differs", OURS, "voice_method: GET -> POST") in found
    assert ("differs", "queue", "press2: none -> 5000") in found
    assert changes(twilio) == []


def test_a_queue_that_is_too_small_is_made_larger(twilio, settings, client):
    twilio.number(OURS)
    twilio.queue("press2").most = 100
    found = lines(setup.change(client, settings, [OURS]))
    assert found[-1] == ("set", "queue", "press2: 100 callers -> 5000")
    assert twilio.queues["press2"].most == 5000


def test_a_company_number_of_another_carrier_is_told_and_the_rest_is_set(twilio, settings, client):
    twilio.number(OURS)
    found = lines(setup.change(client, settings, [OTHER, OURS]))
    assert found[0] == ("warning", OTHER, "not a number of this account")
    assert ("set", OURS, f"voice_url: empty -> {URL}/twilio/voice") in found


def test_a_number_that_was_named_must_be_the_accounts(twilio, settings, client):
    twilio.number(OURS)
    found = lines(setup.change(client, settings, [OTHER, OURS], given=True))
    assert found[0] == ("problem", OTHER, "not a number of this account")


def test_an_account_without_any_company_number_tells_what_it_has(twilio, settings, client):
    twilio.number(TRY)
    found = list(setup.look(client, settings, [OURS, OTHER]))
    assert [each.level for each in found[:3]] == ["warning", "warning", "problem"]
    assert found[2].text == f"no company number is the account's, which has {TRY}"
    assert "app.py twilio setup NUMBER" in found[2].mend


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"trunk_sid": "TK1"}, "its calls go to a SIP trunk (TK1)"),
        ({"voice_application_sid": "AP1"}, "its calls go to an application (AP1)"),
        ({"capabilities": {"voice": False, "sms": True}}, "it takes no calls"),
        ({"capabilities": {"voice": True}}, ""),
    ],
)
def test_what_makes_the_addresses_count_for_nothing(settings, client, setting, words):
    payload = {"phone_number": OURS, "sid": "PN1", **setting}
    instance = IncomingPhoneNumberInstance(client.api.v2010, payload, settings.account_sid)
    number = setup.read(instance, settings)
    assert number.obstacle.startswith(words)
    assert bool(number.obstacle) == bool(words)
    assert len(number.differing()) == 6


def test_a_wrong_auth_token(twilio, settings):
    wrong = TwilioSettings(settings.account_sid, "f" * 32, URL, api_url=twilio.url)
    with pytest.raises(SetupError, match=r"refuses \[twilio\] account_sid with this auth token"):
        list(setup.look(rest.client(wrong), wrong, [OURS]))


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "suspended"), (404, "no such account"), (429, "too many"), (503, "no time"),
     (400, r"refuses that \(HTTP 400\)")],
)  # fmt: skip
def test_a_refusal_is_one_line(twilio, settings, client, status, words):
    twilio.refuse_rest(status, 20001)
    with pytest.raises(SetupError, match=words) as error:
        list(setup.change(client, settings, [OURS]))
    assert "\n" not in str(error.value)


def test_an_address_that_twilio_refuses_is_told_with_its_words(twilio, client):
    twilio.number(OURS)
    wrong = TwilioSettings(twilio.account_sid, twilio.auth_token, "ftp://a", api_url=twilio.url)
    with pytest.raises(SetupError, match=r"\(HTTP 400\): .*VoiceUrl is not valid"):
        list(setup.change(client, wrong, [OURS]))


def test_twilio_is_not_reached(settings):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    away = TwilioSettings(settings.account_sid, "t", URL, api_url=f"http://127.0.0.1:{port}")
    with pytest.raises(
        SetupError, match=r"not reached at http://127.0.0.1:\d+ \(ConnectionError\)"
    ):
        list(setup.look(rest.client(away), away, [OURS]))


# ---------------------------------------------------------------------- the commands


@pytest.fixture
def command(twilio, tmp_path, monkeypatch, capsys):
    """Run a command with the emulated account; returns its exit code and its lines."""
    path = tmp_path / "telephony.conf"
    path.write_text(
        f"""[twilio]
        account_sid = {twilio.account_sid}
        auth_token = TRY_TOKEN
        public_url = {URL}/
        api_url = {twilio.url}
        sip_address = pbx.example.com
        sip_password = TRY_PASSWORD
        """
    )
    monkeypatch.setenv("PRESS2_CONF", str(path))
    monkeypatch.setenv("TRY_TOKEN", twilio.auth_token)
    monkeypatch.setenv("TRY_PASSWORD", "p")

    def run(*words):
        code = app.main(["twilio", *words])
        return code, capsys.readouterr().out.splitlines()

    return run


def test_the_commands_show_set_and_show(twilio, command):
    twilio.number(OURS)
    code, shown = command("show", OURS)
    assert code == 1
    assert f"differs  {OURS} voice_url: empty -> {URL}/twilio/voice" in shown
    assert command("setup", "--dry-run", OURS) == (1, shown)
    assert changes(twilio) == []
    code, lines = command("setup")
    assert code == 0
    assert f"set      {OURS} voice_url: empty -> {URL}/twilio/voice" in lines
    assert (
        f"warning  {OTHER} not a number of this account; its calls do not come by this account"
        in (lines)
    )
    code, shown = command("show", OURS)
    assert (code, shown[-1]) == (0, "problems: 0, warnings: 0")
    assert f"ok       {OURS} {URL}/twilio/voice" in shown


def test_the_commands_say_that_twilio_is_not_configured(tmp_path, monkeypatch, capsys):
    path = tmp_path / "telephony.conf"
    path.write_text("")
    monkeypatch.setenv("PRESS2_CONF", str(path))
    for words in (["twilio", "show"], ["twilio", "setup"], ["doctor", "webhooks"]):
        assert app.main(words) == 2
        assert "[twilio] is empty; docs/twilio.md tells the steps" in capsys.readouterr().err
