"""Requests that Twilio never sent, or never sends, over real connections."""

import contextlib
import re
import socket

import pytest
from twilio_emulator.signing import form, raw, sign
from twilio_house import CALLER, COMPANY_NUMBER, PUBLIC, TOKEN, give_a_reading

LARGEST = 64 * 1024
CALL = "CA" + "7" * 32
FORM = {"CallSid": CALL, "From": CALLER, "To": COMPANY_NUMBER, "CallStatus": "ringing"}


def exchange(house, head, body=b"", *, path="/twilio/voice", method="POST"):
    """Send bytes; (status, body) of the answer, 0 for a connection that was cut."""
    lines = [f"{method} {path} HTTP/1.1", "Host: ivr.example.com", "Connection: close", *head]
    answer = b""
    with socket.create_connection(("127.0.0.1", house.ports["web"]), 10) as connection:
        connection.settimeout(10)
        with contextlib.suppress(ConnectionError):
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(65536):
                answer += piece
    head, _, text = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, text


def signed(path, params, body=None):
    sent = form(raw(params)) if body is None else body
    return [
        f"X-Twilio-Signature: {sign(TOKEN, PUBLIC + path, raw(params))}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(sent)}",
    ], sent


def chunked(body):
    pieces = [body[start : start + 8000] for start in range(0, len(body), 8000)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def state(house):
    """Everything that a request could have changed."""
    keys = sorted(key for key in house.redis.keys("press2:*") if b"press2:desk" not in key)
    tables = ("readings", "events", "outbox", "receipts", "drafts", "callbacks")
    rows = [house.asked(f"select count(*) from {table}") for table in tables]  # noqa: S608
    return keys, rows


def test_a_request_as_twilio_sends_it(twilio_house):
    head, body = signed("/twilio/voice", FORM)
    status, answer = exchange(twilio_house, head, body)
    assert status == 200
    assert b"<Gather" in answer


def test_forged_requests_leave_nothing_but_one_line(twilio_house):
    before, log = state(twilio_house), len(twilio_house.log())
    _, body = signed("/twilio/voice", FORM)
    for path in ("/twilio/voice", f"/twilio/turn/{CALL}/2", "/twilio/status", "/twilio/fallback"):
        for given in (
            [],
            ["X-Twilio-Signature: " + "a" * 28],
            signed("/twilio/other", FORM)[0][:1],
        ):
            head = [*given, f"Content-Length: {len(body)}",
                    "Content-Type: application/x-www-form-urlencoded"]  # fmt: skip
            assert exchange(twilio_house, head, body, path=path)[0] == 403
    assert state(twilio_house) == before
    lines = [line for line in twilio_house.log()[log:].splitlines() if "not signed" in line]
    assert len(lines) <= 1, "once a minute a source"


def test_a_signature_for_another_address(twilio_house):
    head, body = signed("/twilio/voice", FORM)
    assert exchange(twilio_house, head, body, path="/twilio/fallback")[0] == 403
    assert exchange(twilio_house, head, body, path="/twilio/voice?x=1")[0] == 403
    host = [*head, "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http"]
    assert exchange(twilio_house, host, body)[0] == 200, "no header takes part"


@pytest.mark.parametrize("size", [LARGEST + 1, 10**7])
def test_a_large_body(twilio_house, size):
    before = state(twilio_house)
    head = [f"Content-Length: {size}", "Content-Type: application/x-www-form-urlencoded"]
    assert exchange(twilio_house, head)[0] == 413, "refused before a byte of it came"
    assert exchange(twilio_house, ["Transfer-Encoding: chunked"], chunked(b"a" * size))[0] in (
        413,
        0,
    )
    assert state(twilio_house) == before


def test_a_small_body_without_a_length(twilio_house):
    head, body = signed("/twilio/voice", FORM)
    head[2] = "Transfer-Encoding: chunked"
    assert exchange(twilio_house, head, chunked(body))[0] in (200, 413)
    assert exchange(twilio_house, ["Transfer-Encoding: chunked"], chunked(body))[0] in (403, 413)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH"])
@pytest.mark.parametrize("path", ["voice", "turn/CA1/2", "status", "recording", "told/CA1/2"])
def test_other_methods(twilio_house, method, path):
    assert exchange(twilio_house, [], method=method, path=f"/twilio/{path}")[0] in (405, 411)


@pytest.mark.parametrize(
    "path",
    ["/twilio/sounds/../../etc/passwd", "/twilio/sounds/a/..%2f..%2fetc.passwd.wav",
     "/twilio/sounds/%d0%87/uk.one.wav", "/twilio/sounds/%00/%00.wav", "/twilio/sounds/a/b.wav",
     "/twilio/sounds/" + "a" * 24 + "/" + "uk.a+" * 400 + "uk.a.wav"],
)  # fmt: skip
def test_sounds_that_are_not_ours_to_give(twilio_house, path):
    assert exchange(twilio_house, [], method="GET", path=path)[0] == 404


def test_words_that_are_not_utf_8(twilio, twilio_house):
    call = twilio.call(b"+38\xff\xfe".decode("latin-1"), COMPANY_NUMBER, SpeechResult=b"\xff\xfe")
    call.wait("Gather").press("2")
    assert call.wait(lambda call: len(twilio_house.steps(call)) > 1)


@pytest.mark.parametrize("shown", ["", "anonymous", "+266696687", "+7378742833", "client:olena"])
def test_who_shows_no_number_gives_a_reading(twilio, twilio_house, shown):
    call = twilio.call(shown, COMPANY_NUMBER)
    call.wait("Gather").press("2")
    call.wait(lambda call: len(twilio_house.steps(call)) > 1)
    call.hang_up()
    call.wait("completed")
    assert "error" not in {kind for kind, _ in call.heard}


def test_no_log_line_holds_what_was_keyed_or_a_secret(twilio, twilio_house):
    log = len(twilio_house.log())
    call = twilio.call(CALLER, COMPANY_NUMBER)
    give_a_reading(twilio_house, call, "02421")
    call.wait("completed")
    told = twilio_house.log()[log:]
    assert call.sid in told
    for secret in (TOKEN, CALLER, CALLER[1:], "02421", "100200301", "secret of the tests"):
        assert secret not in told
    starts = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|Traceback|\s|\w+\.")
    assert all(starts.match(line) for line in told.splitlines() if line)


def test_only_the_api_takes_a_long_body(twilio_house):
    head = ["Content-Length: 70000", "Content-Type: application/json"]
    assert exchange(twilio_house, head, b"1" * 70000, path="/api/v1/events")[0] == 401
    assert exchange(twilio_house, head, path="/api")[0] == 413
    assert exchange(twilio_house, ["Content-Length: 2000000"], path="/api/v1/events")[0] == 413
