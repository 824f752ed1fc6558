# SPDX-License-Identifier: Apache-2.0
"""Bays of real nodes whose image has no engine: where they come by one, or why they do not.

All bays of the module are made at once.
"""

import gzip
import io
import tarfile

import pytest

from deployment.cloud import Cloud
from minicloud.real_nodes.registry import Registry, digest
from tests.functional.real_nodes import RealNodes
from tests.functional.storage import assert_stores_on_its_volume
from tests.functional.swarms import PATIENCE, Swarm, Swarms

PACKAGED = "packaged"
DOWNLOADED = "downloaded"
NOWHERE = "nowhere"
PROGRAMS = (
    *("bin/docker", "sbin/dockerd", "sbin/docker-proxy", "bin/docker-init"),
    *("bin/containerd", "bin/containerd-shim-runc-v2", "sbin/runc"),
)


def _archive(real: RealNodes) -> bytes:
    """Pack the engine that other nodes have, as Docker's own archives are; always the same."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for program in PROGRAMS:
            name = program.rpartition("/")[2]
            tar.add(real.places.root / "usr" / program, f"docker/{name}")
    return gzip.compress(packed.getvalue(), compresslevel=1, mtime=0)


def _label(archive: bytes, url: str) -> dict[str, str]:
    return {"docker_url": url, "docker_sha256": digest(archive).removeprefix("sha256:")}


@pytest.fixture(scope="module")
def swarms(no_swarms: Swarms, real: RealNodes, cloud: Cloud) -> Swarms:
    """All bays of the module."""
    bare = {"image_id": real.facts["bare_images"]["ubuntu"]}
    # What the cloud itself has is reached without the proxy, which leads to packages only.
    proxies = {"http_proxy": real.facts["http_proxy"], "no_proxy": cloud.address}
    archive = _archive(real)
    registry = Registry(f"http://{real.facts['registry']}")
    label = _label(archive, registry.push_blob("programs", archive))
    no_swarms.create(NOWHERE, "ubuntu", bare)
    no_swarms.create(PACKAGED, "ubuntu", {**bare, **proxies, "docker_volume_size": 1})
    no_swarms.create(DOWNLOADED, "ubuntu", {**bare, "labels": label})
    return no_swarms


def _failure(swarms: Swarms, name: str) -> str:
    """Return why a bay has failed, which names the node that tells."""
    bay = swarms.uuid(name)
    reason = str(swarms.real.wait_for(swarms.bays, bay, "CREATE_FAILED", PATIENCE)["status_reason"])
    ((node, _),) = swarms.real.named(f"{name}-").items()
    assert node in reason
    return reason


def _works(swarm: Swarm, real: RealNodes) -> None:
    swarm.wait_until_ready(2)
    assert "hello" in swarm.docker("run", "--rm", real.image, "echo", "hello")


def _engines(swarm: Swarm, real: RealNodes) -> set[str]:
    """Return the programs that are the engines of a bay's nodes."""
    shown = "readlink /proc/$(systemctl show --value -p MainPID docker)/exe"
    return {real.run(node, shown).strip() for node in swarm.machines().values()}


def test_engine_and_what_formats_its_volume_are_packages_that_came_through_the_proxy(
    swarms: Swarms, real: RealNodes
) -> None:
    swarm = swarms[PACKAGED]

    _works(swarm, real)

    assert _engines(swarm, real) == {"/usr/sbin/dockerd"}
    for name, node in swarm.machines().items():
        shown = real.run(node, "dpkg-query -W -f '${db:Status-Status} ' docker.io e2fsprogs")
        assert shown == "installed installed "
        assert_stores_on_its_volume(swarms, name, node)


def test_engine_is_what_a_label_names(swarms: Swarms, real: RealNodes) -> None:
    swarm = swarms[DOWNLOADED]

    _works(swarm, real)

    assert _engines(swarm, real) == {"/opt/magnum/programs/dockerd"}


def test_bay_without_proxy_and_label_fails_with_the_program_and_the_node(swarms: Swarms) -> None:
    reason = _failure(swarms, NOWHERE)

    # It is the label that a user can add, and apt's own words why nothing else helped.
    assert "Temporary failure resolving" in reason
    assert (
        "docker is not in the image, the label docker_url is not set, and apt-get cannot update"
        in reason
    )
