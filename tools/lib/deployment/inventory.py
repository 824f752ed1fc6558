# SPDX-License-Identifier: Apache-2.0
"""All that a bay may make in the cloud, so that what it leaves behind can be told."""

import dataclasses
import time

from deployment.cloud import Cloud, User
from deployment.sessions import Session

_NETWORK = ("networks", "subnets", "routers", "ports", "floatingips", "security-groups")


@dataclasses.dataclass(frozen=True)
class Thing:
    """Something that exists in the cloud."""

    kind: str
    id: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.id}"


def take(cloud: Cloud, owner: User) -> frozenset[Thing]:
    """List what there is in a user's project, and of the service anywhere."""
    session = Session.of(cloud, owner)
    found = _stacks(session) | _servers(session) | _volumes(session) | _network(session)
    return frozenset(found | _identity(cloud, owner) | _secrets(cloud, session))


def _stacks(session: Session) -> set[Thing]:
    rows = session.get("orchestration", "/stacks?show_nested=true")["stacks"]
    return {Thing("Heat stack", row["id"], row["stack_name"]) for row in rows}


def _servers(session: Session) -> set[Thing]:
    rows = session.get("compute", "/servers")["servers"]
    return {Thing("Nova server", row["id"], row["name"]) for row in rows}


def _volumes(session: Session) -> set[Thing]:
    if "volumev3" not in session.endpoints:  # not every cloud has any
        return set()
    rows = session.get("volumev3", "/volumes")["volumes"]
    return {Thing("Cinder volume", row["id"], row["name"]) for row in rows}


def _network(session: Session) -> set[Thing]:
    found = set()
    for plural in _NETWORK:
        rows = session.get("network", f"/v2.0/{plural}")[plural.replace("-", "_")]
        for row in rows:
            if row.get("device_owner") != "network:dhcp":
                found.add(Thing(f"Neutron {plural[:-1]}", row["id"], row.get("name", "")))
    return found


def _identity(cloud: Cloud, owner: User) -> set[Thing]:
    """List node users, Heat's users of stacks, and the roles of our user in the project."""
    admin = Session.of(cloud, cloud.user("admin"))
    found = set()
    for domain in admin.get("identity", "/domains")["domains"]:
        if domain["name"] not in {"magnum", "heat"}:
            continue
        for user in admin.get("identity", f"/users?domain_id={domain['id']}")["users"]:
            found.add(Thing(f"Keystone user of domain {domain['name']}", user["id"], user["name"]))
    query = f"user.id={cloud.service_user.id}&scope.project.id={owner.project_id}"
    for row in admin.get("identity", f"/role_assignments?{query}")["role_assignments"]:
        role = row["role"]["id"]
        found.add(Thing("role of the service's user in the project", role, role))
    return found


def _secrets(cloud: Cloud, session: Session) -> set[Thing]:
    """List what Barbican keeps for the project and for our user."""
    found = set()
    for who in (session, Session.of(cloud, cloud.service_user)):
        for plural in ("secrets", "containers"):
            for row in who.get("key-manager", f"/v1/{plural}?limit=500")[plural]:
                reference = row.get("secret_ref") or row["container_ref"]
                name = row.get("name") or ""
                found.add(Thing(f"Barbican {plural[:-1]}", reference, name))
    return found


def left_behind(
    cloud: Cloud, owner: User, before: frozenset[Thing], patience: float = 20
) -> frozenset[Thing]:
    """Return what is there now and was not before.

    :param patience: seconds for Neutron and Nova to finish what they have confirmed already.
    """
    deadline = time.monotonic() + patience
    while (left := take(cloud, owner) - before) and time.monotonic() < deadline:
        time.sleep(1)
    return left
