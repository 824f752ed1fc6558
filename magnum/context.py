# SPDX-License-Identifier: Apache-2.0
"""Who asks: the identity of one request, as keystonemiddleware established it."""

from typing import Any, cast

from oslo_context import context


class RequestContext(context.RequestContext):
    """The caller of one request, with its token for the checks made on its behalf.

    Only the API makes one.  It never travels to a conductor: what a conductor does, it does as
    the service's own user, so that nothing depends on the caller's token or account.
    """

    @classmethod
    def from_request(cls, environ: dict[str, Any]) -> "RequestContext":
        """Build it from a WSGI environment that the token middleware has filled in."""
        return cast("RequestContext", cls.from_environ(environ))

    @property
    def has_project(self) -> bool:
        """Whether the token is scoped to a project.

        Policy rules compare ids as text, where two absent projects are equal ("None" and
        "None").  Whoever authorises has to ask this first.
        """
        return bool(self.project_id)
