# SPDX-License-Identifier: Apache-2.0
"""What this process holds of the table's work, operations or creations, and keeping it.

A lease is good until the moment the database was told, less nothing: time is measured from before
the statement was sent, on the monotonic clock, so a slow database shortens it and never prolongs
it.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from magnum.context import RequestContext
from magnum.core import errors
from magnum.db.leases import Lease
from magnum.db.session import Database

LOG = logging.getLogger(__name__)

RENEWALS_PER_LEASE = 4

L = TypeVar("L", bound=Lease)
H = TypeVar("H", bound="Holding[Any]")


class Holding(Generic[L]):
    """One row in this process's hands.

    :ivar claim: what the table said when it was claimed, with what was recorded since.
    :ivar started: when this process took it, on the monotonic clock.
    :ivar lease_until: when somebody else may take it, likewise.
    :ivar superseded: whether it is not ours to work on any more, as far as is known here.
    """

    def __init__(self, claim: L, lease_until: float) -> None:
        self.claim = claim
        self.started = time.monotonic()
        self.lease_until = lease_until
        self.superseded = False
        self._deadline = self.started + claim.seconds_left

    @property
    def seconds_left(self) -> float:
        """Until its deadline; negative when that has passed."""
        return self._deadline - time.monotonic()

    @property
    def expired(self) -> bool:
        """Whether its deadline has passed."""
        return self.seconds_left <= 0

    def ensure(self) -> None:
        """Make sure that acting for it is still ours, before every outside call.

        :raises LeaseLost: it is not.
        """
        if self.superseded or time.monotonic() >= self.lease_until:
            raise errors.LeaseLost(f"The lease on {self.claim.uuid} is not ours any more.")

    def context(self) -> RequestContext:
        """Make the context of whoever works for it: the request's ids, and who asked."""
        return RequestContext(
            request_id=self.claim.request_id,
            global_request_id=self.claim.global_request_id,
            user_id=self.claim.user_id,
            project_id=self.claim.project_id,
        )

    def renewed(self, until: float, ours: Any) -> None:
        """Learn what came of a renewal.

        :param until: when its lease ends now, if it is still ours.
        :param ours: the uuids of all that are.
        """
        if self.claim.uuid in ours:
            self.lease_until = until
        else:
            self.superseded = True


class Holdings(Generic[L, H]):
    """All rows of one table that this process holds; safe for threads.

    :param owner: this process.
    :param seconds: what a lease is good for.
    :param hold: makes a holding of a claim and the end of its lease.
    :param claim: of the table, given session, owner, seconds and what :meth:`claim` is given.
    :param renew: of the table, given session, owner, seconds and claims; what it returns goes to
        :meth:`Holding.renewed`.
    :ivar closing: whether this process is about to end.
    """

    def __init__(
        self,
        database: Database,
        owner: str,
        seconds: float,
        hold: Callable[[L, float], H],
        claim: Callable[..., Sequence[L]],
        renew: Callable[..., Any],
    ) -> None:
        self._database = database
        self._owner = owner
        self._seconds = seconds
        self._hold, self._claim, self._renew = hold, claim, renew
        self._held: dict[str, H] = {}
        self._lock = threading.Condition()
        self.closing = False

    def claim(self, *wanted: Any) -> list[H]:
        """Take what nobody holds.

        :raises Unavailable: the database does not answer.
        """
        asked = time.monotonic()
        claimed = self._database.write(
            lambda session: self._claim(session, self._owner, self._seconds, *wanted)
        )
        taken = [self._hold(claim, asked + self._seconds) for claim in claimed]
        with self._lock:
            self._held.update((held.claim.uuid, held) for held in taken)
        return taken

    def drop(self, held: H) -> None:
        """Forget what was finished or given back."""
        with self._lock:
            if self._held.get(held.claim.uuid) is held:
                del self._held[held.claim.uuid]
                self._lock.notify_all()

    def held(self) -> list[H]:
        """Return all that is held now."""
        with self._lock:
            return list(self._held.values())

    def get(self, uuid: str) -> H | None:
        """Return one, if it is held now."""
        with self._lock:
            return self._held.get(uuid)

    def wait_until_empty(self, seconds: float) -> bool:
        """Wait until nothing is held, and return whether that came in time."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._held, seconds)

    def renew(self) -> None:
        """Prolong every lease once.

        :raises Unavailable: the database does not answer; the leases run on.
        """
        holding = self.held()
        if not holding:
            return
        asked = time.monotonic()
        known = [held.claim for held in holding]
        ours = self._database.write(
            lambda session: self._renew(session, self._owner, self._seconds, known)
        )
        for held in holding:
            held.renewed(asked + self._seconds, ours)

    def keep(self, stopping: threading.Event) -> None:
        """Renew often enough until told to stop; the body of a thread."""
        while not stopping.wait(self._seconds / RENEWALS_PER_LEASE):
            try:
                self.renew()
            except errors.Unavailable as error:
                LOG.warning("Leases are not renewed: %s", error)
            except Exception:  # the thread that keeps all leases must outlive any surprise
                LOG.exception("Leases are not renewed")
