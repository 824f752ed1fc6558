# SPDX-License-Identifier: Apache-2.0
"""Containers that are to be made: claimed, made by threads of their own, and waited for.

As with operations all that matters is in the table, so the process may be killed at any
instruction; what one creation is made of is told by :mod:`magnum.conductor.making`.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future

from magnum.conductor import leases
from magnum.conductor.cloud import Cloud
from magnum.conductor.making import Held, Maker
from magnum.context import carried
from magnum.core import errors
from magnum.db import creations
from magnum.db.creations import Creation

LOG = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""Between two looks into the table whether another conductor has ended a creation."""

STOP_SECONDS = 10.0
"""How long a stop waits for what is being made; the rest is left to its leases' end."""

Outcome = Future[errors.MagnumError | None]


class Creations:
    """All creations this process holds; safe for threads."""

    def __init__(self, cloud: Cloud, maker: Maker, owner: str) -> None:
        self._cloud = cloud
        self._maker = maker
        self._owner = owner
        self._most = cloud.conf.docker.creations
        self._lease_seconds = cloud.conf.conductor.lease_seconds
        self._held: dict[str, Held] = {}
        self._waiting: dict[str, list[Outcome]] = defaultdict(list)
        self._lock = threading.Lock()
        self._closing = False

    @property
    def held(self) -> int:
        """How many it holds."""
        with self._lock:
            return len(self._held)

    def sweep(self) -> None:
        """Take up what nobody holds, as much as there is room for.

        :raises Unavailable: the database does not answer.
        """
        self._claim()

    def make(self, container_id: str, seconds: float) -> None:
        """Have one container made now, or taken away where that was cancelled, and wait for it.

        :param seconds: to wait; after that it goes on by itself.
        :raises MagnumError: it cannot be made.
        """
        outcome: Outcome = Future()
        deadline = time.monotonic() + seconds
        with self._lock:
            self._waiting[container_id].append(outcome)
        try:
            self._claim(container_id)
            error = self._settled(container_id, outcome, deadline)
        finally:
            with self._lock:
                self._waiting[container_id].remove(outcome)
                if not self._waiting[container_id]:
                    del self._waiting[container_id]
        if error is not None:
            raise error

    def cancel(self, container_id: str) -> bool:
        """Have a container taken away that is still being made; whether it is."""
        cancelled = self._cloud.database.write(
            lambda session: creations.cancel(session, container_id)
        )
        with self._lock:
            held = self._held.get(container_id)
        if cancelled and held is not None:
            held.cancelled = True
        return cancelled

    def renew(self) -> None:
        """Prolong every lease once, and learn what was cancelled.

        :raises Unavailable: the database does not answer; the leases run on.
        """
        with self._lock:
            holding = list(self._held.values())
        if not holding:
            return
        asked = time.monotonic()
        known = [held.creation for held in holding]
        ours = self._cloud.database.write(
            lambda session: creations.renew(session, self._owner, self._lease_seconds, known)
        )
        for held in holding:
            cancelled = ours.get(held.creation.container_id)
            if cancelled is None:
                held.lost = True
            else:
                held.lease_until = asked + self._lease_seconds
                held.cancelled = held.cancelled or cancelled

    def keep(self, stopping: threading.Event) -> None:
        """Renew until told to stop; the body of a thread."""
        leases.keep(self.renew, self._lease_seconds, stopping)

    def close(self) -> None:
        """Take up nothing more, and wait a while for what is under way."""
        self._closing = True
        deadline = time.monotonic() + STOP_SECONDS
        while self.held and time.monotonic() < deadline:
            time.sleep(0.05)

    def _claim(self, container_id: str | None = None) -> None:
        """Take creations up, or one of them, and begin to make each in a thread of its own."""
        asked = time.monotonic()
        with self._lock:
            room = self._most - len(self._held)
        if self._closing or room <= 0:
            return
        taken: Sequence[Creation] = self._cloud.database.write(
            lambda session: creations.claim(
                session, self._owner, self._lease_seconds, room, container_id
            )
        )
        for creation in taken:
            held = Held(creation, asked + self._lease_seconds)
            with self._lock:
                self._held[creation.container_id] = held
            # Not a pool's: at the end of the process nobody waits for a pull.
            threading.Thread(target=self._run, args=(held,), name="creation", daemon=True).start()

    def _run(self, held: Held) -> None:
        uuid = held.creation.container_id
        outcome: errors.MagnumError | None = None
        is_over = False
        try:
            with carried(held.context):
                is_over, outcome = self._maker.make(held)
        finally:
            with self._lock:
                if self._held.get(uuid) is held:
                    del self._held[uuid]
                waiting = [*self._waiting.get(uuid, ())] if is_over else []
            for one in waiting:
                if not one.done():
                    one.set_result(outcome)

    def _settled(
        self, container_id: str, outcome: Outcome, deadline: float
    ) -> errors.MagnumError | None:
        """Wait for the end of a creation, whoever carries it out."""
        while (left := deadline - time.monotonic()) > 0:
            try:
                return outcome.result(min(left, LOOK_SECONDS))
            except TimeoutError:
                with self._lock:
                    is_held = container_id in self._held
                if not is_held and not self._is_open(container_id):
                    return None
        return None

    def _is_open(self, container_id: str) -> bool:
        return self._cloud.database.read(lambda session: creations.is_open(session, container_id))
