# SPDX-License-Identifier: Apache-2.0
"""Register what an operator registers, and write down for others what there is.

Runs with the virtual environment's Python, for it uses openstacksdk:
`python -m minicloud.register identity PREFIX` needs Keystone only, and comes before the other
services start; `... resources PREFIX` needs all. Both may run any number of times.
"""

import pathlib
import sys

import openstack
from openstack.connection import Connection

from minicloud import facts, population, settings as settings_module
from minicloud.configs import SERVICE_USERS
from minicloud.real_nodes.servers import IMAGE_PROPERTY, REAL_IMAGES
from minicloud.settings import REGION, Settings


def connect(settings: Settings, user: str, project: str) -> Connection:
    """Log in as a user of the default domain."""
    return openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        auth_url=settings.auth_url,
        username=user,
        password=settings.password(user),
        project_name=project,
        user_domain_id="default",
        project_domain_id="default",
        region_name=REGION,
    )


def _ensure_user(cloud: Connection, settings: Settings, name: str, domain: str = "default") -> str:
    found = cloud.identity.find_user(name, domain_id=domain)
    if not found:
        found = cloud.identity.create_user(
            name=name, domain_id=domain, password=settings.password(name)
        )
    return found.id


def _ensure_project(cloud: Connection, name: str) -> str:
    found = cloud.identity.find_project(name, domain_id="default")
    return (found or cloud.identity.create_project(name=name, domain_id="default")).id


def _ensure_endpoints(cloud: Connection, settings: Settings) -> None:
    present = {(e.service_id, e.interface): e for e in cloud.identity.endpoints()}
    services = {s.type: s for s in cloud.identity.services()}
    for kind, _, _ in population.VOLUMES.values():
        if kind in services and not settings.has_volumes:  # who found it would ask a dead service
            cloud.identity.delete_service(services[kind])
    catalogue = population.CATALOGUE | (population.VOLUMES if settings.has_volumes else {})
    for name, (kind, port, path) in catalogue.items():
        service = services.get(kind) or cloud.identity.create_service(name=name, type=kind)
        url = settings.url(port, path)
        for interface in ("public", "internal", "admin"):
            endpoint = present.get((service.id, interface))
            if endpoint is None:
                cloud.identity.create_endpoint(
                    service_id=service.id, interface=interface, url=url, region_id=REGION
                )
            elif endpoint.url != url:
                cloud.identity.update_endpoint(endpoint, url=url)


def register_identity(cloud: Connection, settings: Settings) -> None:
    """Make roles, projects, users, domains and the catalogue."""
    identity = cloud.identity
    roles = {role.name: role.id for role in identity.roles()}
    for name in (*population.ROLES, *population.HEAT_ROLES):
        if name not in roles:
            roles[name] = identity.create_role(name=name).id

    def grant(project: str, user: str, names: tuple[str, ...]) -> None:
        for name in names:
            identity.assign_project_role_to_user(project, user, roles[name])

    service_project = _ensure_project(cloud, "service")
    for name in SERVICE_USERS:
        grant(service_project, _ensure_user(cloud, settings, name), ("admin", "service"))
    grant(
        _ensure_project(cloud, "admin"),
        _ensure_user(cloud, settings, "admin"),
        population.HEAT_ROLES[:1],
    )
    for name, (project, granted) in population.ORDINARY_USERS.items():
        grant(_ensure_project(cloud, project), _ensure_user(cloud, settings, name), granted)
    for domain, name in population.DOMAINS.items():
        found = identity.find_domain(domain) or identity.create_domain(name=domain)
        user = _ensure_user(cloud, settings, name, found.id)
        identity.assign_domain_role_to_user(found.id, user, roles["admin"])
    _ensure_endpoints(cloud, settings)


def _ensure_external_network(cloud: Connection, settings: Settings) -> None:
    network = cloud.network.find_network(
        population.EXTERNAL_NETWORK
    ) or cloud.network.create_network(
        name=population.EXTERNAL_NETWORK,
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network="public",
    )
    if not network.subnet_ids:
        cloud.network.create_subnet(
            name="public-subnet",
            network_id=network.id,
            ip_version=4,
            cidr=settings.external_range,
            is_dhcp_enabled=False,
        )


def _ensure_images(cloud: Connection, *, real_nodes: bool) -> None:
    present = {image.name: image for image in cloud.image.images()}
    for name in REAL_IMAGES:
        if not real_nodes and name in present:  # nobody would boot its servers
            cloud.image.delete_image(present[name])
    wanted = {
        name: {"os_distro": distro} if distro else {} for name, distro in population.IMAGES.items()
    }
    if real_nodes:
        wanted |= {
            name: {"os_distro": real.os_distro, IMAGE_PROPERTY: real.root}
            for name, real in REAL_IMAGES.items()
        }
    for name, properties in wanted.items():
        image = present.get(name)
        if image and image.status == "active":
            continue
        if image:  # left without content by an interrupted run
            cloud.image.delete_image(image)
        cloud.image.create_image(
            name,
            data=bytes(4096),
            disk_format="raw",
            container_format="bare",
            visibility="public",
            disable_vendor_agent=False,
            **properties,
        )


def _ensure_keypair(settings: Settings) -> None:
    public_key = facts.make_keypair(settings)
    users = {"admin": ("admin", ()), **population.ORDINARY_USERS}
    for user, (project, _) in users.items():
        compute = connect(settings, user, project).compute
        if not compute.find_keypair(population.KEYPAIR):
            compute.create_keypair(name=population.KEYPAIR, public_key=public_key)


def register_resources(cloud: Connection, settings: Settings) -> None:
    """Make flavors, images, the external network and keypairs."""
    present = {flavor.name for flavor in cloud.compute.flavors()}
    for number, (name, (vcpus, memory, disk)) in enumerate(population.FLAVORS.items()):
        if name not in present:
            cloud.compute.create_flavor(
                id=str(number), name=name, vcpus=vcpus, ram=memory, disk=disk
            )
    _ensure_images(cloud, real_nodes=settings.real_nodes)
    _ensure_external_network(cloud, settings)
    _ensure_keypair(settings)
    facts.write(cloud, settings)


def main() -> None:
    """Register one of the two halves."""
    half, prefix = sys.argv[1:]
    settings = settings_module.load(pathlib.Path(prefix))
    cloud = connect(settings, "admin", "admin")
    {"identity": register_identity, "resources": register_resources}[half](cloud, settings)


if __name__ == "__main__":
    main()
