# SPDX-License-Identifier: Apache-2.0
"""Checks of what a template names in the cloud, before anything is written.

They are made with the caller's own token (may this user use this keypair, image, network?) and
all at once, so that a request waits for the slowest service only.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from magnum.clients import glance, neutron, nova
from magnum.clients.sessions import CloudSession, Sessions
from magnum.context import RequestContext
from magnum.db.models import ClusterTemplate

CHECKS_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Findings:
    """What the checks learnt.

    :ivar os_distro: of the image.
    :ivar ssh_public_key: of the keypair in OpenSSH format, or None where there is no keypair.
    """

    os_distro: str
    ssh_public_key: str | None


class Preflight:
    """Asks Glance, Nova and Neutron whether they have what a template names."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def check(self, context: RequestContext, template: ClusterTemplate) -> Findings:
        """Look every named thing up.

        :raises ReferencedMissing: image, flavor or network is not there for this caller.
        :raises KeypairNotFound: the keypair is not.
        :raises Ambiguous: several images or networks have the name.
        :raises Invalid: the image has no os_distro.
        :raises Unavailable: a service does not answer.
        """
        session = self._sessions.caller(context)
        lookups: dict[str, Callable[[CloudSession, str], Any]] = {
            "image_id": glance.find_image,
            "flavor_id": nova.find_flavor,
            "master_flavor_id": nova.find_flavor,
            "keypair_id": nova.keypair_public_key,
            "external_network_id": neutron.find_external_network,
        }
        found = _all_at_once(
            {
                field: partial(look_up, session, named)
                for field, look_up in lookups.items()
                if (named := getattr(template, field))
            }
        )
        return Findings(
            os_distro=found["image_id"].os_distro, ssh_public_key=found.get("keypair_id")
        )


def _all_at_once(checks: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Run the checks side by side; the first in their order that failed is the one reported."""
    with ThreadPoolExecutor(CHECKS_AT_ONCE, thread_name_prefix="preflight") as pool:
        running = {name: pool.submit(check) for name, check in checks.items()}
    return {name: future.result() for name, future in running.items()}
