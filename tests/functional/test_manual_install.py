# SPDX-License-Identifier: Apache-2.0
"""The way Magnum was brought up by hand in 2015, every command as it was typed."""

import pathlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from deployment import installation, inventory
from deployment.client import Client, rows, table
from deployment.cloud import ROOT, Cloud, User
from deployment.processes import Process
from deployment.sessions import Session
from tests.functional import accounts
from tests.functional.bays import PATIENCE
from tests.functional.host import Forwarder, Host

CONFIGURATION = r"""
sudo mkdir /etc/magnum
sudo cp etc/magnum/magnum.conf.sample /etc/magnum/magnum.conf
sudo cp etc/magnum/policy.json /etc/magnum/policy.json
sudo sed -i "s/#debug\s*=.*/debug=true/" /etc/magnum/magnum.conf
sudo sed -i "s/#rabbit_userid\s*=.*/rabbit_userid=stackrabbit/" /etc/magnum/magnum.conf
sudo sed -i "s/#rabbit_password\s*=.*/rabbit_password=password/" /etc/magnum/magnum.conf
sudo sed -i "s/#connection\s*=.*/connection=mysql:\/\/root:password@localhost\/magnum/" \
  /etc/magnum/magnum.conf
sudo sed -i "s/#admin_user\s*=.*/admin_user=admin/" /etc/magnum/magnum.conf
sudo sed -i "s/#admin_password\s*=.*/admin_password=password/" /etc/magnum/magnum.conf
sudo sed -i "s/#identity_uri\s*=.*/identity_uri=http:\/\/127.0.0.1:35357/" \
  /etc/magnum/magnum.conf
sudo sed -i "s/#auth_uri\s*=.*/auth_uri=http:\/\/127.0.0.1:5000\/v2.0/" \
  /etc/magnum/magnum.conf
sudo sed -i "s/#driver\s*=.*/driver=messaging/" /etc/magnum/magnum.conf
"""
DATABASE = "CREATE DATABASE IF NOT EXISTS magnum DEFAULT CHARACTER SET utf8;"
LEGACY = (
    'Option "rabbit_userid"',
    'Option "rabbit_password"',
    'Option "admin_user"',
    'Option "admin_password"',
    'Option "identity_uri"',
    'Option "auth_uri"',
    "[database] connection: write mysql+pymysql://",
)


def commands() -> list[str]:
    """Return the commands one by one."""
    whole = CONFIGURATION.replace("\\\n", "")
    return [line for line in whole.splitlines() if line]


def copy_checkout(target: pathlib.Path) -> None:
    """Copy what git knows, or would if it were told."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name, follow_symlinks=False)


@pytest.fixture
def machine(cloud: Cloud, stopped: None) -> Iterator[Cloud]:
    """The mini cloud with the accounts of then, all on this machine; they go again."""
    ports = cloud.facts["ports"]
    listening = {
        35357: ports["keystone"],
        5000: ports["keystone"],
        3306: ports["mariadb"],
        5672: ports["rabbitmq"],
    }
    with ExitStack() as stack:
        for account in (
            accounts.catalogue,
            accounts.broker,
            accounts.database,
            accounts.administrator,
        ):
            stack.enter_context(account(cloud))
        for port, service in listening.items():
            stack.enter_context(closing(Forwarder(port, (cloud.address, service))))
        yield accounts.with_old_admin(cloud)


@pytest.fixture
def host(tmp_path: pathlib.Path) -> Iterator[Host]:
    """A host with a checkout to stand in and a virtual environment first on PATH."""
    copy_checkout(tmp_path / "magnum")
    subprocess.run(["python3", "-m", "venv", str(tmp_path / "venv")], check=True)
    with closing(Host(tmp_path, tmp_path / "venv" / "bin")) as host:
        host.cwd = tmp_path / "magnum"
        yield host


def register(cloud: Cloud) -> None:
    """Make the catalogue entry of then."""
    admin = Session.of(cloud, cloud.user("admin"))
    service = {
        "name": "magnum",
        "type": "container",
        "description": "Magnum Container Service",
    }
    made = admin.call("POST", "identity", "/services", {"service": service})["service"]
    for interface in ("public", "internal", "admin"):
        endpoint = {
            "service_id": made["id"],
            "region_id": "RegionOne",
            "interface": interface,
            "url": "http://127.0.0.1:9511/v1",
        }
        admin.call("POST", "identity", "/endpoints", {"endpoint": endpoint})


def wait_for(magnum: Client, wanted: str) -> None:
    """Wait until the only bay of ours has a status; an empty one when it is to be gone."""
    deadline = time.monotonic() + PATIENCE
    while (status := status_of_bay(magnum)) != wanted:
        assert not status.endswith("_FAILED"), magnum.run("bay-show", "swarmbay")
        assert time.monotonic() < deadline, status
        time.sleep(2)


def status_of_bay(magnum: Client) -> str:
    return "".join(row["status"] for row in rows(magnum.run("bay-list")))


def use(magnum: Client) -> None:
    """Make a baymodel and a bay, and delete both."""
    magnum.run(
        *("baymodel-create", "--name", "swarmmodel", "--coe", "swarm"),
        *("--image-id", "fedora-21-atomic-5", "--keypair-id", "testkey"),
        *("--external-network-id", "public", "--flavor-id", "m1.small"),
    )
    magnum.run("bay-create", "--name", "swarmbay", "--baymodel", "swarmmodel", "--node-count", "1")
    wait_for(magnum, "CREATE_COMPLETE")
    assert table(magnum.run("bay-show", "swarmbay"))["api_address"].endswith(":2376")
    magnum.run("bay-delete", "swarmbay")
    wait_for(magnum, "")
    magnum.run("baymodel-delete", "swarmmodel")


def test_what_was_typed_in_2015_ends_at_a_bay(machine: Cloud, host: Host, demo: User) -> None:
    before = inventory.take(machine, demo)
    host.type("sudo pip install -e .")
    host.type(f"mysql -h 127.0.0.1 -u root -ppassword mysql -e '{DATABASE}'")
    for command in commands():
        host.type(command)
    host.type("magnum-db-manage upgrade")
    register(machine)
    started: list[Process] = []
    try:
        started += [host.start("magnum-api"), host.start("magnum-conductor")]
        started[0].wait_until(lambda: "Listening at" in started[0].log.read_text())
        use(Client(installation.client("2.1.0"), machine, demo))
        for process in started:
            assert process.running
    finally:
        for process in started:
            process.stop()
    api, conductor = (process.log.read_text() for process in started)
    for warning in LEGACY:
        assert (api.count(warning), conductor.count(warning)) == (1, 1), warning
    assert conductor.count("the domain magnum") == 1
    assert ":password@" not in api + conductor
    left = inventory.left_behind(machine, demo, before)
    assert not left, "left behind: " + ", ".join(sorted(map(str, left)))
