"""A caller: SIPp with a scenario written for the call, keys as RFC 4733 packets over RTP.

SIPp follows its scenario blindly, so the test tells it when to go on: each step waits for a SIP
MESSAGE, which the test has Asterisk send when what it waits for has happened.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ami import PATIENCE, Ami, Event

KEYS = "0123456789*#"
PLAYING = {"Read", "Playback", "SpeechBackground"}
"""Applications that play sounds."""
INVITE = """
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: {caller};tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:sipp@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
"""
OK = """
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""
GO = f'<recv request="MESSAGE"/>{OK}'
HANG_UP = """
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: {caller};tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
"""


class Packet(NamedTuple):
    """One packet of RTP. at: milliseconds from the first one; stamp: of its first sample."""

    at: int
    kind: int
    marker: bool
    stamp: int
    payload: bytes


def pcap(packets: Iterable[Packet], group: int) -> bytes:
    """Return a capture of RTP packets.

    group: counts the captures of a call; each begins a minute and a thousand packets after the one
    before.
    """
    capture = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for sequence, (at, kind, marker, stamp, payload) in enumerate(packets, group * 1000):
        head = kind | (0x80 if marker else 0)
        stamp += group * 480_000
        rtp = struct.pack("!BBHII", 0x80, head, sequence & 0xFFFF, stamp, 1) + payload
        udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
        address = bytes((127, 0, 0, 1))
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + address * 2
        frame = bytes(12) + b"\x08\x00" + ip + udp
        capture.append(struct.pack("<IIII", at // 1000, at % 1000 * 1000, *[len(frame)] * 2))
        capture.append(frame)
    return b"".join(capture)


def speech(audio: bytes) -> Iterator[Packet]:
    """Yield A-law audio, 20 ms a packet."""
    for at in range(0, len(audio), 160):
        yield Packet(at // 8, 8, at == 0, at, audio[at : at + 160])


def pressed(keys: str, every: int) -> Iterator[Packet]:
    """Yield `keys` pressed one after another.

    every: milliseconds from key to key, half of it pressed.
    """
    for place, key in enumerate(keys):
        start, held = place * every, max(20, every // 2)
        # The key grows while it is held, then its end is sent three times (RFC 4733, 2.5.1.4).
        grown = [(start + at, at * 8, 0) for at in range(20, held, 20)]
        for at, duration, end in grown + [(start + held, held * 8, 0x80)] * 3:
            payload = struct.pack("!BBH", KEYS.index(key), end | 10, duration)
            yield Packet(at, 101, (at, end) == (start + 20, 0), start * 8, payload)


def played(event: Event) -> str:
    """Return the sounds whose playing an event reports, "" for any other event."""
    if event["Event"] == "Newexten" and event["Application"] in PLAYING:
        return event["AppData"]
    if event["Event"] == "AGIExecStart" and event["Command"].startswith(
        ("EXEC Playback", "EXEC Read")
    ):
        return event["Command"]
    return ""


SPEECH = "/usr/share/sip-tester/g711a.pcap"
"""Eight seconds, A-law; comes with SIPp."""


class SipCaller:
    """One call by SIPp.

    keys: one group of keys, or A-law audio, for each `press`. every: milliseconds from key to key
    in a group.
    caller: what the From header says. hang_up: the caller ends the call; else he waits for the end.
    speaks: some seconds of speech from the answer on.
    """

    def __init__(
        self,
        ami: Ami,
        sip_port: int,
        dialled: str,
        keys: Sequence[str | bytes] = (),
        *,
        every: int = 200,
        caller: str = '"Test" <sip:0671110001@127.0.0.1>',
        hang_up: bool = False,
        speaks: bool = False,
    ) -> None:
        self.ami = ami
        self.seen = ami.mark()
        self.folder = tempfile.TemporaryDirectory(prefix="press2-sip-")
        folder = Path(self.folder.name)
        steps = [INVITE.format(caller=caller)]
        if speaks:
            steps.append(f'<nop><action><exec play_pcap_audio="{SPEECH}"/></action></nop>')
        for number, group in enumerate(keys):
            packets = pressed(group, every) if isinstance(group, str) else speech(group)
            (folder / f"{number}.pcap").write_bytes(pcap(packets, number))
            play = f'<nop><action><exec play_pcap_audio="{folder}/{number}.pcap"/></action></nop>'
            steps += [GO, play]
        steps += [GO, HANG_UP.format(caller=caller)] if hang_up else [f'<recv request="BYE"/>{OK}']
        scenario = folder / "scenario.xml"
        scenario.write_bytes(
            b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="caller">'
            + "\n".join(steps).encode("utf-8", "surrogateescape")
            + b"</scenario>\n"
        )
        self.process = subprocess.Popen(
            ["sipp", "-sf", str(scenario), "-m", "1", "-s", dialled, "-i", "127.0.0.1"]
            + ["-nostdin", "-timeout", "120", "-trace_err", "-error_file", str(folder / "errors")]
            + [f"127.0.0.1:{sip_port}"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.dialled, self.channel, self.call = dialled, "", ""

    def ring(self) -> None:
        """Wait until Asterisk has the call."""
        started = self.wait(
            lambda e: (e.get("Variable"), e.get("Value")) == ("PRESS2_DIALLED", self.dialled)
        )
        self.channel, self.call = started["Channel"], started["Uniqueid"]

    def wait(self, wanted) -> Event:  # noqa: ANN001
        self.seen, event = self.ami.wait(wanted, self.seen)
        return event

    def hears(self, prompt: str) -> None:
        """Wait until `prompt` begins to play in this call."""
        self.wait(lambda e: e.get("Uniqueid") == self.call and f"press2/uk/{prompt}" in played(e))

    def listening(self) -> None:
        """Wait until the call listens without speaking, in the middle of a number."""
        self.wait(
            lambda event: (
                event.get("Uniqueid") == self.call
                and event["Event"] == "Newexten"
                and event["AppData"].startswith("PRESS2_READ,,")
            )
        )

    def sees(self, event_name: str) -> Event:
        """Wait for an event of this call."""
        return self.wait(lambda e: e.get("Event") == event_name and e["Uniqueid"] == self.call)

    def press(self) -> None:
        """Press the next group of keys, or hang up where the scenario does."""
        self.ami.send(Action="SendText", Channel=self.channel, Message="go")

    def over(self) -> None:
        """Wait until the call is over on both sides and went as the scenario says."""
        self.sees("Hangup")
        code = self.process.wait(PATIENCE)
        errors = Path(self.folder.name) / "errors"
        said = errors.read_text(errors="replace") if errors.exists() else ""
        assert code == 0, f"SIPp ended with {code}: {said}"

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.folder.cleanup()


class Crowd:
    """Many callers who dial a number that lets them wait, and wait for the end."""

    def __init__(self, sip_port: int, number: int) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="press2-sip-")
        scenario = Path(self.folder.name) / "scenario.xml"
        caller = "<sip:067111[call_number]@127.0.0.1>"
        scenario.write_text(
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="crowd">'
            f'{INVITE.format(caller=caller)}<recv request="BYE"/>{OK}</scenario>\n'
        )
        self.process = subprocess.Popen(
            ["sipp", "-sf", str(scenario), "-m", str(number), "-l", str(number), "-r", "40"]
            + ["-s", "0200", "-i", "127.0.0.1", "-nostdin", "-timeout", "120"]
            + [f"127.0.0.1:{sip_port}"],
            cwd=self.folder.name,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()
