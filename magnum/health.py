# SPDX-License-Identifier: Apache-2.0
"""The deep health check: whether what this service depends on is there, now.

For operators, on the listener of :mod:`magnum.metrics`; a load balancer keeps ``/healthcheck``, for
it must not take every API away because Keystone is.  No address and no secret is told.
"""

import datetime
import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from oslo_config import cfg
from sqlalchemy import select

from magnum.certs.manager import CertStore, CheckedStore
from magnum.clients.keystone import Keystone
from magnum.core import errors
from magnum.db import repository
from magnum.db.models import utcnow
from magnum.db.session import Database
from magnum.metrics.listener import Page
from magnum.metrics.patience import Patience
from magnum.rpc.probe import Broker

LOG = logging.getLogger(__name__)

LIMIT_SECONDS = 5.0
"""How long all checks together may take; they run at the same time."""


class Health:
    """Runs checks, each at most once at a time.

    :param checks: by name; each raises when something is wrong.
    """

    def __init__(
        self, checks: Mapping[str, Callable[[], None]], seconds: float = LIMIT_SECONDS
    ) -> None:
        self._checks = {name: Patience(f"check-{name}", run) for name, run in checks.items()}
        self._seconds = seconds

    def look(self) -> dict[str, dict[str, Any]]:
        """Run all checks and return, for each, ``ok`` and, where it is not, the ``reason``."""
        deadline = time.monotonic() + self._seconds
        begun = {name: check.begin() for name, check in self._checks.items()}
        found: dict[str, dict[str, Any]] = {}
        for name, outcome in begun.items():
            try:
                outcome.result(max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                found[name] = {"ok": False, "reason": f"No answer within {self._seconds:g} s."}
            except errors.MagnumError as error:
                found[name] = {"ok": False, "reason": error.message}
            except Exception as error:
                LOG.exception("The check of %s failed", name)
                reason = f"The check failed ({type(error).__name__}), the log tells more."
                found[name] = {"ok": False, "reason": reason}
            else:
                found[name] = {"ok": True}
        return found

    def page(self) -> Page:
        """Return what was found as JSON: 200 when all is well, else 503."""
        found = self.look()
        ok = all(check["ok"] for check in found.values())
        body = json.dumps({"ok": ok, "checks": found}, indent=2).encode() + b"\n"
        return Page(200 if ok else 503, "application/json", body)


def build(
    conf: cfg.ConfigOpts,
    database: Database,
    keystone: Keystone,
    store: CertStore,
    host: str | None = None,
) -> Health:
    """Return the checks of a process.

    :param host: whose heartbeat is wanted; any conductor's when None.
    """
    broker = Broker(conf)

    def answer() -> None:
        database.read(lambda session: session.execute(select(1)))

    def beat() -> None:
        rows = database.read(repository.conductors)
        down_after = datetime.timedelta(seconds=conf.service_down_time)
        wanted = [row for row in rows if host in (None, row.host)]
        if not any(row.is_up(utcnow(), down_after) for row in wanted):
            raise errors.MagnumError(
                f"No heartbeat of {host or 'any conductor'} for {conf.service_down_time} s."
            )

    def unlock() -> None:
        if isinstance(store, CheckedStore):
            store.check()

    return Health(
        {
            "database": answer,
            "message_broker": broker.check,
            "conductor": beat,
            "keystone": keystone.check,
            "certificate_store": unlock,
        }
    )
