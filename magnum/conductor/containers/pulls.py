# SPDX-License-Identifier: Apache-2.0
"""Images on their way to engines: each once at a time, and only so many for an engine.

A pull may take minutes.  Twenty containers of one image, or one user's slow registry, must not
keep all threads that make containers.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from magnum.clients.docker.engine import Engine
from magnum.core import errors
from magnum.core.container import Image

WAIT_SECONDS = 1.0
"""How long somebody waits with a thread for what another one is getting already."""


class Later(errors.MagnumError):
    """The image, or too many others, are on their way; come back in a moment."""


class Pulls:
    """Gets images; safe for threads.

    :param most: how many an engine gets at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way: dict[tuple[str, str], threading.Event] = {}
        self._lock = threading.Lock()

    def pull(self, engine: Engine, image: Image, seconds: float) -> None:
        """Have an engine get an image, or wait a moment for who does so already.

        :param seconds: it may take.
        :raises Later: it is not there yet, and somebody gets it, or is in the way.
        :raises ImageMissing: with the registry's words.
        :raises EngineError: any other.
        """
        key = (engine.address, image.reference)
        with self._lock:
            other = self._under_way.get(key)
        if other is None:
            with self._begun(key):
                engine.pull(image, seconds)
        elif not other.wait(WAIT_SECONDS):
            raise Later(f"The image {image.reference} is on its way.")

    @contextmanager
    def _begun(self, key: tuple[str, str]) -> Iterator[None]:
        with self._lock:
            busy = sum(1 for address, _ in self._under_way if address == key[0])
            if key in self._under_way or busy >= self._most:
                raise Later("The engine is getting other images.")
            done = self._under_way[key] = threading.Event()
        try:
            yield
        finally:
            with self._lock:
                del self._under_way[key]
            done.set()
