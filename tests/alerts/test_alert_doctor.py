"""`app.py doctor` looks whether the webhook of alerts can be reached, and sends nothing."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alert_hook import SECRET, Hook

from ivr.doctor import examine

HOME = Path(__file__).parents[2]

Doctor = Callable[[str], str]


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """Return what is said of the alerts. It takes lines of their section."""

    def told(lines: str) -> str:
        path = tmp_path / "telephony.conf"
        path.write_text(f"[press2]\nvar = {tmp_path}/var\n[alerts]\n{lines}\n")
        found = examine(path, {"PRESS2_ALERTS": SECRET}, HOME)
        (line,) = [str(each) for each in found if each.subject in ("alerts", "settings")][-1:]
        return line

    return told


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as hook:
        yield hook


def test_no_webhook(doctor: Doctor) -> None:
    assert doctor("").startswith("ok       alerts       on the supervisors' screens only")


def test_one_that_can_be_reached_is_told_nothing(doctor: Doctor, hook: Hook) -> None:
    line = doctor(f"url = {hook.url}\nsecret = PRESS2_ALERTS")
    assert line.startswith(f"ok       alerts       127.0.0.1:{hook.server_port} can be reached")
    assert (hook.got, hook.refused) == ([], 0)


def test_one_that_is_not_there(doctor: Doctor) -> None:
    with Hook() as hook:
        gone = hook.url
    line = doctor(f"url = {gone}\nsecret = PRESS2_ALERTS")
    assert line.startswith("warning  alerts") and "cannot be reached: Connection refused" in line
    assert "tried again for 6 hours" in line


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("url = duty.example.com", "[alerts] url"),
        ("url = ftp://duty.example.com/", "[alerts] url"),
        ("url = http://duty.example.com/\nsecret = PRESS2_ALERTS", "http://"),
        ("url = https://duty.example.com/", "secret"),
    ],
)
def test_an_address_of_another_shape(doctor: Doctor, lines: str, told: str) -> None:
    line = doctor(lines)
    assert line.startswith("problem  settings") and told in line


def test_its_certificate(doctor: Doctor, hook: Hook, tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = f"req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {cert} -days 2 -subj /CN=x"
    more = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", *words.split(), *more], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    hook.socket = context.wrap_socket(hook.socket, server_side=True)
    lines = f"url = {hook.url.replace('http://', 'https://')}\nsecret = PRESS2_ALERTS"
    line = doctor(lines)
    assert line.startswith("warning  alerts") and "certificate is refused: self-signed" in line
    assert doctor(f"{lines}\nca = {cert}").startswith("ok       alerts")
    assert (hook.got, hook.refused) == ([], 0)
