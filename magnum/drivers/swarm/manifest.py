# SPDX-License-Identifier: Apache-2.0
"""What Swarm drivers of all operating systems share.

``flannel`` and ``docker`` as network drivers both mean swarm's own overlay networks, which take
their addresses from the labels named after flannel.
"""

from magnum.core import labels
from magnum.drivers.contract import NodeCertificateRule
from magnum.drivers.manifest import Binding, DriverManifest, NodePart, Output, Unserved

# An engine takes every client certificate of its cluster's authority for root's, so no node may
# have one: only server certificates are signed for nodes.
NODE_CERTIFICATE = NodeCertificateRule(
    common_names=("swarm.invalid",), extended_key_usages=frozenset({"serverAuth"})
)

PARAMETERS = (
    Binding("cluster_uuid", "cluster.uuid", required=True),
    Binding("node_prefix", "cluster", "node_prefix", required=True),
    Binding("image", "template.image_id", required=True),
    Binding("master_flavor", "template.master_flavor_id"),
    Binding("node_flavor", "template.flavor_id"),
    Binding("number_of_further_masters", "cluster.master_count", "less_one", required=True),
    Binding("number_of_nodes", "cluster.node_count", required=True),
    Binding("external_network", "template.external_network_id", required=True),
    Binding("fixed_network", "template.fixed_network", "existing_network"),
    Binding("fixed_subnet", "template.fixed_subnet"),
    Binding("fixed_network_cidr", "template.fixed_network", "own_cidr"),
    Binding("dns_nameserver", "template.dns_nameserver"),
    Binding("docker_volume_size", "template.docker_volume_size"),
    Binding("floating_ip_enabled", "template.floating_ip_enabled"),
    Binding("ssh_enabled", "cluster.ssh_public_key", "is_set"),
    Binding("tls_disabled", "template.tls_disabled"),
    Binding("wait_condition_timeout", "cluster.create_timeout_minutes", "wait_seconds"),
    Binding("master_user_id", "access.master.user_id", required=True),
    Binding("master_password", "access.master.password", required=True),
    Binding("worker_user_id", "access.worker.user_id", required=True),
    Binding("worker_password", "access.worker.password", required=True),
)

FORMAT = (Binding("value_escapes", "escapes", required=True),)

ENVIRONMENT = (
    Binding("NODE_ROLE", "role", required=True),
    Binding("CLUSTER_UUID", "cluster.uuid", required=True),
    Binding("CLUSTER_NAME", "cluster.name", required=True),
    Binding("AUTH_URL", "access.auth_url", required=True),
    Binding("MAGNUM_URL", "access.magnum_url", required=True),
    Binding("TLS_DISABLED", "template.tls_disabled", "lower"),
    Binding("CERTIFICATE_NAME", "rule.common_names.0", required=True),
    Binding("CERTIFICATE_USAGES", "rule.extended_key_usages", "commas", required=True),
    Binding("OVERLAY_POOL", "template", "overlay_pool", required=True),
    Binding("OVERLAY_PREFIX_LENGTH", "template.labels", "overlay_prefix_length"),
    Binding("OVERLAY_CHOSEN", "template.labels", "has_overlay_labels"),
    Binding("STORAGE_DRIVER", "template.docker_storage_driver", "storage_driver"),
    Binding("INSECURE_REGISTRY", "template.insecure_registry"),
    Binding("HTTP_PROXY", "template.http_proxy"),
    Binding("HTTPS_PROXY", "template.https_proxy"),
    Binding("NO_PROXY", "template.no_proxy"),
)

DOWNLOADS = tuple(Binding(label.upper(), f"template.labels.{label}") for label in labels.DOWNLOADS)

ENGINE = ("certificates", "metadata", "segments", "volume", "engine", "settings", "docker")

BASE = DriverManifest(
    name="swarm",
    provides=(),
    template="swarm.yaml",
    node_templates=("node.yaml",),
    user_data_format="",
    parts=(
        NodePart("user_data_first", "master", (*ENGINE, "swarm_init", "readiness")),
        NodePart("user_data_master", "master", (*ENGINE, "swarm_join", "readiness")),
        NodePart("user_data_worker", "worker", (*ENGINE, "swarm_join", "readiness")),
    ),
    parameters=PARAMETERS + FORMAT,
    environment=ENVIRONMENT + DOWNLOADS,
    outputs=(
        Output("api_address", "api_address"),
        Output("master_addresses", "master_addresses"),
        Output("node_addresses", "node_addresses"),
        Output("workers", "workers"),
    ),
    scaling=("number_of_nodes",),
    removals_parameter="nodes_to_remove",
    join_parameter="worker_join_token",
    api_port=2376,
    plain_scheme="tcp",
    certificate_rules={"master": NODE_CERTIFICATE, "worker": NODE_CERTIFICATE},
    network_drivers=("docker", "flannel"),
    volume_drivers=(),
    storage_drivers=("devicemapper", "overlay", "overlay2"),
    unserved={
        "master_lb_enabled": Unserved(
            False, "because every manager of a swarm serves the API at an address of its own"
        ),
        "registry_enabled": Unserved(
            False, "because a swarm has no registry of its own; run one on it as a service"
        ),
        "volume_driver": Unserved(
            None, "because no volume plugin for swarm is maintained any more; volumes are local"
        ),
    },
)
