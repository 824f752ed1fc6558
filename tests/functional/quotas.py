# SPDX-License-Identifier: Apache-2.0
"""Projects that have used up what they may have, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from deployment.cloud import Cloud, User
from deployment.sessions import Session

# Forced, because some are in use.
NONE_LEFT = {
    "compute": ("/os-quota-sets/{}", {"quota_set": {"cores": 0, "force": True}}),
    "network": ("/v2.0/quotas/{}", {"quota": {"floatingip": 0}}),
}


@contextmanager
def used_up(cloud: Cloud, owner: User, service: str) -> Iterator[None]:
    """Let a project have no more servers, or floating IPs.

    :param service: a key of :data:`NONE_LEFT`.
    """
    path, limits = NONE_LEFT[service]
    admin = Session.of(cloud, cloud.user("admin"))
    admin.call("PUT", service, path.format(owner.project_id), limits)
    try:
        yield
    finally:
        admin.call("DELETE", service, path.format(owner.project_id))
