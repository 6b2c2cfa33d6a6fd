"""An operator's telephone: SIPp as the called side of the ring group, for one call."""

from __future__ import annotations

import subprocess
from pathlib import Path

RESPONSE = """
<send{retrans}><![CDATA[
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
{cseq}
Contact: <sip:[local_ip]:[local_port]>
{body}]]></send>
"""
EMPTY = "Content-Length: 0\n\n"
SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
"""


def response(
    status: str, body: str = EMPTY, *, cseq: str = "[last_CSeq:]", retrans: str = ""
) -> str:
    return RESPONSE.format(status=status, body=body, cseq=cseq, retrans=retrans)


def keep(header: str, variable: str) -> str:
    return f'<ereg regexp=".*" search_in="hdr" header="{header}:" assign_to="{variable}"/>'


RINGS = f"""
<recv request="INVITE" rrs="true"><action>{keep("CSeq", "invite")}</action></recv>
{response("180 Ringing")}
"""
ANSWERS = f"""
{response("200 OK", SDP, retrans=' retrans="500"')}
<recv request="ACK">
<action>{keep("From", "caller")}{keep("To", "operator")}</action>
</recv>
<pause milliseconds="500"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$operator]
To:[$caller]
Call-ID: [call_id]
CSeq: 1 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
"""
IS_CANCELLED = f"""
<recv request="CANCEL"/>
{response("200 OK")}
{response("487 Request Terminated", cseq="CSeq:[$invite]", retrans=' retrans="500"')}
<recv request="ACK"/>
"""


class SipOperator:
    """Rings; answers and hangs up after half a second, or is cancelled."""

    def __init__(self, folder: Path, port: int, *, answers: bool) -> None:
        # Each variable SIPp keeps must be used somewhere.
        used = '<Reference variables="invite"/>'
        scenario = folder / "operator.xml"
        scenario.write_text(
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="operator">'
            f"{RINGS}{ANSWERS if answers else IS_CANCELLED}{used}</scenario>\n"
        )
        self.errors = folder / "operator-errors"
        self.process = subprocess.Popen(
            ["sipp", "-sf", str(scenario), "-m", "1", "-nostdin", "-timeout", "60"]
            + ["-i", "127.0.0.1", "-p", str(port)]
            + ["-trace_err", "-error_file", str(self.errors)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        local = f"0100007F:{port:04X}"
        while local not in Path("/proc/net/udp").read_text():
            assert self.process.poll() is None, self.said()

    def said(self) -> str:
        return self.errors.read_text(errors="replace") if self.errors.exists() else ""

    def done(self) -> None:
        """Wait until the call is over on this side too and went as it should."""
        code = self.process.wait(20)
        assert code == 0, f"SIPp ended with {code}: {self.said()}"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
