# SPDX-License-Identifier: Apache-2.0
"""What the metadata service of real nodes answers."""

import base64
import json

import pytest

from minicloud.real_nodes import metadata
from minicloud.real_nodes.picture import Picture, Port, Subnet
from minicloud.real_nodes.servers import Server

SERVER = Server(
    id="957c8e4c-222c-47eb-ad52-591394a3a439",
    name="bay-master",
    memory_mib=512,
    user_data=base64.b64encode(b"#cloud-config\n").decode(),
    keys={"mine": "ssh-rsa AAAA"},
)
PICTURE = Picture(
    ports=(
        Port("port", "net", "fa:16:3e:00:00:01", (("sub", "10.0.0.5"),), SERVER.id, "compute:nova"),
    ),
    subnets=(Subnet("sub", "net", "10.0.0.0/24", "10.0.0.1", ("8.8.8.8",)),),
)


def ask(path: str, server: Server = SERVER) -> str | None:
    found = metadata.answer(server, PICTURE, "10.0.0.5", path)
    return None if found is None else found.decode()


@pytest.mark.parametrize("path", ["/openstack", "/openstack/"])
def test_versions_are_listed_without_a_slash(path: str) -> None:
    assert str(ask(path)).splitlines() == list(metadata.OPENSTACK_VERSIONS)


@pytest.mark.parametrize("version", metadata.OPENSTACK_VERSIONS)
def test_openstack_tells_who_the_server_is(version: str) -> None:
    told = json.loads(str(ask(f"/openstack/{version}/meta_data.json")))

    assert (told["uuid"], told["hostname"]) == (SERVER.id, "bay-master")
    assert told["public_keys"] == {"mine": "ssh-rsa AAAA"}


def test_openstack_tells_of_the_ports() -> None:
    told = json.loads(str(ask("/openstack/latest/network_data.json")))

    assert told["links"][0]["ethernet_mac_address"] == "fa:16:3e:00:00:01"
    assert told["networks"][0]["type"] == "ipv4_dhcp"
    assert told["services"] == [{"type": "dns", "address": "8.8.8.8"}]


@pytest.mark.parametrize("path", ["/openstack/latest/user_data", "/2009-04-04/user-data"])
def test_user_data_is_the_servers_own(path: str) -> None:
    assert ask(path) == "#cloud-config\n"


@pytest.mark.parametrize("path", ["/openstack/latest/user_data", "/latest/user-data"])
def test_server_without_user_data_has_no_such_document(path: str) -> None:
    assert ask(path, Server("id", "name", 64)) is None


def test_ec2_lists_folders_with_a_slash_and_keys_by_name() -> None:
    listed = str(ask("/latest/meta-data/")).splitlines()

    assert "local-ipv4" in listed
    assert "public-keys/" in listed
    assert ask("/latest/meta-data/public-keys/") == "0=mine"
    assert ask("/latest/meta-data/public-keys/0/openssh-key") == "ssh-rsa AAAA"
    assert ask("/latest/meta-data/local-ipv4") == "10.0.0.5"


@pytest.mark.parametrize("path", ["/nothing", "/openstack/1999-01-01", "/latest/meta-data/x"])
def test_what_is_not_there_is_nothing(path: str) -> None:
    assert ask(path) is None
