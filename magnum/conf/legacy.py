# SPDX-License-Identifier: Apache-2.0
"""Options of 2015 and 2016 that the libraries have dropped since, and what they are called now.

A ``magnum.conf`` of then works as it is.  oslo.config warns of each of these options that is set,
once, by the text that stands here with the option; what is set by today's name prevails.  Our own
options that have only got another name say so where they are defined.

Called as a program starts, by :mod:`magnum.conf.loading`, and as the way to the broker is opened,
by :mod:`magnum.rpc.transport`: only there are the options known that take the place of those of
messaging.
"""

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from keystoneauth1 import loading
from oslo_config import cfg
from oslo_db import options as db_options

from magnum.core.urls import versioned

LOG = logging.getLogger(__name__)

RABBIT, LOGIN, DATABASE = "oslo_messaging_rabbit", "keystone_authtoken", "database"
_BROKER = "set [DEFAULT] transport_url = rabbit://USER:PASSWORD@HOST:PORT/VIRTUAL_HOST instead"
_MYSQL, _PYMYSQL = "mysql://", "mysql+pymysql://"
_DOMAIN = "default"
"""The id of Keystone's first domain, the only one that users and projects of then could be in."""

_WAITING = dict.fromkeys(
    ("max_attempts", "wait_interval"),
    "[cluster_heat] create_timeout bounds how long a stack is waited for",
)
_OF_NO_EFFECT = {
    "DEFAULT": {"enable_authentication": "every request needs a token of Keystone"},
    "bay": dict.fromkeys(
        (
            "k8s_atomic_template_path",
            "k8s_coreos_template_path",
            "swarm_atomic_template_path",
            "mesos_ubuntu_template_path",
        ),
        "a driver brings its templates with it",
    ),
    "bay_heat": _WAITING,
    "cluster_heat": _WAITING,
}
"""Those whose silence would mislead.  Any other that means nothing any more is passed over."""


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return (group, options) of what the sample lists, made anew: each warns once in its life."""
    return [(RABBIT, _rabbit()), (LOGIN, _login())]


def honour(conf: cfg.ConfigOpts) -> None:
    """Warn of every legacy option that is set, and give today's options its meaning.

    Must run once logging is set up, and before anybody uses the options of Keystone or of the
    database.
    """
    _register(conf)
    for group, options in _known():
        for option in options:
            _value(conf, group, option.dest)
    _honour_login(conf)
    _honour_database(conf)


def transport_url(conf: cfg.ConfigOpts) -> str | None:
    """Return the URL of the broker that the options of RabbitMQ make up; None when none is set."""
    _register(conf)
    options = _rabbit()
    given = {option.dest: _rabbit_value(conf, option.dest) for option in options}
    if not any(given.values()):
        return None
    user = quote(given["rabbit_userid"] or "guest", safe="")
    password = quote(given["rabbit_password"] or "guest", safe="")
    hosts = ",".join(f"{user}:{password}@{host}" for host in _rabbit_hosts(given))
    virtual_host = quote((given["rabbit_virtual_host"] or "/").removeprefix("/"), safe="")
    query = "?" + urlencode({"ssl": "true"}) if given["rabbit_use_ssl"] else ""
    return f"rabbit://{hosts}/{virtual_host}{query}"


def notifications(conf: cfg.ConfigOpts) -> dict[str, list[str]]:
    """Return what the legacy options of notifications say, by today's names of them."""
    _register(conf)
    given = {"driver": conf.notification_driver, "topics": conf.notification_topics}
    return {name: value for name, value in given.items() if value}


def _notifications() -> list[cfg.Opt]:
    def dropped(name: str) -> dict[str, Any]:
        reason = f"set {name} in [oslo_messaging_notifications] instead"
        return {"deprecated_for_removal": True, "deprecated_reason": reason}

    return [
        cfg.MultiStrOpt("notification_driver", **dropped("driver")),
        cfg.ListOpt("notification_topics", **dropped("topics")),
    ]


def _rabbit() -> list[cfg.Opt]:
    dropped: dict[str, Any] = {"deprecated_for_removal": True, "deprecated_reason": _BROKER}
    return [
        cfg.StrOpt("rabbit_host", help="Host of RabbitMQ; localhost when unset.", **dropped),
        cfg.PortOpt("rabbit_port", help="Port of RabbitMQ; 5672 when unset.", **dropped),
        cfg.ListOpt("rabbit_hosts", help="Hosts of RabbitMQ, as HOST:PORT.", **dropped),
        cfg.StrOpt("rabbit_userid", help="User at RabbitMQ; guest when unset.", **dropped),
        cfg.StrOpt("rabbit_password", secret=True, help="Password of that user.", **dropped),
        cfg.StrOpt("rabbit_virtual_host", help="Virtual host; / when unset.", **dropped),
        cfg.BoolOpt("rabbit_use_ssl", help="Whether RabbitMQ is reached by TLS.", **dropped),
    ]


def _login() -> list[cfg.Opt]:
    def option(name: str, successor: str, text: str, secret: bool = False) -> cfg.Opt:
        return cfg.StrOpt(
            name,
            secret=secret,
            help=text,
            deprecated_for_removal=True,
            deprecated_reason=f"set {successor} in [{LOGIN}] instead",
        )

    return [
        option("admin_user", "auth_type = password and username", "The service's own user."),
        option("admin_password", "password", "Password of that user.", secret=True),
        option(
            "admin_tenant_name",
            "project_name",
            "Project of that user; admin when unset and admin_user is not.",
        ),
        option("identity_uri", "auth_url", "URL of Keystone for this service."),
        option("auth_uri", "www_authenticate_uri", "URL of Keystone that callers are told."),
    ]


def _known() -> Iterator[tuple[str, list[cfg.Opt]]]:
    """Yield all there are, also those that the sample does not list."""
    yield from list_opts()
    yield "DEFAULT", _rabbit() + _notifications()  # where they were until 2015
    for group, names in _OF_NO_EFFECT.items():
        yield group, [_without_effect(name, why) for name, why in names.items()]


def _without_effect(name: str, why: str) -> cfg.Opt:
    reason = f"it has no effect any more: {why}"
    return cfg.StrOpt(name, deprecated_for_removal=True, deprecated_reason=reason)


def _register(conf: cfg.ConfigOpts) -> None:
    """Register those that are not there: once one has warned, oslo.config knows it no more."""
    for group, options in _known():
        conf.register_group(cfg.OptGroup(group))
        there = conf if group == "DEFAULT" else conf[group]
        missing = [option for option in options if option.dest not in there]
        conf.register_opts(missing, group=None if group == "DEFAULT" else group)


def _value(conf: cfg.ConfigOpts, group: str, name: str) -> Any:
    return conf[name] if group == "DEFAULT" else conf[group][name]


def _rabbit_value(conf: cfg.ConfigOpts, name: str) -> Any:
    inside = _value(conf, RABBIT, name)
    return _value(conf, "DEFAULT", name) if inside is None else inside


def _rabbit_hosts(given: dict[str, Any]) -> list[str]:
    port = given["rabbit_port"] or 5672
    hosts = given["rabbit_hosts"] or [given["rabbit_host"] or "localhost"]
    return [_with_port(host, port) for host in hosts]


def _with_port(host: str, port: int) -> str:
    if host.count(":") > 1 and not host.startswith("["):
        host = f"[{host}]"  # an address of IPv6 by itself
    has_port = ":" in host.rpartition("]")[2]
    return host if has_port else f"{host}:{port}"


def _honour_login(conf: cfg.ConfigOpts) -> None:
    old = conf[LOGIN]
    if not any((old.admin_user, old.admin_password, old.identity_uri, old.auth_uri)):
        return
    # Costs time to load, which those who need nothing of this shall not spend.
    from keystonemiddleware import opts  # noqa: PLC0415

    for _, options in opts.list_auth_token_opts():
        conf.register_opts(options, LOGIN)
    loading.register_auth_conf_options(conf, LOGIN)
    urls = [versioned(url, "v3") for url in (old.auth_uri, old.identity_uri) if url]
    if urls:
        conf.set_default("www_authenticate_uri", _literal(urls[0]), LOGIN)
    if str(conf[LOGIN].auth_version).lstrip("v").startswith("2"):
        LOG.warning("[%s] auth_version: Keystone has v3 alone; remove the option.", LOGIN)
        conf.set_override("auth_version", None, LOGIN)
    if old.admin_user:
        conf.set_default("auth_type", "password", LOGIN)
    if conf[LOGIN].auth_type == "password" and not conf[LOGIN].auth_section:
        _honour_password(conf, urls[-1] if urls else None)


def _honour_password(conf: cfg.ConfigOpts, auth_url: str | None) -> None:
    """Give the options of keystoneauth's password plugin the values of the legacy ones."""
    old = conf[LOGIN]
    conf.register_opts(loading.get_auth_plugin_conf_options("password"), LOGIN)
    successors = {
        "auth_url": auth_url,
        "username": old.admin_user,
        "password": old.admin_password,
        "project_name": old.admin_tenant_name or ("admin" if old.admin_user else None),
    }
    for name, value in successors.items():
        if value is not None:
            conf.set_default(name, _literal(value), LOGIN)
    for who in ("user", "project") if old.admin_user else ():
        names = (f"{who}_domain_id", f"{who}_domain_name")
        if not any(conf[LOGIN][name] for name in (*names, "default_domain_id")):
            conf.set_default(names[0], _DOMAIN, LOGIN)


def _honour_database(conf: cfg.ConfigOpts) -> None:
    """Take PyMySQL for ``mysql://``, by which SQLAlchemy understands a driver nobody installs."""
    conf.register_opts(db_options.database_opts, DATABASE)
    for name in ("connection", "slave_connection"):
        url = conf[DATABASE][name]
        if url and url.startswith(_MYSQL):
            LOG.warning("[%s] %s: write %s for %s.", DATABASE, name, _PYMYSQL, _MYSQL)
            conf.set_override(name, _literal(_PYMYSQL + url.removeprefix(_MYSQL)), DATABASE)


def _literal(text: str) -> str:
    """Return a text as oslo.config wants it, which takes a ``$`` for the start of a name."""
    return text.replace("$", "$$")
