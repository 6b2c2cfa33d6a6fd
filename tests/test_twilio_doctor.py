"""`app.py doctor webhooks` through a real proxy on loopback: each breakage has its name."""

import contextlib
import gzip
import json
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlencode

import pytest
import waitress
from twilio_emulator import Emulator

from ivr import config
from ivr import doctor as everyday
from ivr.channels.twilio import doctor, verdict
from ivr.channels.twilio.doctor import (
    FIELD,
    PROOF,
    WINDOW,
    answer,
    examine,
    probe,
    proof,
    send,
    sound,
    webhooks,
)
from ivr.channels.twilio.rebuild import Seen, arrived
from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.signature import Signature
from ivr.channels.twilio.verdict import Reply, judge

TOKEN = "0123456789abcdef0123456789abcdef"
NONCE = "5" * 32
EPOCH = 1_790_000_000.0


def settings(public_url, token=TOKEN):
    return TwilioSettings(account_sid="AC" + "1" * 32, auth_token=token, public_url=public_url)


# ---------------------------------------------------------------------- press2 and a proxy


@dataclass
class Web:
    """The web process: a real WSGI server that answers the doctor below any path."""

    public_url: str = ""
    token: str = TOKEN
    late: float = 0.0
    port: int = 0

    def __call__(self, environ, start):
        body = environ["wsgi.input"].read()
        seen = arrived(environ, body)
        now = time.time() + self.late
        signature = Signature(self.token, self.public_url)
        status, told = answer(signature, self.token, seen, now)
        start(f"{status} told", [("Content-Type", "application/json")])
        return [json.dumps(told).encode()]


@dataclass
class Request:
    """What a proxy passes on, or changes."""

    method: str
    target: str
    headers: dict
    body: bytes


@dataclass
class Page:
    """What a proxy answers itself."""

    status: int
    headers: dict = field(default_factory=dict)
    body: bytes = b"<!doctype html><html><body>nginx</body></html>"


class Proxy(ThreadingHTTPServer):
    """Leads requests to the web process; `change` does to them what proxies do."""

    daemon_threads = True

    def __init__(self, upstream):
        super().__init__(("127.0.0.1", 0), Passing)
        self.upstream = upstream
        self.change = lambda request: request


class Passing(BaseHTTPRequestHandler):
    def do_GET(self):
        page = self.server.change(Request("GET", self.path, dict(self.headers.items()), b""))
        self.answered(page)

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        request = Request("POST", self.path, dict(self.headers.items()), self.rfile.read(length))
        found = self.server.change(request)
        page = found if isinstance(found, Page) else self.passed(found)
        if page is not None:
            self.answered(page)

    def answered(self, page):
        self.send_response_only(page.status)
        for name, value in page.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        self.wfile.write(page.body)

    def passed(self, request):
        if request is None:
            return None
        request.headers["Content-Length"] = str(len(request.body))
        connection = HTTPConnection("127.0.0.1", self.server.upstream, timeout=10)
        with contextlib.closing(connection):
            connection.request(request.method, request.target, request.body, request.headers)
            answer = connection.getresponse()
            return Page(answer.status, {"Server": "proxy"}, answer.read())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    """The web process."""
    web = Web()
    server = waitress.create_server(web, host="127.0.0.1", port=0, threads=2)
    web.port = server.effective_port
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield web
    server.close()
    thread.join(5)


@pytest.fixture
def web(server):
    """The web process, set up well."""
    server.token, server.late = TOKEN, 0.0
    return server


@pytest.fixture
def proxy(web):
    """A proxy before the web process, which knows its public URL."""
    with Proxy(web.port) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        proxy.url = f"http://127.0.0.1:{proxy.server_port}"
        web.public_url = proxy.url
        yield proxy
        proxy.shutdown()
        thread.join(5)


def remarks(public_url, **more):
    """What the doctor says; that the proxy of the test speaks plain HTTP is left out."""
    found = list(webhooks(settings(public_url, **more)))
    return [remark for remark in found if remark.subject != "encryption"]


# ---------------------------------------------------------------------- the matrix


def headers(**changed):
    def change(request):
        for name, value in changed.items():
            name = name.replace("_", "-")
            kept = {n: v for n, v in request.headers.items() if n.lower() != name.lower()}
            request.headers = kept if value is None else {**kept, name: value}
        return request

    return change


def target(rewrite):
    return lambda request: replace(request, target=rewrite(request.target))


def body(rewrite):
    return lambda request: replace(request, body=rewrite(request.body))


def params(rewrite):
    def change(raw):
        return urlencode(rewrite(parse_qsl(raw.decode(), keep_blank_values=True))).encode()

    return body(change)


def after_path(text):
    return target(lambda whole: whole.replace("/twilio/doctor", "/twilio/doctor" + text))


HARMLESS = {
    "passes all": headers(),
    "changes Host": headers(host="127.0.0.1:9"),
    "adds forwarded headers": headers(
        x_forwarded_for="203.0.113.7", x_forwarded_proto="https", x_forwarded_port="8443",
        x_forwarded_host="inner.example", forwarded='for=203.0.113.7;host="x.example"',
    ),
    "sorts the parameters": params(sorted),
    "encodes the body anew": params(list),
}  # fmt: skip


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_does_not_touch_the_signature_is_no_finding(proxy, change):
    proxy.change = change
    (found,) = remarks(proxy.url)
    assert (found.level, found.subject) == ("ok", "signature")
    assert found.text == f"right behind {proxy.url}/twilio/doctor"


def test_a_path_of_the_public_url_is_taken_away_by_the_proxy(proxy, web):
    web.public_url = f"{proxy.url}/press2"
    proxy.change = target(lambda whole: whole.removeprefix("/press2"))
    assert [found.level for found in remarks(web.public_url)] == ["ok"]


DOUBLED = "the path had no /app before it"
BROKEN = {
    "adds a slash": (after_path("/"), ["the proxy adds a slash at the end"]),
    "adds a prefix": (target(lambda whole: "/app" + whole), [DOUBLED]),
    "doubles the slash": (target(lambda whole: "/" + whole), ["the path had no / before it"]),
    "drops the query": (target(lambda whole: whole.partition("?")[0]), ["drops the query"]),
    "adds to the query": (target(lambda whole: whole + "&utm=1"), ["rewrites the query"]),
    "sorts the query": (
        target(lambda whole: whole.replace("twice=2&twice=1", "twice=1&twice=2")),
        ["rewrites the query"],
    ),
    "decodes the query": (
        target(lambda whole: quote(unquote(whole), safe="/?&=,")),
        ["another way"],
    ),
    "encodes the query in capitals": (
        target(lambda whole: whole.replace("%c3%a9", "%C3%A9")), ["another way"],
    ),
    "drops the signature": (headers(x_twilio_signature=None), ["drops the header X-Twilio"]),
    "drops the body": (body(lambda _: b""), ["the proxy drops the body"]),
    "drops blank values": (
        params(lambda pairs: [pair for pair in pairs if pair[1]]), ["drops parameters (Blank)"],
    ),
    "keeps one of a name": (params(dict), ["drops parameters (Twice)"]),
    "trims values": (
        params(lambda pairs: [(name, value.strip()) for name, value in pairs]),
        ["changes parameters (Long, Spaces)"],
    ),
    "normalises line ends": (
        body(lambda raw: raw.replace(b"%0D%0A", b"%0A")), ["changes parameters (Lines)"],
    ),
    "reads the body in another encoding": (
        params(lambda pairs: [(n, v.encode().decode("latin-1")) for n, v in pairs]),
        ["changes parameters (SpeechResult)"],
    ),
    "adds a parameter": (body(lambda raw: raw + b"&waf=1"), ["adds parameters (waf)"]),
    "adds a slash and drops the body": (
        lambda request: replace(after_path("/")(request), body=b""),
        ["adds a slash", "drops the body"],
    ),
    "drops the doctor's header and a value": (
        lambda request: params(lambda pairs: [p for p in pairs if p[1]])(
            headers(x_press2_doctor=None)(request)),
        ["drops parameters (Blank)"],
    ),
    "makes it a GET": (lambda request: replace(request, method="GET", body=b""),
                       ["makes a GET of the POST", "drops the body"]),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), BROKEN.values(), ids=BROKEN)
def test_what_breaks_the_signature_is_named(proxy, change, words):
    proxy.change = change
    found = remarks(proxy.url)
    assert [(each.level, each.subject) for each in found] == [("problem", "signature")] * len(words)
    for each, word in zip(found, words, strict=True):
        assert word in each.text
        assert each.mend


def html(status, **headers):
    return lambda _: Page(status, {"Server": "nginx", **headers})


ANSWERS = {
    "404": (html(404), "proxy", "is not found: the proxy does not lead it"),
    "413": (html(413), "proxy", "takes no body of 10 kB (a page of HTML, nginx)"),
    "400": (html(400), "proxy", "perhaps the proxy sends a Host that press2 does not know"),
    "404 of press2": (
        lambda _: Page(404, {"Server": "press2"}),
        "proxy",
        "comes to press2 with another path",
    ),
    "401": (html(401), "proxy", "asks for a password"),
    "403": (html(403), "proxy", "is forbidden by the proxy"),
    "405": (html(405), "proxy", "takes no POST"),
    "429": (html(429), "proxy", "is limited"),
    "502": (html(502), "proxy", "finds no press2 behind the proxy"),
    "504": (html(504), "proxy", "finds press2 too slow"),
    "418": (html(418), "proxy", "answers 418"),
    "another site": (html(200), "proxy", "is answered by something else than press2"),
    "JSON of somebody": (lambda _: Page(200, body=b'["press2"]'), "proxy", "something else"),
    "nothing": (lambda _: None, "connection", "ends the connection without an answer"),
    "packed": (lambda _: Page(200, body=gzip.compress(b"{}")), "proxy", "something else"),
}


@pytest.mark.parametrize(("change", "subject", "words"), ANSWERS.values(), ids=ANSWERS)
def test_the_answer_of_a_proxy_is_told_from_that_of_press2(proxy, change, subject, words):
    proxy.change = change
    (found,) = remarks(proxy.url)
    assert (found.level, found.subject) == ("problem", subject)
    assert words in found.text
    assert found.mend


REDIRECTS = {
    "to TLS": ("https://{host}/twilio/doctor?a=1", "write https:// in [twilio] public_url"),
    "to another host": (
        "http://www.other.example/twilio/doctor",
        "write the host www.other.example",
    ),
    "to a slash": ("/twilio/doctor/", "switch that off for /twilio/"),
}


@pytest.mark.parametrize(("location", "mend"), REDIRECTS.values(), ids=REDIRECTS)
def test_a_redirect_loses_the_post(proxy, location, mend):
    host = proxy.url.removeprefix("http://")
    proxy.change = html(301, Location=location.format(host=host))
    (found,) = remarks(proxy.url)
    assert found.subject == "redirect"
    assert "the second request is a GET without parameters" in found.text
    assert mend in found.mend


def test_another_auth_token_in_the_running_process(proxy, web):
    web.token = "f" * 32
    (found,) = remarks(proxy.url)
    assert (found.level, found.subject) == ("problem", "doctor")
    assert "another auth token" in found.text


def test_another_public_url_in_the_running_process(proxy, web):
    web.public_url = "https://old.example"
    (found,) = remarks(proxy.url)
    assert found.text == "the running press2 has [twilio] public_url = https://old.example"
    assert "start it again" in found.mend


def test_a_clock_that_differs_is_named(proxy, web):
    web.late = WINDOW + 5
    (found,) = remarks(proxy.url)
    assert "its clock differs by more than a minute" in found.text


def test_a_slow_answer_is_a_warning(proxy):
    asked = probe(settings(proxy.url), time.time(), NONCE)
    slow = replace(send(asked), seconds=verdict.SLOW + 1)
    assert [each.level for each in judge(asked, slow)] == ["ok", "warning"]


def test_a_proxy_that_never_answers(proxy, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(doctor, "PATIENCE", 0.2)
    proxy.change = lambda _: released.wait(10) and None
    (found,) = remarks(proxy.url)
    released.set()
    assert "does not answer within 15 s" in found.text


def test_a_port_where_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    (found,) = remarks(f"http://127.0.0.1:{port}")
    assert "refuses the connection: nothing listens there" in found.text


@pytest.mark.parametrize("host", ["press2.invalid", "a..b", "x" * 70 + ".example"])
def test_a_name_that_is_none(host):
    (found,) = remarks(f"https://{host}")
    assert found.level == "problem"
    assert host in found.text


def test_a_name_that_dns_does_not_know(monkeypatch):
    (found,) = remarks("https://press2.invalid")
    assert found.text == "DNS knows no address of press2.invalid"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost that nobody else signed."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def encrypted(proxy, certificate):
    """The proxy with TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    proxy.socket = context.wrap_socket(proxy.socket, server_side=True)
    proxy.handle_error = lambda *_: None
    return proxy


def test_a_certificate_of_ones_own_is_refused(encrypted):
    (found,) = remarks(f"https://localhost:{encrypted.server_port}")
    assert found.subject == "certificate"
    assert "self-signed certificate" in found.text


def test_a_certificate_of_another_name_is_refused(encrypted, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    (found,) = remarks(f"https://127.0.0.1:{encrypted.server_port}")
    assert found.subject == "certificate"
    assert "127.0.0.1" in found.text


def test_the_signature_is_right_through_tls(encrypted, web, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    url = web.public_url = f"https://localhost:{encrypted.server_port}"
    assert [each.level for each in webhooks(settings(url))] == ["ok"]


def test_plain_http_where_tls_is_expected(proxy):
    proxy.handle_error = lambda *_: None
    (found,) = remarks(f"https://127.0.0.1:{proxy.server_port}")
    assert found.subject == "TLS"
    assert "does not speak TLS" in found.text


def test_calls_without_tls_are_a_warning(proxy):
    assert next(webhooks(settings(proxy.url))).subject == "encryption"


# ---------------------------------------------------------------------- what Twilio knows


def test_both_ways_are_examined(proxy, web):
    with Emulator(auth_token=TOKEN) as twilio:
        twilio.number("+380487059090", "https://old.example/voice")
        there = replace(settings(proxy.url), account_sid=twilio.account_sid, api_url=twilio.url)
        found = [each for each in examine(there, ["+380487059090"]) if each.level != "warning"]
    assert (found[0].level, found[0].subject) == ("ok", "signature")
    assert found[1].subject == "+380487059090"
    assert found[1].text == f"voice_url: https://old.example/voice -> {proxy.url}/twilio/voice"
    assert {each.mend for each in found[1:]} == {"run `app.py twilio setup`"}
    assert {each.level for each in found[1:]} == {"problem"}


def test_a_twilio_that_says_no_is_a_finding(proxy):
    with Emulator(auth_token="f" * 32) as twilio:
        there = replace(settings(proxy.url), account_sid=twilio.account_sid, api_url=twilio.url)
        found = list(examine(there, ["+380487059090"]))
    assert [each.subject for each in found] == ["encryption", "signature", "Twilio"]
    assert "refuses [twilio] account_sid with this auth token" in found[2].text


# ---------------------------------------------------------------------- the ordinary doctor


def test_a_sound_is_fetched_as_twilio_does(proxy):
    proxy.change = lambda request: Page(200, body=b"RIFF....WAVE")
    found = sound(f"{proxy.url}/twilio/sounds/abc/uk.ok.wav")
    assert found == ("ok", "sounds", f"Twilio gets them below {proxy.url}/twilio/sounds/", "")


@pytest.mark.parametrize("page", [Page(404), Page(200), Page(301)])
def test_a_sound_that_does_not_come_is_a_problem(proxy, page):
    proxy.change = lambda request: page
    found = sound(f"{proxy.url}/twilio/sounds/abc/uk.ok.wav")
    assert (found.level, found.subject) == ("problem", "sounds")
    assert f"answers {page.status}, no sound" in found.text


def test_a_sound_whose_host_is_unknown():
    assert sound("https://press2.invalid/twilio/sounds/a/b.wav").subject == "name"


@pytest.fixture
def section(tmp_path):
    """What the ordinary doctor says about Twilio."""

    def section(text, **environ):
        path = tmp_path / "telephony.conf"
        path.write_text(f"[press2]\nvar = {tmp_path}/var\n{text}")
        given = config.load(path, environ)
        (check,) = [check for check in everyday.CHECKS if check.__name__ == "_twilio"]
        return [
            (each.level, each.subject, each.text) for each in everyday.CHECKS[-1](given, tmp_path)
        ]

    return section


def test_the_ordinary_doctor_says_nothing_without_twilio(section):
    assert section("") == []


def twilio(url, port):
    return f"""
[web]
port = {port}
[twilio]
account_sid = AC{"1" * 32}
auth_token = TRY_TOKEN
public_url = {url}/
sip_address = pbx.example.com
sip_password = TRY_TOKEN
"""


def test_the_ordinary_doctor_asks_for_a_sound_of_a_running_press2(section, proxy, tmp_path):
    asked = []
    proxy.change = lambda request: asked.append(request.target) or Page(200, body=b"RIFF")
    text = twilio(proxy.url, proxy.server_port)
    assert section(text, TRY_TOKEN=TOKEN)[-1][2] == "run `app.py doctor webhooks` when press2 runs"
    (tmp_path / "var/sounds/uk").mkdir(parents=True)
    (tmp_path / "var/sounds/uk/ok.wav").write_bytes(b"RIFF")
    found = section(text, TRY_TOKEN=TOKEN)
    assert found[0] == ("ok", "twilio", f"account AC1111..., calls come to {proxy.url}/twilio/")
    assert found[1][:2] == ("warning", "twilio")
    assert found[2] == ("ok", "sounds", f"Twilio gets them below {proxy.url}/twilio/sounds/")
    assert [target.endswith("/uk.ok.wav") for target in asked] == [True]


# ---------------------------------------------------------------------- who is answered


def asked(**changed):
    """The doctor's request as it reaches press2."""
    sent = probe(settings("https://ivr.example"), EPOCH, NONCE)
    names = {name.lower(): value for name, value in sent.headers.items()}
    seen = Seen(
        "POST", "http", "127.0.0.1:8080", "/twilio/doctor", sent.url.partition("?")[2],
        {**names, "x-forwarded-for": "203.0.113.7", "cookie": "session=1", "authorization": "x"},
        sent.pairs, names["x-twilio-signature"],
    )  # fmt: skip
    return replace(seen, **changed)


HERE = Signature(TOKEN, "https://ivr.example")


def test_the_doctor_is_told_what_arrived_and_no_secret():
    status, told = answer(HERE, TOKEN, asked(), EPOCH + WINDOW)
    assert status == 200
    assert told["right"]
    assert told["seen"]["headers"] == {"x-forwarded-for": "203.0.113.7"}
    assert ["From", verdict.digests((("", "+380671110001"),))[0][1]] in told["seen"]["parameters"]
    assert all(secret not in json.dumps(told) for secret in (TOKEN, "+380671110001", NONCE))


def test_a_signature_that_broke_is_explained_to_the_doctor():
    status, told = answer(HERE, TOKEN, asked(path="/twilio/doctor/"), EPOCH)
    assert status == 200
    assert not told["right"]
    assert "the proxy adds a slash" in told["explained"][0]


OTHERS = {
    "no proof": "",
    "too old": proof(TOKEN, EPOCH - WINDOW - 1, NONCE),
    "of the future": proof(TOKEN, EPOCH + WINDOW + 1, NONCE),
    "another token": proof("f" * 32, EPOCH, NONCE),
    "another nonce": proof(TOKEN, EPOCH, NONCE).replace("5" * 32, "6" * 32),
    "no numbers": "x.y.z",
    "other digits": proof(TOKEN, EPOCH, NONCE).replace("1", "١", 1),
    "long": "1" * 100_000,
}


@pytest.mark.parametrize("given", OTHERS.values(), ids=OTHERS)
def test_nobody_else_is_told_anything(given):
    seen = asked(headers={PROOF: given}, form=((FIELD, given),))
    assert answer(HERE, TOKEN, seen, EPOCH) == (403, {"press2": "refused"})


def test_the_signature_alone_is_no_proof_of_the_doctor():
    seen = asked(headers={}, form=())
    signed = replace(seen, signature=HERE.of("https://ivr.example" + seen.path_and_query(), ()))
    assert HERE.right(signed.path_and_query(), signed.form, signed.signature)
    assert answer(HERE, TOKEN, signed, EPOCH)[0] == 403


@pytest.mark.parametrize("seen", [asked(headers={}), asked(form=())])
def test_one_of_the_two_proofs_is_enough(seen):
    assert answer(HERE, TOKEN, seen, EPOCH)[0] == 200


def test_words_of_a_reply_that_is_no_text():
    sent = probe(settings("https://ivr.example"), EPOCH, NONCE)
    (found,) = judge(sent, Reply(200, {}, b"\xff\xfe", 0.1))
    assert "something else than press2" in found.text
