# SPDX-License-Identifier: Apache-2.0
"""What most unit tests need: a configuration, and a database in a file.

``MAGNUM_TEST_DATABASE`` names another database for them, as ``[database] connection`` would, that
is theirs alone; its tables are dropped.  Run them one at a time then.
"""

import os
import pathlib
from collections.abc import Iterator

import pytest
from oslo_config import cfg
from oslo_db import options as db_options
from sqlalchemy import MetaData

from magnum.certs import sealing
from magnum.conf import CONF
from magnum.db import models
from magnum.db.session import Database

SERVER = os.environ.get("MAGNUM_TEST_DATABASE")


@pytest.fixture
def conf(tmp_path: pathlib.Path) -> Iterator[cfg.ConfigOpts]:
    """Yield the options with their defaults, and a database of this test's own."""
    CONF([], project="magnum", default_config_files=[], default_config_dirs=[])
    db_options.set_defaults(CONF, connection=SERVER or f"sqlite:///{tmp_path}/magnum.sqlite")
    CONF.set_override("sqlite_synchronous", False, group="database")
    yield CONF
    CONF.reset()
    CONF.clear()


@pytest.fixture
def empty_database(conf: cfg.ConfigOpts) -> Iterator[Database]:
    """Yield a database without tables."""
    database = Database()
    _drop_all(database)
    yield database
    _drop_all(database)
    database.engine.dispose()


@pytest.fixture
def database(empty_database: Database) -> Database:
    """Return an empty database with all tables."""
    models.Base.metadata.create_all(empty_database.engine)
    return empty_database


@pytest.fixture
def keys(conf: cfg.ConfigOpts, tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a file with a key of certificates; options lead to it, and to a new directory."""
    path = tmp_path / "certificates.keys"
    sealing.add_key(path, standby=False)
    conf.set_override("encryption_key_file", str(path), "certificates")
    conf.set_override("storage_path", str(tmp_path / "certificates"), "certificates")
    return path


def _drop_all(database: Database) -> None:
    """Drop whatever tables there are; only a server keeps any from one test to the next."""
    if SERVER:
        there = MetaData()
        there.reflect(database.engine)
        there.drop_all(database.engine)
