# SPDX-License-Identifier: Apache-2.0
"""What is told of an operation, as an event of CADF (DMTF DSP0262); pure."""

import uuid
from collections.abc import Mapping
from typing import Any, cast

from pycadf import attachment, cadftaxonomy, event, reason, resource

ACTIONS = {"rollback": "update/rollback"}
"""Actions that CADF's taxonomy has no word of its own for."""


def build(event_id: str, told: Mapping[str, Any], noun: str, host: str) -> dict[str, Any]:
    """Return the event as plain data.

    :param told: what :func:`magnum.db.notifications.add` wrote.
    :param noun: ``bay`` or ``cluster``.
    :param host: of the conductor that tells it.
    """
    kind = f"service/magnum/{noun}"
    action = told["action"]
    target = resource.Resource(id=told["cluster_id"], typeURI=kind, name=told["cluster"]["name"])
    target.add_attachment(attachment.Attachment(kind, dict(told["cluster"]), noun))
    observer_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, host))
    built = event.Event(
        id=event_id,
        eventTime=told["time"],
        action=ACTIONS.get(action, action),
        outcome=told["result"],
        initiator=_initiator(told),
        target=target,
        observer=resource.Resource(id=observer_id, typeURI=kind, name=host),
        reason=reason.Reason(f"{kind}/status", told["reason"]) if told["reason"] else None,
    )
    return cast("dict[str, Any]", built.as_dict())


def _initiator(told: Mapping[str, Any]) -> resource.Resource:
    """Say who asked, with the names that other services' events have for it."""
    user = resource.Resource(id=told["user_id"], typeURI=cadftaxonomy.ACCOUNT_USER)
    user.user_id = told["user_id"]
    user.project_id = told["project_id"]
    if told["request_id"]:
        user.request_id = told["request_id"]
    if told.get("global_request_id"):  # written down by releases that know it
        user.global_request_id = told["global_request_id"]
    return user
