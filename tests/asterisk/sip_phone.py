"""A telephone: SIP over UDP and G.711 over RTP, as far as a call needs them, in one thread.

It registers, is rung, answers, refuses, calls, holds, transfers, presses keys, and can fall silent
as one whose network is gone does. Every method that waits has a limit and then fails.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

PATIENCE = 15
FRAME = 0.02
KEYS = "0123456789*#"


@dataclass
class Message:
    """One SIP message. headers: by name in small letters; the first of each."""

    first: str
    headers: dict[str, str]
    body: str
    vias: list[str] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        return self.headers["cseq"].split()[1]


def new_branch() -> str:
    return f"z9hG4bK{secrets.token_hex(8)}"


def parsed(packet: bytes) -> Message:
    head, _, body = packet.decode(errors="replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    message = Message(first, {}, body)
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        message.headers.setdefault(name, value)
        if name == "via":
            message.vias.append(value)
        if name == "record-route":
            message.routes.append(value)
    return message


class Dialog:
    """One call of a telephone. state: ringing, refused, talking, over."""

    def __init__(self, call_id: str, local: str, remote: str, target: str) -> None:
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.target = target
        self.number = 1
        self.state = "ringing"
        self.status = 0
        self.invite: Message | None = None
        self.rtp: tuple[str, int] | None = None
        self.heard = 0
        self.reason = ""
        self.token = ""
        self.mode = "sendrecv"
        self.notified: list[str] = []
        self.branch = ""
        self.progress: list[int] = []


class SipPhone:
    """A telephone at `server`. user, secret: of its account, where it has one.

    account: name of the account where it is not `user`, which is who calls then.
    answers: it takes every call at once. sounds: it sends speech (a tone).
    """

    def __init__(
        self,
        server: tuple[str, int],
        user: str = "0671110001",
        secret: str = "",
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        answers: bool = True,
        account: str = "",
    ) -> None:
        self.server, self.user, self.secret = server, user, secret
        self.account = account or user
        self.answers = answers
        self.sounds = True
        self.alive = True
        self.sip = socket.socket(type=socket.SOCK_DGRAM)
        self.sip.bind((address, port))
        self.media = socket.socket(type=socket.SOCK_DGRAM)
        self.media.bind((address, 0))
        self.here = "{}:{}".format(*self.sip.getsockname())
        self.dialogs: list[Dialog] = []
        self.replies: list[Message] = []
        self.changed = threading.Condition()
        self.calling: list[threading.Thread] = []
        self.packet, self.stamp, self.ssrc = 0, 0, secrets.randbits(32)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    # ------------------------------------------------------------------ what a person does

    def register(self, expires: int = 60) -> int:
        """Register; the final status."""
        uri = f"sip:{self.server[0]}:{self.server[1]}"
        who = f"<sip:{self.user}@{self.server[0]}>"
        call_id, tag = secrets.token_hex(8), secrets.token_hex(4)
        lines = [f"Contact: <sip:{self.user}@{self.here}>", f"Expires: {expires}"]
        reply = self.ask("REGISTER", uri, who, who, call_id, tag, 1, lines)
        if reply.status == 401:
            lines.append(self.proof(reply, "REGISTER", uri))
            reply = self.ask("REGISTER", uri, who, who, call_id, tag, 2, lines)
        return reply.status

    def call(self, extension: str, *headers: str) -> Dialog:
        """Call; returns when the call is answered or refused."""
        dialog = self.outgoing(extension)
        self.invite(dialog, *headers)
        return dialog

    def dial(self, extension: str, *headers: str) -> Dialog:
        """Call, and wait for nothing. progress: what was said of it so far, 180 for ringing."""
        dialog = self.outgoing(extension)
        thread = threading.Thread(target=self.invite, args=(dialog, *headers))
        self.calling.append(thread)
        thread.start()
        return dialog

    def cancel(self, dialog: Dialog) -> None:
        """Give a call up that rings at the other side."""
        uri = dialog.target
        reply = self.ask(
            "CANCEL", uri, dialog.local, dialog.remote, dialog.call_id, "", dialog.number, [],
            branch=dialog.branch,
        )  # fmt: skip
        assert reply.status == 200, reply.first
        self.until(lambda: dialog.state != "ringing")

    def outgoing(self, extension: str) -> Dialog:
        """Return a call that is about to be made."""
        uri = f"sip:{extension}@{self.server[0]}:{self.server[1]}"
        local = f"<sip:{self.user}@{self.server[0]}>;tag={secrets.token_hex(4)}"
        dialog = Dialog(secrets.token_hex(8), local, f"<{uri}>", uri)
        with self.changed:
            self.dialogs.append(dialog)
        return dialog

    def invite(self, dialog: Dialog, *headers: str) -> None:
        """Make a call, with a proof of who calls where it is asked for."""
        uri, remote, lines = dialog.target, dialog.remote, [*headers]
        for number in (1, 2):
            dialog.number, dialog.branch = number, new_branch()
            reply = self.ask(
                "INVITE", uri, dialog.local, remote, dialog.call_id, "", number, lines,
                self.offer(dialog), dialog.branch,
            )  # fmt: skip
            if reply.status < 300:
                break
            self.ack(dialog, uri, reply.headers["to"], dialog.branch)
            if reply.status != 401:
                break
            lines.append(self.proof(reply, "INVITE", uri))
        with self.changed:
            dialog.remote = reply.headers["to"]
            if reply.status >= 300:
                dialog.state, dialog.status = "refused", reply.status
            else:
                dialog.target, dialog.rtp = self.target(reply), self.where(reply)
                self.ack(dialog, dialog.target)
                dialog.state = "talking"
            self.changed.notify_all()

    def rung(self, number: int = 1) -> Dialog:
        """Wait until it was rung `number` times; the last call."""
        self.until(lambda: len(self.dialogs) >= number)
        return self.dialogs[number - 1]

    def answer(self, dialog: Dialog) -> None:
        """Answer a call that rings."""
        assert dialog.invite
        dialog.state = "talking"
        self.reply(dialog.invite, "200 OK", dialog, self.offer(dialog))

    def refuse(self, dialog: Dialog, status: str = "486 Busy Here") -> None:
        """Refuse a call that rings."""
        assert dialog.invite
        dialog.state = "refused"
        self.reply(dialog.invite, status, dialog)

    def hang_up(self, dialog: Dialog) -> None:
        """End a call."""
        self.within("BYE", dialog)
        dialog.state = "over"

    def hold(self, dialog: Dialog, mode: str = "sendonly") -> None:
        """Put the other side on hold (RFC 3264, 8.4), or take it back with "sendrecv"."""
        dialog.mode = mode
        reply = self.within("INVITE", dialog, body=self.offer(dialog))
        assert reply.status == 200, reply.first
        self.ack(dialog, dialog.target)

    def refer(self, dialog: Dialog, other: Dialog) -> int:
        """Pass the far side of `dialog` on to the far side of `other` (RFC 3891)."""
        to_tag = re.search(r"tag=([^;>]+)", other.remote)
        from_tag = re.search(r"tag=([^;>]+)", other.local)
        assert to_tag and from_tag
        replaces = f"{other.call_id}%3Bto-tag%3D{to_tag[1]}%3Bfrom-tag%3D{from_tag[1]}"
        uri = other.target.partition(";")[0]
        lines = [f"Refer-To: <{uri}?Replaces={replaces}>", f"Referred-By: <sip:{self.user}@x>"]
        return self.within("REFER", dialog, lines).status

    def press(self, dialog: Dialog, keys: str) -> None:
        """Press keys (RFC 4733)."""
        for key in keys:
            began = self.stamp
            for place in (1, 2, 3, 4, 4, 4):
                end = 0x80 if place == 4 else 0
                payload = struct.pack("!BBH", KEYS.index(key), end | 10, place * 400)
                self.send_rtp(dialog, 101, payload, began, marker=place == 1)
                time.sleep(FRAME)
            time.sleep(2 * FRAME)

    def vanish(self) -> None:
        """Be gone, as with the network: nothing is sent and nothing is answered any more."""
        self.alive = False

    def until(self, true: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until `true()`."""
        with self.changed:
            assert self.changed.wait_for(true, seconds), "it never came"

    def close(self) -> None:
        """End its calls and switch it off."""
        self.alive = self.sounds = True
        for dialog in self.dialogs:
            if dialog.state == "talking":
                self.hang_up(dialog)
            elif dialog.state == "ringing" and dialog.progress:
                self.cancel(dialog)
        for thread in self.calling:
            thread.join()
        self.thread_over = True
        self.thread.join()
        self.sip.close()
        self.media.close()

    # ------------------------------------------------------------------ SIP

    def proof(self, reply: Message, method: str, uri: str) -> str:
        """Answer a digest challenge (RFC 2617)."""
        challenge = reply.headers["www-authenticate"]
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        ha1 = md5(f"{self.account}:{given['realm']}:{self.secret}")
        answer = md5(f"{ha1}:{given['nonce']}:00000001:c:auth:{md5(f'{method}:{uri}')}")
        return (
            f'Authorization: Digest username="{self.account}", realm="{given["realm"]}", '
            f'nonce="{given["nonce"]}", uri="{uri}", response="{answer}", algorithm=MD5, '
            f'opaque="{given.get("opaque", "")}", qop=auth, nc=00000001, cnonce="c"'
        )

    def ask(
        self,
        method: str,
        uri: str,
        local: str,
        remote: str,
        call_id: str,
        tag: str,
        number: int,
        lines: list[str],
        body: str = "",
        branch: str = "",
    ) -> Message:
        """Send a request and return the final reply."""
        tagged = local if "tag=" in local else f"{local};tag={tag}"
        if not any(line.startswith("Contact") for line in lines):
            lines = [*lines, f"Contact: <sip:{self.user}@{self.here}>"]
        if body:
            lines = [*lines, "Content-Type: application/sdp"]
        head = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.here};rport;branch={branch or new_branch()}",
            f"From: {tagged}",
            f"To: {remote}",
            f"Call-ID: {call_id}",
            f"CSeq: {number} {method}",
            "Max-Forwards: 70",
            *lines,
            f"Content-Length: {len(body)}",
        ]
        at = len(self.replies)
        self.sip.sendto("\r\n".join([*head, "", body]).encode(), self.server)

        def final() -> Message | None:
            return next(
                (
                    reply
                    for reply in self.replies[at:]
                    if reply.headers["call-id"] == call_id
                    and reply.headers["cseq"] == f"{number} {method}"
                    and reply.status >= 200
                ),
                None,
            )

        self.until(final)
        reply = final()
        assert reply
        return reply

    def within(
        self, method: str, dialog: Dialog, lines: list[str] | None = None, body: str = ""
    ) -> Message:
        """Send a request of a call."""
        dialog.number += 1
        return self.ask(
            method,
            dialog.target,
            dialog.local,
            dialog.remote,
            dialog.call_id,
            "",
            dialog.number,
            lines or [],
            body,
        )

    def ack(self, dialog: Dialog, uri: str, remote: str = "", branch: str = "") -> None:
        head = [
            f"ACK {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.here};rport;branch={branch or new_branch()}",
            f"From: {dialog.local}",
            f"To: {remote or dialog.remote}",
            f"Call-ID: {dialog.call_id}",
            f"CSeq: {dialog.number} ACK",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        self.sip.sendto("\r\n".join([*head, "", ""]).encode(), self.server)

    def reply(
        self, request: Message, status: str, dialog: Dialog | None = None, body: str = ""
    ) -> None:
        to = request.headers["to"]
        if dialog and "tag=" not in to:
            to = dialog.local
        head = [f"SIP/2.0 {status}"]
        head += [f"Via: {via}" for via in request.vias]
        head += [f"Record-Route: {route}" for route in request.routes]
        head += [
            f"From: {request.headers['from']}",
            f"To: {to}",
            f"Call-ID: {request.headers['call-id']}",
            f"CSeq: {request.headers['cseq']}",
            f"Contact: <sip:{self.user}@{self.here}>",
        ]
        head += ["Content-Type: application/sdp"] if body else []
        head += [f"Content-Length: {len(body)}"]
        self.sip.sendto("\r\n".join([*head, "", body]).encode(), self.server)

    def offer(self, dialog: Dialog) -> str:
        address, port = self.media.getsockname()
        lines = [
            "v=0",
            f"o=- 1 {dialog.number} IN IP4 {address}",
            "s=-",
            f"c=IN IP4 {address}",
            "t=0 0",
            f"m=audio {port} RTP/AVP 8 101",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            f"a={dialog.mode}",
        ]
        return "\r\n".join([*lines, ""])

    @staticmethod
    def target(message: Message) -> str:
        found = re.search(r"<([^>]+)>", message.headers["contact"])
        assert found
        return found[1]

    @staticmethod
    def where(message: Message) -> tuple[str, int] | None:
        address = re.search(r"c=IN IP4 (\S+)", message.body)
        port = re.search(r"m=audio (\d+)", message.body)
        return (address[1], int(port[1])) if address and port else None

    # ------------------------------------------------------------------ the thread

    thread_over = False

    def run(self) -> None:
        due = time.monotonic()
        while not self.thread_over:
            ready, _, _ = select.select(
                [self.sip, self.media], [], [], max(0.0, due - time.monotonic())
            )
            if self.sip in ready:
                packet = self.sip.recv(65536)
                if self.alive and packet.strip():
                    with self.changed:
                        self.take(parsed(packet))
                        self.changed.notify_all()
            if self.media in ready:
                sound, address = self.media.recvfrom(2048)
                with self.changed:
                    for dialog in self.dialogs:
                        # By port: among loopback addresses the kernel chooses the sender's.
                        if dialog.rtp and dialog.rtp[1] == address[1]:
                            dialog.heard += 1
                            self.listen(dialog, sound)
                    self.changed.notify_all()
            if time.monotonic() >= due:
                due += FRAME
                self.speak()

    def take(self, message: Message) -> None:
        """Take in one message."""
        call_id = message.headers["call-id"]
        dialog = next((d for d in self.dialogs if d.call_id == call_id), None)
        if message.status:
            if dialog and 100 < message.status < 200:
                dialog.progress.append(message.status)
            self.replies.append(message)
            return
        match message.method:
            case "INVITE" if dialog is None:
                self.ring(message)
            case "INVITE" if dialog:
                if message.body:
                    dialog.rtp = self.where(message)
                if dialog.state == "talking":
                    self.reply(message, "200 OK", dialog, self.offer(dialog))
            case "CANCEL" if dialog and dialog.invite:
                self.reply(message, "200 OK", dialog)
                self.reply(dialog.invite, "487 Request Terminated", dialog)
                dialog.state = "over"
            case "BYE" if dialog:
                self.reply(message, "200 OK", dialog)
                dialog.state, dialog.reason = "over", message.headers.get("reason", "")
            case "NOTIFY" if dialog:
                dialog.notified.append(message.body)
                self.reply(message, "200 OK", dialog)
            case "ACK":
                pass
            case _:
                self.reply(message, "200 OK", dialog)

    def ring(self, invite: Message) -> None:
        local = f"{invite.headers['to']};tag={secrets.token_hex(4)}"
        dialog = Dialog(
            invite.headers["call-id"], local, invite.headers["from"], self.target(invite)
        )
        dialog.number = 100
        dialog.invite = invite
        dialog.rtp = self.where(invite)
        dialog.token = invite.headers.get("x-press2-token", "")
        self.dialogs.append(dialog)
        self.reply(invite, "180 Ringing", dialog)
        if self.answers:
            self.answer(dialog)

    def listen(self, dialog: Dialog, sound: bytes) -> None:
        """Hear one packet of RTP."""

    def speak(self) -> None:
        self.stamp += 160
        if self.sounds and self.alive:
            for dialog in self.dialogs:
                if dialog.state == "talking" and dialog.mode != "inactive":
                    self.send_rtp(dialog, 8, self.voice(dialog), self.stamp)

    def voice(self, dialog: Dialog) -> bytes:
        """Say something for 20 ms, in A-law."""
        return b"\x55\xd5" * 80

    def send_rtp(
        self, dialog: Dialog, kind: int, payload: bytes, stamp: int, *, marker: bool = False
    ) -> None:
        self.packet += 1
        if dialog.rtp:
            head = struct.pack(
                "!BBHII",
                0x80,
                kind | (0x80 if marker else 0),
                self.packet & 0xFFFF,
                stamp & 0xFFFFFFFF,
                self.ssrc,
            )
            self.media.sendto(head + payload, dialog.rtp)
