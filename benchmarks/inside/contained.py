# SPDX-License-Identifier: Apache-2.0
"""Containers by the service and by the plain SDK, on the same engines; prints JSON in the end.

Runs in the environment of the checks, in the root of the tree: the engines are those of the tests
(tests/engines).  The API's service layer is called, and the conductor answers it as over the bus,
but in one process: HTTP, tokens and the broker are left out.
"""

import contextlib
import json
import os
import pathlib
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import docker
from docker.tls import TLSConfig
from oslo_db import options as db_options
from sqlalchemy.orm import Session

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from magnum.api.vocabulary import CONTAINER
from magnum.clients.docker.containers import BAY_LABEL, CONTAINER_LABEL
from magnum.conf import CONF
from magnum.context import RequestContext
from magnum.db import models, repository
from magnum.db.session import Database
from magnum.rpc.calls import ContainerCalls
from magnum.rpc.server import Answers
from magnum.service.containers import Containers
from magnum.service.page import Page
from tests import factories
from tests.engines.bay import SLEEP, Bay
from tests.engines.registry import IMAGE
from tests.engines.swarm import Swarm, started
from tests.tables import Servers

ENGINES = 3
MADE, LISTED = 50, 500
AT_A_TIME = 6
DATABASE = "mariadb-utf8mb4"


class Loop:
    """Carries messages as JSON to a conductor in this process, in the place of oslo.messaging."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def prepare(self, **_options: Any) -> "Loop":
        return self

    def call(self, _context: Any, method: str, message: Any) -> Any:
        answer = self._answers.answer(method, json.loads(json.dumps(message)))
        return json.loads(json.dumps(answer))


class Plain:
    """The SDK as whoever writes a script uses it: a client an engine, kept."""

    def __init__(self, swarm: Swarm, folder: pathlib.Path) -> None:
        authority = swarm.authority
        (folder / "ca.pem").write_text(authority.ca.certificate_pem)
        (folder / "own.pem").write_text(authority.conductor.to_pem())
        own = str(folder / "own.pem")
        trust = TLSConfig(client_cert=(own, own), ca_cert=str(folder / "ca.pem"), verify=True)
        self.clients = [
            docker.APIClient(f"https://{worker.address}:2376", version="auto", tls=trust)
            for worker in swarm.workers
        ]

    def make_and_start(self, number: int) -> None:
        client = self.clients[number % len(self.clients)]
        client.start(self.make(client))

    def make(self, client: docker.APIClient, identity: str = "", bay: str = "") -> Any:
        labels = {CONTAINER_LABEL: identity or str(uuid.uuid4()), BAY_LABEL: bay}
        host = client.create_host_config(mem_limit="16m")
        return client.create_container(IMAGE, SLEEP, labels=labels, host_config=host)["Id"]

    def list_all(self) -> int:
        with ThreadPoolExecutor(len(self.clients)) as pool:
            found = pool.map(lambda client: client.containers(all=True), self.clients)
            return sum(len(each) for each in found)


class Service:
    """The service over the same engines."""

    def __init__(self, bay: Bay) -> None:
        self._bay = bay
        loop = Loop(Answers(bay.conductor.verbs, CONF.docker.calls))
        self._service = Containers(CONF, bay.database, ContainerCalls(CONF, loop))
        self._context = RequestContext(user_id=factories.USER, project_id=factories.PROJECT)
        self._row = self._service.bay(self._context, bay.uuid)

    def make_and_start(self, number: int) -> None:
        values = {"name": f"b-{uuid.uuid4().hex}", "image": IMAGE, "command": SLEEP}
        row = self._service.create(self._context, self._row, {**values, "memory": "16m"})
        self._service.perform(row, "start")

    def list_all(self) -> int:
        return len(self._service.page(self._context, Page(1000, fields=CONTAINER.listed_fields)))

    def list_with_detail(self) -> int:
        return len(self._service.page(self._context, Page(1000)))

    def forget(self) -> None:
        def write(session: Session) -> None:
            session.query(models.Container).delete()

        self._bay.database.write(write)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def many(act: Callable[[int], None], times: int = MADE) -> None:
    """Do something many times, some at a time."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(act, range(times)))


def creations(swarm: Swarm, plain: Plain, service: Service, rounds: int) -> dict[str, list[float]]:
    """Time both by turns; each round begins on empty engines."""
    seconds: dict[str, list[float]] = {"plain": [], "service": []}
    for number in range(-1, rounds):  # the first is to warm up
        for name, act in (("plain", plain.make_and_start), ("service", service.make_and_start)):
            swarm.clear()
            service.forget()
            took = timed(partial(many, act))
            if number >= 0:
                seconds[name].append(took)
    return seconds


def lists(
    swarm: Swarm, bay: Bay, plain: Plain, service: Service, rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Time both by turns, with containers that are in the table and on the engines.

    The service lists as the API does without and with detail.
    """
    swarm.clear()
    service.forget()
    fill(swarm, bay, plain)
    acts = {
        "plain": plain.list_all,
        "lists": service.list_all,
        "details": service.list_with_detail,
    }
    seconds: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(-1, rounds):
        for name, act in acts.items():
            began = time.monotonic()
            listed = act()
            took = time.monotonic() - began
            if listed != LISTED:
                raise SystemExit(f"{name} lists {listed}, not {LISTED}")
            if number >= 0:
                seconds[name].append(took)
    same = seconds.pop("plain")
    return {name: {"plain": same, "service": took} for name, took in seconds.items()}


def fill(swarm: Swarm, bay: Bay, plain: Plain) -> None:
    """Make what is to be listed, and its rows, without the service."""

    def make(number: int) -> models.Container:
        which = number % len(plain.clients)
        identity = str(uuid.uuid4())
        docker_id = plain.make(plain.clients[which], identity, bay.uuid)
        on = bay.database.read(
            lambda session: repository.by_uuid(session, models.Cluster, bay.uuid)
        )
        assert on is not None
        host = swarm.workers[which].address
        values = {"uuid": identity, "image": IMAGE, "docker_id": docker_id, "status": "Stopped"}
        return factories.container(on, host=host, host_id=f"n{which}", command=SLEEP, **values)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        rows = list(pool.map(make, range(LISTED)))
    bay.database.write(lambda session: session.add_all(rows))


@contextlib.contextmanager
def a_database() -> Iterator[Database]:
    """Yield an empty database on a server of its own."""
    servers = Servers()
    try:
        CONF([], project="magnum", default_config_files=[], default_config_dirs=[])
        db_options.set_defaults(CONF, connection=servers.url(DATABASE))
        database = Database()
        models.Base.metadata.create_all(database.engine)
        yield database
        database.engine.dispose()
    finally:
        servers.remove()


def main(words: Sequence[str]) -> None:
    """Measure, so many rounds."""
    rounds = int(words[0])
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # the plain SDK would prefer it
        os.environ.pop(name, None)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(a_database())
        swarm = stack.enter_context(started(1 + ENGINES))
        CONF.set_override("threads", 4 * AT_A_TIME, "api")
        bay = Bay(CONF, database, swarm)
        stack.callback(bay.close)
        plain, service = Plain(swarm, folder), Service(bay)
        stack.callback(lambda: [client.close() for client in plain.clients])
        found = {
            "creations": creations(swarm, plain, service, rounds),
            **lists(swarm, bay, plain, service, 5 * rounds),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
