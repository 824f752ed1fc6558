# SPDX-License-Identifier: Apache-2.0
"""The API for any WSGI server: ``magnum.wsgi:application``.

Reads ``/etc/magnum/magnum.conf`` when imported, as such servers import it once in each worker; so
nothing else may import it.  Where metrics are to be served, ``[metrics] directory`` is what those
workers have in common.
"""

from magnum import service
from magnum.api import observation, paste
from magnum.conf import loading
from magnum.metrics import workers

_CONF = loading.load([])

services = service.build(_CONF)
if workers.are_counted(_CONF):
    workers.join(_CONF.metrics.directory)
    observation.serve(_CONF, services.health)
application = paste.build(services, _CONF)
