# SPDX-License-Identifier: Apache-2.0
"""What operators learn of a conductor: metrics of its own and of the table, and its health."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from oslo_config import cfg

from magnum import health
from magnum.conductor.cloud import Cloud
from magnum.core import errors
from magnum.db import operations
from magnum.db.models import utcnow
from magnum.db.operations import Backlog
from magnum.db.session import Database
from magnum.metrics import instruments, listener
from magnum.metrics.patience import Patience

LOG = logging.getLogger(__name__)

KEPT_SECONDS = 5.0
"""For so long what the database told is told again, however often somebody asks."""

ANSWER_SECONDS = 3.0
"""How long a scrape waits for the database; Prometheus itself waits for ten seconds."""

NO_STEP = ""


class Sampler:
    """Looks figures up at each scrape; the database is asked rarely, by one thread, and in vain.

    :param held: tells how many operations this conductor holds.
    """

    def __init__(self, database: Database, held: Callable[[], int]) -> None:
        self._held = held
        self._asking = Patience("backlog", lambda: database.read(operations.backlog))
        self._lock = threading.Lock()
        self._known: Sequence[Backlog] | None = None
        self._looked = -KEPT_SECONDS

    def collect(self) -> Iterable[Any]:
        """Return the families; without the operations while the database does not answer."""
        backlog = self._backlog()
        yield instruments.HELD.family([((), self._held())])
        yield instruments.DATABASE_UP.family([((), float(backlog is not None))])
        if backlog is None:
            return
        yield instruments.OPERATIONS.family(
            ((row.action, row.state, row.step or NO_STEP), row.count) for row in backlog
        )
        now = utcnow()
        ages = ((now - row.oldest).total_seconds() for row in backlog)
        yield instruments.OLDEST.family([((), max(0.0, *ages, 0.0))])

    def _backlog(self) -> Sequence[Backlog] | None:
        with self._lock:
            if time.monotonic() - self._looked >= KEPT_SECONDS:
                self._known = self._ask()
                self._looked = time.monotonic()
            return self._known

    def _ask(self) -> Sequence[Backlog] | None:
        try:
            return self._asking.begin().result(ANSWER_SECONDS)
        except TimeoutError:
            LOG.warning("The database does not tell of operations within %g s", ANSWER_SECONDS)
        except errors.Unavailable as error:
            LOG.warning("The database does not tell of operations: %s", error)
        except Exception:  # whatever it is, the other figures are there
            LOG.exception("The database does not tell of operations")
        return None


def serve(conf: cfg.ConfigOpts, cloud: Cloud, held: Callable[[], int]) -> None:
    """Count in this process and serve it, where a port is set.

    :raises Misconfigured: none of the ports can be had.
    """
    options = conf.metrics
    if not (options.enabled and options.conductor_ports):
        return
    checks = health.build(conf, cloud.database, cloud.keystone, cloud.store, conf.host)
    registry = instruments.enable(instruments.CONDUCTOR)
    registry.register(Sampler(cloud.database, held))
    pages = {
        "/metrics": lambda accepted: listener.exposition(registry, accepted),
        "/healthz": lambda _accepted: checks.page(),
    }
    ports = options.conductor_ports
    listener.Listener(options.host, ports, "conductor_ports", pages).start()
