# SPDX-License-Identifier: Apache-2.0
"""The application as an operator's ``api-paste.ini`` puts it together.

Called by ``magnum-api`` and :mod:`magnum.wsgi`.  The functions without an underscore but
:func:`build` are entry points of ours for PasteDeploy, which ``etc/magnum/api-paste.ini`` names in
the order of :mod:`magnum.api.app`.
"""

import configparser
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from oslo_config import cfg
from paste.deploy import loadapp

from magnum.api import app, auth
from magnum.api.versions import Application
from magnum.core.errors import Misconfigured
from magnum.service import Services

_ERRORS = (LookupError, ImportError, OSError, ValueError, configparser.Error)
"""What PasteDeploy raises for a file that cannot work."""


@dataclass(frozen=True)
class _Parts:
    services: Services
    conf: cfg.ConfigOpts
    guard: auth.Guard


_parts: ContextVar[_Parts] = ContextVar("parts")
"""What the factories need and PasteDeploy has no way to hand to them; set while it is at work."""


def build(
    services: Services, conf: cfg.ConfigOpts, guard: auth.Guard = auth.keystone
) -> Application:
    """Build the application by the file of ``[api] api_paste_config``, or without as in the code.

    :param guard: what establishes a caller's identity; Keystone, save in tests.
    :raises Misconfigured: the file names what is not there.
    """
    path = conf.find_file(conf.api.api_paste_config)
    if path is None:
        return app.build(services, conf, guard)
    before = _parts.set(_Parts(services, conf, guard))
    try:
        built: Application = loadapp(f"config:{quote(path)}")
    except _ERRORS as error:
        raise Misconfigured(
            f"{path} cannot be used ({error}); replace it by etc/magnum/api-paste.ini of this "
            "release, or remove it."
        ) from error
    finally:
        _parts.reset(before)
    return built


def api(_global_conf: dict[str, str], **options: str) -> Application:
    """Return what is inside of all filters."""
    _refuse("app:api", options)
    parts = _parts.get()
    return app.core(parts.services, parts.conf)


Filter = Callable[[Application], Application]


def _factory(name: str) -> Callable[..., Filter]:
    def factory(_global_conf: dict[str, str], **options: Any) -> Filter:
        _refuse(f"filter:{name}", options)
        parts = _parts.get()
        middleware = app.pipeline(parts.guard)[name]
        return lambda inner: middleware(inner, parts.conf)

    return factory


def _refuse(section: str, options: dict[str, str]) -> None:
    """Refuse options that an operator expects to count and that would not."""
    if options:
        raise ValueError(f"[{section}] takes no {', '.join(options)}: options go into magnum.conf")


metrics = _factory("metrics")
request_id = _factory("request_id")
tracing = _factory("tracing")
cors = _factory("cors")
http_proxy_to_wsgi = _factory("http_proxy_to_wsgi")
healthcheck = _factory("healthcheck")
microversions = _factory("microversions")
faults = _factory("faults")
sizelimit = _factory("sizelimit")
authtoken = _factory("authtoken")
intake = _factory("intake")
