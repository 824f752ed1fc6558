# SPDX-License-Identifier: Apache-2.0
"""Bays of real nodes on every image: made, used, scaled, broken, attacked and deleted.

All bays of the module are made at once; a test leaves those it shares with others as they were.
"""

import ipaddress
import itertools
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from deployment.cloud import Cloud, User
from deployment.sentinel import Sentinel
from deployment.sessions import Refused
from tests.functional import doors, node_users, quotas
from tests.functional.bays import Bays
from tests.functional.node_users import NodeUser
from tests.functional.real_nodes import NODES_PROGRAMS, TIMED_OUT, RealNodes, curl
from tests.functional.storage import assert_stores_on_its_volume
from tests.functional.swarms import (
    PATIENCE,
    Swarm,
    Swarms,
    assert_only_the_token_of_now_lets_in,
    environment,
    servers_of,
    until,
)

CIDR = "10.78.0.0/24"
OPEN = ("atomic", "ubuntu", "coreos")
"""Bays with floating IPs and TLS: one worker on CoreOS and Ubuntu, and there three managers."""

STORING = ("atomic", "coreos")
"""Bays whose nodes have volumes."""

PRIVATE = "private"
BROKEN = "broken"


@pytest.fixture(scope="module")
def swarms(no_swarms: Swarms) -> Swarms:
    """All bays of the module."""
    no_swarms.create("ubuntu", "ubuntu", {}, master_count=3)
    no_swarms.create("atomic", "fedora-atomic", {"docker_volume_size": 1}, node_count=2)
    no_swarms.create("coreos", "coreos", {"docker_volume_size": 1})
    alone = {
        "floating_ip_enabled": False,
        "tls_disabled": True,
        "fixed_network": CIDR,
        "keypair_id": None,
    }
    no_swarms.create(PRIVATE, "ubuntu", alone)
    # Today's engines take it, that of the nodes does not start with it.
    no_swarms.create(BROKEN, "fedora-atomic", {"insecure_registry": "[2001:db8::5]"})
    return no_swarms


def _intruder(swarms: Swarms, cloud: Cloud, swarm: Swarm) -> NodeUser:
    """Return who has broken into one of a bay's workers, by what lies there."""
    node = next(iter(swarm.machines("node").values()))
    return NodeUser(cloud, environment(swarms.real, node), swarms.bays.session.endpoints)


@pytest.mark.parametrize("name", OPEN)
def test_each_image_makes_a_swarm_that_works(name: str, swarms: Swarms, cloud: Cloud) -> None:
    swarm = swarms[name]
    shown = swarms.bays.show(swarm.uuid).body

    swarm.wait_until_ready(shown["master_count"] + shown["node_count"])
    printed = swarm.docker("run", "--rm", swarms.real.image, "echo", "hello", "from", name)

    assert f"hello from {name}" in printed
    assert shown["api_address"] == f"https://{shown['master_addresses'][0]}:2376"
    assert len(set(shown["master_addresses"])) == shown["master_count"]
    assert len(set(shown["node_addresses"])) == shown["node_count"]
    outside = ipaddress.ip_network(cloud.facts["external_network"]["range"])
    for address in (*shown["master_addresses"], *shown["node_addresses"]):
        assert ipaddress.ip_address(address) in outside


@pytest.mark.parametrize("name", STORING)
def test_engines_keep_all_they_store_on_volumes_of_their_nodes(name: str, swarms: Swarms) -> None:
    for node_name, node in swarms[name].machines().items():
        assert_stores_on_its_volume(swarms, node_name, node)


def test_bay_without_floating_ips_or_tls_has_private_addresses(swarms: Swarms) -> None:
    swarm = swarms[PRIVATE]
    shown, own = swarm.shown, ipaddress.ip_network(CIDR)

    assert shown["api_address"] == f"tcp://{shown['master_addresses'][0]}:2376"
    for address in (*shown["master_addresses"], *shown["node_addresses"]):
        assert ipaddress.ip_address(address) in own
    ((_, manager),) = swarm.machines("master").items()
    listed = "node ls --format '{{.Hostname}} {{.Status}}'"
    printed = swarms.real.run(manager, f"docker --host {shown['api_address']} {listed}")
    assert sorted(printed.splitlines()) == [f"{name} Ready" for name in swarm.machines()]


def test_bay_shrinks_by_its_idle_worker_and_grows_by_a_new_one(swarms: Swarms) -> None:
    swarm, real = swarms["atomic"], swarms.real
    before = {name: node.server for name, node in swarm.machines().items()}
    (idle, first), (busy, _) = swarm.machines("node").items()
    stolen = environment(real, first)["JOIN_TOKEN"]
    assert swarm.token("worker") != stolen
    where = f"--constraint=node.hostname=={busy}"
    create = ("service", "create", "--quiet", "--detach", "--no-resolve-image", "--name=work")
    swarm.docker(*create, where, real.image, "sleep", "100000")
    swarm.wait_for_task("work", busy)

    # Left to itself Heat would take the one that was made last.
    swarms.bays.resize(swarm.uuid, 1)
    real.wait_for(swarms.bays, swarm.uuid, "UPDATE_COMPLETE", PATIENCE)

    assert [member.name for member in swarm.members()] == sorted(set(before) - {idle})
    rest = {name: node.server for name, node in swarm.machines().items()}
    assert rest == {name: server for name, server in before.items() if name != idle}
    swarm.wait_for_task("work", busy)
    between = swarm.token("worker")

    swarms.bays.resize(swarm.uuid, 2)
    real.wait_for(swarms.bays, swarm.uuid, "UPDATE_COMPLETE", PATIENCE)

    swarm.wait_until_ready(3)
    after = {name: node.server for name, node in swarm.machines().items()}
    (new,) = set(after) - set(rest)
    assert rest.items() <= after.items()
    assert environment(real, swarm.machine(new))["JOIN_TOKEN"] == between
    swarm.docker("service", "rm", "work")
    assert_only_the_token_of_now_lets_in(swarms, swarm, new, (stolen, between))


def test_bays_of_the_other_images_grow_and_shrink_and_keep_their_nodes(swarms: Swarms) -> None:
    names = ("ubuntu", "coreos")
    before = {name: servers_of(swarms[name]) for name in names}
    for count in (2, 1):
        for name in names:
            swarms.bays.resize(swarms[name].uuid, count)
        for name in names:
            swarm = swarms[name]
            swarms.real.wait_for(swarms.bays, swarm.uuid, "UPDATE_COMPLETE", PATIENCE)
            swarm.wait_until_ready(len(before[name]) + count - 1)
            assert len(swarm.machines("node")) == count
            kept = before[name] & servers_of(swarm)
            assert len(kept) >= len(before[name]) - (count == 1), "a node was made anew"
            assert all(node.server in kept for node in swarm.machines("master").values())


def test_swarm_of_three_managers_goes_on_without_the_first(swarms: Swarms) -> None:
    swarm = swarms["ubuntu"]
    first = next(name for name in swarm.machines("master") if name.endswith("-master"))
    other = f"tcp://{swarm.shown['master_addresses'][1]}:2376"

    def goes_on() -> bool:
        if swarm.ask("node", "ls", host=other)[0] != 0:
            return False  # they elect a leader
        known = swarm.members(other)
        return [member.name for member in known if not member.is_ready] == [first]

    with swarms.switched_off(swarm, first):
        until(goes_on, lambda: str(swarm.ask("node", "ls", host=other)))
        create = ("service", "create", "--quiet", "--detach", "--no-resolve-image", "--name=on")
        swarm.docker(*create, swarms.real.image, "sleep", "100000", host=other)
        swarm.docker("service", "rm", "on", host=other)


def test_worker_that_dies_is_told_by_the_health_of_its_bay(swarms: Swarms, bays: Bays) -> None:
    swarm = swarms["coreos"]
    (worker,) = swarm.machines("node")

    def health() -> str:
        return str(bays.show(swarm.uuid).body["health_status"])

    until(lambda: health() == "HEALTHY", health)
    with swarms.switched_off(swarm, worker):
        # Within a minute, as benchmarks/run bay_creation measures, where nothing else runs.
        bays.wait_for_event(swarm.uuid, f"{worker} is down", 180)
        assert health() == "UNHEALTHY"
    until(lambda: health() == "HEALTHY", health)
    bays.wait_for_event(swarm.uuid, f"{worker} is ready again")
    # What was mounted before it died is so again.
    assert_stores_on_its_volume(swarms, worker, swarm.machine(worker))


def test_failing_step_is_named_with_its_words_and_users_go_with_their_bay(
    swarms: Swarms, bays: Bays, cloud: Cloud, real: RealNodes
) -> None:
    bay = swarms.uuid(BROKEN)

    reason = real.wait_for(bays, bay, "CREATE_FAILED", PATIENCE)["status_reason"]

    assert "failed: docker: " in reason
    assert "failed to start daemon: insecure registry [2001:db8::5] is not valid" in reason
    assert "the container engine does not start" in reason
    ((name, node),) = real.named(f"{BROKEN}-").items()
    assert reason.startswith(f"Node {name}: first_master/ready ")
    errors = [event for event in bays.events(bay) if event["severity"] == "ERROR"]
    assert any(name in f"{event['resource']} {event['text']}" for event in errors), errors
    known = environment(real, node)
    assert NodeUser(cloud, known, {})
    swarms.delete([BROKEN])
    with pytest.raises(Refused, match=" 401 "):
        NodeUser(cloud, known, {})


def test_parameters_are_for_root_alone_and_no_console_shows_a_secret(swarms: Swarms) -> None:
    for name in (*OPEN, PRIVATE):
        for node in swarms[name].machines().values():
            shown = swarms.real.run(node, "stat -c '%U %a' /etc/magnum/*.env")
            assert shown.splitlines() == ["root 600"] * 2
            known = environment(swarms.real, node)
            secrets = dict.fromkeys(node_users.secrets(known), f"a secret of {node.server}")
            assert not Sentinel(secrets).search([node.console])


@pytest.mark.parametrize("name", OPEN)
def test_worker_is_given_no_secret_of_another_node(name: str, swarms: Swarms) -> None:
    swarm, real = swarms[name], swarms.real
    worker = next(iter(swarm.machines("node").values()))
    own = environment(real, worker)
    secrets = {
        secret
        for node in swarm.machines().values()
        if node.server != worker.server
        for secret in node_users.secrets(environment(real, node))
    }
    secrets -= {own["NODE_PASSWORD"], own["JOIN_TOKEN"]}  # of all workers of the bay
    secrets.add(swarm.token("manager"))
    files = "/etc/magnum /opt/magnum /etc/docker /var/lib/cloud"
    for secret in secrets:
        found = real.run(worker, f"grep -rlFe '{secret}' {files} 2> /dev/null")
        assert not found, "a worker has a secret of another node"
    assert own["NODE_PASSWORD"] in real.run(worker, f"grep -rhF NODE_PASSWORD= {files}")
    assert own["TOKEN_SIGNAL"] == ""


@pytest.mark.parametrize("network", ["bridge", "own"])
def test_containers_do_not_reach_the_metadata(network: str, swarms: Swarms) -> None:
    swarm, url = swarms["atomic"], "http://169.254.169.254/openstack/latest/user_data"
    ((_, manager),) = swarm.machines("master").items()
    if network == "own":
        swarm.docker("network", "create", "--driver=bridge", "own")

    def asked(what: str) -> tuple[int, str]:
        words = (f"--network={network}", *NODES_PROGRAMS, swarms.real.image, *curl(what))
        return swarm.ask("run", "--rm", *words)

    swarm.docker("pull", swarms.real.image)  # what a run tells of this is not an answer
    try:
        assert asked(f"http://{swarms.real.facts['registry']}/v2/") == (0, "{}")
        status, told = asked(url)
    finally:
        swarm.ask("network", "rm", "own")
    assert status == TIMED_OUT, told
    assert "NODE_PASSWORD" in swarms.real.run(manager, f"curl -s -m 10 {url}")


def test_only_engines_and_shells_that_have_a_key_are_open_to_everyone(swarms: Swarms) -> None:
    known = [swarms.bays.show(swarms[name].uuid).body for name in OPEN]
    managers = [address for shown in known for address in shown["master_addresses"]]
    workers = [address for shown in known for address in shown["node_addresses"]]
    asked = list(itertools.product(managers + workers, (22, 2375, 2376, 2377, 4789, 7946)))

    with ThreadPoolExecutor(len(asked)) as pool:
        answers = dict(zip(asked, pool.map(doors.is_open, asked), strict=True))

    assert {place for place, is_open in answers.items() if is_open} == {
        (address, port) for address in managers + workers for port in (22, 2376)
    }


@pytest.mark.parametrize(
    ("name", "of_manager", "of_worker"),
    [
        ("atomic", {22, 2376, 2377, 7946}, {22, 2376, 7946}),
        # Engines without TLS let nobody at workers; and nobody has a key.
        (PRIVATE, {2376, 2377, 7946}, {7946}),
    ],
)
def test_nodes_reach_each_other_where_a_swarm_needs_it(
    name: str, of_manager: set[int], of_worker: set[int], swarms: Swarms
) -> None:
    swarm = swarms[name]
    manager = next(iter(swarm.machines("master").values()))
    worker = next(iter(swarm.machines("node").values()))
    for asking, asked, opened in ((worker, manager, of_manager), (manager, worker, of_worker)):
        found = doors.seen_from(swarms.real, asking, environment(swarms.real, asked)["NODE_IP"])
        assert {port for port, door in found.items() if door == "open"} == opened
        # The others are closed by the groups, whether or not something listens.
        rest = {door for port, door in found.items() if port not in opened}
        assert rest == {"filtered"}, found


def test_groups_of_a_bay_let_in_what_is_listed_here_and_nothing_else(
    swarms: Swarms, bays: Bays
) -> None:
    between = {("node", "tcp", 7946, "nodes"), ("node", "udp", 7946, "nodes")}
    between |= {("node", "udp", 4789, "nodes"), ("master", "tcp", 2377, "nodes")}
    to_all = {("master", "tcp", 2376, "everyone")}
    keyed = {("node", "tcp", 22, "everyone"), ("node", "tcp", 2376, "everyone")}

    for name in (*OPEN, PRIVATE):
        assert swarms[name]
    for name in OPEN:
        assert doors.rules(bays.session, name) == between | to_all | keyed
    assert doors.rules(bays.session, PRIVATE) == between | to_all


def test_update_that_fails_keeps_the_nodes_it_made_and_leaves_no_token_that_lets_in(
    swarms: Swarms, bays: Bays, cloud: Cloud, demo: User
) -> None:
    swarm, real = swarms["coreos"], swarms.real
    ((name, worker),) = swarm.machines("node").items()
    before = swarm.token("worker"), swarm.token("manager")
    swarms.settle()  # what others are still given is of the same quota
    with quotas.room_for(cloud, demo, 1):
        bays.resize(swarm.uuid, 3)
        reason = real.wait_for(bays, swarm.uuid, "UPDATE_FAILED", PATIENCE)["status_reason"]
    assert "Quota exceeded" in reason
    assert re.search(r"-node-\d: workers/\d/server \(OS::Nova::Server\) failed: ", reason)
    # The other one was still starting then.
    swarm.wait_until_ready(3)
    after = swarm.token("worker"), swarm.token("manager")
    assert not set(before) & set(after)
    manager = environment(real, worker)["MANAGER_IPS"].split(",")[0]
    join = f"docker swarm leave --force; docker swarm join --token {before[0]} {manager}:2377"
    assert "A valid join token is necessary" in real.run(worker, join, 60)
    assert "joined a swarm" in real.run(
        worker, f"docker swarm join --token {after[0]} {manager}:2377", 60
    )
    swarm.wait_until_ready_again(name)

    bays.resize(swarm.uuid, 1)
    real.wait_for(bays, swarm.uuid, "UPDATE_COMPLETE", PATIENCE)
    assert list(swarm.machines("node")) == [name]


def test_workers_user_may_read_and_change_nothing(swarms: Swarms, cloud: Cloud, demo: User) -> None:
    swarm, other, ours = swarms["coreos"], swarms["atomic"], "container-infra"
    user = _intruder(swarms, cloud, swarm)
    assert user.ask("GET", ours, f"/certificates/{swarm.uuid}").status == 200
    for method, path in (
        ("GET", f"/certificates/{other.uuid}"),
        ("GET", f"/bays/{swarm.uuid}"),
        ("DELETE", f"/bays/{swarm.uuid}"),
        ("GET", f"/bays/{swarm.uuid}/events"),
        *(("GET", f"/{kind}") for kind in ("bays", "baymodels", "containers", "mservices")),
    ):
        assert user.ask(method, ours, path).status == 403, path
    template = {"heat_template_version": "wallaby", "resources": {}}
    for service, path, body in (
        ("compute", "/servers", {"server": {"name": "n", "flavorRef": "2", "imageRef": ""}}),
        ("orchestration", "/stacks", {"stack_name": "n", "template": template}),
        ("image", "/v2/images", {"name": "n"}),
        ("key-manager", "/v1/secrets", {"name": "n"}),
        ("identity", "/projects", {"project": {"name": "n"}}),
    ):
        assert user.ask("GET", service, path).status in {401, 403}, service
        assert user.ask("POST", service, path, body).status in {401, 403}, service
    assert not user.may_work_in(demo.project_id)
    for kind in ("networks", "ports", "floatingips", "security-groups"):
        found = user.ask("GET", "network", f"/v2.0/{kind}")
        rows = found.body[kind.replace("-", "_")] if found.status == 200 else []
        assert demo.project_id not in {row["project_id"] for row in rows}, kind


def test_worker_gets_certificates_for_itself_alone(swarms: Swarms, cloud: Cloud) -> None:
    swarm = swarms["atomic"]
    user = _intruder(swarms, cloud, swarm)
    own, other = user.addresses, swarms["ubuntu"].shown["node_addresses"][0]
    (sibling,) = set(swarms.bays.show(swarm.uuid).body["node_addresses"]) - own
    (manager,) = swarm.shown["master_addresses"]

    assert user.sign(swarm.uuid, *own).status == 201
    assert user.sign(swarms.uuid("coreos"), *own).status == 403
    for address in (sibling, manager, other):
        assert user.sign(swarm.uuid, *own, address).status == 403, address
    for more in (
        {"organization": "system:masters"},
        {"name": "admin"},
        {"usage": ExtendedKeyUsageOID.CLIENT_AUTH},
        {"port": None},
        {"port": str(uuid.uuid4())},
    ):
        assert user.sign(swarm.uuid, *own, **more).status == 403, more
