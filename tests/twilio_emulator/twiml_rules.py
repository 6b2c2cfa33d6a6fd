"""What Twilio's documentation allows in a TwiML document, as tables.

Pages: twilio.com/docs/voice/twiml and, below it, one page for each verb and noun
(gather, play, say, pause, record, enqueue, leave, redirect, dial, hangup, reject, sip, number,
client, queue). An attribute that only the helper library knows is not in these tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Check = Callable[[str], bool]


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def words(*allowed: str) -> Check:
    """Exactly one of these words."""
    return lambda value: value in allowed


def several(*allowed: str) -> Check:
    """One or more of these words with spaces between, none twice."""

    def check(value: str) -> bool:
        given = value.split(" ")
        return bool(given) and set(given) <= set(allowed) and len(set(given)) == len(given)

    return check


def whole(least: int, most: int = 10**9) -> Check:
    """A whole number in ASCII digits, without a sign."""
    return lambda value: bool(re.fullmatch(r"[0-9]{1,9}", value)) and least <= int(value) <= most


def like(pattern: str) -> Check:
    return lambda value: bool(re.fullmatch(pattern, value))


def either(*checks: Check) -> Check:
    return lambda value: any(check(value) for check in checks)


def url(value: str) -> bool:
    """A relative or absolute HTTP address."""
    if not value or re.search(r"\s", value):
        return False
    return urlsplit(value).scheme in ("", "http", "https")


def hints(value: str) -> bool:
    """Words and phrases with commas between: at most 500, of at most 100 characters each, and one
    blank between the words of a phrase. A `$` begins a class token: providers know different ones.
    """
    given = [hint.removeprefix(" ") for hint in value.split(",")]
    return len(given) <= 500 and all(
        0 < len(hint) <= 100 and re.fullmatch(r"\S+(?: \S+)*", hint) and _tokens(hint)
        for hint in given
    )


def _tokens(hint: str) -> bool:
    return all(re.fullmatch(r"\$[A-Z_]+", word) for word in hint.split() if "$" in word)


boolean = words("true", "false")
method = words("GET", "POST")
anything = like(r"(?s).*")
key_or_none = like(r"[0-9*#]?")
keys = like(r"[0-9*#]+")
recording_events = several("in-progress", "completed", "absent")
call_events = several("initiated", "ringing", "answered", "completed")
trim = words("trim-silence", "do-not-trim")

RECOGNISED = names(
    "af-ZA am-ET ar-AE ar-BH ar-DZ ar-EG ar-IL ar-IQ ar-JO ar-KW ar-LB ar-MA ar-OM ar-PS ar-QA "
    "ar-SA ar-TN az-AZ bg-BG bn-BD bn-IN ca-ES cmn-Hans-CN cmn-Hans-HK cmn-Hant-TW cs-CZ da-DK "
    "de-DE el-GR en-AU en-CA en-GB en-GH en-IE en-IN en-KE en-NG en-NZ en-PH en-TZ en-US en-ZA "
    "es-AR es-BO es-CL es-CO es-CR es-DO es-EC es-ES es-GT es-HN es-MX es-NI es-PA es-PE es-PR "
    "es-PY es-SV es-US es-UY es-VE eu-ES fa-IR fi-FI fil-PH fr-CA fr-FR gl-ES gu-IN he-IL hi-IN "
    "hr-HR hu-HU hy-AM id-ID is-IS it-IT ja-JP jv-ID ka-GE km-KH kn-IN ko-KR lo-LA lt-LT lv-LV "
    "ml-IN mr-IN ms-MY nb-NO ne-NP nl-NL pl-PL pt-BR pt-PT ro-RO ru-RU si-LK sk-SK sl-SI sr-RS "
    "su-ID sv-SE sw-KE sw-TZ ta-IN ta-LK ta-MY ta-SG te-IN th-TH tr-TR uk-UA ur-IN ur-PK vi-VN "
    "yue-Hant-HK zu-ZA"
)
"""Languages of <Gather>'s recogniser."""

SPOKEN = names(
    "af-ZA ar-AE ar-XA bg-BG bn-IN ca-ES cmn-CN cmn-TW cs-CZ cy-GB da-DK de-AT de-DE el-GR en-AU "
    "en-GB en-GB-WLS en-IE en-IN en-NZ en-US en-ZA es-ES es-MX es-US eu-ES fi-FI fil-PH fr-BE "
    "fr-CA fr-FR gl-ES gu-IN he-IL hi-IN hu-HU id-ID is-IS it-IT ja-JP kn-IN ko-KR lt-LT lv-LV "
    "ml-IN mr-IN ms-MY nb-NO nl-BE nl-NL pa-IN pl-PL pt-BR pt-PT ro-RO ru-RU sk-SK sr-RS sv-SE "
    "ta-IN te-IN th-TH tr-TR uk-UA vi-VN yue-CN yue-HK zh-CN zh-HK zh-TW"
)
"""Languages of <Say>."""

VOICE = (
    r"man|woman|alice|Polly\.[A-Z][a-zé]+(-Neural|-Generative|-Long-Form)?"
    r"|Google\.(?P<language>[a-z]{2,3}-[A-Z]{2})-(Standard|Wavenet|Neural2|Chirp3-HD|Studio)-\w+"
)

SPEECH_MODEL = (
    "default|numbers_and_commands|phone_call|experimental_conversations|experimental_utterances"
    "|googlev2_(long|short|telephony|telephony_short)"
    "|deepgram_nova-[23](-\\w+)?"
)


@dataclass(frozen=True)
class Element:
    """One verb or noun. text: "no", "may" or "must" have words of its own. code: of Twilio's
    error for a bad value of an attribute, by attribute."""

    attributes: Mapping[str, Check] = field(default_factory=dict)
    children: frozenset[str] = frozenset()
    text: str = "no"
    codes: Mapping[str, int] = field(default_factory=dict)


SSML = names("break emphasis lang p phoneme prosody s say-as sub w")
NOUNS = frozenset({"Sip", "Number", "Client", "Queue"})

OF_A_CALL: Mapping[str, Check] = {
    "url": url,
    "method": method,
    "statusCallback": url,
    "statusCallbackMethod": method,
    "statusCallbackEvent": call_events,
}
RECORDING: Mapping[str, Check] = {
    "recordingStatusCallback": url,
    "recordingStatusCallbackMethod": method,
    "recordingStatusCallbackEvent": recording_events,
}
MACHINES: Mapping[str, Check] = {
    "machineDetection": words("Enable", "DetectMessageEnd"),
    "machineDetectionTimeout": whole(3, 59),
    "machineDetectionSpeechThreshold": whole(1000, 6000),
    "machineDetectionSpeechEndThreshold": whole(500, 5000),
    "machineDetectionSilenceTimeout": whole(2000, 10000),
    "amdStatusCallback": url,
    "amdStatusCallbackMethod": method,
}

ELEMENTS: Mapping[str, Element] = {
    "Gather": Element(
        {
            "input": words("dtmf", "speech", "dtmf speech", "speech dtmf"),
            "action": url,
            "method": method,
            "timeout": whole(1),
            "speechTimeout": either(whole(1), words("auto")),
            "finishOnKey": key_or_none,
            "numDigits": whole(1),
            "language": RECOGNISED.__contains__,
            "hints": hints,
            "partialResultCallback": url,
            "partialResultCallbackMethod": method,
            "profanityFilter": boolean,
            "speechModel": like(SPEECH_MODEL),
            "enhanced": boolean,
            "actionOnEmptyResult": boolean,
        },
        frozenset({"Say", "Play", "Pause"}),
        codes={
            "finishOnKey": 13310,
            "method": 13312,
            "timeout": 13313,
            "numDigits": 13314,
            "speechTimeout": 13327,
            "hints": 13330,
            "language": 13331,
            "speechModel": 13334,
            "enhanced": 13339,
        },
    ),
    "Play": Element(
        {"loop": whole(0), "digits": like(r"[0-9wW*#]+")}, text="may", codes={"loop": 13410}
    ),
    "Say": Element(
        {"voice": like(VOICE), "language": SPOKEN.__contains__, "loop": whole(0)},
        SSML,
        text="must",
        codes={"loop": 13510, "language": 13511, "voice": 13512},
    ),
    "Pause": Element({"length": whole(1)}, codes={"length": 13910}),
    "Record": Element(
        {
            "action": url,
            "method": method,
            "timeout": whole(1),
            "finishOnKey": keys,
            "maxLength": whole(2, 14400),
            "playBeep": boolean,
            "trim": trim,
            "transcribe": boolean,
            "transcribeCallback": url,
            **RECORDING,
        },
        codes={"method": 13610, "timeout": 13611, "maxLength": 13612, "finishOnKey": 13613},
    ),
    "Enqueue": Element(
        {
            "action": url,
            "method": method,
            "waitUrl": url,
            "waitUrlMethod": method,
            "workflowSid": like("WW[0-9a-f]{32}"),
        },
        text="may",
    ),
    "Leave": Element(),
    "Redirect": Element({"method": method}, text="must", codes={"method": 13710}),
    "Hangup": Element(),
    "Reject": Element({"reason": words("rejected", "busy")}),
    "Dial": Element(
        {
            "action": url,
            "method": method,
            "timeout": whole(1, 600),
            "timeLimit": whole(1, 86400),
            "hangupOnStar": boolean,
            "callerId": like(r"[+0-9A-Za-z_.\-:@]+"),
            "callReason": like(".{1,50}"),
            "answerOnBridge": boolean,
            "ringTone": like("[a-z]{2}(-old)?"),
            "record": words(
                "do-not-record",
                "record-from-answer",
                "record-from-ringing",
                "record-from-answer-dual",
                "record-from-ringing-dual",
                "true",
                "false",
            ),
            "recordingTrack": words("both", "inbound", "outbound"),
            "trim": trim,
            "sequential": boolean,
            "referUrl": url,
            "referMethod": method,
            **RECORDING,
        },
        NOUNS,
        text="may",
        codes={"method": 13210, "timeout": 13212, "hangupOnStar": 13213, "callerId": 13214},
    ),
    "Sip": Element(
        {"username": anything, "password": anything, **OF_A_CALL, **MACHINES}, text="must"
    ),
    "Number": Element(
        {"sendDigits": like("[0-9wW*#]+"), "byoc": like("BY[0-9a-f]{32}"), **OF_A_CALL, **MACHINES},
        text="must",
        codes={"method": 13221, "sendDigits": 13222},
    ),
    "Client": Element(OF_A_CALL, frozenset({"Identity", "Parameter"}), text="may"),
    "Identity": Element(text="must"),
    "Parameter": Element({"name": like(".+"), "value": anything}),
    "Queue": Element({"url": url, "method": method}, text="must"),
}

VERBS = names("Gather Play Say Pause Record Enqueue Leave Redirect Dial Hangup Reject")
PLACES: Mapping[str, frozenset[str]] = {
    "call": VERBS - {"Leave"},
    "wait": names("Say Play Pause Gather Redirect Leave Hangup"),
    "noun": names("Say Play Pause Gather Record Redirect Hangup"),
}
"""Verbs of a document by where it runs: a call, the waitUrl of a queue, the url of a noun."""

SIP_HEADERS = frozenset({"user-to-user", "remote-party-id", "p-preferred-identity",
                         "p-called-party-id"})  # fmt: skip
