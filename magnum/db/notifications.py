# SPDX-License-Identifier: Apache-2.0
"""What operators are still to be told of operations.

A row is written in the transaction that begins or ends an operation, so nothing happens untold and
nothing is told that did not happen.  It goes when it was sent; whoever dies between the two leaves
it to be sent again.  All functions take a session, as those of :mod:`magnum.db.operations` do.
"""

import datetime
import enum
import uuid as uuidlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from magnum.core import states
from magnum.core.states import Action, Outcome
from magnum.db import leases, repository
from magnum.db.functions import now
from magnum.db.models import Cluster, Notification


class Result(enum.StrEnum):
    """How far an operation is, in the words of CADF."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


class Told(Protocol):
    """What is told of: a row of the table of operations, or a claim of one."""

    @property
    def cluster_id(self) -> str: ...
    @property
    def user_id(self) -> str: ...
    @property
    def project_id(self) -> str: ...
    @property
    def request_id(self) -> str | None: ...
    @property
    def global_request_id(self) -> str | None: ...
    @property
    def action(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """A notification in the hands of who sends it.

    :ivar uuid: of the event; the same however often it is sent.
    :ivar told: what :func:`add` wrote.
    """

    id: int
    uuid: str
    told: Mapping[str, Any]


SHOWN = ("name", "status", "status_reason", "project_id", "user_id", "cluster_template_id",
         "keypair", "stack_id", "create_timeout", "api_address", "discovery_url", "node_count",
         "master_count", "node_addresses", "master_addresses")  # fmt: skip
SHOWN_OF_TEMPLATE = ("coe", "flavor_id", "master_flavor_id", "docker_volume_size", "labels")


def add(session: Session, operation: Told, result: Result, ended: str | None = None) -> None:
    """Write that something is to be told, with the cluster as it is in this transaction.

    :param ended: how it ended if not well, in a word; ``<ACTION>_FAILED`` if not given.
    """
    row = repository.by_uuid(session, Cluster, operation.cluster_id)
    if row is None:  # only a transaction that is about to find its lease lost
        return
    action = Action(operation.action)
    cluster = _shown(row)
    if (action, result) == (Action.DELETE, Result.SUCCESS):
        cluster["status"] = states.status(action, Outcome.COMPLETE)  # and the row goes
    told = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(),
        "action": action.lower(),
        "result": result,
        "reason": None if result is not Result.FAILURE else ended or f"{action}_FAILED",
        "user_id": operation.user_id,
        "project_id": operation.project_id,
        "request_id": operation.request_id,
        "global_request_id": operation.global_request_id,
        "cluster_id": row.uuid,
        "cluster": cluster,
    }
    session.add(Notification(uuid=str(uuidlib.uuid4()), told=told))


def _shown(row: Cluster) -> dict[str, Any]:
    """Show a cluster to operators; nothing that is secret."""
    return {
        **{name: getattr(row, name) for name in SHOWN},
        **{name: getattr(row.template, name) for name in SHOWN_OF_TEMPLATE},
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat() if row.updated_at else None,
    }


def take(session: Session, seconds: float) -> Taken | None:
    """Take the oldest one that nobody else is sending; None when there is none.

    :param seconds: after which, not being removed, it may be taken again.
    """
    free = Notification.taken_until <= now()
    row = session.scalars(
        select(Notification).where(free).order_by(Notification.id).limit(1)
    ).one_or_none()
    if row is None:
        return None
    taken = Taken(row.id, row.uuid, row.told)
    take_it = update(Notification).where(Notification.id == row.id, free)
    mine = leases.changed(session, take_it.values(taken_until=now() + seconds))
    return taken if mine else None


def remove(session: Session, taken: Taken) -> None:
    """Forget one that was sent."""
    session.execute(delete(Notification).where(Notification.id == taken.id))
