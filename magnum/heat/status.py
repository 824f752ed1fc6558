# SPDX-License-Identifier: Apache-2.0
"""What a failed stack really failed of: one sentence out of layers of wrapping.

Heat reports the failure of a nested resource at every level above it, wrapped once more each
time, and cancels the neighbours.  Pure; used by the conductor when it writes ``status_reason``.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from magnum.clients.errors import scrub
from magnum.core.errors import first_sentence
from magnum.heat.stacks import StackResource

_LAYER = re.compile(
    r"(Resource (CREATE|UPDATE|DELETE|CHECK|SUSPEND|RESUME) failed: *"
    r"|(?P<kind>\w+: *)?resources(\.[\w-]+|\[[\w-]+\])+: *"
    r"|(ResourceFailure|ResourceInError|NestedStackFailure|WaitConditionFailure|Error): *)"
)
_UNMET = ("CREATE_FAILED", "CREATE_IN_PROGRESS")
_SIGNALLED_FAILURE = "WaitConditionFailure"
_TIMEOUT = "no signal came in time: "
_COLLATERAL = re.compile(
    r"^((CREATE|UPDATE|DELETE|Resource \w+|Stack \w+|Operation) (was )?(aborted|cancelled)"
    r"|.*\b(user triggered cancel|Stopped|Task cancelled)\b.*$)",
    re.IGNORECASE,
)
WAIT_CONDITION = "OS::Heat::WaitCondition"
NO_REASON = "Heat gives no reason"
MAX_FAULTS = 20
"""Most failed resources told of; a bay of hundreds of nodes can fail in all of them."""

_INDIVIDUAL = re.compile(r"\(?Request-ID: *req-[\w-]+\)?|\b[0-9a-f]{8}-?[0-9a-f-]{24,28}\b|\d+")


@dataclass(frozen=True, slots=True)
class Failure:
    """The root of a failure.

    :ivar path: the resource, names from the outermost stack down, for example
        ``workers/0/server``.
    :ivar type: its Heat type.
    :ivar reason: its own words, unwrapped.
    :ivar alike: how many more resources failed with the same words.
    """

    path: str
    type: str
    reason: str
    alike: int = 0


def deepest_failure(resources: Iterable[StackResource]) -> Failure | None:
    """Return the failure that the others follow from, None when nothing has failed.

    A cause goes before a wait condition that timed out, that before what was cancelled; then
    depth counts, then who failed first.
    """
    roots = _roots(resources)
    if not roots:
        return None
    first = roots[0]
    likenesses = Counter(_likeness(root) for root in roots)
    return Failure(
        path=first.path,
        type=first.type,
        reason=unwrap(first.reason),
        alike=likenesses[_likeness(first)] - 1,
    )


def unmet_conditions(resources: Iterable[StackResource]) -> dict[str, bool]:
    """Return by path the wait conditions that are not met, and whether of a failure signalled.

    Of the others nothing was heard in time, or yet.
    """
    return {
        resource.path: _SIGNALLED_FAILURE in resource.reason
        for resource in resources
        if resource.type == WAIT_CONDITION and resource.status in _UNMET
    }


def in_creation(resources: Iterable[StackResource]) -> list[str]:
    """Return the paths of what Heat goes on making."""
    return [resource.path for resource in resources if resource.status == "CREATE_IN_PROGRESS"]


def describe_failure(failure: Failure, node: str | None = None) -> str:
    """Return a text for ``status_reason``; its first sentence says what failed and why.

    The node comes first, and of a step that failed on it the step's name comes first of Heat's
    words: only these are cut where they are long, and clients show no more than a beginning.

    :param node: name of the server it is about, None where it is about none.
    """
    words = first_sentence(scrub(failure.reason)) or NO_REASON
    where = f"Node {node}: " if node else ""
    text = f"{where}{failure.path} ({failure.type}) failed: {words}."
    if failure.alike:
        text += f" {failure.alike} more failed in the same way."
    return text


def faults(resources: Iterable[StackResource]) -> dict[str, str]:
    """Return the reasons of resources that failed by themselves, causes first, by path.

    :returns: at most :data:`MAX_FAULTS`; each reason is of bounded length and without secrets.
    """
    roots = _roots(resources)[:MAX_FAULTS]
    return {root.path: scrub(unwrap(root.reason)) or NO_REASON for root in roots}


def unwrap(reason: str) -> str:
    """Return the innermost words of a reason, without the names of layers before them."""
    words = " ".join(reason.split())
    prefix = ""
    while match := _LAYER.match(words):
        if (match["kind"] or "").startswith("WaitConditionTimeout"):
            prefix = _TIMEOUT  # "0 of 1 received" alone tells little
        words = words[match.end() :]
    return prefix + words


def _roots(resources: Iterable[StackResource]) -> list[StackResource]:
    """Return the failed resources that contain no other failed one, whom to blame first."""
    failed = [resource for resource in resources if resource.status.endswith("_FAILED")]
    above = {path for resource in failed for path in _ancestors(resource.path)}
    return sorted(
        (resource for resource in failed if resource.path not in above),
        key=lambda root: (
            _remoteness(root.reason),
            -root.path.count("/"),
            root.updated_at,
            root.path,
        ),
    )


def _ancestors(path: str) -> Iterable[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _remoteness(reason: str) -> int:
    """Return 0 for a cause, 1 for waiting in vain for one who failed, 2 for the cancelled."""
    words = unwrap(reason)
    if not words or _COLLATERAL.match(words):
        return 2
    return 1 if words.startswith(_TIMEOUT) else 0


def _likeness(resource: StackResource) -> tuple[str, str]:
    return resource.type, _INDIVIDUAL.sub("", unwrap(resource.reason))
