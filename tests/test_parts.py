"""What `app.py run` starts: settings turned into parts."""

from pathlib import Path

import pytest

from ivr import company, config, parts
from ivr.asterisk.settings import Trunk
from ivr.errors import ConfigError, SetupError

HOME = Path(__file__).parent.parent


@pytest.fixture
def given(tmp_path):
    def given(text="", **environ):
        path = tmp_path / "telephony.conf"
        path.write_text(text)
        return config.load(path, environ)

    return given


@pytest.fixture(scope="module")
def companies():
    return company.load(HOME / "flows" / "companies")


def test_redis_comes_first_where_none_is_configured(given, companies):
    first, rest = parts.stages(given(), HOME, companies, "secret", "word")
    assert [part.name for part in first] == ["redis"]
    assert [part.name for part in rest] == [
        "worker1",
        "worker2",
        "asterisk",
        "dispatch",
        "jobs",
        "web",
    ]
    settings = given("[redis]\nurl = redis://cache")
    (only,) = parts.stages(settings, HOME, companies, "secret", "word")
    assert [part.name for part in only] == [
        "worker1",
        "worker2",
        "asterisk",
        "dispatch",
        "jobs",
        "web",
    ]


def test_each_worker_has_a_port_that_asterisk_knows(given, companies):
    settings = given("[agi]\nport = 5000\nprocesses = 3\nhost = 0.0.0.0")
    workers = parts.worker_parts(settings, HOME)
    assert [part.command[-1] for part in workers] == ["5000", "5001", "5002"]
    asterisk = parts.asterisk_settings(settings, companies, "secret", "")
    assert asterisk.workers == ("127.0.0.1:5000", "127.0.0.1:5001", "127.0.0.1:5002")


def test_a_secret_goes_to_asterisk_and_to_whom_it_is_for(given, companies):
    asterisk = parts.asterisk_settings(given(), companies, "s3cret", "w0rd")
    assert (asterisk.phone_secret, asterisk.ami_secret) == ("s3cret", "w0rd")
    for stage in parts.stages(given(), HOME, companies, "s3cret", "w0rd"):
        for part in stage:
            assert not {"s3cret", "w0rd"} & set(part.command)
            assert ("s3cret" in part.environ.values()) == (part.name == "web")
            assert ("w0rd" in part.environ.values()) == (part.name in ("dispatch", "jobs"))


def test_a_password_that_is_configured_is_not_made_anew(given):
    assert parts.ami_secret(given(), "made") == "made"
    settings = given("[asterisk]\nami_password = AMI", AMI="configured")
    assert parts.ami_secret(settings, "made") == "configured"


def test_every_exchange_is_asked_and_rung(given, companies):
    settings = given(
        "[asterisk]\nnode = pbx1\nami_password = AMI\nnodes = pbx2=10.0.0.2:5070/5039", AMI="w"
    )
    (node,) = parts.asterisk_settings(settings, companies, "", "w").nodes
    assert (node.name, node.host, node.sip_port) == ("pbx2", "10.0.0.2", 5070)
    reached = [(each.name, each.host, each.port) for each in parts.exchanges(settings, "w")]
    assert reached == [("pbx1", "127.0.0.1", 5038), ("pbx2", "10.0.0.2", 5039)]
    assert "'w'" not in repr(parts.exchanges(settings, "w"))


def test_several_exchanges_have_one_password(given):
    settings = given("[asterisk]\nnodes = pbx2=10.0.0.2:5060/5038")
    with pytest.raises(ConfigError, match="common password"):
        parts.exchanges(settings, "made")


@pytest.mark.parametrize("text", ["pbx2", "pbx2=10.0.0.2", "p b=x:1/2", "pbx2=h:1/2/3"])
def test_a_node_that_cannot_be_read_is_named(given, text):
    with pytest.raises(ConfigError, match=r"\[asterisk\] nodes: .* is not name="):
        parts.other_nodes(given(f"[asterisk]\nnodes = {text}"))


def test_who_cannot_be_served_hears_the_apology_of_his_company(given, companies):
    settings = given("[press2]\ncompany = kazan")
    for language in ("uk", "vi"):
        sound = settings.press2.var / "sounds" / language / "apology.wav"
        sound.parent.mkdir(parents=True)
        sound.touch()
    asterisk = parts.asterisk_settings(settings, companies, "", "")
    assert asterisk.apology == "ru/apology"
    assert asterisk.apologies["380487059090"] == "uk/apology"
    assert asterisk.apologies["842380000100"] == "vi/apology"
    assert "78430000100" not in asterisk.apologies


def test_a_trunk_is_what_the_settings_say(given, companies):
    assert parts.asterisk_settings(given(), companies, "", "").trunks == ()
    settings = given(
        "[asterisk]\ntrunk_host = sip.example.org\ntrunk_user = me\ntrunk_password = TRUNK\n"
        "trunk_register = yes\nring_group = sip:op1@10.0.0.5 sip:op2@10.0.0.6",
        TRUNK="pw",
    )
    asterisk = parts.asterisk_settings(settings, companies, "", "")
    assert asterisk.trunks == (Trunk("trunk", "sip.example.org", "me", "pw", register=True),)
    assert asterisk.ring_group == ("sip:op1@10.0.0.5", "sip:op2@10.0.0.6")


ACCOUNT = f"""
[twilio]
account_sid = AC{"0" * 32}
auth_token = AUTH
public_url = https://ivr.example.com
sip_address = pbx.example.com
sip_password = SIP
api_key = SK{"0" * 32}
api_secret = KEY
"""


def test_twilio_calls_our_asterisk_where_operators_are_there(given, companies):
    def password(text=""):
        settings = given(text, AUTH="t0ken", SIP="pw", KEY="s3cret")
        return parts.asterisk_settings(settings, companies, "", "").twilio_password

    assert password() == ""
    assert password(f"{ACCOUNT}operators = sip") == "pw"
    assert password(f"{ACCOUNT}operators = client") == ""


def test_a_folder_too_deep_for_a_socket_is_named(given):
    with pytest.raises(SetupError, match=r"too long for a socket; set a shorter \[press2\] var"):
        parts.redis_part(given(f"[press2]\nvar = {'deep/' * 30}"))


def test_the_home_company_is_dialled_first(given, companies):
    lines = parts.lines(given("[press2]\ncompany = nghean"), companies)
    assert lines[0] == (companies["nghean"].name, "+842380000100")
    assert len(lines) == len(companies)


def test_the_board_names_what_a_browser_and_a_softphone_reach(given):
    settings = given("[web]\nhost = 0.0.0.0\n[asterisk]\nsip_port = 5070")
    board = parts.board(settings, [("Odesa", "+380487059090")])
    assert "http://127.0.0.1:8080/" in board
    assert "sip:+380487059090@127.0.0.1:5070   Odesa" in board
    assert "Twilio" not in board


def test_the_board_names_where_twilio_sends_its_calls(given):
    board = parts.board(given(ACCOUNT, AUTH="t0ken", SIP="pw", KEY="s3cret"), [])
    assert "https://ivr.example.com/twilio/voice" in board


def test_a_redis_that_is_not_there_does_not_answer(tmp_path):
    assert not parts.redis_answers(f"unix://{tmp_path}/redis.sock")
