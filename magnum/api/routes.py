# SPDX-License-Identifier: Apache-2.0
"""The URL space: every path, its methods and who may come without what, and what is gone.

One table.  The router serves from it, 405 and its ``Allow`` follow from it, the public paths of the
token middleware are read from it, and a test goes through all of it as a caller without a project.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from magnum.api.call import Call, Reply
from magnum.api.controllers.certificates import CertificatesController
from magnum.api.controllers.clusters import ClustersController
from magnum.api.controllers.containers import ACTIONS, ContainersController
from magnum.api.controllers.discovery import DiscoveryController
from magnum.api.controllers.services import ServicesController
from magnum.api.controllers.templates import TemplatesController
from magnum.api.intake import VERSION_SEGMENT
from magnum.api.pagination import NARROWING, PARAMETERS
from magnum.api.vocabulary import BAY, BAYMODEL, CONTAINER, Vocabulary
from magnum.core import errors

Handler = Callable[[Call], Reply]

IDENT = "{ident}"


@dataclass(frozen=True, slots=True)
class Route:
    """One path.

    :ivar path: its segments; ``{ident}`` matches any.
    :ivar handlers: what serves each method.
    :ivar query: the query parameters each method takes; any other is an error.
    :ivar public: whether it is served without a token.
    :ivar projectless: methods served to a token without a project.
    """

    path: tuple[str, ...]
    handlers: Mapping[str, Handler]
    query: Mapping[str, frozenset[str]] = field(default_factory=dict)
    public: bool = False
    projectless: frozenset[str] = frozenset()


def _route(path: str, handlers: Mapping[str, Handler], **more: object) -> Route:
    return Route(tuple(path.split("/")) if path else (), handlers, **more)  # type: ignore[arg-type]


_PAGE = {"GET": PARAMETERS}


def _bays(vocabulary: Vocabulary) -> tuple[Route, ...]:
    controller, path = ClustersController(vocabulary), f"v1/{vocabulary.collection}"
    item = {"GET": controller.get, "PATCH": controller.patch, "DELETE": controller.delete}
    return (
        _route(path, {"GET": controller.get_all, "POST": controller.post}, query=_PAGE),
        _route(f"{path}/detail", {"GET": controller.detail}, query=_PAGE),
        _route(f"{path}/{IDENT}", item, query={"PATCH": frozenset({"rollback"})}),
        _route(f"{path}/{IDENT}/events", {"GET": controller.events}),
    )


def _baymodels(vocabulary: Vocabulary) -> tuple[Route, ...]:
    controller, path = TemplatesController(vocabulary), f"v1/{vocabulary.collection}"
    item = {"GET": controller.get, "PATCH": controller.patch, "DELETE": controller.delete}
    return (
        _route(path, {"GET": controller.get_all, "POST": controller.post}, query=_PAGE),
        _route(f"{path}/detail", {"GET": controller.detail}, query=_PAGE),
        _route(f"{path}/{IDENT}", item),
    )


def _containers(vocabulary: Vocabulary) -> tuple[Route, ...]:
    controller, path = ContainersController(vocabulary), f"v1/{vocabulary.collection}"
    item = {"GET": controller.get, "PATCH": controller.patch, "DELETE": controller.delete}
    page = {"GET": PARAMETERS | NARROWING}
    return (
        _route(path, {"GET": controller.get_all, "POST": controller.post}, query=page),
        _route(f"{path}/detail", {"GET": controller.detail}, query=page),
        _route(f"{path}/{IDENT}", item),
        *(_route(f"{path}/{IDENT}/{verb}", {"PUT": getattr(controller, verb)}) for verb in ACTIONS),
        _route(f"{path}/{IDENT}/logs", {"GET": controller.logs}),
        _route(
            f"{path}/{IDENT}/execute",
            {"PUT": controller.execute},
            query={"PUT": frozenset({"command"})},
        ),
    )


_discovery = DiscoveryController(
    (BAYMODEL.collection, BAY.collection, CONTAINER.collection, "certificates", "mservices")
)
_certificates = CertificatesController()
_services = ServicesController()

# Order counts: a literal segment stands before {ident}.
ROUTES: tuple[Route, ...] = (
    _route("", {"GET": _discovery.root}, public=True),
    _route("v1", {"GET": _discovery.v1}, public=True),
    *_baymodels(BAYMODEL),
    *_bays(BAY),
    *_containers(CONTAINER),
    # A cluster's nodes come here with a token that has no project.
    _route("v1/certificates", {"POST": _certificates.post}, projectless=frozenset({"POST"})),
    _route(
        f"v1/certificates/{IDENT}",
        {"GET": _certificates.get},
        projectless=frozenset({"GET"}),
    ),
    _route("v1/mservices", {"GET": _services.get_all}),
)

_OF_A_CONTAINER = frozenset(
    route.path[-1] for route in ROUTES if route.path[1:3] == (CONTAINER.collection, IDENT)
) - {IDENT}

PUBLIC_PATHS = frozenset(route.path for route in ROUTES if route.public)

_KUBECTL = "kubectl with the credentials that magnum bay-config writes"

GONE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "pods": ("Pods", _KUBECTL),
        "rcs": ("Replication controllers", _KUBECTL),
        "services": ("Services of Kubernetes", _KUBECTL),
        "x509keypairs": ("Key pairs", "magnum ca-sign with a signing request of a key of your own"),
        "nodes": ("Nodes", "openstack server list"),
    }
)
"""Collections of 2015 with nothing at or below them any more: what they held, what to use."""


def find(path: tuple[str, ...]) -> tuple[Route, str] | None:
    """Return the route of a path and the ident in it, or None."""
    path = _in_order(path)
    for route in ROUTES:
        if len(route.path) == len(path) and all(
            wanted in (IDENT, segment) and segment
            for wanted, segment in zip(route.path, path, strict=True)
        ):
            ident = path[route.path.index(IDENT)] if IDENT in route.path else ""
            return route, ident
    return None


def _in_order(path: tuple[str, ...]) -> tuple[str, ...]:
    """Put what is done to a container after the container; in 2016 either order was served."""
    match path:
        case (version, CONTAINER.collection, verb, ident) if (
            verb in _OF_A_CONTAINER and ident not in _OF_A_CONTAINER
        ):
            return (version, CONTAINER.collection, ident, verb)
    return path


def why_nothing(path: tuple[str, ...]) -> str:
    """Say in a sentence why no route has a path; where something was once, what to use now."""
    gone = GONE.get(path[1]) if len(path) > 1 and path[0] == VERSION_SEGMENT else None
    if gone is None:
        return f"There is nothing at {shown(path)}."
    held, tool = gone
    return f"{held} are no resource of this service any more, use {tool}."


def shown(path: tuple[str, ...]) -> str:
    """Return a path as it may stand in a sentence."""
    return f"/{errors.first_sentence('/'.join(path), 160)}"
