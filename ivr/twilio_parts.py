"""What the Twilio channel is put together from, in the web process."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import redis

from ivr.channels.twilio import recordings, sms
from ivr.channels.twilio.calls import Calls
from ivr.channels.twilio.dialogue import House, Runner
from ivr.channels.twilio.live import RedisLiveCalls, RedisReports
from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.signature import Signature
from ivr.channels.twilio.slow import RedisMarks, Work
from ivr.channels.twilio.sounds import Sounds, Speaker
from ivr.channels.twilio.twiml import goodbye
from ivr.channels.twilio.webhooks import Webhooks, blueprint
from ivr.company import Company
from ivr.config import Config
from ivr.model import Say
from ivr.prompts import Catalogue, vocabulary
from ivr.speech.build import MUSIC
from ivr.speech.voice import Voice
from ivr.store.database import Store

if TYPE_CHECKING:
    from flask import Blueprint

logger = logging.getLogger(__name__)

EXCUSE = Say("apology")
MESSAGE_LATE = 5.0
"""Seconds."""


def webhooks(
    config: Config,
    settings: TwilioSettings,
    companies: Mapping[str, Company],
    catalogues: Mapping[str, Catalogue],
    store: Store,
    runner: Runner,
    voice: Voice,
    client: redis.Redis,
) -> Blueprint:
    """Return the routes. client: a Redis that gives up soon, because a caller is waiting."""
    folder = config.press2.var / "sounds"
    music = config.asterisk.music or folder / MUSIC
    sounds = Sounds(folder, music, settings.public_url, settings.auth_token)
    speaker = Speaker(settings, voice, sounds, catalogues)
    home = companies[config.press2.company]
    house = House(
        settings=settings,
        runner=runner,
        speaker=speaker,
        live=RedisLiveCalls(client),
        reports=RedisReports(client),
        work=Work(RedisMarks(client)),
        clock=now,
        fetch=lambda company, call, name, sid: _fetch(store, company, call, name, sid),
        region=home.region,
        regions={name: each.region for name, each in companies.items()},
        languages={name: each.languages[0] for name, each in companies.items()},
        ring_group=config.asterisk.ring_group,
        ring_seconds=config.asterisk.ring_seconds,
        message_late=MESSAGE_LATE,
        vocabulary=vocabulary(catalogues),
    )
    return blueprint(
        Webhooks(
            calls=Calls(house),
            signature=Signature(settings.auth_token, settings.public_url),
            excuse=lambda: _excuse(speaker, home.languages[0]),
            message=lambda form, query: _message(store, form, query),
            auth_token=settings.auth_token,
        )
    )


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def _excuse(speaker: Speaker, language: str) -> str:
    """Return an apology for a caller whose turn failed; a hang-up where not even that is there."""
    try:
        return goodbye(speaker.say([EXCUSE], language))
    except Exception:
        logger.exception("the apology cannot be spoken")
        return goodbye([])


def _fetch(store: Store, company: str, call: str, name: str, sid: str) -> None:
    with store.session() as db:
        recordings.keep(db, company, call, name, sid, now())


def _message(store: Store, form: Mapping[str, str], query: Mapping[str, str]) -> None:
    entry = query.get("id", "")
    if entry.isascii() and entry.isdecimal() and len(entry) < 18:
        status, error = form.get("MessageStatus", ""), form.get("ErrorCode", "")
        sms.message_status(store, int(entry), form.get("MessageSid", ""), status, error, now())
