# SPDX-License-Identifier: Apache-2.0
"""What a step answers: nothing when it is done, else what it needs before it is asked again."""

import enum
from dataclasses import dataclass
from typing import Final


class Waiting(enum.Enum):
    """It is not done and needs a look at its stack."""

    WAITING = enum.auto()


WAITING: Final = Waiting.WAITING


@dataclass(frozen=True, slots=True)
class Pause:
    """It is not done and needs nothing but time, which costs no worker.

    :ivar seconds: at least so many; what it left in its run's progress is there again then.
    """

    seconds: float


Answer = Waiting | Pause | None
