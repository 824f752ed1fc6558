# SPDX-License-Identifier: Apache-2.0
"""A database that is not ours is told from one that is."""

import pytest
from sqlalchemy import Engine, create_engine, text

from magnum.core.errors import Misconfigured
from magnum.db import migrate


@pytest.fixture
def foreign() -> Engine:
    """A database at the revision of another program."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('abcdef123456')"))
    return engine


def test_upgrade_when_the_database_is_of_another_program_says_so(foreign: Engine) -> None:
    with pytest.raises(Misconfigured, match=r"abcdef123456.*another program's"):
        migrate.upgrade(foreign)


def test_stamp_when_there_is_no_such_revision_says_so() -> None:
    with pytest.raises(Misconfigured, match="9999"):
        migrate.stamp(create_engine("sqlite://"), "9999")
