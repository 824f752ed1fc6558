# SPDX-License-Identifier: Apache-2.0
"""The conductor as a process: threads, timers, start and stop.

One thread looks every fraction of a second whether something is due and hands it to a pool; one
keeps the leases; oslo.messaging has its own.  All that matters is in the table, so the process
may be killed at any instruction, and any number of them may run.
"""

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from oslo_config import cfg

from magnum.conductor.cloud import Cloud
from magnum.conductor.containers.verbs import Containers
from magnum.conductor.health import HealthChecks
from magnum.conductor.leases import Held, Leases
from magnum.conductor.runner import Runner, Verdict
from magnum.conductor.watch import Watch
from magnum.context import carried
from magnum.core import errors
from magnum.db import claims, repository
from magnum.heat.stacks import Stack
from magnum.metrics import instruments
from magnum.rpc.messages import OperationReady
from magnum.rpc.notices import Teller
from magnum.rpc.server import ConductorServer

LOG = logging.getLogger(__name__)

BINARY = "magnum-conductor"
BEAT_SECONDS = 0.2
"""Between two looks at what is due; all intervals of the configuration are multiples in effect."""

BUS_STOP_SECONDS = 2.0
"""How long a stop waits for the message bus, which may not be there at all."""


class Conductor:
    """Runs until :meth:`stop`, then hands back what it holds."""

    def __init__(self, conf: cfg.ConfigOpts, cloud: Cloud) -> None:
        self._conf = conf
        self._cloud = cloud
        self.name = f"{conf.host}:{os.getpid()}:{secrets.token_hex(4)}"
        options = conf.conductor
        self._leases = Leases(cloud.database, self.name, options.lease_seconds)
        self._runner = Runner(cloud, self._leases)
        self._watch = Watch(cloud, self._on_settled, self._on_expired, self._on_trouble)
        self._teller = Teller(conf, cloud.database)
        self._health = HealthChecks(cloud)
        self._pool = ThreadPoolExecutor(options.workers, thread_name_prefix="worker")
        self._free = threading.Semaphore(options.workers)
        # By the host, not by the process: the broker keeps a queue for every name it was told.
        self._containers = Containers(cloud, self.name)
        self._server = ConductorServer(conf, conf.host, self._on_ready, self._containers.verbs)
        self._stopping = False
        self._called = False  # by a message
        self._free_again = False  # a worker, or a cluster that something waits for
        self._alarm = threading.Event()  # one of these has changed

    def run(self) -> None:
        """Work until stopped."""
        LOG.info("Conductor %s starts", self.name)
        keeper_stops = threading.Event()
        keepers = [
            threading.Thread(target=leases.keep, args=(keeper_stops,), name=name, daemon=True)
            for name, leases in (
                ("leases", self._leases),
                ("creation-leases", self._containers.creations.leases),
            )
        ]
        for keeper in keepers:
            keeper.start()
        self._server.start()
        self._teller.start(keeper_stops)
        try:
            self._beat_until_stopped()
        finally:
            self._hand_back()
            keeper_stops.set()
            for keeper in keepers:
                keeper.join()
        LOG.info("Conductor %s has stopped", self.name)

    @property
    def held(self) -> int:
        """How many operations it holds."""
        return len(self._leases.held())

    def stop(self) -> None:
        """Begin to stop; returns at once.

        Fit for a signal handler: it takes no lock, which the interrupted thread might hold.
        """
        self._stopping = True

    def _beat_until_stopped(self) -> None:
        next_sweep = next_heartbeat = 0.0
        while not self._stopping:
            self._alarm.clear()
            called, self._called = self._called, False
            freed, self._free_again = self._free_again, False
            now = time.monotonic()
            if now >= next_heartbeat:
                self._surviving(self._heartbeat)
                next_heartbeat = now + self._conf.conductor.heartbeat_interval
            if called:
                # It may be told of a deletion that supersedes what is held here.
                self._surviving(self._leases.renew)
            for held in self._watch.pop(lambda held: held.superseded):
                self._pool.submit(self._pass, held, self._runner.begin)
            if called or freed or now >= next_sweep:
                self._surviving(self._gather)
                self._surviving(self._sweep)
                self._surviving(self._containers.creations.sweep)
                next_sweep = now + self._conf.conductor.sweep_interval
            self._surviving(self._health.sweep)
            for project_id in self._watch.due():
                self._pool.submit(self._watch.look, project_id)
            self._alarm.wait(BEAT_SECONDS)

    def _surviving(self, work: Callable[[], None]) -> None:
        """Do one thing of a beat; whatever it raises, the next beat comes."""
        try:
            work()
        except errors.Unavailable as error:
            LOG.warning("%s", error)
        except Exception:  # a conductor that stops beating helps nobody
            LOG.exception("A beat failed")

    def _heartbeat(self) -> None:
        self._cloud.database.write(
            lambda session: repository.heartbeat(session, self._conf.host, BINARY)
        )
        instruments.HEARTBEATS.inc()

    def _gather(self) -> None:
        """Give back what waits in a project that another conductor watches."""
        projects = self._watch.projects()
        if not projects:
            return
        watchers = self._cloud.database.read(lambda session: claims.watchers(session, projects))

        def is_elsewhere(held: Held) -> bool:
            return watchers.get(held.claim.project_id, self.name) != self.name

        for held in self._watch.pop(is_elsewhere):
            self._pool.submit(self._pass, held, self._runner.give_back)

    def _sweep(self) -> None:
        """Claim as many operations as there are free workers."""
        slots = 0
        while slots < self._conf.conductor.workers and self._free.acquire(blocking=False):
            slots += 1
        claimed: list[Held] = []
        try:
            if slots:
                claimed = self._leases.claim(slots)
        finally:
            for _ in range(slots - len(claimed)):
                self._free.release()
        instruments.SWEEPS.inc()
        for held in claimed:
            self._pool.submit(self._begin, held)

    def _begin(self, held: Held) -> None:
        """Run the first pass of an operation in the worker that was reserved for it."""
        try:
            with carried(held.context):
                LOG.info("Takes up operation %s after step %s", held.claim.uuid, held.claim.step)
            self._pass(held, self._runner.begin)
        finally:
            self._free.release()
            self._look_again()

    def _pass(self, held: Held, act: Callable[[Held], Verdict]) -> None:
        try:
            verdict = act(held)
        except Exception:  # a pool keeps to itself what its work raises
            with carried(held.context):
                LOG.exception("Operation %s is left to its lease's end", held.claim.uuid)
            self._leases.drop(held)
            verdict = Verdict.OVER
        if verdict is Verdict.WAITING and held.stack_id is not None:
            self._watch.add(held, held.stack_id)
        else:
            self._look_again()

    def _look_again(self) -> None:
        self._free_again = True
        self._alarm.set()

    def _on_ready(self, message: OperationReady) -> None:
        self._called = True
        self._alarm.set()

    def _on_settled(self, stack: Stack | None, held: Held) -> None:
        self._pool.submit(self._pass, held, partial(self._runner.resume, stack))

    def _on_expired(self, held: Held) -> None:
        self._pool.submit(self._pass, held, self._runner.expire)

    def _on_trouble(self, held: Held) -> None:
        self._pool.submit(self._pass, held, self._runner.begin)

    def _hand_back(self) -> None:
        """Let the steps under way end, give everything else to other conductors."""
        self._leases.closing = True
        bus = threading.Thread(target=self._server.stop, name="bus-stop", daemon=True)
        bus.start()
        self._pool.shutdown(wait=True)
        self._containers.creations.close()
        for held in self._leases.held():
            self._runner.give_back(held)
        self._health.stop()
        bus.join(BUS_STOP_SECONDS)
