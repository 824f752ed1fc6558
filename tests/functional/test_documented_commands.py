# SPDX-License-Identifier: Apache-2.0
"""The commands of the documentation, as they stand there."""

import pathlib
from collections.abc import Callable, Iterator, Mapping

import pytest

from deployment import installation
from deployment.client import credentials
from deployment.cloud import User
from deployment.service import Deployment
from deployment.sessions import Session
from tests import documented
from tests.functional.bays import PATIENCE
from tests.functional.conftest import CLIENTS
from tests.functional.shell import Shell

NEWER_CLIENT = "newer-client"
TYPES = ("container-infra", "container")
OURS = ("magnum-api", "magnum-conductor", "magnum-db-manage")

Open = Callable[[User, str, Mapping[str, str]], Shell]


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
        own = {"HOME": str(tmp_path), "PATH": path, "LANG": "C.UTF-8", "NO_PROXY": "*"}
        shell = Shell(tmp_path, own | credentials(deployment.cloud, user) | dict(more))
        shells.append(shell)
        return shell

    yield open_one
    for shell in shells:
        shell.close()


def follow(page: str, shell: Shell, without: str = "") -> None:
    """Type all that a page says is run, block by block."""
    blocks = [
        block
        for block in documented.blocks(documented.SOURCE / page, "console")
        if "run" in block.classes and without not in block.classes
    ]
    assert blocks
    for block in blocks:
        for command in documented.commands(block):
            shell.follow(command, PATIENCE)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("client", CLIENTS)
def test_bay_lives_as_the_users_guide_tells(client: str, open_shell: Open, demo: User) -> None:
    without = NEWER_CLIENT if client == CLIENTS[0] else ""
    follow("user/life-of-a-bay.rst", open_shell(demo, client, {}), without)


@pytest.fixture
def no_entry(deployment: Deployment) -> Iterator[User]:
    """The administrator of a cloud whose catalogue does not know the service meanwhile."""
    admin = deployment.cloud.user("admin")
    session = Session.of(deployment.cloud, admin)
    ours = [one for one in _services(session) if one["type"] in TYPES]
    for one in ours:
        _change(session, one, f"{one['type']}-aside")
    try:
        yield admin
    finally:
        for one in _services(session):
            if one["type"] in TYPES:
                session.call("DELETE", "identity", f"/services/{one['id']}")
        for one in ours:
            _change(session, one, one["type"])


def _services(session: Session) -> list[dict[str, str]]:
    return list(session.get("identity", "/services")["services"])


def _change(session: Session, service: Mapping[str, str], kind: str) -> None:
    session.call("PATCH", "identity", f"/services/{service['id']}", {"service": {"type": kind}})


def test_service_is_installed_as_the_page_tells(
    open_shell: Open, deployment: Deployment, no_entry: User
) -> None:
    cloud = deployment.cloud
    values = {
        "MAGNUM_URL": cloud.magnum_url,
        "REGION": cloud.facts["region"],
        "MAGNUM_PASSWORD": cloud.service_user.password,
        "TRUSTEE_PASSWORD": cloud.facts["trustee_domain"]["admin_password"],
    }
    follow("admin/installing.rst", open_shell(no_entry, CLIENTS[1], values))
