# SPDX-License-Identifier: Apache-2.0
"""A message bus that fails as it is told to."""

import queue
from typing import Any


class FakeRpc:
    """An oslo.messaging client that fails as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.cast_of: queue.Queue[str] = queue.Queue()
        self._failures = list(failures)

    def prepare(self, **_options: Any) -> "FakeRpc":
        return self

    def cast(self, _context: Any, _method: str, message: dict[str, str]) -> None:
        if self._failures:
            raise self._failures.pop(0)
        self.cast_of.put(message["operation_id"])
