# SPDX-License-Identifier: Apache-2.0
"""Write down what the demo and the functional tests need to know: cloud.json, openrc files, a key.

Called at the end of registration, by `register.py`.
"""

import json
import pathlib
import subprocess
from typing import TYPE_CHECKING, Any

from minicloud import population
from minicloud.real_nodes.places import Places
from minicloud.real_nodes.servers import BARE, REAL_IMAGES, WHOLE
from minicloud.settings import REGION, Settings, write_private

if TYPE_CHECKING:
    from openstack.connection import Connection

_OPENRC = """\
# Source this to act as {user} on the mini cloud.
export OS_AUTH_TYPE=password OS_IDENTITY_API_VERSION=3
export OS_AUTH_URL={auth_url} OS_REGION_NAME={region}
export OS_USERNAME={user} OS_PASSWORD={password} OS_USER_DOMAIN_ID=default
export OS_USER_DOMAIN_NAME=Default
export OS_PROJECT_NAME={project} OS_PROJECT_DOMAIN_ID=default OS_PROJECT_DOMAIN_NAME=Default
export PATH={tools}:$PATH
"""


def private_key(settings: Settings) -> pathlib.Path:
    """Return where the private half of the registered keypair lies."""
    return settings.var / population.KEYPAIR


def make_keypair(settings: Settings) -> str:
    """Make the key that all users register, once; Nova itself makes no keys any more.

    :returns: the public key, as an authorized_keys line.
    """
    key = private_key(settings)
    public = key.with_suffix(".pub")
    if not public.exists():
        key.unlink(missing_ok=True)
        subprocess.run(
            ["openssl", "genrsa", "-traditional", "-out", str(key), "2048"],
            check=True,
            capture_output=True,
        )
        key.chmod(0o600)
        from cryptography.hazmat.primitives import serialization

        loaded = serialization.load_pem_private_key(key.read_bytes(), None).public_key()
        line = loaded.public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        public.write_bytes(line + b" minicloud\n")
    return public.read_text().strip()


def _users(cloud: "Connection", settings: Settings) -> dict[str, dict[str, str]]:
    projects = {p.name: p.id for p in cloud.identity.projects(domain_id="default")}
    ids = {u.name: u.id for u in cloud.identity.users(domain_id="default")}
    homes = {"admin": "admin"} | {u: p for u, (p, _) in population.ORDINARY_USERS.items()}
    return {
        user: {
            "id": ids[user],
            "password": settings.password(user),
            "project": project,
            "project_id": projects[project],
        }
        for user, project in homes.items()
    }


def gather(cloud: "Connection", settings: Settings) -> dict[str, Any]:
    """Return the content of cloud.json."""
    return {
        "prefix": str(settings.prefix),
        "address": settings.address,
        "region": REGION,
        "auth_url": settings.auth_url,
        "magnum_port": settings.ports["magnum"],
        "ports": settings.ports,
        "transport_url": settings.transport_url,
        "memcached_servers": settings.memcached,
        "database": _database(settings),
        "users": _users(cloud, settings),
        "service_user": _service_user(cloud, settings),
        "trustee_domain": _trustee_domain(cloud, settings),
        "external_network": {
            "name": population.EXTERNAL_NETWORK,
            "id": cloud.network.find_network(population.EXTERNAL_NETWORK).id,
            "range": settings.external_range,
        },
        "keypair": {"name": population.KEYPAIR, "private_key": str(private_key(settings))},
        "images": {image.name: image.id for image in cloud.image.images()},
        "flavors": {flavor.name: flavor.id for flavor in cloud.compute.flavors()},
        "nodes_control": str(settings.run / "nodes.json"),
        "real_nodes": _real_nodes(settings) if settings.real_nodes else None,
    }


def _images(root: str) -> dict[str, str]:
    return {real.os_distro: name for name, real in REAL_IMAGES.items() if real.root == root}


def _real_nodes(settings: Settings) -> dict[str, Any]:
    return {
        "images": _images(WHOLE),
        "bare_images": _images(BARE),
        "flavor": "node.small",
        "registry": f"{settings.address}:{settings.ports['registry']}",
        "http_proxy": settings.url("mirror"),
        "machines": str(Places(settings).machines),
    }


def _database(settings: Settings) -> dict[str, Any]:
    return {
        "host": settings.address,
        "port": settings.ports["mariadb"],
        "user": "magnum",
        "password": settings.password("db-magnum"),
        "url_template": settings.database_url("magnum", "{name}"),
    }


def _service_user(cloud: "Connection", settings: Settings) -> dict[str, str]:
    return {
        "name": "magnum",
        "password": settings.password("magnum"),
        "project": "service",
        "id": cloud.identity.find_user("magnum", domain_id="default").id,
        "project_id": cloud.identity.find_project("service", domain_id="default").id,
    }


def _trustee_domain(cloud: "Connection", settings: Settings) -> dict[str, str]:
    domain = cloud.identity.find_domain("magnum")
    admin = cloud.identity.find_user(population.DOMAINS["magnum"], domain_id=domain.id)
    return {
        "id": domain.id,
        "name": domain.name,
        "admin_id": admin.id,
        "admin_name": admin.name,
        "admin_password": settings.password(admin.name),
    }


def write(cloud: "Connection", settings: Settings) -> None:
    """Write cloud.json and an openrc file for each user."""
    gathered = gather(cloud, settings)
    for user, known in gathered["users"].items():
        text = _OPENRC.format(
            user=user,
            auth_url=settings.auth_url,
            region=REGION,
            password=known["password"],
            project=known["project"],
            tools=settings.prefix / "bin",
        )
        write_private(settings.prefix / f"openrc-{user}", text)
    write_private(settings.cloud_json, json.dumps(gathered, indent=2) + "\n")
