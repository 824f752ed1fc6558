# SPDX-License-Identifier: Apache-2.0
"""One engine: how many calls at a time it gets, and which version of the API it speaks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from docker.constants import DEFAULT_DOCKER_API_VERSION, MINIMUM_DOCKER_API_VERSION
from docker.utils import version_lt

from magnum.clients.docker.allowance import Allowance, allowing
from magnum.clients.docker.errors import EngineFailed, EngineRejects, EngineSilent, translated
from magnum.clients.docker.transport import Client

OCTETS = 16 * 1024 * 1024
"""What an answer may have; a list of ten thousand containers has half of it."""

QUEUE_SECONDS = 1.0
"""How long a call waits for its turn.  Who waits keeps a thread from those who could go on."""

_OTHER_VERSION = "client version"
"""How docker says that it does not speak our version (any more)."""


class Connection:
    """The way to one engine; safe for threads.

    :param address: host and port, for a person to know it by.
    :param seconds: in which an answer has to come, where a verb has no time of its own.
    :param calls: how many at a time.
    """

    def __init__(self, address: str, client: Client, seconds: float, calls: int) -> None:
        self.address = address
        self.patience = seconds
        self._client = client
        self._slots = threading.BoundedSemaphore(calls)
        self._negotiated = False

    def close(self) -> None:
        """Close what is kept; calls under way end by themselves."""
        self._client.close()

    @contextmanager
    def calling(self, seconds: float | None = None, octets: int = OCTETS) -> Iterator[Client]:
        """Yield the SDK's client for one call, or for some that belong together.

        :param seconds: they may take, waiting for their turn included; as all others when None.
        :param octets: the answers may have.
        :raises EngineError: any of them; nothing else is raised for what an engine does.
        """
        seconds = self.patience if seconds is None else seconds
        with allowing(seconds, octets) as allowance, self._slot(allowance), self._speaking():
            yield self._client

    @contextmanager
    def calling_aside(self, seconds: float, octets: int, silence: float) -> Iterator[Client]:
        """Yield it as :meth:`calling` does, for what may take minutes and keeps no others waiting.

        How many do this at a time is the caller's care.

        :param silence: seconds in which at least something has to come.
        """
        with allowing(seconds, octets, silence), self._speaking():
            yield self._client

    def ping(self) -> None:
        """See that it answers at all, before it is asked for what takes its time."""
        with self.calling() as client:
            client.ping()

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        try:
            with translated(self.address):
                self._negotiate()
                yield
        except EngineRejects as error:
            if _OTHER_VERSION in error.words:  # another engine has taken its place
                self._negotiated = False
            raise

    @contextmanager
    def _slot(self, allowance: Allowance) -> Iterator[None]:
        if not self._slots.acquire(timeout=min(QUEUE_SECONDS, allowance.seconds)):
            raise EngineSilent(f"too much waits for it already, {self.address}")
        try:
            yield
        finally:
            self._slots.release()

    def _negotiate(self) -> None:
        """Agree on the newest version that both sides know, once."""
        if self._negotiated:
            return
        seen = self._client.version(api_version=False)
        newest, oldest = str(seen["ApiVersion"]), str(seen.get("MinAPIVersion") or "1.12")
        if version_lt(newest, MINIMUM_DOCKER_API_VERSION):
            raise EngineFailed(f"it is too old, it speaks version {newest} of the API")
        ours = DEFAULT_DOCKER_API_VERSION
        if version_lt(newest, ours):
            ours = newest
        elif version_lt(ours, oldest):  # the SDK knows no later one, and most of it still fits
            ours = oldest
        self._client.speak(ours)
        self._negotiated = True
