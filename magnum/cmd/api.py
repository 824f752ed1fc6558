# SPDX-License-Identifier: Apache-2.0
"""``magnum-api``: the API in gunicorn, with worker processes of some threads each.

SIGTERM ends it once the requests under way are answered.  Other WSGI servers take
:mod:`magnum.wsgi` instead.
"""

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

import gunicorn.app.base
import gunicorn.glogging
from gunicorn.arbiter import Arbiter
from oslo_config import cfg

from magnum.cmd import options
from magnum.core.errors import Misconfigured
from magnum.metrics import workers

if TYPE_CHECKING:
    from magnum.api.versions import Application

GRACE_SECONDS = 30
DESCRIPTION = "Serve Magnum's API (bays, baymodels, certificates) over HTTP until told to stop."
EPILOG = (
    "Example: magnum-api --config-file /etc/magnum/magnum.conf.  It listens on [api] host and "
    "port with [api] workers processes of [api] threads threads each.  SIGTERM ends it after the "
    "requests under way, at most 30 s later.  Exit status: 0 when it was told to stop, 1 when the "
    "configuration cannot work or the port is taken, 4 when the application cannot be loaded."
)
HEADER_BYTES = 32768
"""Longest header: a token of Keystone may be long."""


class Logger(gunicorn.glogging.Logger):
    """Sends gunicorn's own messages where oslo.log sends ours; no access log."""

    def setup(self, _settings: Any) -> None:
        """Leave handlers and levels to oslo.log."""
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True
            logger.setLevel(logging.NOTSET)

    def access(self, *_arguments: Any, **_more: Any) -> None:
        """Write nothing: who needs an access log has it in the proxy."""


def settings(conf: cfg.ConfigOpts) -> dict[str, Any]:
    """Return gunicorn's settings.

    :raises Misconfigured: TLS is wanted, and a file that it needs cannot be read.
    """
    host = f"[{conf.api.host}]" if ":" in conf.api.host else conf.api.host
    return {
        "bind": f"{host}:{conf.api.port}",
        "workers": conf.api.workers,
        "worker_class": "gthread",
        "threads": conf.api.threads,
        "graceful_timeout": GRACE_SECONDS,
        "logger_class": Logger,
        "proc_name": "magnum-api",
        "limit_request_field_size": HEADER_BYTES,
        # Only [oslo_middleware] enable_proxy_headers_parsing decides whom to believe.
        "secure_scheme_headers": {},
        "forwarder_headers": "",
        # It would make a socket in the home directory that nobody asked for.
        "control_socket_disable": True,
        **_tls(conf),
    }


def _tls(conf: cfg.ConfigOpts) -> dict[str, Any]:
    """Return the settings by which gunicorn does TLS; none when it does not.

    :raises Misconfigured: a file that it needs cannot be read.
    """
    if not conf.api.enabled_ssl:
        return {}
    for name in ("ssl_cert_file", "ssl_key_file"):
        path = conf.api[name]
        if not path or not os.access(path, os.R_OK):
            raise Misconfigured(
                f"[api] enabled_ssl needs {name} to be a file that can be read, which "
                f"{path or 'nothing'} is not."
            )
    return {"certfile": conf.api.ssl_cert_file, "keyfile": conf.api.ssl_key_file}


class Server(gunicorn.app.base.BaseApplication):
    """gunicorn with the API in it.  The application is made in each worker, after the fork."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        super().__init__()

    def load_config(self) -> None:
        for name, value in settings(self._conf).items():
            self.cfg.set(name, value)

    def load(self) -> "Application":
        """Make the application, in a worker.

        It is loaded here and not with this module: what the master has too is in memory twice
        before long, as the worker counts references on the pages that both share.
        """
        from magnum import service  # noqa: PLC0415 -- see above
        from magnum.api import observation, paste  # noqa: PLC0415

        with options.explained(Arbiter.APP_LOAD_ERROR):  # with which the master does not go on
            services = service.build(self._conf)
            if workers.are_counted(self._conf):
                observation.serve(self._conf, services.health)
            return paste.build(services, self._conf)


def main() -> int:
    """Run the API."""
    conf = options.parse(sys.argv[1:], DESCRIPTION, EPILOG)
    with options.explained(), workers.common(conf):
        Server(conf).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
