# SPDX-License-Identifier: Apache-2.0
"""The conductor's side of the bus."""

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import oslo_messaging
from oslo_config import cfg

from magnum.context import RequestContext, carried
from magnum.core import errors
from magnum.rpc import transport
from magnum.rpc.messages import (
    VERSION,
    Answer,
    ContainerCall,
    EnginesCall,
    Message,
    OperationReady,
    StatusesCall,
)

LOG = logging.getLogger(__name__)

_OTHERS: Mapping[str, type[Message]] = {
    "container_engines": EnginesCall,
    "container_list": StatusesCall,
}
"""The calls whose message is none about one container."""

Verbs = Mapping[str, Callable[[Any], Any]]


class Answers:
    """Answers calls, only so many at a time: whatever hangs, messages still find a thread.

    :param verbs: what is called, by method; given a message, returning plain data.
    :param most: calls at a time; more are refused.
    """

    def __init__(self, verbs: Verbs, most: int) -> None:
        self.verbs = verbs
        self._room = threading.BoundedSemaphore(most)

    def answer(self, method: str, wire: Any) -> dict[str, Any]:
        """Answer one call; never raises, for an exception must not cross the bus."""
        try:
            message = _OTHERS.get(method, ContainerCall).from_wire(wire)
        except ValueError as error:
            LOG.warning("A call is refused: %s", error)
            return Answer(code=500, detail="The conductor is of another version.").to_wire()
        if not self._room.acquire(blocking=False):
            busy = errors.Unavailable("The conductor", "too many calls about containers wait")
            return Answer.failed(busy).to_wire()
        try:
            with carried(RequestContext):
                return Answer(self.verbs[method](message)).to_wire()
        except errors.MagnumError as error:
            return Answer.failed(error).to_wire()
        except Exception as error:
            LOG.exception("The call %s failed", method)
            detail = f"The service failed ({type(error).__name__}), its log has more."
            return Answer(code=500, detail=detail).to_wire()
        finally:
            self._room.release()


class _Endpoint:
    target = oslo_messaging.Target(version=VERSION)

    def __init__(self, on_ready: Callable[[OperationReady], None], answers: Answers) -> None:
        self._on_ready = on_ready
        self._answers = answers

    def operation_ready(self, _context: dict[str, Any], message: Any = None) -> None:
        try:
            ready = OperationReady.from_wire(message)
        except ValueError as error:
            LOG.warning("A message is left alone: %s", error)
        else:
            self._on_ready(ready)

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        """Return what answers a call."""
        if method not in self._answers.verbs:
            raise AttributeError(method)
        return partial(self._answer, method)

    def _answer(self, method: str, _context: dict[str, Any], message: Any = None) -> dict[str, Any]:
        return self._answers.answer(method, message)


class ConductorServer:
    """Receives wake-ups and calls; without a broker it keeps trying, and the conductor works on."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        name: str,
        on_ready: Callable[[OperationReady], None],
        verbs: Verbs,
    ) -> None:
        self._server = oslo_messaging.get_rpc_server(
            transport.open_transport(conf),
            transport.target(conf.conductor.topic, name),
            [_Endpoint(on_ready, Answers(verbs, conf.docker.calls))],
            executor="threading",
        )

    def start(self) -> None:
        """Begin to listen; returns at once, the broker may be away."""
        threading.Thread(target=self._listen, name="conductor-server", daemon=True).start()

    def _listen(self) -> None:
        # oslo.messaging keeps reconnecting by itself, also during this first connection.
        self._server.start()
        LOG.info("Listening for wake-ups and calls")

    def stop(self) -> None:
        """Stop listening."""
        self._server.stop()
