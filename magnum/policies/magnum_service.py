# SPDX-License-Identifier: Apache-2.0
"""The processes of this service."""

from magnum.policies.base import ADMIN_API, Action

ACTIONS = (
    Action(
        "magnum-service",
        "get_all",
        ADMIN_API,
        "GET",
        "/mservices",
        "List the conductors and whether they are alive.",
    ),
)
