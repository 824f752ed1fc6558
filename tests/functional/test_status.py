# SPDX-License-Identifier: Apache-2.0
"""magnum-status on a real cloud: content with a good one, and finding what is really broken."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from deployment import inventory
from deployment.cloud import Cloud
from deployment.configuration import Options
from deployment.service import Deployment
from deployment.sessions import Session

SECONDS = 60  # for a whole run; a good one takes three


# What tests with other kinds of queues declared outlives them, and could not be used.
OWN_EXCHANGE = "[DEFAULT]\ncontrol_exchange = magnum_status\n"


class Status:
    """Runs magnum-status with a deployment's configuration."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def __call__(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """Return its exit status, and what it told of each check; it tells no password."""
        config = self._deployment.config
        exchange = self._deployment.folder / "status.conf"
        exchange.write_text(OWN_EXCHANGE)
        done = subprocess.run(
            [
                self._deployment.programs / "magnum-status",
                *("--config-file", config, "--config-file", exchange),
                *("upgrade", "check", "--json"),
            ],
            cwd=self._deployment.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        for secret in _secrets(config.read_text()):
            assert secret not in done.stdout + done.stderr
        told = json.loads(done.stdout)["checks"]
        return done.returncode, {one["check"]: one for one in told}


def _secrets(config: str) -> list[str]:
    """Return the passwords in a configuration."""
    lines = [line.partition(" = ") for line in config.splitlines()]
    named = [value for name, _, value in lines if "password" in name]
    urls = [value for *_, value in lines if "://" in value and "@" in value]
    return named + [url.partition("@")[0].rpartition(":")[2] for url in urls]


@pytest.fixture
def status(deployment: Deployment) -> Status:
    return Status(deployment)


@pytest.fixture
def options(deployment: Deployment) -> Iterator[Any]:
    """A way to write other options; the service, which runs, does not read them."""
    before = deployment.extra

    def write(extra: Options) -> None:
        deployment.extra = extra
        deployment.configure()

    yield write
    write(before)


def found_wrong(told: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, one in told.items() if one["result"]}


def test_good_cloud_is_green_and_nothing_is_left(
    deployment: Deployment, cloud: Cloud, status: Status
) -> None:
    service = cloud.service_user
    before = inventory.take(cloud, service)
    roles = _roles(cloud)
    code, told = status()
    assert (code, found_wrong(told)) == (0, set()), told
    assert len(told) == 11
    assert inventory.left_behind(cloud, service, before) == set()
    assert _roles(cloud) == roles


def _roles(cloud: Cloud) -> set[str]:
    admin = Session.of(cloud, cloud.user("admin"))
    service = cloud.service_user
    query = f"user.id={service.id}&scope.project.id={service.project_id}"
    listed = admin.get("identity", f"/role_assignments?{query}")["role_assignments"]
    return {one["role"]["id"] for one in listed}


def test_wrong_password_of_the_domains_admin_is_found(status: Status, options: Any) -> None:
    options({"trust": {"trustee_domain_admin_password": "wrong"}})
    code, told = status()
    assert (code, found_wrong(told)) == (2, {"Trustee domain"})
    assert "Check the options of [trust]" in told["Trustee domain"]["details"]


def test_wrong_password_at_the_broker_is_found(
    cloud: Cloud, deployment: Deployment, status: Status, options: Any
) -> None:
    url = f"rabbit://minicloud:wrong@{cloud.address}:5672/"
    options({"DEFAULT": {"transport_url": url}})
    code, told = status()
    assert (code, found_wrong(told)) == (2, {"Message broker"})
    options({"DEFAULT": {"transport_url": f"rabbit://minicloud:wrong-too@{cloud.address}:1/"}})
    code, told = status()
    assert (code, found_wrong(told)) == (2, {"Message broker"})


def test_user_that_may_not_grant_is_found(cloud: Cloud, status: Status, options: Any) -> None:
    user = cloud.user("demo")
    login = {"username": user.name, "password": user.password, "project_name": user.project}
    options({"keystone_authtoken": login})
    code, told = status()
    assert code == 2
    assert "openstack role add" in told["Roles for the service user"]["details"]


def test_schema_that_is_behind_is_found(deployment: Deployment, status: Status) -> None:
    deployment.run("magnum-db-manage", "stamp", "0002")
    try:
        code, told = status()
    finally:
        deployment.run("magnum-db-manage", "stamp", "head")
    assert (code, found_wrong(told)) == (2, {"Database schema"})
    assert "magnum-db-manage upgrade" in told["Database schema"]["details"]


def test_endpoint_without_version_is_found(cloud: Cloud, status: Status) -> None:
    admin = Session.of(cloud, cloud.user("admin"))
    name = f"status-{uuid.uuid4().hex[:8]}"
    service = {"service": {"name": name, "type": "container-infra"}}
    made = admin.call("POST", "identity", "/services", service)["service"]["id"]
    endpoint = {
        "interface": "public",
        "service_id": made,
        "url": cloud.magnum_url,
        "region_id": "RegionOne",
    }
    try:
        admin.call("POST", "identity", "/endpoints", {"endpoint": endpoint})
        code, told = status()
    finally:
        admin.call("DELETE", "identity", f"/services/{made}")
    assert (code, found_wrong(told)) == (2, {"Catalogue"})
    assert f"--url {cloud.magnum_url}/v1" in told["Catalogue"]["details"]


def test_heat_that_is_away_is_found(cloud: Cloud, status: Status, options: Any) -> None:
    options({"heat_client": {"endpoint_override": f"http://{cloud.address}:1/v1/x"}})
    code, told = status()
    assert (code, found_wrong(told)) == (2, {"Heat's stack domain"})
