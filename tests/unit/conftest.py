# SPDX-License-Identifier: Apache-2.0
"""What most unit tests need: a configuration, and a database in a file."""

import pathlib
from collections.abc import Iterator

import pytest
from oslo_config import cfg
from oslo_db import options as db_options

from magnum.conf import CONF
from magnum.db import models
from magnum.db.session import Database


@pytest.fixture
def conf(tmp_path: pathlib.Path) -> Iterator[cfg.ConfigOpts]:
    """Yield the options with their defaults, and a database of this test's own."""
    CONF([], project="magnum", default_config_files=[], default_config_dirs=[])
    db_options.set_defaults(CONF, connection=f"sqlite:///{tmp_path}/magnum.sqlite")
    CONF.set_override("sqlite_synchronous", False, group="database")
    yield CONF
    CONF.reset()
    CONF.clear()


@pytest.fixture
def database(conf: cfg.ConfigOpts) -> Iterator[Database]:
    """Yield an empty database with all tables."""
    database = Database()
    models.Base.metadata.create_all(database.engine)
    yield database
    database.engine.dispose()
