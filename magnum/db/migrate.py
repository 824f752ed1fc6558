# SPDX-License-Identifier: Apache-2.0
"""The schema's versions: the only caller of Alembic."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.command
import alembic.config
import alembic.migration
import alembic.script
from alembic.util import CommandError
from sqlalchemy import Engine

from magnum.core import errors

SCRIPTS = Path(__file__).parent / "migrations"


def _config(engine: Engine) -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["engine"] = engine
    # Alembic says on this level what it upgrades from and to.
    logging.getLogger("alembic").setLevel(logging.INFO)
    return config


def version(engine: Engine) -> str | None:
    """Return the revision the database is at, None for an empty one."""
    with engine.connect() as connection:
        return alembic.migration.MigrationContext.configure(connection).get_current_revision()


def head(engine: Engine) -> str:
    """Return the revision that this release wants."""
    return str(alembic.script.ScriptDirectory.from_config(_config(engine)).get_current_head())


def is_known(engine: Engine, revision: str) -> bool:
    """Tell whether this release knows a revision; one of a newer release it does not."""
    scripts = alembic.script.ScriptDirectory.from_config(_config(engine))
    return revision in {known.revision for known in scripts.walk_revisions()}


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to a revision.

    :raises Misconfigured: that, or the one the database is at, is none of ours.
    """
    with _explained():
        alembic.command.upgrade(_config(engine), revision)


def stamp(engine: Engine, revision: str) -> None:
    """Record a revision without running anything.

    :raises Misconfigured: it is none of ours.
    """
    with _explained():
        alembic.command.stamp(_config(engine), revision)


def revision(engine: Engine, message: str, autogenerate: bool) -> None:
    """Write a new migration file beside the others, under the next number."""
    number = len(list((SCRIPTS / "versions").glob("[0-9]*.py"))) + 1
    alembic.command.revision(
        _config(engine), message=message, autogenerate=autogenerate, rev_id=f"{number:04d}"
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn Alembic's refusals into a sentence."""
    try:
        yield
    except CommandError as error:
        raise errors.Misconfigured(
            f"{errors.first_sentence(str(error))}; the revision is misspelt, or the database is "
            "a newer release's or another program's."
        ) from error
