# SPDX-License-Identifier: Apache-2.0
"""The application: pecan in its middleware, whose order is here and nowhere else.

Called by :mod:`magnum.api.paste` with the real service layer, by tests with another one or another
guard.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pecan
from oslo_config import cfg
from oslo_middleware import cors, healthcheck, http_proxy_to_wsgi, request_id
from oslo_middleware.healthcheck import opts as healthcheck_opts

from magnum import policies
from magnum.api import auth, faults, intake, limits, observation, versions
from magnum.api.call import Environment
from magnum.api.controllers.router import EnvironmentHook, Router
from magnum.api.versions import Application, StartResponse
from magnum.metrics import workers
from magnum.policy import Enforcer
from magnum.service import Services

Middleware = Callable[[Application, cfg.ConfigOpts], Application]


def _cors(app: Application, conf: cfg.ConfigOpts) -> Application:
    cors.set_defaults(
        allow_headers=["X-Auth-Token", versions.HEADER, versions.LEGACY_HEADER],
        allow_methods=["GET", "PUT", "POST", "DELETE", "PATCH"],
        expose_headers=["X-OpenStack-Request-Id", versions.HEADER, versions.LEGACY_HEADER],
    )
    return _where(_concerns_cors, cors.CORS(app, conf), app)


def _concerns_cors(environ: Mapping[str, Any]) -> bool:
    return "HTTP_ORIGIN" in environ or environ["REQUEST_METHOD"] == "OPTIONS"


def _proxy(app: Application, conf: cfg.ConfigOpts) -> Application:
    believing: Application = http_proxy_to_wsgi.HTTPProxyToWSGI(app, conf)  # brings its option
    return believing if conf.oslo_middleware.enable_proxy_headers_parsing else app


def _healthcheck(app: Application, conf: cfg.ConfigOpts) -> Application:
    conf.register_opts(healthcheck_opts.HEALTHCHECK_OPTS, "healthcheck")
    conf.register_opts(healthcheck_opts.DISABLE_BY_FILE_OPTS, "healthcheck")
    conf.set_default("backends", ["disable_by_file"], "healthcheck")
    path = conf.api.healthcheck_disable_file
    conf.set_default("disable_by_file_path", path, "healthcheck")
    return _where(_is_healthcheck, healthcheck.Healthcheck(app, conf), app)


def _is_healthcheck(environ: Mapping[str, Any]) -> bool:
    return bool(environ.get("PATH_INFO", "").rstrip("/") == observation.HEALTHCHECK_PATH)


def _where(
    concerned: Callable[[Mapping[str, Any]], bool], wrapped: Application, app: Application
) -> Application:
    """Send the requests that a middleware has something to do with through it, others past it.

    Each passage takes it a twentieth of what a whole request takes.
    """

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return (wrapped if concerned(environ) else app)(environ, start_response)

    return serve


def _measuring(app: Application, conf: cfg.ConfigOpts) -> Application:
    """Count, unless nobody wants to know."""
    return observation.Measuring(app) if workers.are_counted(conf) else app


def pipeline(guard: auth.Guard) -> dict[str, Middleware]:
    """Return the middleware by name, from the outside in."""
    return {
        # Around everything, so that nothing goes uncounted.
        "metrics": _measuring,
        # So that every answer has its request id, a 401 and a preflight too.
        "request_id": request_id.RequestId,
        # Before anything that may log, or ask somebody.
        "tracing": lambda app, _conf: observation.Tracing(app),
        # Before the token is asked for: browsers send preflights without one.
        "cors": _cors,
        # Before anything that builds a URL.
        "http_proxy_to_wsgi": _proxy,
        # Public, and in its own format that load balancers know.
        "healthcheck": _healthcheck,
        # Around all that may fail, so that its headers are on errors; raises nothing itself.
        "microversions": lambda app, _conf: versions.Negotiation(app),
        # Around all the rest: from here on in, whatever is raised becomes an answer.
        "faults": lambda app, _conf: faults.Faults(app),
        # Before Keystone is asked, as it is cheap.
        "sizelimit": lambda app, conf: limits.BodyLimit(app, conf.api.max_body_size),
        # Nothing of a request is parsed for a caller without an identity but its path.
        "authtoken": lambda app, conf: auth.Authentication(app, conf, guard),
        # Next to pecan, which it keeps from parsing the request again and differently.
        "intake": lambda app, _conf: intake.Reader(app),
    }


def core(services: Services, conf: cfg.ConfigOpts) -> Application:
    """Build what is inside of all middleware."""
    environment = Environment(services, Enforcer(conf, policies.list_rules()), conf)
    app: Application = pecan.make_app(
        Router(),
        hooks=[EnvironmentHook(environment)],
        guess_content_type_from_ext=False,
        force_canonical=False,
        use_context_locals=False,
    )
    return app


def build(
    services: Services, conf: cfg.ConfigOpts, guard: auth.Guard = auth.keystone
) -> Application:
    """Build the application.

    :param guard: what establishes a caller's identity; Keystone, save in tests.
    """
    app = core(services, conf)
    for middleware in reversed(pipeline(guard).values()):
        app = middleware(app, conf)
    return app
