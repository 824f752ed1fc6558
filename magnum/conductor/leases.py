# SPDX-License-Identifier: Apache-2.0
"""The operations this process holds."""

from collections.abc import Mapping
from typing import Any

from magnum.conductor.holding import Holding, Holdings
from magnum.db import claims
from magnum.db.claims import Claim
from magnum.db.session import Database
from magnum.metrics import instruments


class Held(Holding[Claim]):
    """One operation in this process's hands.

    :ivar stack_id: what it waits for, once it does.
    """

    stack_id: str | None = None

    def advance(self, step: str | None, progress: Mapping[str, Any]) -> None:
        """Remember a step that was recorded."""
        self.claim = self.claim.after(step, progress)


class Leases(Holdings[Claim, Held]):
    """All operations this process holds; safe for threads.

    When it is closing, what is held should be given back at the next opportunity.
    """

    def __init__(self, database: Database, owner: str, lease_seconds: float) -> None:
        super().__init__(database, owner, lease_seconds, Held, claims.claim, claims.renew)

    def claim(self, limit: int) -> list[Held]:
        """Take up to ``limit`` operations that nobody holds."""
        taken = super().claim(limit)
        for held in taken:
            if held.claim.taken_over:
                instruments.TAKEOVERS.inc()
        return taken
