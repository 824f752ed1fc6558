# SPDX-License-Identifier: Apache-2.0
"""Run by Alembic for every command; :mod:`magnum.db.migrate` hands the engine in."""

from alembic import context
from magnum.db import models

engine = context.config.attributes["engine"]

with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=models.Base.metadata,
        # SQLite cannot alter most of a table in place; Alembic then copies it.
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()
