# SPDX-License-Identifier: Apache-2.0
"""The one place where exceptions of the client libraries become ours.

::

    core.errors.Unavailable      no connection, time-out, 408, 429, 5xx, no endpoint: may pass
    ServiceRefused               an answer that will stay the same; keeps the service's words
    ├── Rejected          400    what we asked for makes no sense to the service
    ├── LoginRefused      401    neither token nor password are good
    ├── NotPermitted      403    policy, or a quota
    ├── Missing           404
    └── Clash             409    exists already, or is busy

Each library has a tree of its own and lets keystoneauth's through besides; callers of
:mod:`magnum.clients` and :mod:`magnum.heat` see only the tree above.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from barbicanclient import exceptions as barbican
from glanceclient import exc as glance
from heatclient import exc as heat
from keystoneauth1 import exceptions as keystone
from novaclient import exceptions as nova
from oslo_utils import strutils

from magnum.core import errors

LOG = logging.getLogger(__name__)

_LONGEST_WORDS = 1000
_PASSING = frozenset({408, 429})
_SECRETS = (
    (re.compile(r"\bgAAAA[\w=-]{20,}"), "***"),  # Fernet tokens
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), "***"),  # JWS tokens
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@"), r"\1"),  # user and password in a URL
    (re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]+"), r"\1"),  # signatures in a query
)
_LIBRARIES = (
    barbican.HTTPError,
    glance.BaseException,
    glance.ClientException,
    heat.BaseException,
    keystone.ClientException,
    nova.ClientException,
    requests.RequestException,
)


class ServiceRefused(errors.MagnumError):
    """A service answered no, and would do so again.

    :param service: its name, for example ``Heat``.
    :param status: the HTTP status it answered with; 0 when there was none.
    :param words: its own explanation, without secrets.
    """

    def __init__(self, service: str, status: int, words: str) -> None:
        super().__init__(f"{service} refuses: {errors.first_sentence(words)}.")
        self.service = service
        self.status = status
        self.words = words


class Rejected(ServiceRefused):
    """400: the request makes no sense to the service."""

    code = 400


class LoginRefused(ServiceRefused):
    """401: neither token nor password are good; a matter of configuration, or a gone project."""


class NotPermitted(ServiceRefused):
    """403: policy forbids it, or a quota is exhausted."""

    code = 403


class Missing(ServiceRefused):
    """404: there is no such thing, or not for this project."""


class Clash(ServiceRefused):
    """409: it exists already, or is busy."""

    code = 409


_BY_STATUS: Mapping[int, type[ServiceRefused]] = {
    400: Rejected,
    401: LoginRefused,
    403: NotPermitted,
    404: Missing,
    409: Clash,
}


@contextmanager
def translate(service: str) -> Iterator[None]:
    """Turn what the libraries raise in the block into ours.

    :param service: name of the service that is asked, as users know it.
    :raises Unavailable: it did not answer, or with a failure of its own; HTTP 503.
    :raises ServiceRefused: it answered no.
    """
    try:
        yield
    except _LIBRARIES as error:
        raise _ours(service, error) from error


@contextmanager
def translate_for_caller(service: str) -> Iterator[None]:
    """Do as :func:`translate` where the caller's own token is used.

    :raises Unauthorized: the service does not accept it (any more); HTTP 401.
    """
    try:
        with translate(service):
            yield
    except LoginRefused:
        raise errors.Unauthorized(
            f"{service} does not accept your token any more, log in again."
        ) from None


def scrub(words: str) -> str:
    """Return ``words`` on one line, without tokens, passwords and query strings."""
    for pattern, substitute in _SECRETS:
        words = pattern.sub(substitute, words)
    masked: str = strutils.mask_password(" ".join(words.split()))
    return masked if len(masked) <= _LONGEST_WORDS else masked[: _LONGEST_WORDS - 3] + "..."


def _ours(service: str, error: Exception) -> errors.MagnumError:
    status = _status(error)
    if status is None or status >= 500 or status in _PASSING:
        LOG.warning("%s is unavailable: %s", service, scrub(f"{type(error).__name__}: {error}"))
        return errors.Unavailable(service, _trouble(error, status))
    kind = _BY_STATUS.get(status, ServiceRefused)
    return kind(service, status, scrub(_words(error)) or f"HTTP {status}")


def _status(error: Exception) -> int | None:
    """Return the HTTP status of an answer, None when there was no answer."""
    status: object
    if isinstance(error, keystone.HttpError):
        status = error.http_status
    elif isinstance(error, barbican.HTTPAuthError):
        status = 401  # the library forgets to set it
    else:
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
    digits = str(status)
    return int(digits) if digits.isdigit() and int(digits) >= 400 else None


def _trouble(error: Exception, status: int | None) -> str:
    """Say in a few words what is wrong, without an address of the inside of the cloud."""
    if status is not None:
        return f"HTTP {status}"
    name = type(error).__name__
    if isinstance(error, keystone.EndpointNotFound | keystone.EmptyCatalog):
        return "the catalogue has no endpoint of it"
    if "Timeout" in name or name == "InvalidEndpoint":  # glanceclient's word for a time-out
        return "timed out"
    if isinstance(error, keystone.SSLError | requests.exceptions.SSLError):
        return "its certificate cannot be verified"
    return "connection failed"


def _words(error: Exception) -> str:
    """Find what the service itself said; every service wraps it differently."""
    response = getattr(error, "response", None)
    if response is not None:
        return body_words(response.text) or str(error)
    if isinstance(error, barbican.HTTPError):
        return str(error.args[0])
    if isinstance(error, heat.HTTPException):
        return str(error.error["error"].get("message") or error)
    return str(getattr(error, "message", "") or getattr(error, "details", "") or error)


def body_words(text: str) -> str:
    """Return the explanation in the body of an error answer, or nothing.

    Knows ``{"error": {"message"}}`` (Keystone, Heat), ``{"NeutronError": {"message"}}``,
    ``{"title", "description"}`` (Barbican) and ``{"badRequest": {"message"}}`` (Nova).
    """
    try:
        body = json.loads(text)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    if "title" in body:
        return ": ".join(str(body[key]) for key in ("title", "description") if body.get(key))
    for inner in (*body.values(), body):
        if isinstance(inner, dict) and isinstance(inner.get("message"), str):
            return str(inner["message"])
    return next((value for value in body.values() if isinstance(value, str)), "")
