# SPDX-License-Identifier: Apache-2.0
"""Progress lines: the time since the command began, and what it does now."""

import time


class Progress:
    """Prints lines such as `[  12.3s] keystone answers`."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """Print one line at once, also when the output is a pipe."""
        print(f"[{self.elapsed:6.1f}s] {text}", flush=True)
