# SPDX-License-Identifier: Apache-2.0
"""Telling operators what is done for whom: to the table first, to the message bus after that.

:class:`Notices` is asked by whoever begins or ends operations, in the API and in conductors;
:class:`Teller` is a conductor's thread that sends what the table holds.  Nothing is written
or sent unless ``[oslo_messaging_notifications] driver`` is set.
"""

import contextlib
import functools
import logging
import threading
from typing import Any

import oslo_messaging
from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.core import errors
from magnum.db import notifications
from magnum.db.notifications import Result, Taken, Told
from magnum.db.session import Database
from magnum.metrics import instruments
from magnum.rpc import cadf, transport

LOG = logging.getLogger(__name__)

SENDING_SECONDS = 60.0
"""After so long what somebody began to send is taken for unsent."""


def are_wanted(conf: cfg.ConfigOpts) -> bool:
    """Tell whether a notification driver is configured."""
    # Registers the library's options first.  A wrong URL is told by who has to use it.
    with contextlib.suppress(oslo_messaging.MessagingException, ValueError):
        transport.open_notification_transport(conf)
    return any(name != "noop" for name in conf.oslo_messaging_notifications.driver)


class Notices:
    """Writes down what is to be told, in the transaction in which it happens."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    @functools.cached_property
    def wanted(self) -> bool:
        """Whether anything is to be told at all."""
        return are_wanted(self._conf)

    def tell(
        self, session: Session, operation: Told, result: Result, ended: str | None = None
    ) -> None:
        """Have told how far an operation is; arguments as of the table's :func:`add`."""
        if self.wanted:
            notifications.add(session, operation, result, ended)


class Teller:
    """Sends what is to be told, one after the other, as long as it takes.

    It waits for a broker that is away, and nobody waits for it.
    """

    def __init__(self, conf: cfg.ConfigOpts, database: Database) -> None:
        self._conf = conf
        self._database = database

    def start(self, stopping: threading.Event) -> None:
        """Begin, if anything is to be told; a thread that hangs at the broker ends with us."""
        if are_wanted(self._conf):
            threading.Thread(
                target=self._tell_until, args=(stopping,), name="teller", daemon=True
            ).start()

    def _tell_until(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                self.tell_all(stopping)
            except errors.Unavailable as error:
                LOG.warning("Notifications wait: %s", error)
            except Exception:  # the one thread that tells must outlive any surprise
                LOG.exception("A notification was not sent and will be tried again")
            stopping.wait(self._conf.conductor.sweep_interval)

    def tell_all(self, stopping: threading.Event) -> None:
        """Send all there is now.

        :raises Unavailable: the database does not answer; what was sent may be sent again.
        """
        while not stopping.is_set() and (taken := self._take()):
            self._send(taken)
            self._database.write(functools.partial(notifications.remove, taken=taken))

    def _send(self, taken: Taken) -> None:
        try:
            self._notify(taken)
        except Exception:
            instruments.NOTIFICATIONS.inc("failed")
            raise
        instruments.NOTIFICATIONS.inc("sent")

    def _take(self) -> Taken | None:
        return self._database.write(lambda session: notifications.take(session, SENDING_SECONDS))

    def _notify(self, taken: Taken) -> None:
        notify = self._notifier.error if taken.told["reason"] else self._notifier.info
        for noun in self._conf.conductor.notification_nouns:
            event = cadf.build(taken.uuid, taken.told, noun, self._conf.host)
            notify({}, f"magnum.{noun}.{taken.told['action']}", event)

    @functools.cached_property
    def _notifier(self) -> Any:
        return oslo_messaging.Notifier(
            transport.open_notification_transport(self._conf), f"container.{self._conf.host}"
        )
