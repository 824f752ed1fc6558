# SPDX-License-Identifier: Apache-2.0
"""Clusters to render: specs, and access whose secrets are easy to find again."""

import dataclasses
from typing import Any

from magnum.core.cluster import ClusterSpec, NodeAccess, NodeGroupSpec, NodeUser, TemplateSpec
from magnum.drivers.contract import Driver

CLUSTER_UUID = "5d12f6fd-a196-4bf0-ae4c-1f639a523a52"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHhBzjfYAPRFDiEHaMll8JKQho/JlHn6YS0Ee6nquxWQ me"
MASTER_PASSWORD = "MASTER-PASSWORD-SENTINEL"
WORKER_PASSWORD = "WORKER-PASSWORD-SENTINEL"

ACCESS = NodeAccess(
    auth_url="http://192.0.2.1:5000/v3",
    magnum_url="http://192.0.2.1:9511/v1",
    master=NodeUser("a" * 32, MASTER_PASSWORD),
    worker=NodeUser("b" * 32, WORKER_PASSWORD),
)

FULL: dict[str, Any] = {
    "flavor_id": "m1.medium",
    "master_flavor_id": "m1.large",
    "dns_nameserver": "192.0.2.53",
    "network_driver": "docker",
    "docker_storage_driver": "overlay2",
    "docker_volume_size": 3,
    "http_proxy": "http://user:p%40ss@proxy.example.com:3128",
    "https_proxy": "http://proxy.example.com:3129",
    "no_proxy": ".example.com,192.0.2.0/24",
    "insecure_registry": "registry.example.com:5000",
    "labels": {"K1": "V1"},
}


def template(driver: Driver, **values: Any) -> TemplateSpec:
    """Make a cluster template for a driver's first triple."""
    server_type, os, coe = driver.provides[0]
    defaults: dict[str, Any] = {"image_id": "image", "external_network_id": "public"}
    return TemplateSpec(
        coe=coe, server_type=server_type, cluster_distro=os, **{**defaults, **values}
    )


def spec(driver: Driver, masters: int = 1, nodes: int = 1, **values: Any) -> ClusterSpec:
    """Make a cluster; ``values`` are its template's."""
    return ClusterSpec(
        uuid=CLUSTER_UUID,
        name="bay",
        project_id="p" * 32,
        template=template(driver, **values),
        node_groups=(
            NodeGroupSpec("default-master", "master", masters),
            NodeGroupSpec("default-worker", "worker", nodes),
        ),
        create_timeout_minutes=60,
        ssh_public_key=PUBLIC_KEY,
    )


def matrix(driver: Driver) -> dict[str, ClusterSpec]:
    """Make one cluster of each kind that takes another way through the templates."""
    plain = spec(driver)
    return {
        "plain": plain,
        "full": spec(driver, 3, 5, **FULL),
        "no-tls": spec(driver, tls_disabled=True),
        "no-nodes": spec(driver, 1, 0),
        "no-floating-ips": spec(driver, 3, 1, floating_ip_enabled=False),
        "own-cidr": spec(driver, fixed_network="192.168.0.0/24"),
        "existing-network": spec(driver, fixed_network="net", fixed_subnet="subnet"),
        "no-keypair": dataclasses.replace(plain, ssh_public_key=None),
        "long-name": dataclasses.replace(plain, name="Very.Long_name-" + "x" * 227),
    }
