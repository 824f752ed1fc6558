# SPDX-License-Identifier: Apache-2.0
"""One request as a handler sees it, and its reply.

Made by :mod:`magnum.api.controllers.router`; handlers get nothing else and return a reply, so a
test can call them with neither pecan nor a WSGI server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oslo_config import cfg

from magnum.api.versions import Version
from magnum.context import RequestContext
from magnum.policy import Enforcer
from magnum.service import Services


@dataclass(frozen=True, slots=True)
class Environment:
    """What is there for every request: the service layer, the policy, the configuration."""

    services: Services
    policy: Enforcer
    conf: cfg.ConfigOpts


@dataclass(frozen=True, slots=True)
class Call:
    """A request, parsed and with its caller's identity.

    :ivar base_url: scheme, host and mount point, without a slash at the end; for links.
    :ivar ident: the uuid or name in the path; empty where the path has none.
    :ivar body: parsed JSON, or :data:`magnum.api.intake.ABSENT`.
    """

    environment: Environment
    context: RequestContext
    version: Version
    base_url: str
    ident: str
    query: Mapping[str, str]
    body: Any

    @property
    def services(self) -> Services:
        """The service layer."""
        return self.environment.services

    @property
    def conf(self) -> cfg.ConfigOpts:
        """The configuration."""
        return self.environment.conf

    def authorise(self, rule: str, row: Any = None) -> None:
        """Ask the policy: about a row, or about the caller's own project.

        :raises Forbidden: the rule denies it.
        """
        owner = self.context if row is None else row
        self.environment.policy.check(self.context, rule, _target(owner))

    def allows(self, rule: str) -> bool:
        """Ask the policy about the caller's own project, without insisting."""
        return self.environment.policy.allows(self.context, rule, _target(self.context))


def _target(owner: Any) -> dict[str, object]:
    return {"project_id": owner.project_id, "user_id": owner.user_id}


NO_BODY = object()
"""No body at all, which is not the same as null."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers; ``body`` is plain data, or :data:`NO_BODY`."""

    body: Any = NO_BODY
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
