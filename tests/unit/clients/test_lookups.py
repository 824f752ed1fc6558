# SPDX-License-Identifier: Apache-2.0
"""What the API looks up with the caller's token: Nova, Glance, Neutron."""

import uuid

import pytest
from keystoneauth1.exceptions import ConnectFailure

from magnum.clients import glance, neutron, nova
from magnum.clients.errors import NotPermitted
from magnum.core.errors import (
    Ambiguous,
    KeypairNotFound,
    ReferencedMissing,
    Unauthorized,
    Unavailable,
)
from tests.fakes.http import Answer

NOBODY = "8c1e0000-0000-4000-8000-000000000000"


@pytest.fixture
def session(cloud):
    return cloud.tenant()[1]


def test_a_keypair_gives_its_public_key(session):
    assert nova.keypair_public_key(session, "testkey") == "ssh-ed25519 AAAA test"


@pytest.mark.parametrize("name", ["nope", "../flavors/detail", "a/b?c", "%", ".", "..", "\n"])
def test_a_keypair_that_is_not_there_is_404(session, name):
    with pytest.raises(KeypairNotFound, match=r"^keypair_id is '.+' but must be") as caught:
        nova.keypair_public_key(session, name)
    assert caught.value.code == 404


def test_flavors_are_found_by_name_or_id_on_any_page_in_one_go(cloud, session):
    nova.check_flavors(session, {"flavor_id": "m1.large", "master_flavor_id": "0"})
    assert cloud.nova.count("GET", "/flavors") == 2


def test_no_page_is_fetched_after_the_one_with_the_last_flavor_wanted(cloud, session):
    nova.check_flavors(session, {"flavor_id": "m1.small", "master_flavor_id": "m1.nano"})
    assert cloud.nova.count("GET", "/flavors") == 1


@pytest.mark.parametrize("field", ["flavor_id", "master_flavor_id"])
def test_a_flavor_that_is_not_there_is_400(session, field):
    known = {"flavor_id": "m1.small", "master_flavor_id": "m1.small"}
    with pytest.raises(ReferencedMissing, match=f"^{field} is 'm9' but must be name or id"):
        nova.check_flavors(session, {**known, field: "m9"})


def test_an_image_is_found_by_name_or_id_with_one_question_about_it(cloud, session):
    for wanted in ("fedora-atomic-latest", *cloud.glance.images):
        cloud.glance.calls.clear()
        assert glance.os_distro(session, wanted) == "fedora-atomic"
        assert cloud.glance.count("GET", "/images") == 1


def test_an_image_whose_name_looks_like_an_id_is_found(cloud, session):
    name = str(uuid.uuid4())
    cloud.glance.add(name, os_distro="coreos")
    assert glance.os_distro(session, name) == "coreos"


@pytest.mark.parametrize("wanted", ["nope", NOBODY, 'in:"', "in:fedora-atomic-latest"])
def test_an_image_that_is_not_there_is_400(session, wanted):
    with pytest.raises(ReferencedMissing, match=r"^image_id is '.+' but must be name or id"):
        glance.os_distro(session, wanted)


def test_an_image_without_distribution_is_400_and_says_how_to_set_it(cloud, session):
    image_id = cloud.glance.add("plain")
    words = f"^image_id is 'plain' but must have .* --property os_distro=<distribution> {image_id}"
    with pytest.raises(ReferencedMissing, match=words):
        glance.os_distro(session, "plain")


def test_several_images_of_a_name_are_409(cloud, session):
    cloud.glance.add("twin", os_distro="x")
    cloud.glance.add("twin", os_distro="y")
    with pytest.raises(Ambiguous):
        glance.os_distro(session, "twin")


def test_an_image_that_is_forbidden_is_403(cloud, session):
    cloud.glance.trouble = Answer(403, "<html>no</html>")
    with pytest.raises(NotPermitted):
        glance.os_distro(session, "x")


def test_a_network_is_found_by_name_with_one_call_and_by_id(cloud, session):
    neutron.check_external_network(session, "public")
    neutron.check_external_network(session, cloud.neutron.networks[0]["id"])
    assert len(cloud.neutron.calls) == 2


@pytest.mark.parametrize("wanted", ["nope", "private", NOBODY])
def test_a_network_that_is_not_external_is_400(session, wanted):
    words = f"^external_network_id is '{wanted}' but must be name or id of an external network"
    with pytest.raises(ReferencedMissing, match=words):
        neutron.check_external_network(session, wanted)


@pytest.mark.parametrize("external", [True, False])
def test_several_networks_of_a_name_are_409_because_heat_would_not_choose(cloud, session, external):
    cloud.neutron.add_network("public", external=external)
    with pytest.raises(Ambiguous, match="More than one network is called public"):
        neutron.check_external_network(session, "public")


def test_a_fixed_network_and_a_subnet_of_it_pass_by_name_and_id(cloud, session):
    (subnet,) = cloud.neutron.subnets
    neutron.check_fixed_network(session, "private", None)
    neutron.check_fixed_network(session, "private", "private-subnet")
    neutron.check_fixed_network(session, subnet["network_id"], subnet["id"])


@pytest.mark.parametrize(
    ("network", "subnet", "words"),
    [
        ("nope", None, "^fixed_network is 'nope' but must be name or id of a network"),
        ("10.0.0.0/99", None, "^fixed_network is '10.0.0.0/99' but must be .* a new one's CIDR"),
        ("private", "nope", "^fixed_subnet is 'nope' but must be .* the fixed_network private"),
        ("public", "private-subnet", "^fixed_subnet is 'private-subnet' but must be .* public"),
    ],
)
def test_a_fixed_network_that_does_not_fit_is_400(session, network, subnet, words):
    with pytest.raises(ReferencedMissing, match=words):
        neutron.check_fixed_network(session, network, subnet)


def test_a_fixed_network_needs_ipv4_and_may_have_more(cloud, session):
    other = cloud.neutron.add_network("modern")
    cloud.neutron.add_subnet("modern-6", other, version=6)
    with pytest.raises(
        ReferencedMissing, match=r"^fixed_network is .modern. but must have .* IPv4"
    ):
        neutron.check_fixed_network(session, "modern", None)
    with pytest.raises(
        ReferencedMissing, match=r"^fixed_subnet is .modern-6. but must have .* IPv4"
    ):
        neutron.check_fixed_network(session, "modern", "modern-6")
    cloud.neutron.add_subnet("modern-4", other)
    neutron.check_fixed_network(session, "modern", None)
    neutron.check_fixed_network(session, "modern", "modern-4")


def test_a_token_that_ends_between_network_and_subnets_is_401(cloud, session):
    cloud.neutron.trouble, cloud.neutron.troubled = Answer(401), ".*subnets"
    with pytest.raises(Unauthorized, match="Neutron does not accept your token any more"):
        neutron.check_fixed_network(session, "private", None)


def test_several_fixed_networks_or_subnets_of_a_name_are_409(cloud, session):
    cloud.neutron.add_subnet("private-subnet", cloud.neutron.networks[0]["id"])
    with pytest.raises(Ambiguous, match="subnet is called private-subnet"):
        neutron.check_fixed_network(session, "private", "private-subnet")
    cloud.neutron.add_network("private")
    with pytest.raises(Ambiguous, match="network is called private"):
        neutron.check_fixed_network(session, "private", None)


def test_addresses_of_a_node_are_fixed_and_floating_and_only_of_its_role(cloud, session):
    masters, workers = "magnum-role-master", "magnum-role-worker"
    cloud.neutron.add_port("p1", "n", "10.0.0.1", "magnum-cluster-c1", masters)
    cloud.neutron.add_port("p2", "n", "10.0.0.2", "magnum-cluster-c1", masters)
    cloud.neutron.add_port("p3", "n", "10.0.0.3", "magnum-cluster-c1", masters)
    cloud.neutron.add_port("p4", "n", "10.0.0.4", "magnum-cluster-c1", workers)
    cloud.neutron.add_port("p5", "n", "10.0.0.5", "magnum-cluster-c2", masters)
    for port, address in (("p3", "198.18.0.3"), ("p4", "198.18.0.4")):
        cloud.neutron.floatingips.append({"port_id": port, "floating_ip_address": address})
    assert neutron.addresses_of_node(session, "c1", "master", "p1") == {"10.0.0.1"}
    assert neutron.addresses_of_node(session, "c1", "master", "p3") == {"10.0.0.3", "198.18.0.3"}
    for port in ("p4", "p5", "p9"):  # a worker's, another cluster's, none
        assert neutron.addresses_of_node(session, "c1", "master", port) == set()


def test_no_port_means_no_addresses(cloud, session):
    cloud.neutron.floatingips.append({"port_id": "x", "floating_ip_address": "198.18.0.9"})
    assert neutron.addresses_of_node(session, "c1", "master", "x") == set()


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
        ("nova", lambda session: nova.check_flavors(session, {"flavor_id": "f"})),
        ("glance", lambda session: glance.os_distro(session, "i")),
        ("neutron", lambda session: neutron.check_external_network(session, "n")),
        ("neutron", lambda session: neutron.check_fixed_network(session, "n", None)),
        ("neutron", lambda session: neutron.addresses_of_node(session, "c", "master", "p")),
        ("neutron", lambda session: neutron.delete_port(session, "p")),
    ],
)
def test_a_service_that_is_down_is_503(cloud, session, service, ask, trouble):
    getattr(cloud, service).trouble = trouble
    with pytest.raises(Unavailable, match=f"{service.capitalize()} does not answer"):
        ask(session)
