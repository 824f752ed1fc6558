# SPDX-License-Identifier: Apache-2.0
"""The commands of the documentation, as they stand there."""

import pathlib
from collections.abc import Callable, Iterator, Mapping

import pytest

from deployment import installation
from deployment.client import credentials
from deployment.cloud import User
from deployment.service import Deployment
from tests import documented
from tests.functional.bays import PATIENCE
from tests.functional.conftest import CLIENTS
from tests.functional.shell import Shell

NEWER_CLIENT = "newer-client"
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
