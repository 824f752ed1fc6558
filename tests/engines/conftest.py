# SPDX-License-Identifier: Apache-2.0
"""A bay of real engines, and a conductor's code that answers calls about its containers."""

import os
import shutil
from collections.abc import Iterator

import pytest
from oslo_config import cfg

from magnum.db.session import Database
from tests.engines.bay import Bay
from tests.engines.swarm import Swarm, started

COUNT = 3


@pytest.fixture(scope="session")
def swarm() -> Iterator[Swarm]:
    """Yield a swarm of a manager and two workers."""
    lacking = [name for name in ("dockerd", "nsenter", "ip", "busybox") if not shutil.which(name)]
    if lacking or os.getuid() != 0:
        pytest.fail(f"This needs root, and the programs dockerd, nsenter, ip, busybox: {lacking}")
    with started(COUNT) as swarm:
        yield swarm


@pytest.fixture
def bay(conf: cfg.ConfigOpts, database: Database, swarm: Swarm) -> Iterator[Bay]:
    """Yield a bay on the swarm, with a conductor; no container of another test is there."""
    swarm.clear()
    bay = Bay(conf, database, swarm)
    yield bay
    bay.close()
