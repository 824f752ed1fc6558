# SPDX-License-Identifier: Apache-2.0
"""pecan's root: finds the handler of a request in the route table and lets it answer.

Everything that holds for all handlers is done here, once: the microversion, callers without a
project, unknown query parameters.
"""

from collections.abc import Iterable
from typing import Any, cast

import pecan
import pecan.hooks
import webob

from magnum.api import faults, routes
from magnum.api.call import NO_BODY, Call, Environment, Reply
from magnum.api.intake import Intake
from magnum.api.versions import Version
from magnum.context import RequestContext
from magnum.core import errors


class EnvironmentHook(pecan.hooks.PecanHook):
    """Puts what every call needs into pecan's request context, so that nothing is global."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def on_route(self, state: Any) -> None:
        """Do so before the route is looked for."""
        state.request.context["environment"] = self._environment


class Router:
    """The root controller; pecan asks it with each request."""

    @pecan.expose()
    def _route(self, _args: Iterable[str], request: Any) -> tuple[Any, list[str]]:
        """Name the method that serves a request: always the same one, the table decides."""
        request.context["intake"] = request.environ["magnum.intake"]
        return self.serve, []

    @pecan.expose(content_type="application/json")
    def serve(self, request: Any, _response: Any) -> webob.Response:
        """Serve a request.

        :raises NoRoute: no route has its path.
        :raises MethodNotAllowed: the route has not its method.
        :raises Unsupported: the microversion is not served.
        :raises Forbidden: the caller has no project, where one is needed.
        :raises Invalid: a query parameter is unknown.
        """
        intake: Intake = request.context["intake"]
        found = routes.find(intake.path)
        if found is None:
            raise faults.NoRoute(routes.why_nothing(intake.path))
        route, ident = found
        request.environ["magnum.route"] = route
        method = "GET" if request.method == "HEAD" else request.method
        if method not in route.handlers:
            raise faults.MethodNotAllowed(method, routes.shown(intake.path), route.handlers)
        version = _version(request.environ)
        context = RequestContext.from_request(request.environ)
        _require_project(route, method, context)
        _check_query(intake, route.query.get(method, frozenset()))
        call = Call(
            environment=request.context["environment"],
            context=context,
            version=version,
            base_url=request.application_url.rstrip("/"),
            ident=ident,
            query=intake.query,
            body=intake.body,
        )
        return _render(route.handlers[method](call))


def _version(environ: dict[str, Any]) -> Version:
    """Return the version that was negotiated, or raise why it could not be."""
    outcome = environ["magnum.version"]
    if isinstance(outcome, Exception):
        raise outcome
    return cast("Version", outcome)


def _require_project(route: routes.Route, method: str, context: RequestContext) -> None:
    """Refuse a token without a project; the one place that does, before any rule is asked."""
    if route.public or method in route.projectless or context.has_project:
        return
    raise errors.Forbidden("The token has no project, ask for one that is scoped to a project.")


def _check_query(intake: Intake, known: frozenset[str]) -> None:
    if unknown := sorted(intake.query.keys() - known):
        names = errors.first_sentence(", ".join(unknown), 80)
        allowed = f"only {', '.join(sorted(known))}" if known else "it takes none"
        raise errors.Invalid(f"There is no query parameter {names} here, {allowed}.")


def _render(reply: Reply) -> webob.Response:
    if reply.body is NO_BODY:
        answer = webob.Response(status=reply.status)
        answer.content_type = None
    else:
        answer = webob.Response(
            status=reply.status,
            json_body=reply.body,
            content_type="application/json",
            charset="UTF-8",
        )
    answer.headers.update(reply.headers)
    return answer
