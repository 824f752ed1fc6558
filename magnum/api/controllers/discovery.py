# SPDX-License-Identifier: Apache-2.0
"""What is served here: the two calls that need no token.

Source: version discovery in the bay API; all that its three releases showed is shown.
"""

from collections.abc import Sequence
from typing import Any

from magnum.api import versions
from magnum.api.call import Call, Reply

NAME = "OpenStack Magnum API"
DESCRIPTION = "Container clusters (bays) as a service for an OpenStack cloud."
DOCUMENTATION = "https://docs.openstack.org/magnum/latest/"
MEDIA_TYPE = "application/vnd.openstack.magnum.v1+json"


class DiscoveryController:
    """``/`` and ``/v1``."""

    def __init__(self, collections: Sequence[str]) -> None:
        self._collections = collections

    def root(self, call: Call) -> Reply:
        """Tell which versions there are, for discovery by any client."""
        links = [{"href": f"{call.base_url}/v1/", "rel": "self"}]
        served = {
            "id": "v1",
            "status": "CURRENT",
            "min_version": str(versions.MIN),
            "max_version": str(versions.MAX),
            "links": links,
        }
        return Reply(
            {
                "name": NAME,
                "description": DESCRIPTION,
                "versions": [served],
                "default_version": {"id": "v1", "links": links},
            }
        )

    def v1(self, call: Call) -> Reply:
        """Tell which collections there are."""
        body: dict[str, Any] = {
            "id": "v1",
            "status": "CURRENT",
            "min_version": str(versions.MIN),
            "max_version": str(versions.MAX),
            "media_types": [{"base": "application/json", "type": MEDIA_TYPE}],
            "links": [
                {"href": f"{call.base_url}/v1/", "rel": "self"},
                {"href": DOCUMENTATION, "rel": "describedby", "type": "text/html"},
            ],
        }
        for name in self._collections:
            body[name] = [
                {"href": f"{call.base_url}/v1/{name}/", "rel": "self"},
                {"href": f"{call.base_url}/{name}/", "rel": "bookmark"},
            ]
        return Reply(body)
