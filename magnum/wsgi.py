# SPDX-License-Identifier: Apache-2.0
"""The API for any WSGI server: ``magnum.wsgi:application``.

Reads ``/etc/magnum/magnum.conf`` when imported, as such servers import it once in each worker; so
nothing else may import it.
"""

from oslo_log import log

from magnum import service
from magnum.api import app
from magnum.conf import CONF

log.register_options(CONF)
CONF([], project="magnum")
log.setup(CONF, "magnum")

application = app.build(service.build(CONF), CONF)
