# SPDX-License-Identifier: Apache-2.0
"""Errors as answers: one mapping, one body.

Whatever is raised further in, and whatever a framework answers with a status of 400 and above,
gets the same body here.  It speaks to clients of every age: those up to 2.0 read only
``error_message``, a JSON document in a string; later ones read ``errors`` and fail on an empty
list or a missing ``title`` or ``detail``.  A 401 of the token middleware keeps all it has; where
it is JSON our members are added, because client 2.1.0 fails on JSON without them.
"""

import http
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import webob
from oslo_log import log as logging
from webob import exc

from magnum.api import versions
from magnum.core import errors

LOG = logging.getLogger(__name__)

_CONFUSED = re.compile(r"python-(magnumclient|keystoneclient|urllib3)|keystoneauth1/")
"""What every python-magnumclient calls itself, by its age.

They break at Retry-After with anything but a 413, and then say nothing of the error itself.
"""

_SENTENCE_END = re.compile(r"\.(?=\s|$)")


class NoRoute(errors.NotFound):
    """No resource has this path."""


class MethodNotAllowed(errors.MagnumError):
    """The resource has not this method.

    :ivar allowed: the methods it has.
    """

    code = 405

    def __init__(self, method: str, path: str, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        shown = errors.first_sentence(method, 40)
        super().__init__(f"{shown} is not a method of {path}, which has {self.allowed}.")


class TooLarge(errors.MagnumError):
    """The body is larger than the site allows."""

    code = 413


class UnsupportedMediaType(errors.MagnumError):
    """The body is no JSON, or does not say so."""

    code = 415


def title(message: str) -> str:
    """Return the first sentence, without its full stop; those inside of words stay."""
    return _SENTENCE_END.split(message, maxsplit=1)[0]


def body(status: int, message: str, request_id: str, **extra: Any) -> dict[str, Any]:
    """Build the body of an error.

    :param extra: further members of the element, which may replace the usual ones.
    """
    kind = "Client" if status < 500 else "Server"
    element = {
        "request_id": request_id,
        "code": kind.lower(),
        "status": status,
        "title": title(message),
        "detail": message,
        "links": [],
        **extra,
    }
    fault = {"debuginfo": None, "faultcode": kind, "faultstring": message}
    return {"errors": [element], "error_message": json.dumps(fault)}


def response(error: Exception, environ: Mapping[str, Any]) -> webob.Response:
    """Turn an exception into an answer; one that nobody foresaw is logged and kept to ourselves."""
    request_id = environ.get("openstack.request_id", "")
    extra: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(error, errors.MagnumError):
        status, message = error.code, error.message
        headers.update(_waiting(error, environ))
    elif isinstance(error, exc.HTTPException):
        status, message = error.status_int, _plain(error.status_int, error.detail)
    else:
        LOG.error("%s: unexpected %s", request_id, type(error).__name__, exc_info=error)
        status = 500
        message = f"The service failed unexpectedly; its log has more under {request_id}."
    if status >= 500 and isinstance(error, errors.MagnumError):
        LOG.error("%s: %s", request_id, message, exc_info=error if status == 500 else None)
    if isinstance(error, versions.Unsupported):
        extra = _unsupported(message)
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = error.allowed
    answer = webob.Response(
        status=status,
        json_body=body(status, message, request_id, **extra),
        content_type="application/json",
        charset="UTF-8",
    )
    answer.headers.update(headers)
    return answer


def _waiting(error: errors.MagnumError, environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the header that tells when to try again, for whom that is of use."""
    agent = str(environ.get("HTTP_USER_AGENT", ""))
    if error.retry_after is None or _CONFUSED.search(agent):
        return {}
    return {"Retry-After": str(error.retry_after)}


def _unsupported(message: str) -> dict[str, Any]:
    return {
        "code": "magnum.microversion-unsupported",
        "description": message,
        "min_version": str(versions.MIN),
        "max_version": str(versions.MAX),
        "links": [{"rel": "help", "href": versions.HELP}],
    }


def _plain(status: int, detail: str | None = None) -> str:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "Error"
    return f"{errors.first_sentence(detail)}." if detail else f"{phrase}."


class Faults:
    """Middleware: answers for what is raised further in, and rewrites errors of frameworks."""

    def __init__(self, app: versions.Application) -> None:
        self._app = app

    def __call__(
        self, environ: dict[str, Any], start_response: versions.StartResponse
    ) -> Iterable[bytes]:
        """Serve a request."""
        try:
            status, headers, body, _ = webob.Request(environ).call_application(
                self._app, catch_exc_info=True
            )
        except Exception as error:  # noqa: BLE001  # that is what this middleware is for
            return response(error, environ)(environ, start_response)
        if status < "400":
            start_response(status, headers)
            return body
        answer = webob.Response(status=status, headerlist=headers, app_iter=body)
        if answer.status_int == 401:
            _complete(answer, environ)
        else:
            _rewrite(answer, environ)
        return answer(environ, start_response)


def _rewrite(answer: webob.Response, environ: Mapping[str, Any]) -> None:
    """Give a framework's error our body, keeping its status and headers."""
    message = _plain(answer.status_int)
    if answer.status_int == 503:  # the token middleware's: nobody else says so by itself
        silent = errors.Unavailable("Keystone")
        message = silent.message
        answer.headers.pop("Retry-After", None)
        answer.headers.update(_waiting(silent, environ))
    answer.json_body = body(answer.status_int, message, environ.get("openstack.request_id", ""))
    answer.content_type = "application/json"


def _complete(answer: webob.Response, environ: Mapping[str, Any]) -> None:
    """Add our members to a 401 in JSON, taking none away."""
    if answer.content_type != "application/json":
        return
    try:
        theirs = answer.json_body
    except ValueError:
        return
    if isinstance(theirs, dict):
        message = "The request needs a valid token."
        ours = body(401, message, environ.get("openstack.request_id", ""))
        answer.json_body = {**ours, **theirs}
