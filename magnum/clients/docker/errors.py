# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with an engine, as the errors of this service.

::

    EngineError                502  has docker's words
    ├── EngineRejects          400  what it was asked for makes no sense to it
    ├── EngineMissing          404  it has no such container, or node
    │   └── ImageMissing       404  neither it nor the registry has the image
    ├── EngineConflict         409  the container's state does not allow it
    ├── EngineFailed           502  it failed itself, or could not make sense of it
    ├── EngineDistrusted       502  its certificate is not of the bay, or it does not take ours
    ├── EngineUnreachable      504  nothing answers at its address
    └── EngineSilent           504  it does not answer in time
        └── CommandRunsOn      504  a command in a container has not ended in time
"""

import http.client
import logging
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
import urllib3
from docker import errors as docker

from magnum.clients.docker.allowance import TooLong
from magnum.clients.errors import scrub
from magnum.core import errors

LOG = logging.getLogger(__name__)


class EngineError(errors.MagnumError):
    """An engine did not do what it was asked to.

    :ivar words: its own explanation on one line, or what stands for it.
    """

    code = 502
    lead = "The Docker engine cannot do it"

    def __init__(self, words: str) -> None:
        super().__init__(f"{self.lead}: {errors.first_sentence(words)}.")
        self.words = words


class EngineRejects(EngineError):
    """What it was asked for makes no sense to it."""

    code = 400
    lead = "The Docker engine refuses"


class EngineMissing(EngineError):
    """It has no such container, or node."""

    code = 404
    lead = "The Docker engine has no such thing"


class ImageMissing(EngineMissing):
    """Neither the engine nor the registry has the image."""

    lead = "The image is not to be had"


class EngineConflict(EngineError):
    """The state of the container, or a name that is taken, does not allow it."""

    code = 409
    lead = "The Docker engine refuses"


class EngineFailed(EngineError):
    """It failed itself, is no manager of a swarm, or speaks something else than docker."""


class EngineDistrusted(EngineError):
    """Its certificate is not one of the bay, or it does not take ours."""

    lead = "The Docker engine and this service do not trust each other"


class EngineUnreachable(EngineError):
    """Nothing answers at its address."""

    code = 504
    lead = "The Docker engine cannot be reached"


class EngineSilent(EngineError):
    """It does not answer in time."""

    code = 504
    lead = "The Docker engine does not answer in time"


class CommandRunsOn(EngineSilent):
    """A command that was executed in a container has not ended in time."""

    lead = "The command has not ended in time"


_BY_STATUS: Mapping[int, type[EngineError]] = {
    400: EngineRejects,
    404: EngineMissing,
    409: EngineConflict,
}
_CONFLICTS = ("is not paused", "code = FailedPrecondition", "update out of sequence")
"""What docker says of a state that does not allow something, with a status of its own choice."""

_PLAIN_TO_TLS = "HTTP request to an HTTPS server"
_LIBRARIES = (
    docker.DockerException,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)


@contextmanager
def translated(address: str) -> Iterator[None]:
    """Turn whatever is raised in the block into ours, and let ours pass.

    :param address: of the engine, for a person to find it by.
    :raises EngineError: any of them.
    """
    try:
        yield
    except errors.MagnumError:
        raise
    except _LIBRARIES as error:
        ours = _ours(error, address)
        LOG.info("The engine at %s: %s", address, ours.message)
        raise ours from error
    except Exception as error:  # an answer can be of any shape; or it is a mistake of ours
        LOG.exception("What the engine at %s answers cannot be read", address)
        raise _senseless(error, address) from error


def _ours(error: BaseException, address: str) -> EngineError:
    if isinstance(error, docker.APIError) and error.status_code is not None:
        return _answered(error, address)
    chain = list(_chain(error))
    if any(isinstance(one, TooLong) for one in chain):
        return EngineFailed(f"it sends more than it was asked for, {address}")
    broken = next((one for one in chain if isinstance(one, ssl.SSLError)), None)
    if broken is not None:
        return EngineDistrusted(f"{_tls_words(broken)}, {address}")
    return _unanswered(error, chain, address)


def _unanswered(error: BaseException, chain: list[BaseException], address: str) -> EngineError:
    """Tell nobody at home from nobody awake."""
    if any(isinstance(one, _CONNECTING) for one in chain):
        return EngineUnreachable(f"{_refusal(chain)}, {address}")
    if any(isinstance(one, _WAITING) for one in chain):
        return EngineSilent(f"it was asked at {address}")
    if any(isinstance(one, OSError) and one.errno for one in chain):
        return EngineUnreachable(f"{_refusal(chain)}, {address}")
    return _senseless(error, address)


def _senseless(error: BaseException, address: str) -> EngineFailed:
    name = type(error).__name__
    return EngineFailed(f"what it answers makes no sense ({name}), {address}")


_CONNECTING = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    requests.exceptions.ConnectTimeout,
)
_WAITING = (TimeoutError, urllib3.exceptions.TimeoutError)


def _answered(error: docker.APIError, address: str) -> EngineError:
    """Turn an answer with a status into one of ours, with docker's words."""
    words = scrub(str(error.explanation or "")) or f"HTTP {error.status_code}"
    if _PLAIN_TO_TLS in words:
        return EngineDistrusted(f"it wants TLS, and the bay is without, {address}")
    if any(known in words for known in _CONFLICTS):
        return EngineConflict(words)
    if isinstance(error, docker.ImageNotFound):
        return ImageMissing(words)
    return _BY_STATUS.get(int(error.status_code), EngineFailed)(words)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all it was made from, however a library has wrapped it."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        waiting += [each for each in inner if isinstance(each, BaseException)]


def _tls_words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not the bay's ({error.verify_message})"
    reason = str(getattr(error, "reason", None) or "it ends the connection amid TLS")
    reason = reason.replace("_", " ").lower()
    if "alert" in reason:
        return f"it does not take our certificate ({reason})"
    return reason


def _refusal(chain: list[BaseException]) -> str:
    """Find what the system said: Connection refused, No route to host."""
    for one in chain:
        if isinstance(one, OSError) and one.strerror:
            return one.strerror.lower()
    return "no connection within the time allowed for it"
