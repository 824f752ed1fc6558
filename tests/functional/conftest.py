# SPDX-License-Identifier: Apache-2.0
"""The service on a mini cloud, for all functional tests."""

import ipaddress
import pathlib
import re
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from deployment import cloud as clouds, installation, inventory, sentinel
from deployment.client import Client, credentials
from deployment.cloud import Cloud, User
from deployment.configuration import Options, layered
from deployment.sentinel import Sentinel
from deployment.service import Deployment, wrapped_with
from deployment.sessions import Session
from magnum import rpc  # noqa: F401 -- bars eventlet before a library that looks for it
from minicloud.real_nodes import ability
from quality import environment
from tests.functional import accounts
from tests.functional.bays import Bays
from tests.functional.networks import there
from tests.functional.nodes import Nodes
from tests.functional.real_nodes import RealNodes
from tests.functional.shell import Open, Shell
from tests.functional.swarms import Swarms, without_trace

DATABASE = "magnum_functional"
FOLDER = environment.cache() / "functional"
CLIENTS = ("2.1.0", "3.6.0")
OURS = ("magnum-api", "magnum-conductor", "magnum-db-manage", "magnum-status")
NOTIFICATIONS = {"driver": "messagingv2", "topics": "magnum_functional"}


_COMPLAINT = re.compile(r"^\S+ \S+ \d+ (?:WARNING|ERROR|CRITICAL) (?!neutronclient)")

# What goes wrong without it is in no log, and no secret either.
DEBUG = {"DEFAULT": {"debug": "True"}}


def pytest_report_header() -> str:
    return f"logs of the service: {FOLDER}"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tell of what fails at once, tried again or not: a run that is ended sums up nothing."""
    if report.outcome in {"failed", "rerun"}:
        said = f"\n{report.nodeid} ({report.when}): {report.longreprtext}\n{_complaints()}"
        print(said, flush=True)  # noqa: T201 -- part of what the run itself prints


def _complaints() -> str:
    """Return the last warnings and errors of the service, of Heat and of Nova."""
    logs = sorted(FOLDER.glob("*.log"))
    logs += [
        clouds.DEFAULT_PREFIX / "log" / f"{name}.log" for name in ("heat-engine", "nova-compute")
    ]
    told = []
    for log in filter(pathlib.Path.exists, logs):
        lines = log.read_text(errors="replace").splitlines()
        found = [line[:400] for line in lines if _COMPLAINT.search(line)]
        told += [f"--- {log.name}", *found[-8:]] if found else []
    return "\n".join(told)


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """A mini cloud; one that is up already stays up."""
    prefix = clouds.DEFAULT_PREFIX
    was_up = clouds.is_up(prefix)
    yield clouds.up(prefix)
    if not was_up:
        clouds.down(prefix)


@pytest.fixture(scope="session")
def programs() -> pathlib.Path:
    """The programs of the service, installed as `pip install .` does."""
    return installation.service()


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder where each process of the service writes down which modules it has."""
    return tmp_path_factory.mktemp("modules")


@pytest.fixture(scope="session")
def metrics_ports(cloud: Cloud) -> list[int]:
    """Free ports for the metrics of an API and two conductors."""
    sockets = [socket.create_server((cloud.address, 0)) for _ in range(3)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def metrics_options(cloud: Cloud, ports: Sequence[int]) -> Options:
    """Return the options by which the API has the first of the ports."""
    api, *conductors = map(str, ports)
    found = {"host": cloud.address, "api_port": api, "conductor_ports": ",".join(conductors)}
    return {"metrics": found}


@pytest.fixture(scope="session")
def deployment(
    cloud: Cloud, programs: pathlib.Path, modules: pathlib.Path, metrics_ports: list[int]
) -> Iterator[Deployment]:
    """The service, running: an API and two conductors, with an empty database of their own.

    In the end no log of any test may hold a secret.
    """
    notifying = {"oslo_messaging_notifications": NOTIFICATIONS}
    extra = layered(DEBUG, notifying, metrics_options(cloud, metrics_ports))
    made = Deployment(cloud, programs, FOLDER, DATABASE, extra)
    made.claim()
    try:
        accounts.restore(cloud)
        shutil.rmtree(FOLDER, ignore_errors=True)
        made.configure()
        made.create_database()
        made.migrate()
        start(made, modules)
        yield made
        made.stop()
        _assert_no_secret_is_told(cloud, modules)  # before the next deployment has the folder
    finally:
        made.stop()
        made.release()


def _assert_no_secret_is_told(cloud: Cloud, modules: pathlib.Path) -> None:
    """Search all that the service and its programs wrote in this session."""
    logs = sorted(FOLDER.rglob("*.log"))
    for name in ("magnum-api", "conductor-1", "conductor-2"):
        text = (FOLDER / f"{name}.log").read_text()
        assert " DEBUG magnum" in text, f"{name} did not log all it could, which proves nothing"
    secrets = sentinel.secrets_of_cloud(cloud.facts) | sentinel.confessed(modules)
    hits = Sentinel(secrets).search(logs)
    assert not hits, "\n".join(map(str, hits[:20]))


def start(made: Deployment, modules: pathlib.Path) -> None:
    """Start an API, and two conductors at the same time."""
    wrapper = wrapped_with("wrapper.py", str(modules))
    made.start_api(wrapper)
    with ThreadPoolExecutor(2) as pool:
        names = ("conductor-1", "conductor-2")
        list(pool.map(lambda name: made.start_conductor(name, wrapper), names))


class Restart:
    """Starts the service anew with other options, over the same database."""

    def __init__(self, deployment: Deployment, modules: pathlib.Path) -> None:
        self._deployment = deployment
        self._modules = modules

    def __call__(self, extra: Options, prepare: Sequence[str] = ()) -> None:
        """Restart it.

        :param extra: options over those an operator has to set.
        :param prepare: words for magnum-db-manage, run with these options before the start.
        """
        self._deployment.stop()
        self._deployment.extra = layered(DEBUG, extra)
        self._deployment.configure()
        if prepare:
            self._deployment.run("magnum-db-manage", *prepare)
        start(self._deployment, self._modules)


@pytest.fixture
def restart(deployment: Deployment, modules: pathlib.Path) -> Iterator[Restart]:
    """A way to change options; they are as before after the test."""
    before = deployment.extra
    restart = Restart(deployment, modules)
    yield restart
    restart(before)


@pytest.fixture
def stopped(deployment: Deployment, modules: pathlib.Path) -> Iterator[None]:
    """The service does not run, for a test that starts one of its own."""
    deployment.stop()
    yield
    start(deployment, modules)


@pytest.fixture(scope="session")
def demo(cloud: Cloud) -> User:
    """The user whose project most tests work in."""
    return cloud.user("demo")


@pytest.fixture(scope="session")
def bays(deployment: Deployment, demo: User) -> Bays:
    """The bays of the user demo's project."""
    return Bays(Session.of(deployment.cloud, demo))


@pytest.fixture(scope="session")
def quick(bays: Bays, cloud: Cloud) -> Iterator[dict[str, Any]]:
    """What in a baymodel of the user demo's project has Heat make bays in half the time.

    They lie on a network that is there, and have no addresses outside.  Those they have are of the
    range that this machine takes for its own, and refuses at once, as it does floating IPs.
    """
    outside = ipaddress.ip_network(cloud.facts["external_network"]["range"])
    *_, last = outside.subnets(new_prefix=24)
    with there(bays.session, str(last)) as network:
        yield {"fixed_network": network.name, "floating_ip_enabled": False}


@pytest.fixture(scope="session")
def model(bays: Bays, quick: dict[str, Any]) -> str:
    """A baymodel in the user demo's project, for those who care little what is in its bays."""
    return bays.create_model(**quick)


@pytest.fixture(scope="session", params=CLIENTS)
def magnum(request: pytest.FixtureRequest, deployment: Deployment, demo: User) -> Client:
    """Each client in turn, as the user demo."""
    return Client(installation.client(request.param), deployment.cloud, demo)


@pytest.fixture(scope="session")
def all_nodes(cloud: Cloud) -> Nodes:
    """The mini cloud's nodes; who rules them sees to it that they work again in the end."""
    return Nodes(pathlib.Path(cloud.facts["nodes_control"]))


@pytest.fixture
def nodes(all_nodes: Nodes) -> Iterator[Nodes]:
    """The mini cloud's nodes, which work again in the end."""
    yield all_nodes
    all_nodes.behave()


@pytest.fixture
def nothing_left(
    deployment: Deployment, demo: User, bays: Bays, quick: dict[str, Any]
) -> Iterator[None]:
    """Fails the test when the project holds something afterwards that it did not hold before."""
    before = inventory.take(deployment.cloud, demo)
    yield
    left = inventory.left_behind(deployment.cloud, demo, before)
    if left:  # the tests that follow are not to be judged by this one
        bays.clear()
    assert not left, "left behind: " + ", ".join(sorted(map(str, left)))


@pytest.fixture(scope="session")
def real(cloud: Cloud) -> RealNodes:
    """The cloud's real nodes, brought up if it has none yet."""
    if cloud.facts["real_nodes"] is None:
        if reason := ability.reason_against():
            pytest.skip(f"no real nodes on this machine: {reason}")
        cloud = clouds.up(cloud.prefix, "--nodes")
    return RealNodes(cloud)


@pytest.fixture(scope="module")
def no_swarms(
    real: RealNodes,
    deployment: Deployment,
    demo: User,
    bays: Bays,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Swarms]:
    """Bays of real nodes, none yet; all that a module makes are gone without a trace in the end."""
    magnum = Client(installation.client("3.6.0"), deployment.cloud, demo)
    made = Swarms(real, bays, magnum, tmp_path_factory.mktemp("swarms"))
    with without_trace(real, deployment.cloud, demo):
        try:
            yield made
        finally:
            made.delete_all()


@pytest.fixture
def open_shell(deployment: Deployment, tmp_path: pathlib.Path) -> Iterator[Open]:
    """A shell as a user of the mini cloud has it, with one client's programs."""
    shells = []

    def open_one(user: User, client: str, more: Mapping[str, str]) -> Shell:
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "magnum").symlink_to(installation.client(client))
        (programs / "openstack").symlink_to(deployment.cloud.prefix / "bin" / "openstack")
        for name in OURS:
            (programs / name).symlink_to(deployment.programs / name)
        # Where they look when they are not told.
        (tmp_path / ".magnum").mkdir()
        (tmp_path / ".magnum" / "magnum.conf").symlink_to(deployment.config)
        path = f"{programs}:/usr/local/bin:/usr/bin:/bin"
        own = {"HOME": str(tmp_path), "PATH": path, "LANG": "C.UTF-8", "SHELL": "/bin/bash"}
        shell = Shell(tmp_path, own | credentials(deployment.cloud, user) | dict(more))
        shells.append(shell)
        return shell

    yield open_one
    for shell in shells:
        shell.close()
