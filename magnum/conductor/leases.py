# SPDX-License-Identifier: Apache-2.0
"""The operations this process holds, and keeping them.

A lease is good until the moment the database was told, less nothing: time is measured from before
the statement was sent, on the monotonic clock, so a slow database shortens it and never prolongs
it.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from magnum.context import RequestContext
from magnum.core import errors
from magnum.db import claims
from magnum.db.claims import Claim
from magnum.db.session import Database
from magnum.metrics import instruments

LOG = logging.getLogger(__name__)

RENEWALS_PER_LEASE = 4


class Held:
    """One operation in this process's hands.

    :ivar claim: what the table said when it was claimed, with the steps recorded since.
    :ivar started: when this process took it, on the monotonic clock.
    :ivar stack_id: what it waits for, once it does.
    """

    def __init__(self, claim: Claim, lease_until: float) -> None:
        self.claim = claim
        self.started = time.monotonic()
        self.lease_until = lease_until
        self.superseded = False
        self.stack_id: str | None = None
        self._deadline = self.started + claim.seconds_left

    @property
    def seconds_left(self) -> float:
        """Until its deadline; negative when that has passed."""
        return self._deadline - time.monotonic()

    @property
    def expired(self) -> bool:
        """Whether its deadline has passed."""
        return self.seconds_left <= 0

    def context(self) -> RequestContext:
        """Make the context of whoever works for it: the request's ids, and who asked."""
        return RequestContext(
            request_id=self.claim.request_id,
            global_request_id=self.claim.global_request_id,
            user_id=self.claim.user_id,
            project_id=self.claim.project_id,
        )

    def advance(self, step: str | None, progress: Mapping[str, Any]) -> None:
        """Remember a step that was recorded."""
        self.claim = self.claim.after(step, progress)


class Leases:
    """All operations this process holds; safe for threads.

    :ivar closing: whether what is held should be given back at the next opportunity.
    """

    def __init__(self, database: Database, owner: str, lease_seconds: float) -> None:
        self._database = database
        self._owner = owner
        self._seconds = lease_seconds
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()
        self.closing = False

    def claim(self, limit: int) -> list[Held]:
        """Take up to ``limit`` operations that nobody holds."""
        asked = time.monotonic()
        claimed = self._database.write(
            lambda session: claims.claim(session, self._owner, self._seconds, limit)
        )
        for claim in claimed:
            if claim.taken_over:
                instruments.TAKEOVERS.inc()
        taken = [Held(claim, asked + self._seconds) for claim in claimed]
        with self._lock:
            self._held.update((held.claim.uuid, held) for held in taken)
        return taken

    def ensure(self, held: Held) -> None:
        """Make sure that acting for an operation is still ours, before every outside call.

        :raises LeaseLost: it is not.
        """
        if held.superseded or time.monotonic() >= held.lease_until:
            raise errors.LeaseLost(f"Operation {held.claim.uuid} is not ours any more.")

    def drop(self, held: Held) -> None:
        """Forget an operation that was finished or given back."""
        with self._lock:
            if self._held.get(held.claim.uuid) is held:
                del self._held[held.claim.uuid]

    def held(self) -> list[Held]:
        """Return all that is held now."""
        with self._lock:
            return list(self._held.values())

    def renew(self) -> None:
        """Prolong every lease once.

        :raises Unavailable: the database does not answer; the leases run on.
        """
        holding = self.held()
        if not holding:
            return
        asked = time.monotonic()
        known = [held.claim for held in holding]
        still_ours = self._database.write(
            lambda session: claims.renew(session, self._owner, self._seconds, known)
        )
        for held in holding:
            if held.claim.uuid in still_ours:
                held.lease_until = asked + self._seconds
            else:
                held.superseded = True

    def keep(self, stopping: threading.Event) -> None:
        """Renew until told to stop; the body of a thread."""
        keep(self.renew, self._seconds, stopping)


def keep(renew: Callable[[], None], seconds: float, stopping: threading.Event) -> None:
    """Renew leases often enough until told to stop; the body of a thread.

    :param seconds: what a lease is good for.
    """
    while not stopping.wait(seconds / RENEWALS_PER_LEASE):
        try:
            renew()
        except errors.Unavailable as error:
            LOG.warning("Leases are not renewed: %s", error)
        except Exception:  # the thread that keeps all leases must outlive any surprise
            LOG.exception("Leases are not renewed")
