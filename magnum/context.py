# SPDX-License-Identifier: Apache-2.0
"""Who asks, and under which request id.

In the API that is the caller of a request, as keystonemiddleware established it; in a conductor the
operation that a thread works for.  The context of a thread is what its lines in the log carry
and what it asks other services under (``X-OpenStack-Request-Id``).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from oslo_context import context

from magnum.core import errors


class RequestContext(context.RequestContext):
    """The caller of one request, with its token for the checks made on its behalf.

    It never travels to a conductor: what a conductor does, it does as the service's own user, so
    that nothing depends on the caller's token or account.  The contexts of a conductor have
    the ids of a request and of who asked, and no token.

    :ivar token_info: what Keystone said of the token, with its catalogue, so that no check made
        with the token has to ask for that again; None where nobody established it.
    """

    token_info: dict[str, Any] | None = None

    @classmethod
    def from_request(cls, environ: dict[str, Any]) -> "RequestContext":
        """Build it from a WSGI environment that the token middleware has filled in."""
        context = cls.from_environ(environ)
        context.token_info = environ.get("keystone.token_info")
        return context

    @property
    def has_project(self) -> bool:
        """Whether the token is scoped to a project.

        Policy rules compare ids as text, where two absent projects are equal ("None" and
        "None").  Whoever authorises has to ask this first.
        """
        return bool(self.project_id)

    @property
    def own_project(self) -> str:
        """The id of the project that the token is scoped to.

        :raises Forbidden: it is scoped to none.
        """
        if not self.project_id:
            raise errors.Forbidden("The token has no project, ask for one scoped to a project.")
        return self.project_id

    @property
    def own_user(self) -> str:
        """The id of the caller.

        :raises Forbidden: the token names none.
        """
        if not self.user_id:
            raise errors.Forbidden("The token names no user.")
        return self.user_id


@contextmanager
def carried(make: Callable[[], RequestContext]) -> Iterator[None]:
    """Give this thread another context for the block, and then what it had before.

    :param make: returns it; one that is made there is the thread's at once.
    """
    before = context.get_current()
    make().update_store()
    try:
        yield
    finally:
        if before is None:
            del context._request_store.context  # oslo.context has no other word for none
        else:
            before.update_store()


def global_id() -> str | None:
    """Return the id that this thread's calls to other services are to carry; None for none."""
    current = context.get_current()
    return None if current is None else current.global_id
