# SPDX-License-Identifier: Apache-2.0
"""A configuration and a database for each story."""

import pathlib
import warnings
from collections.abc import Iterator

import pytest
from oslo_config import cfg
from oslo_db import options as db_options

with warnings.catch_warnings():
    # WebOb imports the deprecated module cgi, oslo.messaging its own eventletutils.
    warnings.simplefilter("ignore", DeprecationWarning)
    from magnum.api import app

from magnum.conf import CONF
from magnum.db import models
from magnum.db.session import Database
from tests.contract.recorder import Recorder
from tests.fakes.services import Stage, TokenGuard, World


@pytest.fixture
def conf(tmp_path: pathlib.Path) -> Iterator[cfg.ConfigOpts]:
    """Yield the options with their defaults, and a database of this story's own."""
    CONF([], project="magnum", default_config_files=[], default_config_dirs=[])
    db_options.set_defaults(CONF, connection=f"sqlite:///{tmp_path}/magnum.sqlite")
    CONF.set_override("sqlite_synchronous", False, group="database")
    CONF.set_override("max_limit", 3, group="api")
    CONF.set_override("max_body_size", 65536, group="api")
    yield CONF
    CONF.reset()
    CONF.clear()


@pytest.fixture
def world(conf: cfg.ConfigOpts) -> Iterator[World]:
    """Yield the real service layer, without a cloud or a conductor."""
    database = Database()
    models.Base.metadata.create_all(database.engine)
    yield World(conf, database)
    database.engine.dispose()


@pytest.fixture
def application(world: World, conf: cfg.ConfigOpts) -> Recorder:
    """Return the application over it."""
    return Recorder(Stage(app.build(world.services, conf, TokenGuard), world))
