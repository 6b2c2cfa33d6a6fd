"""The Flask application: the start page with the browser phone, the health of the parts, and, when
it is handed an office, the operators' desk.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from flask import (
    Blueprint,
    Flask,
    Response,
    g,
    jsonify,
    render_template,
    request,
    send_from_directory,
)
from werkzeug.wrappers import Response as AnyResponse

from agent_desk import door
from agent_desk.office import Office

HERE = Path(__file__).parent
SIP_JS = HERE / "node_modules" / "sip.js" / "lib"
VOICE_SDK = HERE / "node_modules" / "@twilio" / "voice-sdk" / "dist"
CHARTS = HERE / "node_modules" / "chart.js" / "dist"
TWILIO = "wss://*.twilio.com https://eventgw.twilio.com https://eventgw.us1.twilio.com"
"""Where its SDK connects to: the signalling of whichever edge is near, and reports of quality."""
LANGUAGES = {"uk": "Українська", "ru": "Русский", "en": "English"}
SUPERVISOR = "texts_supervisor"
YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Line:
    """A number that can be dialled, E.164, and the name of the company that answers there."""

    company: str
    number: str


@dataclass(frozen=True)
class Desk:
    """What the start page shows.

    sip_host: where softphones call; websocket_port: where the browser phone calls, on the host of
    the page. phone_secret: its password, empty where there is no browser phone.
    demo_account: an account of the demo data to try; empty where there is none.
    hosts: names the page may be asked for by; empty: any (loopback pages name theirs, so that
    another site cannot read them under a name of its own).
    """

    sip_host: str
    sip_port: int
    websocket_port: int
    phone_secret: str
    lines: tuple[Line, ...]
    demo_account: str = ""
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Probe:
    """A part whose health is shown. up: counts how many of its `of` processes answer now."""

    name: str
    up: Callable[[], int]
    of: int = 1


def create_app(
    desk: Desk,
    probes: Sequence[Probe],
    parts: Office | None = None,
    webhooks: Blueprint | None = None,
    metrics: Blueprint | None = None,
) -> Flask:
    """Build the application. parts: of the operators' desk; without them there is none.

    webhooks: routes of a channel, which prove by themselves who asks. metrics: for Prometheus.

    Texts of the pages are in `texts.yaml`, those of the desk in `texts_desk.yaml`, those of the
    supervisor's pages in `texts_supervisor/`.
    """
    app = Flask(__name__, root_path=str(HERE))
    app.config["TRUSTED_HOSTS"] = list(desk.hosts) or None
    texts = load_texts()

    @app.before_request
    def choose() -> None:
        g.language, g.languages = language(), LANGUAGES
        g.nonce = secrets.token_urlsafe(16)
        g.policy = (
            f"default-src 'self'; script-src 'self' 'nonce-{g.nonce}';"
            f" connect-src 'self' {exchange(desk, parts)};"
            f" media-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )

    @app.get("/")
    def start() -> str:
        words = texts[g.language]
        return render_template("start.html", desk=desk, words=words, phone=phone(desk, words))

    @app.get("/health")
    def health() -> tuple[Response, int]:
        parts = [{"name": probe.name, "up": int(probe.up()), "of": probe.of} for probe in probes]
        well = all(part["up"] == part["of"] for part in parts)
        return jsonify(ok=well, parts=parts), 200 if well else 503

    @app.get("/sip.js/<path:name>")
    def sip_js(name: str) -> AnyResponse:
        return send_from_directory(SIP_JS, name, max_age=3600)

    @app.get("/charts/chart.umd.min.js")
    def charts() -> AnyResponse:
        return send_from_directory(CHARTS, "chart.umd.min.js", max_age=3600)

    @app.get("/voice-sdk/twilio.min.js")
    def voice_sdk() -> AnyResponse:
        return send_from_directory(VOICE_SDK, "twilio.min.js", max_age=3600)

    @app.context_processor
    def everywhere() -> dict[str, Any]:
        return {"language": g.language, "languages": LANGUAGES, "nonce": g.nonce}

    @app.after_request
    def guard(response: AnyResponse) -> AnyResponse:
        # Nothing was chosen for a request that was refused by its host name.
        response.headers["Content-Security-Policy"] = g.get("policy", "default-src 'none'")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if response.mimetype == "text/html" or request.path.startswith("/desk/"):
            response.headers["Cache-Control"] = "no-store"
        if request.args.get("language") in LANGUAGES:
            response.set_cookie("language", g.language, YEAR, httponly=True, samesite="Lax")
        return response

    for routes in (webhooks, metrics):
        if routes is not None:
            app.register_blueprint(routes)
    if parts is not None:
        door.set_up(app, parts, desk_texts(), webhooks)
    return app


def exchange(desk: Desk, parts: Office | None) -> str:
    """Return where the telephone of the asked page may connect to."""
    if parts is not None and parts.twilio_token and request.path.startswith("/desk/"):
        return TWILIO
    host = request.host.rpartition(":")[0] or request.host
    scheme = "wss" if parts is not None and parts.secure else "ws"
    return f"{scheme}://{host}:{desk.websocket_port}"


def language() -> str:
    """Choose the language of a page: asked for in the address, asked for before, the browser's."""
    for wish in (request.args.get("language"), request.cookies.get("language")):
        if wish in LANGUAGES:
            return wish
    return request.accept_languages.best_match(LANGUAGES) or next(iter(LANGUAGES))


def phone(desk: Desk, words: dict[str, str]) -> dict[str, Any]:
    """Collect what the page's script needs: the phone's account, the words for states."""
    return {
        "secret": desk.phone_secret,
        "port": desk.websocket_port,
        "lines": [asdict(line) for line in desk.lines],
        "words": {key: text for key, text in words.items() if key.startswith(("state_", "part_"))},
    }


def load_texts(name: str = "texts.yaml") -> dict[str, dict[str, str]]:
    """Read a file of texts into language -> key -> text."""
    rows = yaml.load((HERE / name).read_text("utf-8"), yaml.BaseLoader)
    return {code: {key: row[code] for key, row in rows.items()} for code in LANGUAGES}


@cache
def desk_texts() -> dict[str, dict[str, str]]:
    """Read the texts of the desk and of the supervisor's pages into language -> key -> text."""
    files = ["texts_desk.yaml", *sorted(f"{SUPERVISOR}/{p.name}" for p in _supervisor_texts())]
    known = [load_texts(name) for name in files]
    return {code: {k: v for texts in known for k, v in texts[code].items()} for code in LANGUAGES}


def _supervisor_texts() -> list[Path]:
    return list((HERE / SUPERVISOR).glob("*.yaml"))
