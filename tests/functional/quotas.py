# SPDX-License-Identifier: Apache-2.0
"""Projects that have used up what they may have, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deployment.cloud import Cloud, User
from deployment.sessions import Session

PATHS = {"compute": "/os-quota-sets/{}", "network": "/v2.0/quotas/{}"}


@contextmanager
def room_for(cloud: Cloud, owner: User, servers: int) -> Iterator[None]:
    """Let a project have so many servers more, each of one core."""
    admin, path = Session.of(cloud, cloud.user("admin")), f"/os-quota-sets/{owner.project_id}"
    used = admin.get("compute", f"{path}/detail")["quota_set"]["cores"]["in_use"]
    limits = {"quota_set": {"cores": used + servers, "force": True}}
    admin.call("PUT", "compute", path, limits)
    try:
        yield
    finally:
        admin.call("DELETE", "compute", path)


@contextmanager
def used_up(cloud: Cloud, owner: User, service: str) -> Iterator[None]:
    """Let a project have no more servers, or floating IPs.

    :param service: a key of :data:`PATHS`.
    """
    admin, path = Session.of(cloud, cloud.user("admin")), PATHS[service].format(owner.project_id)
    limits: dict[str, Any]
    if service == "network":  # which takes no limit below what is in use
        used = admin.get(service, f"{path}/details")["quota"]["floatingip"]["used"]
        limits = {"quota": {"floatingip": used}}
    else:
        limits = {"quota_set": {"cores": 0, "force": True}}
    admin.call("PUT", service, path, limits)
    try:
        yield
    finally:
        admin.call("DELETE", service, path)
