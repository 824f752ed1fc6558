# SPDX-License-Identifier: Apache-2.0
"""Who and what there is in the mini cloud, as data: `register.py` makes it so."""

ROLES = ("admin", "manager", "member", "reader", "service")
HEAT_ROLES = ("heat_stack_owner", "heat_stack_user")

# user -> (project, roles)
ORDINARY_USERS = {
    "demo": ("demo", ("member", "heat_stack_owner")),
    "demo2": ("demo", ("member", "heat_stack_owner")),
    "alt": ("alt", ("member", "heat_stack_owner")),
}
# domain -> its administrator
DOMAINS = {"heat": "heat_domain_admin", "magnum": "trustee_domain_admin"}

# catalogue name -> (type, service whose port it has, path)
CATALOGUE = {
    "glance": ("image", "glance", ""),
    "placement": ("placement", "placement", ""),
    "neutron": ("network", "neutron", ""),
    "nova": ("compute", "nova", "/v2.1"),
    "heat": ("orchestration", "heat", "/v1/%(tenant_id)s"),
    "heat-cfn": ("cloudformation", "heat-cfn", "/v1"),
    "barbican": ("key-manager", "barbican", ""),
    "magnum": ("container-infra", "magnum", "/v1"),
    "magnum-legacy": ("container", "magnum", "/v1"),
}
VOLUMES = {"cinder": ("volumev3", "cinder", "/v3/%(tenant_id)s")}
"""What the catalogue has besides in a cloud with volumes."""

# name -> (vcpus, MiB of memory, GiB of disk); without a disk Nova lets ordinary users boot none
FLAVORS = {
    "m1.nano": (1, 64, 1),
    "m1.tiny": (1, 512, 1),
    "m1.small": (1, 2048, 20),
    "m1.medium": (2, 4096, 40),
    "m1.large": (4, 8192, 80),
    "m1.xlarge": (8, 16384, 160),
    # What a real node needs.
    "node.small": (1, 512, 5),
    "node.medium": (1, 1024, 10),
}
# name -> os_distro
IMAGES = {
    "fedora-21-atomic-5": "fedora-atomic",
    "fedora-atomic-latest": "fedora-atomic",
    "coreos": "coreos",
    "ubuntu-mesos": "ubuntu",
    "cirros": None,
}
KEYPAIR = "testkey"
EXTERNAL_NETWORK = "public"
