# SPDX-License-Identifier: Apache-2.0
"""The service layer over a real table, with a cloud that has everything but what a test says."""

from typing import Any, cast

import pytest
from oslo_config import cfg

from magnum.context import RequestContext
from magnum.core import errors
from magnum.db.models import ClusterTemplate
from magnum.db.session import Database
from magnum.rpc.messages import OperationReady
from magnum.service.clusters import Clusters
from magnum.service.preflight import Findings
from magnum.service.templates import Templates
from tests import factories


class FakePreflight:
    """Finds everything, unless told what to miss."""

    def __init__(self) -> None:
        self.missing: errors.MagnumError | None = None
        self.os_distro = "fedora-atomic"
        self.checked_clusters = 0

    def check(
        self, context: RequestContext, template: ClusterTemplate, *, of_cluster: bool = False
    ) -> Findings:
        if self.missing:
            raise self.missing
        self.checked_clusters += of_cluster
        return Findings(self.os_distro, factories.PUBLIC_KEY)


class FakeConductor:
    """Remembers whom it was told of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def wake(self, message: OperationReady) -> None:
        self.told.append(message.operation_id)


class Office:
    """The nouns, and what is behind them."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database) -> None:
        self.database = database
        self.preflight = FakePreflight()
        self.conductor = FakeConductor()
        preflight = cast("Any", self.preflight)
        self.templates = Templates(conf, database, preflight)
        self.clusters = Clusters(conf, database, preflight, cast("Any", self.conductor))

    def template(self, context: RequestContext, **values: Any) -> ClusterTemplate:
        """Make a template as the API would."""
        given = {
            "coe": "swarm",
            "server_type": "vm",
            "image_id": "fedora-21-atomic-5",
            "keypair_id": "testkey",
            "external_network_id": "public",
        }
        return self.templates.create(context, {**given, **values})


def caller(project_id: str | None = factories.PROJECT, user_id: str = factories.USER) -> Any:
    """Return the context of a caller."""
    return RequestContext(
        project_id=project_id,
        user_id=user_id,
        request_id="req-test",
        global_request_id="req-theirs",
    )


@pytest.fixture
def office(conf: cfg.ConfigOpts, database: Database) -> Office:
    """Return the service layer with an empty table."""
    return Office(conf, database)


@pytest.fixture
def mine() -> RequestContext:
    """Return the context of an ordinary caller."""
    return cast("RequestContext", caller())


@pytest.fixture
def stranger() -> RequestContext:
    """Return the context of a caller from another project."""
    return cast("RequestContext", caller("q" * 32, "v" * 32))
