# SPDX-License-Identifier: Apache-2.0
"""The API for any WSGI server: ``magnum.wsgi:application``.

Reads ``/etc/magnum/magnum.conf`` when imported, as such servers import it once in each worker; so
nothing else may import it.  Where metrics are to be served, ``[metrics] directory`` is what those
workers have in common.
"""

from oslo_log import log

from magnum import service
from magnum.api import app, observation
from magnum.conf import CONF
from magnum.metrics import workers

log.register_options(CONF)
CONF([], project="magnum")
log.setup(CONF, "magnum")

services = service.build(CONF)
if workers.are_counted(CONF):
    workers.join(CONF.metrics.directory)
    observation.serve(CONF, services.health)
application = app.build(services, CONF)
