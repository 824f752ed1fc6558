# SPDX-License-Identifier: Apache-2.0
"""Calls of the API to a conductor that are answered: what only an engine knows.

Each takes at most the time it is given, whatever the broker, the conductor or the engine does.
"""

import concurrent.futures
import dataclasses
import functools
import logging
import threading
from collections.abc import Sequence
from typing import Any

import oslo_messaging
from oslo_config import cfg

from magnum.core import errors
from magnum.core.container import Place, Seen, ungroup
from magnum.core.placement import Engine
from magnum.rpc import transport
from magnum.rpc.lanes import Lanes
from magnum.rpc.messages import Answer, ContainerCall, EnginesCall, Message, StatusesCall

LOG = logging.getLogger(__name__)

TRAVEL_SECONDS = 1.0
"""What the bus may take beside the conductor; the API's answer comes within both."""

PATIENCE_SECONDS = 0.5
"""How long a call waits for a thread that is allowed to wait for engines."""

_PLACE = tuple(field.name for field in dataclasses.fields(Place))


class ContainerCalls:
    """Asks one conductor, whichever takes the message.

    A thread of the API waits for each call.  So that some are left for everything else, only as
    many calls are under way as :class:`magnum.rpc.lanes.Lanes` allows.

    :param client: of oslo.messaging; made at first use where none is given.
    """

    def __init__(self, conf: cfg.ConfigOpts, client: Any = None) -> None:
        self._conf = conf
        self._given = client
        threads = conf.api.threads
        self._lanes = Lanes(max(1, threads - 2), max(1, threads // 2), PATIENCE_SECONDS)
        self._opening = threading.Lock()

    def engines(self, cluster_id: str) -> list[Engine]:
        """Return the engines of a cluster that take containers now.

        :raises Unanswered: there is no answer in time.
        :raises Told: the conductor could not find out.
        """
        message = EnginesCall(cluster_id, self._conf.docker.call_timeout)
        found = self._call("container_engines", message, message.seconds, cluster_id)
        return [Engine(**each) for each in found]

    def create(self, container_id: str, lane: str) -> None:
        """Have a container made that is in the table, and wait a while for that.

        :param lane: see :mod:`magnum.rpc.lanes`.
        :raises Unanswered: nobody says how far it is.
        :raises Told: it cannot be made.
        """
        message = ContainerCall(container_id, self._conf.docker.create_wait)
        self._call("container_create", message, message.seconds, lane)

    def perform(self, verb: str, container_id: str, lane: str, command: str | None = None) -> Any:
        """Do something with a container and return what the engine says.

        :param verb: of the methods ``container_…``.
        :raises Unanswered: there is no answer in time.
        :raises Told: the engine refused it, or cannot be asked.
        """
        message = ContainerCall(container_id, self._conf.docker.call_timeout, command)
        return self._call(f"container_{verb}", message, message.seconds, lane)

    def see(self, container_id: str, lane: str) -> Seen:
        """Return the state of a container; raises what :meth:`perform` does."""
        return Seen(**self.perform("show", container_id, lane))

    def see_all(self, places: Sequence[Place], lane: str) -> dict[str, Seen]:
        """Return the states of containers, by uuid.

        One engine that is silent makes no error: its containers are ``Unknown``.

        :raises Unanswered: there is no answer in time.
        :raises Told: the conductor cannot ask anybody.
        """
        # Shorter than the others: what a list lacks is shown as such.
        told = [{name: getattr(place, name) for name in _PLACE} for place in places]
        message = StatusesCall(told, self._conf.docker.call_timeout / 2)
        found = self._call("container_list", message, message.seconds, lane)
        return ungroup(found)

    def _call(self, method: str, message: Message, seconds: float, lane: str) -> Any:
        self._lanes.enter(lane)
        done: concurrent.futures.Future[Any] = concurrent.futures.Future()
        within = seconds + TRAVEL_SECONDS

        def ask() -> None:
            answered = False
            try:
                client = self._client.prepare(timeout=within)
                wire = client.call({}, method, message=message.to_wire())
                answer = Answer.from_wire(wire)
                answered = answer.code != errors.Unanswered.code
                done.set_result(answer)
            except Exception as error:  # noqa: BLE001 -- it is the waiting thread's
                done.set_exception(error)
            finally:
                self._lanes.leave(lane, answered)

        # The library waits for a broker that is away longer than it is told to.
        threading.Thread(target=ask, name=method, daemon=True).start()
        return self._settled(done, method, within).unwrap()

    def _settled(
        self, done: "concurrent.futures.Future[Answer]", method: str, within: float
    ) -> Answer:
        try:
            return done.result(within)
        except (TimeoutError, oslo_messaging.MessagingTimeout) as error:
            LOG.warning("%s was not answered within %s seconds", method, within)
            raise errors.Unanswered(
                f"The bay's engines were not reached within {within:g} seconds, try again later."
            ) from error
        except oslo_messaging.MessagingException as error:
            LOG.warning("%s did not reach a conductor: %s", method, error)
            raise errors.Unavailable("The message broker") from error
        except ValueError as error:
            LOG.warning("The answer to %s is left alone: %s", method, error)
            raise errors.Unavailable("The conductor of this release") from error

    @property
    def _client(self) -> Any:
        with self._opening:
            return self._opened

    @functools.cached_property
    def _opened(self) -> Any:
        return self._given or oslo_messaging.get_rpc_client(
            transport.open_transport(self._conf),
            transport.target(self._conf.conductor.topic),
            retry=0,
        )
