# SPDX-License-Identifier: Apache-2.0
"""The statuses of a cluster and what may follow what.

A status is ``ACTION_STATE``, in the words of Heat.  Only the words listed here may ever be seen
by a client: test suites of 2016 abort on any other.
Source: the status state machine of the bay API.
"""

import enum


class Action(enum.StrEnum):
    """What an operation does to a cluster."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    ROLLBACK = "ROLLBACK"  # nobody asks for it: an update that failed is followed by it
    DELETE = "DELETE"


class Outcome(enum.StrEnum):
    """How far an action is."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


class OperationState(enum.StrEnum):
    """The life of an operation row."""

    PENDING = "PENDING"  # written with the request, nobody works on it yet
    RUNNING = "RUNNING"  # claimed at least once
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    SUPERSEDED = "SUPERSEDED"  # a delete came while it ran


OPEN_OPERATION_STATES = (OperationState.PENDING, OperationState.RUNNING)


def status(action: Action, outcome: Outcome) -> str:
    """Compose a status word, the only place that does."""
    return f"{action}_{outcome}"


IN_PROGRESS = frozenset(status(action, Outcome.IN_PROGRESS) for action in Action)
FAILED = frozenset(status(action, Outcome.FAILED) for action in Action)
_SETTLING_WELL = "CREATE UPDATE RESUME RESTORE ROLLBACK SNAPSHOT CHECK ADOPT"
SETTLED_WELL = frozenset(f"{action}_COMPLETE" for action in _SETTLING_WELL.split())
UPDATE_TO_REPEAT = frozenset(
    status(action, Outcome.FAILED) for action in (Action.UPDATE, Action.ROLLBACK)
)
"""In these the cluster is not what its row says; an update that changes nothing tries again."""

UPDATABLE = SETTLED_WELL | UPDATE_TO_REPEAT
"""From these a cluster may be changed.  A failed change is no dead end: masters and older nodes
work on, and what was in the way (a quota, a broken host) may have gone."""

_CHANGING = frozenset(
    status(action, outcome)
    for action in (Action.UPDATE, Action.ROLLBACK)
    for outcome in (Outcome.IN_PROGRESS, Outcome.FAILED)
)
TAKES_CONTAINERS = SETTLED_WELL | _CHANGING
"""In these a cluster has been complete and is not going: while its nodes are counted anew, those
it has go on working."""


class Health(enum.StrEnum):
    """What the last look at a cluster's own nodes has found."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    UNKNOWN = "UNKNOWN"  # nobody could look, and never could


ALL = IN_PROGRESS | FAILED | SETTLED_WELL | {"DELETE_COMPLETE"}
