# SPDX-License-Identifier: Apache-2.0
"""What the plugin for DevStack does to a cloud, and that what it starts is a working service."""

import pathlib
import re
from collections.abc import Iterator

import pytest

from deployment.cloud import Cloud, User
from deployment.service import Deployment
from deployment.sessions import Session, Silent, send
from tests.devstack.stack import DevStack
from tests.functional.bays import Bays
from tests.functional.conftest import Restart

# Not the broker's driver: an exchange may be there from a deployment with other options.
_COMPLAINT = re.compile(
    r"^\S+ \S+ \d+ (?:WARNING|ERROR|CRITICAL) (?!oslo\.messaging\._drivers).*", re.MULTILINE
)


def _local(cloud: Cloud, programs: pathlib.Path) -> dict[str, str]:
    """Return what local.conf, or DevStack itself, would set on a machine with this cloud."""
    admin = cloud.user("admin")
    return {
        "HOST_IP": cloud.address,
        "REGION_NAME": cloud.facts["region"],
        "SERVICE_PASSWORD": cloud.service_user.password,
        "MAGNUM_TRUSTEE_DOMAIN_ADMIN_PASSWORD": cloud.facts["trustee_domain"]["admin_password"],
        "MAGNUM_SERVICE_PORT": str(cloud.facts["magnum_port"]),
        "KEYSTONE_SERVICE_URI": cloud.auth_url.removesuffix("/v3"),
        "MEMCACHE_SERVERS": cloud.facts["memcached_servers"],
        "DEVSTACK_PLUGINS": "heat,magnum",
        "SERVICE_TIMEOUT": "120",
        "PROGRAMS": str(programs),
        "DATABASE_URL": cloud.facts["database"]["url_template"],
        "TRANSPORT_URL": cloud.facts["transport_url"],
        "OPENSTACK": str(cloud.prefix / "bin" / "openstack"),
        "OS_AUTH_URL": cloud.auth_url,
        "OS_REGION_NAME": cloud.facts["region"],
        "OS_USERNAME": admin.name,
        "OS_PASSWORD": admin.password,
        "OS_PROJECT_NAME": admin.project,
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_IDENTITY_API_VERSION": "3",
    }


@pytest.fixture
def devstack(
    cloud: Cloud,
    programs: pathlib.Path,
    deployment: Deployment,
    restart: Restart,
    tmp_path: pathlib.Path,
) -> Iterator[DevStack]:
    """DevStack with the mini cloud, in place of the deployment for the time of a test."""
    deployment.stop()
    machine = DevStack(tmp_path, ["today", "minicloud"], **_local(cloud, programs))
    yield machine
    machine.run("unstack")
    machine.run("clean")
    Deployment(cloud, programs, tmp_path, "magnum_devstack").drop_database()


@pytest.mark.usefixtures("nothing_left")
def test_stack_starts_a_service_with_which_a_bay_lives_and_unstack_ends_it(
    devstack: DevStack, cloud: Cloud, demo: User
) -> None:
    ran = devstack.run("stack")
    assert ran.of("warn") == []
    assert send("GET", f"{cloud.magnum_url}/v1").status == 200
    assert devstack.options["trust"]["trustee_domain_id"] == cloud.facts["trustee_domain"]["id"]
    image = cloud.facts["images"]["fedora-21-atomic-5"]
    session = Session.of(cloud, demo)
    assert session.get("image", f"/v2/images/{image}")["os_distro"] == "fedora-atomic"

    bays = Bays(session)
    bay = bays.create(bays.create_model())
    bays.wait_for(bay, "CREATE_COMPLETE")
    assert list(devstack.certificates.glob("*.sealed"))
    bays.delete(bay)
    bays.wait_until_gone(bay)

    logs = {path.name: path.read_text() for path in devstack.room.glob("*.log")}
    assert set(logs) == {"magnum-api.log", "magnum-cond.log"}
    for name, text in logs.items():
        assert _COMPLAINT.findall(text) == [], name

    devstack.run("unstack")
    with pytest.raises(Silent):
        send("GET", f"{cloud.magnum_url}/v1")
