"""What `app.py run` starts: settings turned into parts."""

from pathlib import Path

import pytest

from ivr import company, config, parts
from ivr.asterisk.settings import Trunk
from ivr.errors import SetupError

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
    first, rest = parts.stages(given(), HOME, companies, "secret")
    assert [part.name for part in first] == ["redis"]
    assert [part.name for part in rest] == ["worker1", "worker2", "asterisk", "jobs", "web"]
    (only,) = parts.stages(given("[redis]\nurl = redis://cache"), HOME, companies, "secret")
    assert [part.name for part in only] == ["worker1", "worker2", "asterisk", "jobs", "web"]


def test_each_worker_has_a_port_that_asterisk_knows(given, companies):
    settings = given("[agi]\nport = 5000\nprocesses = 3\nhost = 0.0.0.0")
    workers = parts.worker_parts(settings, HOME)
    assert [part.command[-1] for part in workers] == ["5000", "5001", "5002"]
    asterisk = parts.asterisk_settings(settings, companies, "secret")
    assert asterisk.workers == ("127.0.0.1:5000", "127.0.0.1:5001", "127.0.0.1:5002")


def test_the_secret_of_the_phone_goes_to_asterisk_and_the_page_only(given, companies):
    assert parts.asterisk_settings(given(), companies, "s3cret").phone_secret == "s3cret"
    for stage in parts.stages(given(), HOME, companies, "s3cret"):
        for part in stage:
            assert "s3cret" not in " ".join(part.command)
            assert bool(part.environ) == (part.name == "web")


def test_who_cannot_be_served_hears_the_apology_of_his_company(given, companies):
    settings = given("[press2]\ncompany = kazan")
    for language in ("uk", "vi"):
        sound = settings.press2.var / "sounds" / language / "apology.wav"
        sound.parent.mkdir(parents=True)
        sound.touch()
    asterisk = parts.asterisk_settings(settings, companies, "")
    assert asterisk.apology == "ru/apology"
    assert asterisk.apologies["380487059090"] == "uk/apology"
    assert asterisk.apologies["842380000100"] == "vi/apology"
    assert "78430000100" not in asterisk.apologies


def test_a_trunk_is_what_the_settings_say(given, companies):
    assert parts.asterisk_settings(given(), companies, "").trunks == ()
    settings = given(
        "[asterisk]\ntrunk_host = sip.example.org\ntrunk_user = me\ntrunk_password = TRUNK\n"
        "trunk_register = yes\nring_group = sip:op1@10.0.0.5 sip:op2@10.0.0.6",
        TRUNK="pw",
    )
    asterisk = parts.asterisk_settings(settings, companies, "")
    assert asterisk.trunks == (Trunk("trunk", "sip.example.org", "me", "pw", register=True),)
    assert asterisk.ring_group == ("sip:op1@10.0.0.5", "sip:op2@10.0.0.6")


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


def test_a_redis_that_is_not_there_does_not_answer(tmp_path):
    assert not parts.redis_answers(f"unix://{tmp_path}/redis.sock")
