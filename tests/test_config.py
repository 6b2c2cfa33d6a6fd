"""telephony.conf: what is read, and the one line each mistake gets."""

from pathlib import Path

import pytest

from ivr import config
from ivr.errors import ConfigError

HOME = Path(__file__).parent.parent


@pytest.fixture
def load(tmp_path):
    def load(text, **environ):
        path = tmp_path / "telephony.conf"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return config.load(path, environ)

    return load


def test_the_shipped_file_is_the_table():
    assert (HOME / "telephony.conf").read_text(encoding="utf-8") == config.example(), (
        "write it anew: python -c 'from ivr import config; print(config.example(), end=\"\")'"
        " > telephony.conf"
    )


def test_every_setting_has_help_and_stands_in_the_file_once():
    for setting in config.SETTINGS:
        assert setting.help.endswith(".")
        assert f"# {setting.help}\n#{setting.key} = {setting.default}".rstrip() in config.example()


def test_the_example_with_every_line_uncommented_is_the_default(load):
    text = "\n".join(
        f"[{section}]\n"
        + "\n".join(
            f"{row.key} = {row.default}" for row in config.SETTINGS if row.section == section
        )
        for section in config.SECTIONS
    )
    assert load(text) == load("")


def test_values_get_their_types(load, tmp_path):
    voice = tmp_path / "voice.onnx"
    voice.touch()
    given = load(
        """
        [press2]
        var = run
          log_level = debug
        [asterisk]
        sip_port = 5070
        ring_group = sip:a@10.0.0.5, sip:b@10.0.0.6
        softphones = 127.0.0.0/8 192.168.1.0/24
        trunk_register = yes
        music = .
        [speech]
        piper_uk = voice.onnx
        voice_ru = anna
        """
    )
    assert given.press2.var == tmp_path / "run"
    assert given.press2.log_level == "debug"
    assert given.asterisk.sip_port == 5070
    assert given.asterisk.ring_group == ("sip:a@10.0.0.5", "sip:b@10.0.0.6")
    assert given.asterisk.softphones == ("127.0.0.0/8", "192.168.1.0/24")
    assert given.asterisk.trunk_register is True
    assert given.asterisk.music == tmp_path
    assert given.speech.piper() == {"uk": voice}
    assert given.speech.voices() == {"uk": "natalia", "ru": "anna", "en": "slt"}


def test_private_servers_live_in_var(load, tmp_path):
    assert load("").store_url() == f"sqlite:///{tmp_path}/var/press2.db"
    assert load("").redis_url() == f"unix://{tmp_path}/var/redis/redis.sock"


def test_a_secret_comes_from_the_environment_and_is_not_shown(load):
    given = load(
        "[store]\nurl = postgresql://press2@db/press2\npassword = DB_SECRET", DB_SECRET="pa/ss"
    )
    assert given.store.password.value == "pa/ss"
    assert "pa/ss" not in repr(given)
    assert given.store_url() == "postgresql://press2:pa%2Fss@db/press2"
    redis = load("[redis]\nurl = redis://cache:6379/0\npassword = R", R="x")
    assert redis.redis_url() == "redis://:x@cache:6379/0"


def test_the_environment_names_the_file(tmp_path):
    assert config.path_of({}, tmp_path) == tmp_path / "telephony.conf"
    assert config.path_of({"PRESS2_CONF": "/etc/p.conf"}, tmp_path) == Path("/etc/p.conf")


MISTAKES = [
    ("[wbe]\nport = 1", "[wbe]: unknown section; did you mean [web]?"),
    (
        "[zzz]",
        "[zzz]: unknown section; there are [press2], [asterisk], [agi], [web], [desk], [redis],"
        " [store], [speech], [twilio], [api], [feed], [alerts]",
    ),
    (
        "[DEFAULT]\nport = 1",
        "[DEFAULT]: unknown section; there are [press2], [asterisk], [agi],"
        " [web], [desk], [redis], [store], [speech], [twilio], [api], [feed], [alerts]",
    ),
    ("[web]\nprot = 8080", '[web] prot = 8080: unknown key; did you mean "port"?'),
    (
        "[web]\nsip_prt = 5060",
        '[web] sip_prt = 5060: unknown key; did you mean "sip_port" in [asterisk]?',
    ),
    (
        "[web]\nzzz = 1",
        "[web] zzz = 1: unknown key; [web] has host, port, desks, session_hours, secure,"
        " metrics_token",
    ),
    (
        "[alerts]\nurl = https://duty.example.com/press2",
        "[alerts] secret: empty, but url is set; name the environment variable that holds the key"
        " of the signatures",
    ),
    (
        "[alerts]\nurl = ftp://duty.example.com",
        "[alerts] url = ftp://duty.example.com: does not begin with one of https://, http://",
    ),
    ("[redis]\npasword = hunter2", '[redis] pasword: unknown key; did you mean "password"?'),
    ("[web]\nport = eighty", "[web] port = eighty: not a whole number from 1 to 65535"),
    ("[web]\nport = 0", "[web] port = 0: not a whole number from 1 to 65535"),
    ("[web]\nport = ٨٠", "[web] port = ٨٠: not a whole number from 1 to 65535"),
    ("[web]\nport =", "[web] port =: not a whole number from 1 to 65535"),
    ("[web]\nport = 8080 # mine", "[web] port = 8080 # mine: not a whole number from 1 to 65535"),
    ("[agi]\nprocesses = 99", "[agi] processes = 99: not a whole number from 1 to 64"),
    (
        "[press2]\nlog_level = inf",
        '[press2] log_level = inf: not one of debug, info, warning, error; did you mean "info"?',
    ),
    ("[press2]\ncompany =", "[press2] company =: empty; write a value"),
    (
        "[web]\nhost = my machine",
        "[web] host = my machine: not an address; write one such as 127.0.0.1 or 0.0.0.0",
    ),
    (
        "[speech]\npiper_uk = gone.onnx",
        "[speech] piper_uk = gone.onnx: no such file; write the path of a file or leave it empty",
    ),
    (
        "[asterisk]\nmusic = gone",
        "[asterisk] music = gone: no such folder; write the path of a folder or leave it empty",
    ),
    (
        "[asterisk]\nsoftphones = 127.0.0.0/8 lan",
        "[asterisk] softphones = 127.0.0.0/8 lan: lan is not a network; write one such as"
        " 192.168.1.0/24",
    ),
    (
        "[asterisk]\ntrunk_register = true",
        "[asterisk] trunk_register = true: not one of yes, no",
    ),
    (
        "[redis]\nurl = http://cache",
        "[redis] url = http://cache: does not begin with one of redis://, rediss://, unix://",
    ),
    (
        "[store]\nurl = postgresql://me:hunter2@db/p",
        "[store] url: holds a password; take it out and name the environment variable that holds"
        " it in the setting `password`",
    ),
    (
        "[store]\npassword = DB_SECRET",
        "[store] password = DB_SECRET: the environment variable is not set; export DB_SECRET or"
        " leave the setting empty",
    ),
    (
        "[store]\npassword = hunter2",
        "[store] password: not the name of an environment variable; put the secret into one such"
        " as PRESS2_SECRET and write that name here",
    ),
    ("[web]\nport = 1\nport = 2", "[web] port: stands twice, again in line 3; keep one of them"),
    ("[web]\n[agi]\n[web]", "[web]: stands twice, again in line 3; put them together"),
    (
        "port = 1",
        "line 1 stands before any section; write a line such as [web] above it",
    ),
    ("[web]\nport", "line 2: 'port' is not `key = value`"),
    (b"[web]\nhost = \xff\xfe", "not a text in UTF-8; save it as UTF-8"),
    (
        "[asterisk]\nrtp_first = 20000",
        "[asterisk] rtp_last = 19999: below rtp_first 20000 + 1; write a higher one",
    ),
    (
        "[agi]\nport = 65535",
        "[agi] port = 65535: no room for 2 workers below 65536; write a lower one",
    ),
    ("[web]\nport = 4574", "[web] port = 4574: also a port of an [agi] worker; write another one"),
    (
        f"[twilio]\naccount_sid = AC{'0' * 32}",
        "[twilio] auth_token: empty, but account_sid is set; write it, or empty the section",
    ),
    (
        f"[twilio]\napi_key = SK{'0' * 32}\noperators = client",
        "[twilio] account_sid: empty, but api_key is set; write it, or empty the section",
    ),
    (
        "[twilio]\nsms_from = +380487059090",
        "[twilio] account_sid: empty, but sms_from is set; write it, or empty the section",
    ),
    (
        "[speech]\nmodel.uk = gone",
        "[speech] model.uk = gone: no such folder; `app.py speech fetch` brings a model, empty is"
        " keys only",
    ),
    (
        "[speech]\nmodel_uk = gone",
        '[speech] model_uk = gone: unknown key; did you mean "model.uk"?',
    ),
    (
        "[speech]\nservers = 10.0.0.5",
        "[speech] servers = 10.0.0.5: 10.0.0.5 is not address:port; write one such as"
        " 10.0.0.5:9099",
    ),
    (
        "[speech]\nservers = 10.0.0.5:9099 10.0.0.6:99999",
        "[speech] servers = 10.0.0.5:9099 10.0.0.6:99999: 10.0.0.6:99999 is not address:port;"
        " write one such as 10.0.0.5:9099",
    ),
    (
        "[speech]\nend_of_speech = 9",
        "[speech] end_of_speech = 9: not a number of seconds from 0.2 to 3",
    ),
    (
        "[speech]\nmodel.uk = .\nport = 65530\nprocesses = 16",
        "[speech] port = 65530: no room for 16 processes below 65536; write a lower one",
    ),
    (
        "[speech]\nmodel.uk = .\nport = 8079\nprocesses = 2",
        "[web] port = 8080: also a port of a [speech] process; write another one",
    ),
    (
        "[speech]\nmodel.uk = .\nport = 4574",
        "[agi] port = 4574: also a port of a [speech] process; write another one",
    ),
    (
        "[web]\nport = 8088",
        "[web] port = 8088: also [asterisk] websocket_port; write another one",
    ),
]


@pytest.mark.parametrize(("text", "line"), MISTAKES, ids=[line[:40] for _, line in MISTAKES])
def test_a_mistake_is_one_line_that_names_place_value_and_mend(load, text, line):
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert str(caught.value) == f"telephony.conf: {line}"
    assert "hunter2" not in str(caught.value)


def test_ports_of_recognisers_that_do_not_run_here_are_no_clash(load, tmp_path):
    assert load("[speech]\nport = 8080").speech.models() == {}
    given = load("[speech]\nmodel.ru = .\nport = 8080\nservers = [::1]:9099 asr:9099").speech
    assert given.models() == {"ru": tmp_path}
    assert given.servers == ("[::1]:9099", "asr:9099")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path / "gone.conf", {})
    assert str(caught.value) == (
        f"{tmp_path}/gone.conf: No such file or directory; PRESS2_CONF names the file"
    )
