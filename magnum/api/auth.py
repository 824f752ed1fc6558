# SPDX-License-Identifier: Apache-2.0
"""Who calls: the token middleware, and the paths it leaves alone.

Called by :mod:`magnum.api.app`.  What a caller says about itself in headers counts on no path: the
token middleware removes it from the paths it guards, this one from the others.
"""

from collections.abc import Callable, Iterable
from typing import Any

from keystonemiddleware import auth_token
from oslo_config import cfg

from magnum.api import intake, routes
from magnum.api.versions import Application, StartResponse
from magnum.clients.errors import translate

Guard = Callable[[Application, cfg.ConfigOpts], Application]
"""Wraps an application so that only callers with an identity reach it."""

_IDENTITY_PREFIXES = (
    "HTTP_OPENSTACK_SYSTEM_SCOPE",
    "HTTP_X_AUTH_TOKEN",
    "HTTP_X_DOMAIN",
    "HTTP_X_IDENTITY",
    "HTTP_X_IS_ADMIN",
    "HTTP_X_PROJECT",
    "HTTP_X_ROLE",
    "HTTP_X_SERVICE",
    "HTTP_X_STORAGE_TOKEN",
    "HTTP_X_TENANT",
    "HTTP_X_USER",
    "keystone.",
)


def keystone(app: Application, conf: cfg.ConfigOpts) -> Application:
    """Guard an application with Keystone's tokens, by the options of ``[keystone_authtoken]``."""
    guarded: Application = auth_token.AuthProtocol(app, {"oslo_config_config": conf})
    return guarded


class Authentication:
    """Middleware: lets the public paths pass and sends the others through a guard."""

    def __init__(self, app: Application, conf: cfg.ConfigOpts, guard: Guard = keystone) -> None:
        self._app = app
        self._guarded = guard(app, conf)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request.

        :raises Unavailable: Keystone does not answer; HTTP 503.
        """
        if intake.segments(environ) not in routes.PUBLIC_PATHS:
            # The token middleware lets some of Keystone's silence through as it comes: without
            # www_authenticate_uri, say, it asks Keystone what to put into a 401.
            with translate("Keystone"):
                return self._guarded(environ, start_response)
        for name in [name for name in environ if name.startswith(_IDENTITY_PREFIXES)]:
            del environ[name]
        return self._app(environ, start_response)
