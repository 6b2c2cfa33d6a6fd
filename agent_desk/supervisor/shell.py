"""What every page of the supervisor begins with."""

from __future__ import annotations

from typing import Any

from flask import g, render_template
from flask_wtf.csrf import generate_csrf

from agent_desk.office import company, shift

EVERYWHERE = ("supervisor_", "queue_", "state_", "status_", "pause_", "error_", "alert_")
"""Beginnings of the keys of words that every page may use."""


def show(name: str, *words: str, **given: Any) -> str:
    """Render the page `supervisor/NAME.html`. words: beginnings of the keys of its own words.

    given: what its script begins with, besides who is asking and the words.
    """
    begins = (*EVERYWHERE, f"{name}_", *words)
    known = {key: text for key, text in g.desk_words.items() if key.startswith(begins)}
    profile = company()
    start = {
        "csrf": generate_csrf(),
        "words": known,
        "user": {"login": shift().login, "name": shift().user.name, "role": shift().user.role},
        "company": {"id": profile.id, "name": profile.name, "zone": str(profile.zone)},
        "queues": list(profile.queues),
        "page": name,
    }
    return render_template(
        f"supervisor/{name}.html", words=g.desk_words, given=start | given, page=name
    )
