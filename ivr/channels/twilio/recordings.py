"""What callers say is recorded at Twilio: fetched into our own folder, then deleted there.

It is deleted always: recordings of callers lie in one place only, under the company's own rules.
"""

from __future__ import annotations

import os
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from sqlalchemy.orm import Session
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from ivr import outbox
from ivr.channels.twilio.errands import errand
from ivr.channels.twilio.settings import TwilioSettings
from ivr.outbox import Parcel, Permanent, Trouble

KIND = "recording"
NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*/){0,4}[A-Za-z0-9][A-Za-z0-9_.-]*\.wav", re.ASCII)
"""A file below the folder of recordings: no part begins with a dot or a slash."""
SID = re.compile("RE[0-9a-f]{32}", re.ASCII)
TIMEOUTS = (5.0, 10.0)
"""Seconds to connect, and between two pieces of a file."""
LONGEST = 180.0
"""Seconds a file may take in all; well within an entry's lease."""
LARGEST = 500_000_000
"""Bytes: four hours of two voices at 8 kHz."""
PIECE = 65_536
GONE = 404


def keep(db: Session, company: str, call: str, name: str, sid: str, now: datetime) -> None:
    """Have a recording fetched. name: file below var/recordings, of no other recording."""
    payload = {"call": call, "name": name, "sid": sid}
    outbox.put(db, company=company, kind=KIND, key=f"recording/{sid}", payload=payload, now=now)


class Recordings:
    """The outbox's handler of recordings. folder: var/recordings.

    The address is made from the recording's sid: the account's token goes to `api_url` only,
    whatever a webhook names.
    """

    def __init__(self, settings: TwilioSettings, client: Client, folder: Path) -> None:
        self._settings = settings
        self._client = client
        self._folder = folder.resolve()

    def __call__(self, parcel: Parcel) -> dict[str, Any]:
        """Fetch one recording, then delete it at Twilio; the number of bytes."""
        sid = str(parcel.payload.get("sid", ""))
        if not SID.fullmatch(sid):
            raise Permanent("no sid of a recording")
        path = self._path(str(parcel.payload.get("name", "")))
        with errand():
            self._fetch(sid, path, parcel.claim)
            self._delete(sid)
        return {"bytes": path.stat().st_size}

    def _path(self, name: str) -> Path:
        path = (self._folder / name).resolve() if NAME.fullmatch(name) else self._folder.parent
        if not path.is_relative_to(self._folder):
            raise Permanent("the name of the file is not one of ours")
        return path

    def _fetch(self, sid: str, path: Path, claim: str) -> None:
        """Write the file at once or not at all; one that Twilio has no more may be here already."""
        with self._asked(sid) as answer:
            if answer.status_code == GONE and path.is_file():
                return
            if answer.status_code != requests.codes.ok:
                raise Trouble(f"HTTP {answer.status_code} for the recording")
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{sid}.{claim}.part")
            try:
                _write(answer, part)
                part.replace(path)
            finally:  # with what a killed worker left
                for left in path.parent.glob(f".{sid}.*.part"):
                    left.unlink(missing_ok=True)

    def _asked(self, sid: str) -> requests.Response:
        """Ask for the file. Where it is elsewhere, that place is asked without the token."""
        account, api = self._settings.account_sid, self._settings.api_url.rstrip("/")
        url = f"{api}/2010-04-01/Accounts/{account}/Recordings/{sid}.wav"
        login = (account, self._settings.auth_token)
        answer = requests.get(url, auth=login, timeout=TIMEOUTS, stream=True, allow_redirects=False)
        if not answer.is_redirect:
            return answer
        answer.close()
        place = urljoin(url, answer.headers["Location"])
        return requests.get(place, auth=_no_login, timeout=TIMEOUTS, stream=True)

    def _delete(self, sid: str) -> None:
        try:
            self._client.recordings(sid).delete()
        except TwilioRestException as reason:
            if reason.status != GONE:
                raise


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from taking a password out of the user's .netrc."""
    return request


def _write(answer: requests.Response, part: Path) -> None:
    """Write a sound into a file and have it on the disk; Trouble: it is none, or too large."""
    deadline, size = time.monotonic() + LONGEST, 0
    with part.open("wb") as file:
        for piece in answer.iter_content(PIECE):
            if not size and not piece.startswith(b"RIFF"):
                raise Trouble("the recording is no WAV file")
            size += len(piece)
            if size > LARGEST or time.monotonic() > deadline:
                raise Trouble(f"the recording is too large or too slow: {size} bytes so far")
            file.write(piece)
        if not size:
            raise Trouble("the recording is empty")
        file.flush()
        os.fsync(file.fileno())
