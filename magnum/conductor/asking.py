# SPDX-License-Identifier: Apache-2.0
"""Several engines asked at the same time, with one limit for all of them."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from magnum.clients.docker.allowance import allowing
from magnum.clients.docker.errors import EngineSilent
from magnum.conductor.surprise import surprise
from magnum.core import errors

LOG = logging.getLogger(__name__)

K = TypeVar("K")
T = TypeVar("T")


class Asking:
    """Threads that wait for engines; an engine that hangs keeps one no longer than it was given.

    :param threads: how many wait at a time, for all callers together.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="asking")

    def each(
        self, things: Iterable[K], act: Callable[[K], T], seconds: float
    ) -> Mapping[K, T | errors.MagnumError]:
        """Do something for each of some things, and return what came of it or why nothing did.

        :param act: may raise anything: what fails for one thing is no matter of the others.
        :param seconds: for all of them together.
        """
        deadline = time.monotonic() + seconds

        def run(thing: K) -> T:
            with allowing(deadline - time.monotonic()):
                return act(thing)

        begun = {thing: self._pool.submit(run, thing) for thing in things}
        return {thing: _settled(future, deadline) for thing, future in begun.items()}


def _settled(future: "Future[Any]", deadline: float) -> Any:
    try:
        return future.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        future.cancel()
        return EngineSilent("its turn did not come in time")
    except errors.MagnumError as error:
        return error
    except Exception as error:
        LOG.exception("What an engine was asked for has failed")
        return surprise(error)
