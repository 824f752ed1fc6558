# SPDX-License-Identifier: Apache-2.0
"""What a baymodel names is looked up in the real services, with the caller's token."""

import contextlib
import dataclasses
import time
import uuid
from collections.abc import Iterator

import pytest

from deployment import cloud as clouds
from deployment.cloud import Cloud, User
from deployment.service import Deployment
from deployment.sessions import Reply, Session
from minicloud.processes import Processes
from tests.functional.bays import SWARM, Bays
from tests.functional.networks import Network, routed, there

pytestmark = pytest.mark.usefixtures("nothing_left")


@dataclasses.dataclass(frozen=True)
class Things:
    """What the user demo has besides what all have."""

    network: Network
    image_without_distro: str


@pytest.fixture
def things(bays: Bays) -> Iterator[Things]:
    session, name = bays.session, f"checks-{uuid.uuid4().hex[:8]}"
    plain = {"name": name, "disk_format": "qcow2", "container_format": "bare"}
    image = session.call("POST", "image", "/v2/images", plain)["id"]
    with there(session) as network:
        yield Things(network=network, image_without_distro=name)
    session.call("DELETE", "image", f"/v2/images/{image}")


def make(bays: Bays, **fields: object) -> Reply:
    """Ask for a baymodel, and delete it when it is made."""
    reply = bays.send("POST", "/baymodels", {**SWARM, **fields})
    if reply.status == 201:
        bays.session.call("DELETE", "container-infra", f"/baymodels/{reply.body['uuid']}")
    return reply


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ("image_id", 400),
        ("flavor_id", 400),
        ("master_flavor_id", 400),
        ("keypair_id", 404),
        ("external_network_id", 400),
        ("fixed_network", 400),
    ],
)
@pytest.mark.parametrize("value", ["nope", "8c1e0000-0000-4000-8000-000000000000", "in:\"'%/.."])
def test_what_is_not_there_is_named(bays: Bays, field: str, status: int, value: str) -> None:
    reply = make(bays, **{field: value})
    assert reply.status == status, reply
    assert reply.body["errors"][0]["title"].startswith(f"{field} is ")


def test_image_has_to_say_its_distribution(bays: Bays, things: Things) -> None:
    reply = make(bays, image_id=things.image_without_distro)
    assert reply.status == 400
    assert "os_distro" in reply.body["errors"][0]["title"]


def test_floating_addresses_come_from_external_networks(bays: Bays, things: Things) -> None:
    reply = make(bays, external_network_id=things.network.name)
    assert reply.status == 400
    assert reply.body["errors"][0]["title"].startswith("external_network_id is ")


def test_fixed_network_may_be_there_already_or_be_made(bays: Bays, things: Things) -> None:
    name = things.network.name
    existing = {"fixed_network": name, "fixed_subnet": name}
    assert make(bays, fixed_network=name).status == 201
    assert make(bays, **existing).status == 201
    assert make(bays, fixed_network="192.168.0.0/24").status == 201
    for wrong in ({**existing, "fixed_network": "public"}, {**existing, "fixed_subnet": "nope"}):
        reply = make(bays, **wrong)
        assert reply.status == 400
        assert reply.body["errors"][0]["title"].startswith("fixed_subnet is ")


def test_bay_lives_on_a_network_that_is_there_and_leaves_it(bays: Bays, things: Things) -> None:
    session, name = bays.session, things.network.name
    servers = f"/v2.0/ports?network_id={things.network.id}&device_owner=compute:nova"
    with routed(session, things.network):
        bay = bays.create(bays.create_model(fixed_network=name, fixed_subnet=name))
        bays.wait_for(bay, "CREATE_COMPLETE")
        assert len(session.get("network", servers)["ports"]) == 2
        bays.delete(bay)
        bays.wait_until_gone(bay)
        assert session.get("network", servers)["ports"] == []


@contextlib.contextmanager
def _volume_service_hidden(cloud: Cloud) -> Iterator[None]:
    """Take what makes volumes out of the catalogue, if it is there, and put it back."""
    admin = Session.of(cloud, cloud.user("admin"))
    found = admin.get("identity", "/services?type=volumev3")["services"]

    def enable(value: bool) -> None:
        for service in found:
            body = {"service": {"enabled": value}}
            admin.call("PATCH", "identity", f"/services/{service['id']}", body)

    enable(False)
    try:
        yield
    finally:
        enable(True)


def test_bay_with_volumes_needs_a_service_that_makes_them(
    bays: Bays, deployment: Deployment, demo: User
) -> None:
    model = bays.create_model(docker_volume_size=1)

    with _volume_service_hidden(deployment.cloud):
        # A token from before brings the catalogue of before.
        late = Bays(Session.of(deployment.cloud, demo))
        reply = late.send("POST", "/bays", {"name": "late", "baymodel_id": model})

    assert reply.status == 400, reply
    assert "docker_volume_size" in reply.body["errors"][0]["title"]
    assert "no volume service" in reply.body["errors"][0]["title"]
    bays.session.call("DELETE", "container-infra", f"/baymodels/{model}")


def test_service_that_is_down_is_named_at_once(bays: Bays, cloud: Cloud) -> None:
    try:
        Processes(cloud.prefix).stop(["glance"])
        began = time.monotonic()
        reply = make(bays)
        seconds = time.monotonic() - began
    finally:
        clouds.up(cloud.prefix)
    assert reply.status == 503
    assert reply.headers["retry-after"] == "5"
    assert reply.body["errors"][0]["title"].startswith("Glance does not answer")
    assert seconds < 20
