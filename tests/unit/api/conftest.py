# SPDX-License-Identifier: Apache-2.0
"""The application over a database of the test's own, called in the process."""

import warnings

import pytest
from oslo_config import cfg

with warnings.catch_warnings():
    # WebOb imports the deprecated module cgi, oslo.messaging its own eventletutils.
    warnings.simplefilter("ignore", DeprecationWarning)
    import webtest

    from magnum.api import app
from magnum.api.versions import Application
from magnum.db.session import Database
from tests.fakes.services import TokenGuard, World


@pytest.fixture
def world(conf: cfg.ConfigOpts, database: Database) -> World:
    return World(conf, database)


@pytest.fixture
def application(world: World, conf: cfg.ConfigOpts) -> Application:
    """The API itself, for what no client would send."""
    return app.build(world.services, conf, TokenGuard)


@pytest.fixture
def api(application: Application) -> webtest.TestApp:
    """The API, called by alice of project blue."""
    return webtest.TestApp(application, extra_environ={"HTTP_X_AUTH_TOKEN": "alice:blue"})
