# SPDX-License-Identifier: Apache-2.0
"""How often a step that fails is tried again before its failure is believed.

Failures are counted by kind, in the progress of their operation, so that whichever conductor takes
it up goes on counting.  A claim's attempts count all of them together, for the pause before the
next try: when what was away for an hour comes back, its first refusal is still the first.
"""

import math
from collections.abc import Mapping
from typing import Any

from magnum.clients.errors import Clash, LoginRefused, Missing, NotPermitted, ServiceRefused
from magnum.conductor.run import Unsettled
from magnum.core import errors
from magnum.core.states import Action
from magnum.db.claims import Claim

REFUSALS_BELIEVED_AFTER = 3
"""How often a 401, 403 or 404 is tried again: our roles may just have been taken or given."""

SURPRISES_BELIEVED_AFTER = 5
"""How often a step that failed for no known reason is tried again."""

FAILURES = "failures"
"""Where progress has how often the step after the one last done has failed."""


def may_pass(error: Exception, claim: Claim) -> bool:
    """Tell whether trying the present step again makes sense."""
    return _failures(claim).get(_kind(error), 0) < _tries(error, claim.action)


def counted(error: Exception, claim: Claim) -> dict[str, Any]:
    """Return an operation's progress with one more failure of its present step."""
    failures, kind = _failures(claim), _kind(error)
    times = {**failures, kind: failures.get(kind, 0) + 1}
    return {**claim.progress, FAILURES: {"after": claim.step, "times": times}}


def _tries(error: Exception, action: Action) -> float:
    """Tell how often a failure is not believed; without end where it is a matter of time."""
    if isinstance(error, errors.Unavailable | Unsettled):
        return math.inf
    if action is Action.DELETE:
        return SURPRISES_BELIEVED_AFTER
    if isinstance(error, Clash):  # Heat is busy, perhaps with what a dead conductor asked for
        return math.inf
    if isinstance(error, LoginRefused | NotPermitted | Missing):
        return REFUSALS_BELIEVED_AFTER
    if isinstance(error, ServiceRefused | errors.Invalid):
        return 0
    return SURPRISES_BELIEVED_AFTER


def _kind(error: Exception) -> str:
    """Name what is counted together."""
    if isinstance(error, errors.Unavailable | Unsettled):
        return "waits"
    if isinstance(error, Clash):
        return "clashes"
    return "refusals" if isinstance(error, ServiceRefused) else "surprises"


def _failures(claim: Claim) -> Mapping[str, int]:
    """Return how often the present step has failed so far, by kind."""
    told = claim.progress.get(FAILURES)
    if told is None or told["after"] != claim.step:  # of a step that is done by now
        return {}
    times: Mapping[str, int] = told["times"]
    return times
