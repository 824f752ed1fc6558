# SPDX-License-Identifier: Apache-2.0
"""The way to the message broker, by oslo.messaging's own options."""

import oslo_messaging
from oslo_config import cfg

from magnum.clients.errors import scrub
from magnum.conf import legacy
from magnum.core import errors
from magnum.rpc.messages import VERSION

EXCHANGE = "magnum"


def open_transport(conf: cfg.ConfigOpts) -> oslo_messaging.Transport:
    """Prepare the transport; connects only when it is used."""
    _prepare(conf)
    return oslo_messaging.get_rpc_transport(conf)


def open_notification_transport(conf: cfg.ConfigOpts) -> oslo_messaging.Transport:
    """Prepare the transport of notifications, which may lead to another broker."""
    _prepare(conf)
    transport = oslo_messaging.get_notification_transport(conf)  # registers the options
    for name, value in legacy.notifications(conf).items():
        conf.set_default(name, value, "oslo_messaging_notifications")
    return transport


def _prepare(conf: cfg.ConfigOpts) -> None:
    """Set the defaults that the library's options shall have here."""
    oslo_messaging.set_transport_defaults(EXCHANGE)
    if url := legacy.transport_url(conf):
        oslo_messaging.TransportURL.parse(conf)  # registers the option
        conf.set_default("transport_url", url)


def target(topic: str, server: str | None = None) -> oslo_messaging.Target:
    """Address the conductors, or as one of them the server ``server``."""
    return oslo_messaging.Target(topic=topic, server=server, version=VERSION)


def reach(conf: cfg.ConfigOpts) -> None:
    """Log in at the broker and hand it a message for nobody, which it drops.

    One try, of which the driver's own time-outs are the bound.

    :raises Unavailable: the broker cannot be reached, or refuses.
    """
    transport = None
    try:
        transport = open_transport(conf)
        nobody = oslo_messaging.Target(topic=f"{EXCHANGE}-nobody", version=VERSION)
        oslo_messaging.get_rpc_client(transport, nobody, retry=0).cast({}, "nothing")
    except Exception as error:  # drivers let through what their libraries raise
        raise errors.Unavailable("The message broker", scrub(str(error))) from error
    finally:
        if transport is not None:
            transport.cleanup()
