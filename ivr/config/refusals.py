"""Settings that are right one by one and cannot go together. Each raises ConfigError, one line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ivr.config.readers import Secret
from ivr.errors import ConfigError


def clashes(path: Path, values: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse two settings that name one port, and a range that is empty."""
    asterisk, agi, web, speech = (values[name] for name in ("asterisk", "agi", "web", "speech"))
    if asterisk["rtp_last"] < asterisk["rtp_first"] + 1:
        raise ConfigError(
            f"{path.name}: [asterisk] rtp_last = {asterisk['rtp_last']}: below rtp_first"
            f" {asterisk['rtp_first']} + 1; write a higher one"
        )
    if agi["port"] + agi["processes"] - 1 > 65535:
        raise ConfigError(
            f"{path.name}: [agi] port = {agi['port']}: no room for {agi['processes']} workers"
            " below 65536; write a lower one"
        )
    fixed = [
        ("asterisk", "websocket_port", asterisk["websocket_port"]),
        ("asterisk", "ami_port", asterisk["ami_port"]),
        ("web", "port", web["port"]),
    ]
    _taken(path, _ports(agi), fixed, "an [agi] worker")
    if web["port"] == asterisk["websocket_port"]:
        raise ConfigError(
            f"{path.name}: [web] port = {web['port']}: also [asterisk] websocket_port;"
            " write another one"
        )
    if any(value for key, value in speech.items() if key.startswith("model_")):
        _recognisers(path, speech, [*fixed, *(("agi", "port", port) for port in _ports(agi))])


def _recognisers(
    path: Path, speech: Mapping[str, Any], others: Sequence[tuple[str, str, int]]
) -> None:
    """Recogniser processes on ports of others, where they run here."""
    if speech["servers"]:
        return
    if speech["port"] + speech["processes"] - 1 > 65535:
        raise ConfigError(
            f"{path.name}: [speech] port = {speech['port']}: no room for {speech['processes']}"
            " processes below 65536; write a lower one"
        )
    _taken(path, _ports(speech), others, "a [speech] process")


def _taken(path: Path, taken: range, others: Sequence[tuple[str, str, int]], whose: str) -> None:
    for section, key, port in others:
        if port in taken:
            raise ConfigError(
                f"{path.name}: [{section}] {key} = {port}: also a port of {whose};"
                " write another one"
            )


def _ports(section: Mapping[str, Any]) -> range:
    """Ports of the processes of a section."""
    return range(section["port"], section["port"] + section["processes"])


def half(path: Path, twilio: Mapping[str, Any]) -> None:
    """Refuse a Twilio configured in part: calls would be refused, or reach nobody."""
    secrets = {key: value.variable for key, value in twilio.items() if isinstance(value, Secret)}
    given = {**twilio, **secrets}
    ways = {"sip": ("sip_address", "sip_password"), "client": ("api_key", "api_secret")}
    needed = ("account_sid", "auth_token", "public_url", *ways[twilio["operators"]])
    used = [key for key in (*needed, "sms_from") if given[key]]
    missing = [key for key in needed if not given[key]]
    if used and missing:
        raise ConfigError(
            f"{path.name}: [twilio] {missing[0]}: empty, but {used[0]} is set;"
            " write it, or empty the section"
        )
    for key, form, example in (
        ("account_sid", r"AC[0-9a-f]{32}", "AC and 32 hex digits"),
        ("api_key", r"SK[0-9a-f]{32}", "SK and 32 hex digits"),
        ("sip_address", r"[A-Za-z0-9.-]+(:\d{1,5})?", "pbx.example.com:5060"),
        ("sms_from", r"\+\d{5,15}|MG[0-9a-f]{32}|[A-Za-z0-9 ]{1,11}", "+380487059090"),
    ):
        if given[key] and not re.fullmatch(form, given[key]):
            raise ConfigError(
                f"{path.name}: [twilio] {key} = {given[key]}: not of the form {example}"
            )
    parts = urlsplit(given["public_url"])
    if given["public_url"] and (not parts.hostname or parts.query or parts.fragment):
        raise ConfigError(
            f"{path.name}: [twilio] public_url = {given['public_url']}: write scheme and host,"
            " as in https://ivr.example.com"
        )


def open_hook(path: Path, name: str, hook: Mapping[str, Any], what: str) -> None:
    """Refuse a section whose address lacks its key, or that would send `what` in the clear."""
    url, parts = hook["url"], urlsplit(hook["url"])
    if url and not hook["secret"].value:
        raise ConfigError(
            f"{path.name}: [{name}] secret: empty, but url is set; name the environment variable"
            " that holds the key of the signatures"
        )
    if url and (not parts.hostname or parts.fragment or parts.username):
        raise ConfigError(f"{path.name}: [{name}] url = {url}: write https://HOST/PATH")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ConfigError(
            f"{path.name}: [{name}] url = {url}: {what} would go in the clear;"
            " write an https:// address"
        )
