# SPDX-License-Identifier: Apache-2.0
"""The service on a mini cloud, for all functional tests."""

import pathlib
import shutil
from collections.abc import Iterator, Sequence

import pytest

from deployment import cloud as clouds, installation, inventory
from deployment.client import Client
from deployment.cloud import Cloud, User
from deployment.configuration import Options
from deployment.service import Deployment, wrapped_with
from deployment.sessions import Session
from magnum import rpc  # noqa: F401 -- bars eventlet before a library that looks for it
from quality import environment
from tests.functional import accounts
from tests.functional.bays import Bays
from tests.functional.nodes import Nodes

DATABASE = "magnum_functional"
FOLDER = environment.cache() / "functional"
CLIENTS = ("2.1.0", "3.6.0")
NOTIFICATIONS = {"driver": "messagingv2", "topics": "magnum_functional"}


def pytest_report_header() -> str:
    return f"logs of the service: {FOLDER}"


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
def deployment(
    cloud: Cloud,
    programs: pathlib.Path,
    modules: pathlib.Path,
) -> Iterator[Deployment]:
    """The service, running: an API and two conductors, with an empty database of their own."""
    extra = {"oslo_messaging_notifications": NOTIFICATIONS}
    made = Deployment(cloud, programs, FOLDER, DATABASE, extra)
    made.claim()
    accounts.restore(cloud)
    shutil.rmtree(FOLDER, ignore_errors=True)
    made.configure()
    made.create_database()
    made.migrate()
    try:
        _start(made, modules)
        yield made
    finally:
        made.stop()
        made.release()


def _start(made: Deployment, modules: pathlib.Path) -> None:
    """Start an API and two conductors."""
    wrapper = wrapped_with("wrapper.py", str(modules))
    made.start_api(wrapper)
    for name in ("conductor-1", "conductor-2"):
        made.start_conductor(name, wrapper)


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
        self._deployment.extra = extra
        self._deployment.configure()
        if prepare:
            self._deployment.run("magnum-db-manage", *prepare)
        _start(self._deployment, self._modules)


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
    _start(deployment, modules)


@pytest.fixture(scope="session")
def demo(cloud: Cloud) -> User:
    """The user whose project most tests work in."""
    return cloud.user("demo")


@pytest.fixture(scope="session")
def bays(deployment: Deployment, demo: User) -> Bays:
    """The bays of the user demo's project."""
    return Bays(Session.of(deployment.cloud, demo))


@pytest.fixture(scope="session")
def model(bays: Bays) -> str:
    """A baymodel in the user demo's project, that all can use."""
    return bays.create_model()


@pytest.fixture(scope="session", params=CLIENTS)
def magnum(request: pytest.FixtureRequest, deployment: Deployment, demo: User) -> Client:
    """Each client in turn, as the user demo."""
    return Client(installation.client(request.param), deployment.cloud, demo)


@pytest.fixture
def nodes(cloud: Cloud) -> Iterator[Nodes]:
    """The mini cloud's nodes, which work again in the end."""
    nodes = Nodes(pathlib.Path(cloud.facts["nodes_control"]))
    yield nodes
    nodes.behave()


@pytest.fixture
def nothing_left(deployment: Deployment, demo: User) -> Iterator[None]:
    """Fails the test when the project holds something afterwards that it did not hold before."""
    before = inventory.take(deployment.cloud, demo)
    yield
    left = inventory.left_behind(deployment.cloud, demo, before)
    assert not left, "left behind: " + ", ".join(sorted(map(str, left)))
