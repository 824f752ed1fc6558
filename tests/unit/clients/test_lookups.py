# SPDX-License-Identifier: Apache-2.0
"""What the API looks up with the caller's token: Nova, Glance, Neutron."""

import uuid

import pytest
from keystoneauth1.exceptions import ConnectFailure

from magnum.clients import glance, neutron, nova
from magnum.clients.errors import NotPermitted
from magnum.core.errors import Ambiguous, KeypairNotFound, ReferencedMissing, Unavailable
from tests.fakes.http import Answer


@pytest.fixture
def session(cloud):
    return cloud.tenant()[1]


def test_a_keypair_gives_its_public_key(session):
    assert nova.keypair_public_key(session, "testkey") == "ssh-ed25519 AAAA test"


@pytest.mark.parametrize("name", ["nope", "../flavors/detail", "a/b?c"])
def test_a_keypair_that_is_not_there_is_404(session, name):
    with pytest.raises(KeypairNotFound, match="no Nova keypair") as caught:
        nova.keypair_public_key(session, name)
    assert caught.value.code == 404


@pytest.mark.parametrize("wanted", ["m1.large", "2"])
def test_a_flavor_is_found_by_name_or_id_on_any_page(session, wanted):
    assert nova.find_flavor(session, wanted).name == "m1.large"


def test_a_flavor_that_is_not_there_is_400(session):
    with pytest.raises(ReferencedMissing, match="no flavor m9"):
        nova.find_flavor(session, "m9")


def test_an_image_is_found_by_name_or_id(cloud, session):
    found = glance.find_image(session, "fedora-atomic-latest")
    assert found.os_distro == "fedora-atomic"
    assert glance.find_image(session, found.id) == found


def test_an_image_whose_name_looks_like_an_id_is_found(cloud, session):
    name = str(uuid.uuid4())
    image_id = cloud.glance.add(name, os_distro="coreos")
    assert glance.find_image(session, name).id == image_id


@pytest.mark.parametrize("wanted", ["nope", str(uuid.uuid4())])
def test_an_image_that_is_not_there_is_400(session, wanted):
    with pytest.raises(ReferencedMissing, match="There is no image"):
        glance.find_image(session, wanted)


def test_an_image_without_distribution_is_400_and_says_how_to_set_it(cloud, session):
    cloud.glance.add("plain")
    with pytest.raises(ReferencedMissing, match="--property os_distro="):
        glance.find_image(session, "plain")


def test_several_images_of_a_name_are_409(cloud, session):
    cloud.glance.add("twin", os_distro="x")
    cloud.glance.add("twin", os_distro="y")
    with pytest.raises(Ambiguous):
        glance.find_image(session, "twin")


def test_an_image_that_is_forbidden_is_403(cloud, session):
    cloud.glance.trouble = Answer(403, "<html>no</html>")
    with pytest.raises(NotPermitted):
        glance.find_image(session, "x")


@pytest.mark.parametrize("wanted", ["public", "net-public"])
def test_an_external_network_is_found_by_name_or_id(session, wanted):
    assert neutron.find_external_network(session, wanted) == "net-public"


@pytest.mark.parametrize(
    ("wanted", "words"), [("nope", "no network nope"), ("private", "private is not external")]
)
def test_a_network_that_does_not_fit_is_400(session, wanted, words):
    with pytest.raises(ReferencedMissing, match=words):
        neutron.find_external_network(session, wanted)


def test_several_external_networks_of_a_name_are_409(cloud, session):
    cloud.neutron.networks.append({"id": "2", "name": "public", "router:external": True})
    with pytest.raises(Ambiguous):
        neutron.find_external_network(session, "public")


def test_a_private_network_of_the_same_name_does_not_matter(cloud, session):
    cloud.neutron.networks.append({"id": "2", "name": "public", "router:external": False})
    assert neutron.find_external_network(session, "public") == "net-public"


def test_addresses_are_those_of_a_role_fixed_and_floating(cloud, session):
    masters, workers = "magnum-role-master", "magnum-role-worker"
    cloud.neutron.add_port("p1", "n", "10.0.0.1", "magnum-cluster-c1", masters)
    cloud.neutron.add_port("p2", "n", "10.0.0.2", "magnum-cluster-c1", masters)
    cloud.neutron.add_port("p3", "n", "10.0.0.3", "magnum-cluster-c1", masters)
    cloud.neutron.add_port("p4", "n", "10.0.0.4", "magnum-cluster-c1", workers)
    cloud.neutron.add_port("p5", "n", "10.0.0.5", "magnum-cluster-c2", masters)
    for port, address in (("p3", "198.18.0.3"), ("p4", "198.18.0.4")):
        cloud.neutron.floatingips.append({"port_id": port, "floating_ip_address": address})
    found = neutron.addresses_tagged(session, "c1", "master")
    assert found == {"10.0.0.1", "10.0.0.2", "10.0.0.3", "198.18.0.3"}


def test_no_ports_means_no_addresses(cloud, session):
    cloud.neutron.floatingips.append({"port_id": "x", "floating_ip_address": "198.18.0.9"})
    assert neutron.addresses_tagged(session, "c1", "master") == set()


def test_leftover_ports_are_listed_and_deleted(cloud, session):
    cloud.neutron.add_port("p1", "n", "10.0.0.1", "t", device_owner="network:dhcp")
    cloud.neutron.add_port("p2", "other", "10.0.0.2")
    (port,) = neutron.ports_on_network(session, "n")
    assert (port.id, port.device_owner, port.tags) == (
        "p1",
        "network:dhcp",
        frozenset({"t"}),
    )
    for _ in range(2):
        neutron.delete_port(session, "p1")
    assert neutron.ports_on_network(session, "n") == []


@pytest.mark.parametrize("trouble", [Answer(503), ConnectFailure("refused")])
@pytest.mark.parametrize(
    ("service", "ask"),
    [
        ("nova", lambda session: nova.keypair_public_key(session, "k")),
        ("nova", lambda session: nova.find_flavor(session, "f")),
        ("glance", lambda session: glance.find_image(session, "i")),
        ("neutron", lambda session: neutron.find_external_network(session, "n")),
        ("neutron", lambda session: neutron.addresses_tagged(session, "c", "master")),
        ("neutron", lambda session: neutron.delete_port(session, "p")),
    ],
)
def test_a_service_that_is_down_is_503(cloud, session, service, ask, trouble):
    getattr(cloud, service).trouble = trouble
    with pytest.raises(Unavailable, match=f"{service.capitalize()} does not answer"):
        ask(session)
