# SPDX-License-Identifier: Apache-2.0
"""The API without an API: a controller that does nothing, in the same server and middleware.

``ceiling.py --config-file FILE ...``; what it reaches is what the service could at most.
"""

import sys
from typing import Any

import pecan
from oslo_config import cfg

from magnum.api import app, auth
from magnum.api.versions import Application
from magnum.cmd import api, options


class Nothing:
    """Answers an empty object, whatever the path."""

    @pecan.expose(content_type="application/json")
    def _default(self, _request: Any, _response: Any, *_path: str) -> bytes:
        return b"{}"


def build(conf: cfg.ConfigOpts, guard: auth.Guard = auth.keystone) -> Application:
    """Put pecan with the empty controller into the service's middleware."""
    found: Application = pecan.make_app(
        Nothing(),
        guess_content_type_from_ext=False,
        force_canonical=False,
        use_context_locals=False,
    )
    for middleware in reversed(app.pipeline(guard).values()):
        found = middleware(found, conf)
    return found


class Server(api.Server):
    """The service's server with another application in it."""

    def load(self) -> Application:
        return build(self._conf)


if __name__ == "__main__":
    Server(options.parse(sys.argv[1:])).run()
