# SPDX-License-Identifier: Apache-2.0
"""Have Heat look soon at what it has just begun, and more and more seldom after that.

Heat waits a second between two looks at a resource, and one after each resource that it begins a
stack with, and no option changes that.  Where servers are pictures most of what it waits for takes
less.  Heat imports this module as one of its plugins.
"""

import time

from heat.engine import scheduler

FIRST = 0.2  # seconds
SHARE = 0.25  # of the time it has waited already, which bounds by how much it is late


def pause(waited, longest):
    """Return the seconds until the next look.

    :param waited: seconds since the first look.
    :param longest: what Heat itself would wait.
    """
    return min(longest, max(FIRST, SHARE * waited))


class TaskRunner(scheduler.TaskRunner):
    """One task of Heat's, which is looked at again and again until it is done."""

    _began = None

    def _sleep(self, wait_time):
        """Sleep before the next look; Heat's own zero and None stay what they are."""
        if wait_time:
            if self._began is None:
                self._began = time.monotonic()
            wait_time = pause(time.monotonic() - self._began, wait_time)
        if wait_time is not None:
            time.sleep(wait_time)


scheduler.TaskRunner = TaskRunner
# The only other sleeps that this switch is for are those between resources that begin.
scheduler.ENABLE_SLEEP = False
