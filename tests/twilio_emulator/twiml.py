"""TwiML documents, read strictly (twilio.com/docs/voice/twiml; errors: /docs/api/errors)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urljoin, urlsplit
from xml.etree import ElementTree

from .twiml_rules import ELEMENTS, PLACES, SIP_HEADERS, SSML, VERBS, VOICE

LARGEST = 64 * 1024
"""Bytes of a document (error 11750)."""


class TwimlError(Exception):
    """Twilio does not run this document. code: of its error."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"{code}: {words}")
        self.code, self.words = code, words


@dataclass(frozen=True)
class Verb:
    """One verb or noun. base: address of its document, "" for TwiML given by REST."""

    name: str
    attributes: dict[str, str]
    text: str
    children: tuple[Verb, ...]
    base: str

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def number(self, name: str, default: int) -> int:
        return int(self.attributes.get(name, default))

    def url(self, name: str) -> str:
        """Return the address in an attribute, absolute; "" when it is missing."""
        return urljoin(self.base, self.attributes[name]) if name in self.attributes else ""


@dataclass(frozen=True)
class Document:
    """One TwiML document. place: "call", "wait" or "noun" (twiml_rules.PLACES)."""

    url: str
    verbs: tuple[Verb, ...]
    place: str


def parse(body: bytes, url: str, place: str = "call") -> Document:
    """Read a document; raise TwimlError for the first thing Twilio does not document."""
    if len(body) > LARGEST:
        raise TwimlError(11750, f"TwiML of {len(body)} bytes: at most {LARGEST}")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - of the program under test
    except ElementTree.ParseError as error:
        raise TwimlError(12100, f"document parse failure: {error}: {body[:200]!r}") from error
    if root.tag != "Response" or root.attrib:
        raise TwimlError(12200, f"<{root.tag} {root.attrib}> instead of <Response>")
    _no_text(root)
    for child in root:
        if child.tag not in VERBS:
            raise TwimlError(12200, f"<{child.tag}> is no verb")
        if child.tag not in PLACES[place]:
            raise TwimlError(12200, f"<{child.tag}> is not allowed in a document of a {place}")
    return Document(url, tuple(_element(child, url) for child in root), place)


def _element(node: ElementTree.Element, base: str) -> Verb:
    rules = ELEMENTS[node.tag]
    for name, value in node.attrib.items():
        if name not in rules.attributes:
            raise TwimlError(12200, f"<{node.tag}> has no attribute {name}")
        if not rules.attributes[name](value):
            code = rules.codes.get(name, 12200)
            raise TwimlError(code, f'<{node.tag} {name}="{value}">: bad value')
    for child in node:
        if child.tag not in rules.children:
            raise TwimlError(12200, f"<{child.tag}> is not allowed in <{node.tag}>")
    if rules.text == "no":
        _no_text(node)
    text = "".join(node.itertext() if node.tag == "Say" else _own_text(node)).strip()
    if rules.text == "must" and not text:
        raise TwimlError(12200, f"<{node.tag}> is empty")
    children = tuple(_element(child, base) for child in node if child.tag not in SSML)
    verb = Verb(node.tag, dict(node.attrib), text, children, base)
    if node.tag in EXTRA:
        EXTRA[node.tag](verb)
    return verb


def _own_text(node: ElementTree.Element) -> Iterator[str]:
    yield node.text or ""
    for child in node:
        yield child.tail or ""


def _no_text(node: ElementTree.Element) -> None:
    if text := "".join(_own_text(node)).strip():
        raise TwimlError(12200, f"words in <{node.tag}>: {text!r}")


# ------------------------------------------------------------------ rules of single elements


def _http(verb: Verb) -> None:
    if urlsplit(urljoin(verb.base, verb.text)).scheme not in ("http", "https"):
        raise TwimlError(11100, f"<{verb.name}>: {verb.text!r} is no address")


def _gather(verb: Verb) -> None:
    model = verb.get("speechModel")
    if model and verb.get("speechTimeout") == "auto":
        raise TwimlError(13335, f'<Gather speechTimeout="auto"> cannot be used with {model}')
    if verb.get("enhanced") == "true" and model != "phone_call":
        raise TwimlError(13339, "<Gather enhanced> is for the model phone_call alone")


def _play(verb: Verb) -> None:
    digits = "digits" in verb.attributes
    if bool(verb.text) is digits:
        raise TwimlError(12200, "<Play> needs an address or digits")
    if verb.text:
        _http(verb)


def _say(verb: Verb) -> None:
    voice = re.fullmatch(VOICE, verb.get("voice"))
    if len(verb.text) > 4096:
        raise TwimlError(13520, "<Say> of more than 4096 characters")
    own = voice["language"] if voice else None
    if own and verb.get("language", own) != own:
        raise TwimlError(13512, f"{verb.get('voice')} does not speak {verb.get('language')}")


def _enqueue(verb: Verb) -> None:
    if len(verb.text) > 64:
        raise TwimlError(12200, "<Enqueue>: name of more than 64 characters")
    if not verb.text and "workflowSid" not in verb.attributes:
        raise TwimlError(12200, "<Enqueue> without a name")


def _dial(verb: Verb) -> None:
    if bool(verb.text) == bool(verb.children):
        raise TwimlError(12200, "<Dial> needs a number or nouns")
    names = [child.name for child in verb.children]
    if len(names) > 10:
        raise TwimlError(12200, "<Dial> with more than ten nouns")
    if len(names) > 1 and {"Sip", "Queue"} & set(names):
        raise TwimlError(12200, f"<Dial> with {names}: Sip and Queue stand alone")
    if verb.text:
        _number(verb)


def _number(verb: Verb) -> None:
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", verb.text):
        raise TwimlError(13223, f"{verb.text!r} is no number in E.164")


def _client(verb: Verb) -> None:
    identities = [child.text for child in verb.children if child.name == "Identity"]
    if len(identities) + bool(verb.text) != 1:
        raise TwimlError(12200, "<Client> needs one identity")
    if not re.fullmatch(r"[A-Za-z0-9_.@+\-]{1,256}", (identities or [verb.text])[0]):
        raise TwimlError(13250, f"<Client>: identity {identities or verb.text}")


def _parameter(verb: Verb) -> None:
    if not {"name", "value"} <= set(verb.attributes):
        raise TwimlError(12200, "<Parameter> needs name and value")


def _sip(verb: Verb) -> None:
    address, _, headers = verb.text.partition("?")
    if not re.fullmatch(r"sips?:[^\s@:;?]+@[A-Za-z0-9.\-\[\]:]+(;[\w.=\-]+)*", address):
        raise TwimlError(13241, f"<Sip>: {address!r} is no SIP address")
    if len(address) > 254 or len(headers) > 1024:
        raise TwimlError(13241, "<Sip>: address of 255 or headers of more than 1024 characters")
    for name, _ in parse_qsl(headers, keep_blank_values=True, strict_parsing=bool(headers)):
        if not re.fullmatch(r"(?i)x-[a-z0-9\-]+", name) and name.lower() not in SIP_HEADERS:
            raise TwimlError(12200, f"<Sip>: header {name!r} is not passed on")


EXTRA = {
    "Gather": _gather,
    "Play": _play,
    "Say": _say,
    "Redirect": _http,
    "Enqueue": _enqueue,
    "Dial": _dial,
    "Number": _number,
    "Client": _client,
    "Parameter": _parameter,
    "Sip": _sip,
}
