# SPDX-License-Identifier: Apache-2.0
"""A conductor's process that dies while it makes a container: ``victim.py STATE POINT``.

It is killed as by SIGKILL, before it asks the engine for the container or right after the engine
has made it.  STATE is a file with what it needs to know.
"""

import json
import os
import pathlib
import signal
import sys
from typing import Any, cast

from oslo_db import options as db_options

from magnum.certs.x509 import Bundle
from magnum.clients.docker.containers import ContainerVerbs
from magnum.conductor.cloud import Cloud
from magnum.conductor.containers.verbs import Containers
from magnum.conf import CONF
from magnum.core.container import ContainerSpec
from magnum.db.session import Database
from magnum.rpc.messages import ContainerCall
from tests.fakes.cloud import FakeCloud

SECONDS = 20.0


def main(state: str, point: str) -> None:
    """Make one container, and never come to the end of it."""
    known: dict[str, Any] = json.loads(pathlib.Path(state).read_text())
    CONF([], project="magnum")
    db_options.set_defaults(CONF, connection=known["connection"])
    fakes = FakeCloud()
    fakes.store.bundles = {name: Bundle(*pems) for name, pems in known["bundles"].items()}
    nobody = cast("Any", fakes)
    cloud = Cloud(CONF, Database(), nobody, fakes.store, fakes.network, nobody)
    genuine = ContainerVerbs.create

    def create(self: ContainerVerbs, spec: ContainerSpec) -> str:
        if point == "after":
            genuine(self, spec)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody gets here")

    ContainerVerbs.create = create
    verbs = Containers(cloud, "victim").verbs
    verbs["container_create"](ContainerCall(known["container"], SECONDS))


if __name__ == "__main__":
    main(*sys.argv[1:])
