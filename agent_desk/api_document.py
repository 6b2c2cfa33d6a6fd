"""The OpenAPI description: `python -m agent_desk.api_document > docs/openapi.json`."""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import Any

from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from agent_desk.api import api
from agent_desk.api_forms import Problem

VERSION = "1.0.0"


@cache
def document() -> dict[str, Any]:
    """Return the description."""
    app = OpenAPI(
        __name__,
        info=Info(
            title="press2",
            version=VERSION,
            description="Data of the company's own systems; docs/data.md tells it in words.",
        ),
        security_schemes={"token": {"type": "http", "scheme": "bearer"}},
        validation_error_model=Problem,
        doc_ui=False,
    )
    app.register_api(api)
    found: dict[str, Any] = app.api_doc
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n")
