# SPDX-License-Identifier: Apache-2.0
"""What operators learn of requests: their ids in every line of the log, and their metrics.

Called by :mod:`magnum.api.app` as its outermost middleware, and by the programs that serve it.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from oslo_config import cfg
from oslo_middleware import request_id

from magnum.api import intake, routes
from magnum.api.versions import Application, StartResponse
from magnum.context import RequestContext
from magnum.core import errors
from magnum.health import Health
from magnum.metrics import instruments, listener, workers

METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
OTHER_METHOD = "other"
NO_ROUTE = "none"
HEALTHCHECK_PATH = "/healthcheck"

_TEMPLATES = {route.path: f"/{'/'.join(route.path)}" for route in routes.ROUTES}


def template(environ: Mapping[str, Any]) -> str:
    """Return the template of a request's route, one of a few whatever the path is."""
    route = environ.get("magnum.route")
    if route is None:  # answered before its route was looked for
        if environ.get("PATH_INFO", "").rstrip("/") == HEALTHCHECK_PATH:
            return HEALTHCHECK_PATH
        try:
            found = routes.find(intake.segments(environ))
        except errors.Invalid:
            found = None
        if found is None:
            return NO_ROUTE
        route = found[0]
    return _TEMPLATES[route.path]


class Measuring:
    """Middleware: counts requests and times them."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request."""
        status = "500"

        def start(line: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            nonlocal status
            status = line[:3]
            return start_response(line, headers, *more)

        method = environ["REQUEST_METHOD"]
        instruments.API_IN_FLIGHT.inc()
        began = time.perf_counter()
        try:
            return self._app(environ, start)
        finally:
            seconds = time.perf_counter() - began
            instruments.API_IN_FLIGHT.dec()
            route = template(environ)
            known = method if method in METHODS else OTHER_METHOD
            instruments.API_REQUESTS.inc(known, route, status)
            instruments.API_SECONDS.observe(seconds, known, route)


class Tracing:
    """Middleware: what is logged and asked of others from here on carries the request's ids."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request; who the caller is will be known further in."""
        RequestContext(
            request_id=environ[request_id.ENV_REQUEST_ID],
            global_request_id=environ.get(request_id.GLOBAL_REQ_ID),
        )
        return self._app(environ, start_response)


def serve(conf: cfg.ConfigOpts, health: Health) -> None:
    """Count in this worker process, and serve what all of them have counted.

    :raises Misconfigured: the port cannot be had.
    """
    instruments.enable(instruments.API)
    pages = {
        "/metrics": lambda accepted: listener.exposition(workers.together(), accepted),
        "/healthz": lambda _accepted: health.page(),
    }
    options = conf.metrics
    listener.Listener(options.host, [options.api_port], "api_port", pages, shared=True).start()
