# SPDX-License-Identifier: Apache-2.0
"""How many threads of a process may wait for engines, so that one that hangs takes not all of them.

A lane is what answers as a whole or not at all: an engine, or a cluster.  Safe for threads.
"""

import threading
import time
from collections import Counter

from magnum.core import errors

SILENCE_SECONDS = 5.0
"""For so long after a call that was not answered a lane takes one call at a time, as a probe."""


class Lanes:
    """Counts who is in which lane.

    :param total: most calls in all lanes, at least 1.
    :param each: most calls in one lane, at least 1.
    :param patience: seconds that a call waits for its place.
    """

    def __init__(self, total: int, each: int, patience: float) -> None:
        self._total = total
        self._each = each
        self._patience = patience
        self._inside: Counter[str] = Counter()
        self._silent_until: dict[str, float] = {}
        self._changed = threading.Condition()

    def enter(self, lane: str) -> None:
        """Take a place, which has to be given back with :meth:`leave`.

        :raises Unanswered: the lane was silent a moment ago and is being asked already.
        :raises Unavailable: all places are taken.
        """
        with self._changed:
            if self._is_silent(lane) and self._inside[lane]:
                raise errors.Unanswered(
                    "The bay's engines have not answered the calls before this one, try again "
                    "later."
                )
            if not self._changed.wait_for(lambda: self._has_place(lane), self._patience):
                raise errors.Unavailable("What asks the bay's engines", "too many calls wait")
            self._inside[lane] += 1

    def leave(self, lane: str, answered: bool) -> None:
        """Give the place back.

        :param answered: whether the call was; a lane that answers is silent no more.
        """
        with self._changed:
            self._inside[lane] -= 1
            if not self._inside[lane]:
                del self._inside[lane]
            if answered:
                self._silent_until.pop(lane, None)
            else:
                self._silent_until[lane] = time.monotonic() + SILENCE_SECONDS
            self._changed.notify_all()

    def _has_place(self, lane: str) -> bool:
        return self._inside.total() < self._total and self._inside[lane] < self._each

    def _is_silent(self, lane: str) -> bool:
        now = time.monotonic()
        for other in [name for name, until in self._silent_until.items() if until <= now]:
            del self._silent_until[other]  # so that it does not grow with all lanes ever seen
        return lane in self._silent_until
