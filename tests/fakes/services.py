# SPDX-License-Identifier: Apache-2.0
"""The real service layer over a test's database, with no cloud, no broker and no conductor.

Tokens are ``user:project:role``, parts may be empty: ``alice:blue``, ``boss:blue:admin``, ``node``.
"""

import copy
import threading
import uuid
from collections.abc import Callable, Collection, Iterable
from functools import partial
from types import SimpleNamespace
from typing import Any

from oslo_config import cfg
from sqlalchemy import delete, select

from magnum.api.versions import Application, StartResponse
from magnum.certs import x509
from magnum.certs.x509 import Bundle, KeyPolicy
from magnum.context import RequestContext
from magnum.core import errors, states
from magnum.core.states import Action, Outcome
from magnum.db import repository
from magnum.db.models import Cluster, ClusterTemplate, Operation
from magnum.db.session import Database
from magnum.health import Health
from magnum.rpc.calls import ContainerCalls
from magnum.rpc.messages import OperationReady
from magnum.service import Services
from magnum.service.certificates import Certificates
from magnum.service.clusters import Clusters
from magnum.service.conductors import Conductors
from magnum.service.containers import Containers
from magnum.service.preflight import Findings
from magnum.service.templates import Templates
from tests.fakes.engines import EngineRoom

IMAGES = {"fedora-atomic-21": "fedora-atomic", "fedora-atomic-22": "fedora-atomic"}
FLAVORS = {"m1.small", "m1.medium", "1"}
KEYPAIRS = {"ops": "ssh-ed25519 AAAA ops"}
NETWORKS = {"public"}
HEALTH = {"api": "ok", "k1-master.Ready": "True", "k1-node-0.Ready": "True"}
FAULTS = {"workers/0/server": "No valid host was found."}


class FakePreflight:
    """A cloud that has what the tables above name."""

    def check(
        self, context: RequestContext, template: ClusterTemplate, *, of_cluster: bool = False
    ) -> Findings:
        """Look every named thing up in the tables."""
        _check("image_id", template, IMAGES)
        _check("flavor_id", template, FLAVORS)
        _check("master_flavor_id", template, FLAVORS)
        _check("keypair_id", template, KEYPAIRS, errors.KeypairNotFound)
        _check("external_network_id", template, NETWORKS)
        return Findings(IMAGES[template.image_id], KEYPAIRS.get(template.keypair_id or ""))


def _check(
    field: str,
    template: ClusterTemplate,
    known: Collection[str],
    kind: type[errors.MagnumError] = errors.ReferencedMissing,
) -> None:
    named = getattr(template, field)
    if named is not None and named not in known:
        raise kind(errors.wrong(field, named, f"be one of {', '.join(sorted(known))}"))


class MemoryStore:
    """Bundles in a dictionary."""

    def __init__(self) -> None:
        self._bundles: dict[str, Bundle] = {}

    def ensure(self, name: str, make: Callable[[], Bundle]) -> tuple[str, Bundle]:
        """Return the bundle of that name, made at need."""
        if name not in self._bundles:
            self._bundles[name] = make()
        return name, self._bundles[name]

    def load(self, ref: str) -> Bundle:
        """Return a bundle."""
        return self._bundles[ref]

    def delete(self, name: str) -> None:
        """Forget one."""
        self._bundles.pop(name, None)


class FakeConductor:
    """Carries out what is in the table when it is told to, and everything succeeds."""

    def __init__(self, database: Database, store: MemoryStore) -> None:
        self.woken: list[OperationReady] = []
        self._database = database
        self._store = store
        self._lock = threading.Lock()

    def wake(self, message: OperationReady) -> None:
        """Note that there is something to do."""
        self.woken.append(message)

    def finish(self, outcome: Outcome = Outcome.COMPLETE) -> None:
        """End all open operations; a created cluster has its authority and addresses then."""
        with self._lock:
            self._database.write(lambda session: self._finish(session, outcome))
            self._database.write(
                lambda session: repository.heartbeat(session, "ctl1", "magnum-conductor")
            )

    def _finish(self, session: Any, outcome: Outcome) -> None:
        pending = Operation.state.in_(states.OPEN_OPERATION_STATES)
        for operation in session.scalars(select(Operation).where(pending)):
            operation.state = states.OperationState(outcome.value)
            row = repository.lock(session, Cluster, operation.cluster_id)
            action = Action(operation.action)
            if action is Action.DELETE and outcome is Outcome.COMPLETE:
                session.execute(delete(Cluster).where(Cluster.uuid == row.uuid))
                continue
            row.status = states.status(action, outcome)
            row.faults = FAULTS if outcome is Outcome.FAILED else None
            if row.ca_cert_ref is None:
                bundle = x509.create_ca(row.name, KeyPolicy("ec", 2048))
                row.ca_cert_ref, _ = self._store.ensure(
                    f"ca-{row.uuid}", partial(copy.copy, bundle)
                )
            row.stack_id = row.stack_id or str(uuid.uuid4())
            row.api_address = "https://198.51.100.7:2376"
            row.health_status, row.health_status_reason = "HEALTHY", HEALTH
            for group in row.node_groups:
                group.node_addresses = ["198.51.100.7"] * group.node_count


class World:
    """The service layer, and the hands of whoever tests it."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database) -> None:
        store = MemoryStore()
        self.database = database
        self.conductor = FakeConductor(database, store)
        preflight: Any = FakePreflight()
        conductor: Any = self.conductor
        sessions: Any = SimpleNamespace(service=lambda project_id: None)
        self.room = EngineRoom(database)
        self.services = Services(
            templates=Templates(conf, database, preflight),
            clusters=Clusters(conf, database, preflight, conductor),
            certificates=Certificates(conf, database, sessions, store),
            containers=Containers(conf, database, ContainerCalls(conf, self.room)),
            conductors=Conductors(database),
            health=Health({}),
        )


class TokenGuard:
    """Stands in for keystonemiddleware."""

    def __init__(self, app: Application, _conf: cfg.ConfigOpts) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Turn the token into the headers of an identity, or answer 401."""
        token = environ.get("HTTP_X_AUTH_TOKEN", "")
        for name in ("HTTP_X_USER_ID", "HTTP_X_PROJECT_ID", "HTTP_X_ROLES"):
            environ.pop(name, None)
        if not token:
            headers = [
                ("Content-Type", "text/html; charset=UTF-8"),
                ("WWW-Authenticate", 'Keystone uri="http://keystone.test/v3"'),
            ]
            start_response("401 Unauthorized", headers)
            return [b"Authentication required"]
        user, project, role = [*token.split(":"), "", ""][:3]
        environ["HTTP_X_USER_ID"] = user
        environ["HTTP_X_ROLES"] = role or "member"
        if project:
            environ["HTTP_X_PROJECT_ID"] = project
        return self._app(environ, start_response)


class Stage:
    """The application with a door at the back.

    ``POST /_test/finish`` ends open operations, ``fail`` likewise but badly; the others do
    something to the engines of all bays.
    """

    def __init__(self, app: Application, world: World) -> None:
        self._app = app
        room, finish = world.room, world.conductor.finish
        self._doors: dict[str, Callable[[], Any]] = {
            "finish": finish,
            "fail": partial(finish, Outcome.FAILED),
            "engines-hang": lambda: room.silent.update(each.node_id for each in room.engines),
            "nodes-are-replaced": lambda: room.gone.update(each.node_id for each in room.engines),
            "images-are-slow": lambda: setattr(room, "slow", True),
            "images-arrive": room.pull,
            "containers-vanish": room.boxes.clear,
            "all-is-well": room.recover,
        }

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request."""
        if not environ["PATH_INFO"].startswith("/_test/"):
            return self._app(environ, start_response)
        self._doors[environ["PATH_INFO"].rsplit("/", 1)[-1]]()
        start_response("204 No Content", [])
        return []
