"""Twilio's signature: its published examples, what breaks it, and how often a refusal is told."""

import base64
import hashlib
import hmac
from dataclasses import replace
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from ivr.channels.twilio.rebuild import HOSTS, MOST, PLACES, Seen, candidates, explain
from ivr.channels.twilio.signature import FIELDS, LINES, Refusals, Signature, form

TOKEN = "12345"
PATH = "/myapp.php?foo=1&bar=2"
CALL = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
TWICE = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")]

PUBLISHED = [
    ("https://mycompany.com", CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    ("https://mycompany.com", TWICE, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
    ("https://mycompany.com", [*TWICE, ("Digits", "1234")], "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
    ("https://mycompany.com:1234", CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    ("https://mycompany.com", CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
    ("http://mycompany.com", CALL, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    ("http://mycompany.com:1234", CALL, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
    ("https://MyCompany.com", CALL, "g9IN/x4Cft2g517EjYvEvM/W7LU="),
    ("https://MyCompany.com:1234", CALL, "PCqOZm8cnu/L6+u5i5fuEd+Iac4="),
]
"""From the tests of Twilio's libraries: with and without a port, several values of one name."""


@pytest.mark.parametrize(("public_url", "parameters", "signature"), PUBLISHED)
def test_the_published_examples_are_right(public_url, parameters, signature):
    assert Signature(TOKEN, public_url).right(PATH, parameters, signature)


@pytest.mark.parametrize(
    "given",
    [None, "", " ", "RSOYDt4T1cUTdK1PDd93/VVr8B8", "RSOYDt4T1cUTdK1PDd93/VVr8B8=" * 4,
     "RSOYDt4T1cUTdK1PDd93/VVr8B8\u041d", "=" * 28, "x" * 100_000, "\ud800", "FAIL"],
)  # fmt: skip
def test_no_other_header_is_right(given):
    assert not Signature(TOKEN, "https://mycompany.com").right(PATH, CALL, given)


def test_the_path_of_the_public_url_counts():
    url = "https://mycompany.com/press2/twilio/voice"
    signed = RequestValidator(TOKEN).compute_signature(url, CALL)
    assert Signature(TOKEN, "https://mycompany.com/press2").right("/twilio/voice", CALL, signed)
    assert not Signature(TOKEN, "https://mycompany.com").right("/twilio/voice", CALL, signed)


def test_bytes_that_are_not_utf_8_are_signed_as_they_came():
    """A recogniser's text in another encoding: `SpeechResult=%ff%fe` keeps its bytes."""
    body = b"SpeechResult=%FF%FE+ab&CallSid=CA1&raw=\xd1"
    signed = b"https://a.example/xCallSidCA1SpeechResult\xff\xfe abraw\xd1"
    given = base64.b64encode(hmac.new(b"12345", signed, hashlib.sha1).digest()).decode()
    assert Signature(TOKEN, "https://a.example").right("/x", form(body), given)
    assert not Signature(TOKEN, "https://a.example").right("/x", form(body + b"%ff"), given)


def test_what_no_bytes_can_have_been_is_wrong_and_no_error():
    assert not Signature(TOKEN, "https://a.example").right("/\ud800", {"a": "\ud800"}, "=" * 28)


def test_a_body_is_read_with_blank_and_repeated_values():
    body = b"a=&b=1+2&b=%2B3&c&%D1%97=%D0%B6"
    assert form(body) == [("a", ""), ("b", "1 2"), ("b", "+3"), ("c", ""), ("ї", "ж")]
    assert form(b"") == []


def test_a_body_of_too_many_parameters_counts_as_empty():
    assert len(form(b"&".join([b"a=1"] * FIELDS))) == FIELDS
    assert form(b"&".join([b"a=1"] * (FIELDS + 1))) == []


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=6)
PATHS = st.from_regex(r"/[a-z/]{0,10}(\?[a-z=&%0-9]{0,10})?", fullmatch=True)


class MultiValues(dict):
    """Parameters as frameworks hand them to Twilio's own validator."""

    def getlist(self, name):
        return self[name]


def signed(url, pairs, token=TOKEN):
    values = MultiValues()
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return RequestValidator(token).compute_signature(url, values)


@given(PATHS, PAIRS)
def test_what_the_library_signs_is_right(path, pairs):
    given = signed("https://a.example" + path, pairs)
    assert Signature(TOKEN, "https://a.example").right(path, pairs, given)


@given(PATHS, PAIRS, TEXT, TEXT)
def test_one_more_parameter_is_wrong(path, pairs, name, value):
    given = signed("https://a.example" + path, pairs)
    more = [*pairs, (name, value)]
    same = set(more) == set(pairs) or not name + value
    assert Signature(TOKEN, "https://a.example").right(path, more, given) == same


@given(PATHS, PAIRS, st.data())
def test_a_changed_url_token_or_signature_is_wrong(path, pairs, data):
    given = signed("https://a.example" + path, pairs)
    at = data.draw(st.integers(1, len(path)))
    assert not Signature(TOKEN, "https://a.example").right(path[:at] + "!" + path[at:], [], given)
    assert not Signature(TOKEN + "6", "https://a.example").right(path, pairs, given)
    assert not Signature(TOKEN, "https://b.example").right(path, pairs, given)
    at = data.draw(st.integers(0, len(given) - 3))  # the last characters hold unused bits
    flipped = given[:at] + ("A" if given[at] != "A" else "B") + given[at + 1 :]
    assert not Signature(TOKEN, "https://a.example").right(path, pairs, flipped)


@given(PATHS, st.text(max_size=120), st.lists(st.tuples(st.text(), st.text())))
def test_nothing_that_arrives_raises(path, given, pairs):
    assert not Signature(TOKEN, "https://a.example").right(path, pairs, given)


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8)), max_size=5))
def test_any_bytes_are_read_as_they_were_written(pairs):
    body = "&".join(f"{quote_from_bytes(name)}={quote_from_bytes(value)}" for name, value in pairs)
    read = [(n.encode(errors="surrogateescape"), v.encode(errors="surrogateescape"))
            for n, v in form(body.encode())]  # fmt: skip
    assert read == pairs
    assert form(urlencode(form(body.encode()), errors="surrogateescape").encode()) == form(
        body.encode()
    )


# ---------------------------------------------------------------------- refusals


def test_a_source_is_told_once_a_minute():
    refusals = Refusals()
    assert refusals.first("192.0.2.1", 0.0)
    assert [refusals.first("192.0.2.1", now) for now in (1.0, 59.9)] == [False, False]
    assert refusals.first("192.0.2.2", 59.9)
    assert refusals.first("192.0.2.1", 60.0)
    assert refusals.untold() == 2
    assert refusals.untold() == 0


def test_many_sources_do_not_flood_the_log():
    refusals = Refusals()
    told = [refusals.first(f"198.51.{n // 256}.{n % 256}", n / 1000) for n in range(5000)]
    assert sum(told) == LINES
    assert refusals.untold() == 5000 - LINES
    assert refusals.first("192.0.2.1", 61.0)


# ---------------------------------------------------------------------- which URL was signed


def arrived(url, *, pairs=(("CallSid", "CA1"),), path="/twilio/voice", query="", method="POST",
            token=TOKEN, **headers):  # fmt: skip
    """A request as press2 sees it, which Twilio signed for `url`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = RequestValidator(token).compute_signature(url, dict(pairs))
    host = named.get("host", "127.0.0.1:8080")
    return Seen(method, "http", host, path, query, named, tuple(pairs), given)


HERE = Signature(TOKEN, "https://ivr.example")
BELOW = Signature(TOKEN, "https://ivr.example/press2")
PLAIN = Signature(TOKEN, "http://ivr.example")

BROKEN = [
    (HERE, arrived("http://ivr.example/twilio/voice"), ["begins with http://"]),
    (PLAIN, arrived("https://ivr.example/twilio/voice"), ["public_url begins with http://"]),
    (HERE, arrived("https://old.example/twilio/voice", host="old.example"),
     ["the host old.example, [twilio] public_url ivr.example"]),
    (HERE, arrived("https://old.example/twilio/voice", x_forwarded_host="old.example, in.example"),
     ["the host old.example"]),
    (HERE, arrived("https://old.example/twilio/voice", forwarded='for=1.2.3.4;host="old.example"'),
     ["the host old.example"]),
    (HERE, arrived("https://old.example/twilio/voice", x_original_host="old.example"),
     ["the host old.example"]),
    (HERE, arrived("https://ivr.example:8443/twilio/voice", x_forwarded_port="8443"),
     ["has port 8443, [twilio] public_url no port"]),
    (HERE, arrived("http://ivr.example:8080/twilio/voice"),
     ["begins with http://", "has port 8080"]),
    (HERE, arrived("https://ivr.example/press2/twilio/voice", x_forwarded_prefix="/press2"),
     ["the proxy strips /press2"]),
    (HERE, arrived("https://ivr.example/press2/twilio/voice",
                   x_original_uri="/press2/twilio/voice"),
     ["the proxy strips /press2"]),
    (BELOW, arrived("https://ivr.example/twilio/voice"), ["had no /press2 before it"]),
    (HERE, arrived("https://ivr.example/twilio/voice", path="/app/twilio/voice",
                   x_rewrite_url="/twilio/voice"), ["had no /app before it"]),
    (HERE, arrived("https://ivr.example/twilio/voice", path="/twilio/voice/"),
     ["the proxy adds a slash"]),
    (HERE, arrived("https://ivr.example/twilio/voice/"), ["takes the slash at the end"]),
    (HERE, arrived("https://ivr.example/twilio/voice", path="//twilio/voice"),
     ["had no / before it"]),
    (HERE, arrived("https://ivr.example/twilio/%D0%B0", path="/twilio/а"),
     ["writes the characters of the path another way"]),
    (HERE, arrived("https://ivr.example/twilio/voice?a=1+2&b=%d1%8f", query="a=1%202&b=%d1%8f"),
     ["writes the characters of the query another way"]),
    (HERE, arrived("https://ivr.example/twilio/voice?a=1%2C2", query="a=1,2",
                   x_original_uri="/twilio/voice?a=1%2C2"),
     ["writes the characters of the query another way"]),
    (HERE, arrived("https://ivr.example/twilio/voice?a=1", x_original_uri="/twilio/voice?a=1"),
     ["the proxy drops the query"]),
    (HERE, arrived("https://ivr.example/twilio/voice", query="utm=1"), ["the proxy adds a query"]),
    (HERE, arrived("https://ivr.example/twilio/voice?b=2&a=1", query="a=1&b=2",
                   x_forwarded_uri="/twilio/voice?b=2&a=1"), ["the proxy rewrites the query"]),
    (HERE, arrived("http://old.example/press2/twilio/voice", host="old.example",
                   x_forwarded_prefix="/press2"),
     ["the host old.example", "the proxy strips /press2", "begins with http://"]),
    (HERE, arrived("https://ivr.example/twilio/voice", token="old"), ["no combination fits"]),
    (HERE, arrived("https://ivr.example/twilio/voice", pairs=()) , []),
    (HERE, arrived("https://ivr.example/twilio/voice", pairs=(), token="x"), ["drops the body"]),
    (HERE, arrived("https://ivr.example/twilio/voice", method="GET", token="x"), ["came as GET"]),
    (HERE, arrived("https://ivr.example/twilio/voice", token="x",
                   x_twilio_webhooks_signature_settings="key=webhooks_sharedkey_1"),
     ["signed with a shared key"]),
    (HERE, replace(arrived("https://ivr.example/twilio/voice"), signature=""),
     ["no header X-Twilio-Signature"]),
    (HERE, replace(arrived("https://ivr.example/twilio/voice"), signature="x" * 101),
     ["Twilio did not send this"]),
    (HERE, arrived("https://ivr.example/twilio/voice"), []),
]  # fmt: skip


@pytest.mark.parametrize(("signature", "seen", "words"), BROKEN)
def test_each_breakage_is_named_with_its_mend(signature, seen, words):
    told = explain(signature, seen)
    assert len(told) == len(words), told
    for sentence, word in zip(told, words, strict=True):
        assert word in sentence


def test_a_sentence_shows_the_url_and_the_mend():
    seen = arrived("https://old.example/twilio/voice", host="old.example")
    assert explain(HERE, seen) == [
        "Twilio signed https://old.example/twilio/voice: the number's URL at Twilio has the host"
        " old.example, [twilio] public_url ivr.example: write old.example there, or run"
        " `app.py twilio setup`"
    ]


def test_the_urls_tried_are_few_whatever_the_headers_hold():
    names = [*HOSTS, *PLACES, "forwarded", "x-forwarded-port", "x-forwarded-prefix"]
    headers = {name: f"/{name}%41+%20?b=%20{name}, c" for name in names}
    seen = replace(arrived("https://other.example/"), headers=headers, query="a=%20+" * 40)
    found = list(candidates(seen, "https://ivr.example/press2"))
    assert len(found) == MOST
    assert str(found[0].address).startswith("https://ivr.example/press2/twilio/voice?a=%20+")
    assert found[0].changed == ()
    assert len(found[1].changed) == 1


@given(st.dictionaries(st.sampled_from(["host", "forwarded", *HOSTS, *PLACES]), st.text()), PATHS)
def test_whatever_arrives_is_explained(headers, path):
    seen = arrived("https://other.example/", path=path, **headers)
    assert len(explain(HERE, seen)) == 1
