"""Writes the migration for a change of the models: `python -m ivr.store.migrations "add outages"`.

Read what it wrote: Alembic sees a renamed column as one dropped and one added.
"""

import sys
from tempfile import TemporaryDirectory

from alembic import command
from sqlalchemy import make_url

from ivr.store import schema
from ivr.store.database import open_engine

with TemporaryDirectory() as folder:
    engine = open_engine(make_url(f"sqlite:///{folder}/press2.db"))
    schema.upgrade(engine)
    number = f"{len(list(schema.MIGRATIONS.glob('versions/*.py'))) + 1:04}"
    with engine.begin() as connection:
        config = schema.configuration(connection)
        command.revision(config, sys.argv[1], autogenerate=True, rev_id=number)
    engine.dispose()
