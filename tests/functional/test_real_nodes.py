# SPDX-License-Identifier: Apache-2.0
"""Bays whose nodes boot: the Swarms that an unmodified Docker client finds.

Both bays of the module are made at once, with the same network inside.
"""

import base64
import json
import time
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

import pytest

from deployment import installation
from deployment.client import Client
from deployment.cloud import Cloud, User
from deployment.service import Deployment
from minicloud.real_nodes.machine import Machine
from tests.functional import doors
from tests.functional.bays import Bays
from tests.functional.real_nodes import NODES_PROGRAMS, RealNodes, curl

CIDR = "10.77.0.0/24"
NAMESERVER = "192.0.2.53"
LARGER = "node.medium"
MEMORY = {"master": 1024 << 20, "node": 512 << 20}
"""Bytes of the two flavors, by role."""

HELLO = "#!/bin/sh\necho hello from $(hostname) > /dev/console\n"
UNIT = """\
[Unit]
After=ssh.service
[Service]
Type=oneshot
ExecStart=/opt/hello
[Install]
WantedBy=multi-user.target
"""
IGNITION = {
    "ignition": {"version": "3.3.0"},
    "storage": {
        "files": [
            {
                "path": "/opt/hello",
                "mode": 0o755,
                "contents": {"source": f"data:,{quote(HELLO)}"},
            }
        ]
    },
    "passwd": {"users": [{"name": "root", "sshAuthorizedKeys": ["ssh-rsa AAAA"]}]},
    "systemd": {"units": [{"name": "hello.service", "enabled": True, "contents": UNIT}]},
}


class Swarm(NamedTuple):
    """A bay, and how Docker's client reaches it."""

    name: str
    shown: dict
    options: tuple[str, ...]


@pytest.fixture(scope="module")
def swarms(
    real: RealNodes,
    deployment: Deployment,
    demo: User,
    bays: Bays,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Swarm]]:
    """Two bays of a manager and a worker, which are gone without a trace in the end."""
    magnum = Client(installation.client("3.6.0"), deployment.cloud, demo)
    told = {
        "fixed_network": CIDR,
        "dns_nameserver": NAMESERVER,
        "master_flavor_id": LARGER,
        "https_proxy": real.facts["http_proxy"],
        "no_proxy": real.facts["registry"].partition(":")[0],
    }
    model = bays.create_model(**{**real.model, **told})
    names = ("real-one", "real-two")
    made = {name: bays.create(model, name=name) for name in names}
    try:
        found = []
        for name, bay in made.items():
            shown = real.wait_for(bays, bay, "CREATE_COMPLETE")
            options = real.docker_options(magnum, name, tmp_path_factory.mktemp(name))
            address = shown["api_address"].replace("https://", "tcp://")
            found.append(Swarm(name, shown, ("--host", address, *options)))
        yield found
    finally:
        for bay in made.values():
            bays.delete(bay)
        for bay in made.values():
            bays.wait_until_gone(bay)
    deadline = time.monotonic() + 30
    while (left := list(real.left())) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not left


def _nodes(real: RealNodes, swarm: Swarm) -> list[list[str]]:
    template = "{{.Hostname}} {{.Status}} {{.ManagerStatus}}"
    status, printed = real.docker(*swarm.options, "node", "ls", "--format", template)
    assert status == 0, printed
    return sorted(line.split() for line in printed.splitlines())


def test_each_bay_is_a_swarm_of_its_own_nodes(real: RealNodes, swarms: list[Swarm]) -> None:
    for swarm in swarms:
        manager, worker = _nodes(real, swarm)
        assert manager[0].startswith(swarm.name)
        assert manager[1:] == ["Ready", "Leader"]
        assert worker[0].startswith(swarm.name)
        assert worker[1:] == ["Ready"]


def test_engine_refuses_who_shows_no_certificate(real: RealNodes, swarms: list[Swarm]) -> None:
    address, authority = swarms[0].options[1], swarms[0].options[3]

    status, printed = real.docker("--host", address, "--tlsverify", authority, "version")

    assert status != 0
    assert "certificate" in printed


def test_containers_come_from_the_registry_and_run(real: RealNodes, swarms: list[Swarm]) -> None:
    image = real.image
    for swarm in swarms:
        words = ("run", "--rm", image, "echo", "hello", "from", swarm.name)
        status, printed = real.docker(*swarm.options, *words)
        assert status == 0, printed
        assert f"hello from {swarm.name}" in printed
    # Its packets fit the network of its node.
    largest = "/sys/class/net/eth0/mtu"
    node = next(iter(real.named(swarms[0].name).values()))
    found = real.docker(*swarms[0].options, "run", "--rm", image, "cat", largest)
    assert found == (0, real.run(node, f"cat {largest}"))


def test_engines_ask_the_proxy_of_their_baymodel_where_it_is_meant(
    real: RealNodes, swarms: list[Swarm]
) -> None:
    def pulled(image: str) -> tuple[int, str]:
        return real.docker(*swarms[0].options, "pull", image)

    status, told = pulled("example.org/image")
    assert status != 0
    assert "Filtered" in told  # by the proxy, which has packages only
    assert pulled(real.image)[0] == 0


def test_service_runs_on_every_node_of_one_swarm(real: RealNodes, swarms: list[Swarm]) -> None:
    swarm, image = swarms[0], real.image
    service = ("service", "create", "--quiet", "--detach", "--no-resolve-image", "--mode=global")
    published = "--publish=mode=host,target=80,published=8080"
    command = (image, "httpd", "-f", "-h", "/etc")

    status, printed = real.docker(*swarm.options, *service, "--name=web", published, *command)

    assert status == 0, printed
    manager, worker = (real.named(node[0]).popitem()[1] for node in _nodes(real, swarm))
    for node in (manager, worker):
        assert _answers(real, node, "http://127.0.0.1:8080/passwd")
    # The groups of the bay let nobody in there, not even its other node.
    other = swarm.shown["node_addresses"][0]
    asked = real.run(manager, f"curl -sS -m 3 -o /dev/null http://{other}:8080/passwd")
    assert "timed out" in asked


def _answers(real: RealNodes, node: Machine, url: str) -> bool:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        if "root:" in real.run(node, f"curl -s -m 3 {url}"):
            return True
        time.sleep(0.5)
    return False


def test_containers_of_two_nodes_talk_over_an_attachable_network(
    real: RealNodes, swarms: list[Swarm]
) -> None:
    swarm, image = swarms[0], real.image

    def docker(*words: str) -> None:
        status, printed = real.docker(*swarm.options, *words)
        assert status == 0, printed

    docker("network", "create", "--driver=overlay", "--attachable", "among")
    # A virtual address wants a module that not every kernel has.
    far = ("--name=far", "--network=among", "--endpoint-mode=dnsrr")
    create = ("service", "create", "--quiet", "--detach", "--no-resolve-image")
    placed = "--constraint=node.role==worker"
    docker(*create, placed, *far, image, "httpd", "-f", "-h", "/etc")
    ask = curl("http://far/passwd")
    words = ("run", "--rm", "--network=among", *NODES_PROGRAMS, image, *ask)
    deadline = time.monotonic() + 30
    while "root:" not in (told := real.docker(*swarm.options, *words)[1]):
        assert time.monotonic() < deadline, told
        time.sleep(0.5)
    docker("service", "rm", "far")


def test_node_reaches_the_cloud_and_nothing_else(
    real: RealNodes, swarms: list[Swarm], cloud: Cloud
) -> None:
    node = next(iter(real.named(swarms[0].name).values()))
    ports, address = cloud.facts["ports"], cloud.address

    def status(url: str, **environment: str) -> str:
        given = " ".join(f"{name}={value}" for name, value in environment.items())
        return real.run(node, f"{given} curl -s -m 10 -o /dev/null -w '%{{http_code}}' {url}")

    open_to_nodes = {"keystone", "heat", "heat-cfn", "barbican", "magnum"}
    closed = {"nova", "neutron", "cinder", "glance", "placement", "memcached"}
    closed |= {"mariadb", "rabbitmq", "epmd", "rabbitmq-dist"}
    assert all(doors.is_open((address, ports[name])) for name in open_to_nodes | closed)
    asked = {ports[name]: name for name in open_to_nodes | closed}
    found = doors.seen_from(real, node, address, asked)
    assert {asked[port] for port, door in found.items() if door == "open"} == open_to_nodes
    (another,) = swarms[1].shown["master_addresses"]  # a floating IP, of a network like its own
    assert doors.seen_from(real, node, another, (2375, 2376)) == {2375: "filtered", 2376: "open"}
    sources = (real.places.settings.etc / "mirror" / "hosts").read_text().split()
    mirror = "http://" + sources[0].strip("^$").replace("\\", "") + "/"
    assert status(mirror) == "000"
    proxy = real.facts["http_proxy"]
    assert status(mirror, http_proxy=proxy) not in {"000", "403"}
    assert status("http://example.org/", http_proxy=proxy) == "403"


def test_node_is_what_its_server_says(real: RealNodes, swarms: list[Swarm], bays: Bays) -> None:
    for name, node in real.named(swarms[0].name).items():
        server = bays.session.get("compute", f"/servers/{node.server}")["server"]
        (address,) = server["addresses"].values()
        fixed = next(ip for ip in address if ip["OS-EXT-IPS:type"] == "fixed")
        shown = real.run(node, "hostname; ip -4 -o addr show eth0; cat /sys/class/net/eth0/address")
        assert name in shown
        assert f"{fixed['addr']}/24" in shown
        assert fixed["OS-EXT-IPS-MAC:mac_addr"] in shown
        (network,) = server["addresses"]
        mtu = _mtu(bays, network)
        assert real.run(node, "cat /sys/class/net/eth0/mtu") == f"{mtu}\n"
        option = '{{index .Options "com.docker.network.driver.mtu"}}'
        assert real.run(node, f"docker network inspect bridge -f '{option}'") == f"{mtu}\n"
        limit = real.run(node, "cat /sys/fs/cgroup/memory/memory.limit_in_bytes")
        assert int(limit) == MEMORY["master" if name.endswith("-master") else "node"]
        assert real.run(node, "cat /etc/resolv.conf") == f"nameserver {NAMESERVER}\n"
        assert "magnum: all steps done" in node.console.read_text(errors="replace")


def _mtu(bays: Bays, network: str) -> int:
    """Return the most bytes of a packet on a network, which a tunnel makes less than usual."""
    (found,) = bays.session.get("network", f"/v2.0/networks?name={network}")["networks"]
    assert found["mtu"] < 1500
    return int(found["mtu"])


def test_node_that_is_switched_off_and_on_is_in_the_swarm_again(
    real: RealNodes, swarms: list[Swarm], bays: Bays
) -> None:
    _, worker = _nodes(real, swarms[1])
    ((_, node),) = real.named(worker[0]).items()

    bays.session.call("POST", "compute", f"/servers/{node.server}/action", {"os-stop": None})
    _wait_for_node(real, swarms[1], [worker[0], "Down"])
    assert not node.runs
    bays.session.call("POST", "compute", f"/servers/{node.server}/action", {"os-start": None})
    _wait_for_node(real, swarms[1], worker)


def _wait_for_node(real: RealNodes, swarm: Swarm, wanted: list[str]) -> None:
    deadline = time.monotonic() + 60
    while wanted not in (known := _nodes(real, swarm)):
        assert time.monotonic() < deadline, f"{known} and not {wanted}\n{real.consoles()}"
        time.sleep(0.5)


def test_node_of_coreos_boots_with_what_ignition_made(
    real: RealNodes, swarms: list[Swarm], bays: Bays, demo: User
) -> None:
    network = bays.session.get("network", f"/v2.0/networks?project_id={demo.project_id}")
    first = next(n["id"] for n in network["networks"] if n["name"].startswith(swarms[0].name))
    server = {
        "name": "ignited",
        "imageRef": _id(bays, "image", "/v2/images", real.facts["images"]["coreos"]),
        "flavorRef": _id(bays, "compute", "/flavors", real.facts["flavor"]),
        "networks": [{"uuid": first}],
        "user_data": base64.b64encode(json.dumps(IGNITION).encode()).decode(),
    }
    made = bays.session.call("POST", "compute", "/servers", {"server": server})["server"]["id"]
    node = Machine(real.places, made)
    try:
        _wait_for_console(node, "hello from ignited")
        told = real.run(node, "systemctl is-active ssh; cat /root/.ssh/authorized_keys")
        assert told == "active\nssh-rsa AAAA\n"
        path = f"/servers/{made}/action"
        printed = bays.session.call("POST", "compute", path, {"os-getConsoleOutput": {}})
        assert "hello from ignited" in printed["output"]
    finally:
        bays.session.call("DELETE", "compute", f"/servers/{made}")
    deadline = time.monotonic() + 20
    while node.folder.exists() or node.runs:
        assert time.monotonic() < deadline, "the node outlives its server"
        time.sleep(0.2)


def _id(bays: Bays, service: str, path: str, name: str) -> str:
    (found,) = (list(v) for v in bays.session.get(service, path).values() if isinstance(v, list))
    return str(next(row["id"] for row in found if row["name"] == name))


def _wait_for_console(node: Machine, words: str) -> None:
    deadline = time.monotonic() + 60
    while not (node.console.exists() and words in node.console.read_text(errors="replace")):
        assert time.monotonic() < deadline, f"the console of {node.server} never says {words}"
        time.sleep(0.3)
