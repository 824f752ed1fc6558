# SPDX-License-Identifier: Apache-2.0
"""The application for each story, with limits that stories can reach."""

import warnings

import pytest
from oslo_config import cfg

with warnings.catch_warnings():
    # WebOb imports the deprecated module cgi, oslo.messaging its own eventletutils.
    warnings.simplefilter("ignore", DeprecationWarning)
    from magnum.api import app

from magnum.db.session import Database
from tests.contract.recorder import Recorder
from tests.fakes.services import Stage, TokenGuard, World


@pytest.fixture
def conf(conf: cfg.ConfigOpts) -> cfg.ConfigOpts:
    """Return the options with low limits."""
    conf.set_override("max_limit", 3, group="api")
    conf.set_override("max_body_size", 65536, group="api")
    return conf


@pytest.fixture
def world(conf: cfg.ConfigOpts, database: Database) -> World:
    """Return the real service layer, without a cloud or a conductor."""
    return World(conf, database)


@pytest.fixture
def application(world: World, conf: cfg.ConfigOpts) -> Recorder:
    """Return the application over it."""
    return Recorder(Stage(app.build(world.services, conf, TokenGuard), world))
