"""The configuration files, without starting anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scripted import record_tone

from ivr.asterisk.render import render
from ivr.asterisk.settings import AsteriskSettings, Node, Trunk
from ivr.errors import ConfigError


@pytest.fixture
def settings(tmp_path):
    record_tone(tmp_path / "sounds/uk/apology.wav", 0.1)
    return AsteriskSettings(
        run_dir=tmp_path / "run",
        sounds_dir=tmp_path / "sounds",
        workers=("127.0.0.1:4573",),
        apology="uk/apology",
    )


def written(settings, name):
    config = render(settings, settings.run_dir, settings.run_dir)
    return (config.parent / name).read_text()


def test_everything_lies_below_the_run_directory(settings):
    text = written(settings, "asterisk.conf")
    places = [line.split(" => ")[1] for line in text.splitlines() if " => " in line]
    assert places
    assert all(place.startswith(str(settings.run_dir)) for place in places)


def test_no_password_no_browser_phone(settings):
    assert "webrtc" not in written(settings, "pjsip.conf")
    assert "webrtc = yes" in written(replace(settings, phone_secret="s3"), "pjsip.conf")


def test_manager_is_off_unless_asked_for(settings):
    assert "enabled = no" in written(settings, "manager.conf")
    text = written(replace(settings, ami_port=5038, ami_secret="s3"), "manager.conf")
    assert "bindaddr = 127.0.0.1" in text
    assert "dialplan" not in text


def test_a_trunk_is_known_by_its_address_only(settings):
    trunk = Trunk("company", "192.0.2.1:5080", "user", "s3", register=True)
    text = written(replace(settings, trunks=(trunk,)), "pjsip.conf")
    assert "match = 192.0.2.1\n" in text
    assert "server_uri = sip:192.0.2.1:5080" in text
    (endpoint,) = [part for part in text.split("\n\n") if "[company](any)" in part]
    assert "identify_by = ip" in endpoint


def test_no_password_no_twilio(settings):
    for name in ("pjsip.conf", "extensions.conf"):
        assert "[twilio]" not in written(settings, name)
        assert "[press2-twilio" not in written(settings, name)
    twilio = replace(settings, twilio_password="s3")
    assert "context = press2-twilio\n" in written(twilio, "pjsip.conf")
    assert "[press2-twilio]\nexten => _op-." in written(twilio, "extensions.conf")
    sip = written(twilio, "pjsip.conf").split("\n\n")
    assert not [part for part in sip if "[twilio]" in part and "type = aor" in part]


def test_no_ring_group_no_dial(settings):
    assert "Dial(PJSIP/operators" not in written(settings, "extensions.conf")
    group = ("sip:op1@10.0.0.5", "sip:op2@10.0.0.6")
    text = written(replace(settings, ring_group=group), "extensions.conf")
    dial = "Dial(PJSIP/operators/sip:op1@10.0.0.5&PJSIP/operators/sip:op2@10.0.0.6,20,gr)"
    assert dial in text


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"node": "a\n[general]"}, "node"),
        ({"phone_secret": "a;b"}, "phone_secret"),
        ({"twilio_password": "a\n[b]"}, "twilio_password"),
        ({"ring_group": ("sip:op1@h,20,g(x)",)}, "ring_group"),
        ({"trunks": (Trunk("t", "h", secret="a]b"),)}, "trunks"),
        ({"apology": "uk/none"}, "apology"),
        ({"apologies": {"104": "uk/none"}}, "apology"),
        ({"workers": ()}, "worker"),
        ({"recognisers": ("h:1\n[press2-9]",)}, "recognisers"),
    ],
)
def test_a_value_asterisk_would_misread_is_refused(settings, change, named):
    with pytest.raises(ConfigError, match=named):
        render(replace(settings, **change), settings.run_dir, settings.run_dir)


def test_a_path_too_long_for_a_socket_is_refused(settings):
    long = settings.run_dir / ("x" * 100)
    with pytest.raises(ConfigError, match="too long"):
        render(replace(settings, run_dir=long), long, long)


def test_who_was_admitted_before_is_forgotten_at_a_start(settings):
    left = settings.run_dir / "lib/astdb.sqlite3"
    left.parent.mkdir(parents=True)
    left.touch()
    written(settings, "sorcery.conf")
    assert not left.exists()


def test_another_exchange_is_known_by_its_address(settings):
    both = replace(
        settings, nodes=(Node("pbx2", "10.0.0.2", 5070),), ami_port=5038, ami_secret="s3"
    )
    text = written(both, "pjsip.conf")
    assert "contact = sip:10.0.0.2:5070" in text
    assert "match = 10.0.0.2\n" in text
    assert "@node-pbx2" in written(both, "extensions.conf")
    assert "permit = 10.0.0.2/255.255.255.255" in written(both, "manager.conf")


def test_only_the_events_that_are_needed_pass(settings):
    text = written(replace(settings, ami_port=5038, ami_secret="s3"), "manager.conf")
    assert "press2-debug" not in text
    filters = [line.split(" = ")[1] for line in text.splitlines() if "eventfilter" in line]
    assert filters == [
        "^Event: UserEvent",
        "^Event: ContactStatus",
        "^Event: OriginateResponse",
    ]


def test_each_recogniser_is_an_engine(settings):
    assert "[press2-" not in written(settings, "aeap.conf")
    text = written(replace(settings, recognisers=("10.0.0.5:9099", "10.0.0.6:9099")), "aeap.conf")
    assert "[press2-0]\ntype = client\nurl = ws://10.0.0.5:9099\n" in text
    assert "[press2-1]\ntype = client\nurl = ws://10.0.0.6:9099\n" in text
    assert text.count("codecs = !all,alaw,ulaw,slin\nprotocol = speech_to_text\n") == 2


def test_no_music_no_silence(settings):
    assert "Playtones(ring)" in written(settings, "extensions.conf")
    music = settings.sounds_dir / "music"
    assert "Playtones" in written(replace(settings, music_dir=music), "extensions.conf")
    record_tone(music / "loop.wav", 0.1)
    assert "WaitExten(600,m(press2))" in written(
        replace(settings, music_dir=music), "extensions.conf"
    )
