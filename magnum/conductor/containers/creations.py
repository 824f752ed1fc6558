# SPDX-License-Identifier: Apache-2.0
"""Containers that are to be made: claimed, made by threads of their own, and waited for.

As with operations all that matters is in the table, so the process may be killed at any
instruction; what one creation is made of is told by :mod:`magnum.conductor.containers.making`.
"""

import logging
import threading
import time
from collections import defaultdict
from concurrent.futures import Future

from magnum.conductor.cloud import Cloud
from magnum.conductor.containers.making import Held, Maker
from magnum.conductor.holding import Holdings
from magnum.context import carried
from magnum.core import errors
from magnum.db import creations

LOG = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""Between two looks into the table whether another conductor has ended a creation."""

STOP_SECONDS = 10.0
"""How long a stop waits for what is being made; the rest is left to its leases' end."""

Outcome = Future[errors.MagnumError | None]


class Creations:
    """All creations this process holds; safe for threads.

    :ivar leases: on them.
    """

    def __init__(self, cloud: Cloud, maker: Maker, owner: str) -> None:
        self._cloud = cloud
        self._maker = maker
        self._most = cloud.conf.docker.creations
        self.leases = Holdings(
            cloud.database,
            owner,
            cloud.conf.conductor.lease_seconds,
            Held,
            creations.claim,
            creations.renew,
        )
        self._waiting: dict[str, list[Outcome]] = defaultdict(list)
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """How many it holds."""
        return len(self.leases.held())

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
        held = self.leases.get(container_id)
        if cancelled and held is not None:
            held.cancelled = True
        return cancelled

    def close(self) -> None:
        """Take up nothing more, and wait a while for what is under way."""
        self.leases.closing = True
        self.leases.wait_until_empty(STOP_SECONDS)

    def _claim(self, container_id: str | None = None) -> None:
        """Take creations up, or one of them, and begin to make each in a thread of its own."""
        room = self._most - self.held
        if self.leases.closing or room <= 0:
            return
        for held in self.leases.claim(room, container_id):
            # Not a pool's: at the end of the process nobody waits for a pull.
            threading.Thread(target=self._run, args=(held,), name="creation", daemon=True).start()

    def _run(self, held: Held) -> None:
        outcome: errors.MagnumError | None = None
        is_over = False
        try:
            with carried(held.context):
                is_over, outcome = self._maker.make(held)
        finally:
            self.leases.drop(held)
            with self._lock:
                waiting = [*self._waiting.get(held.claim.uuid, ())] if is_over else []
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
                if not self.leases.get(container_id) and not self._is_open(container_id):
                    return None
        return None

    def _is_open(self, container_id: str) -> bool:
        return self._cloud.database.read(lambda session: creations.is_open(session, container_id))
