"""Runs migrations on the connection that `ivr.store.schema` hands over."""

from typing import Any, Literal

from alembic import context

from ivr.store import facts as facts  # their tables belong to the metadata
from ivr.store import supervision as supervision
from ivr.store import supply as supply
from ivr.store.models import Base, UtcDateTime


def render(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Writes our own type into a new migration as the plain one that it is in the database."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_item=render,
    render_as_batch=True,  # SQLite changes a column by copying its table
)
context.run_migrations()
