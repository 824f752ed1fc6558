# SPDX-License-Identifier: Apache-2.0
"""The API for any WSGI server: ``magnum.wsgi:application``.

Reads ``/etc/magnum/magnum.conf`` when imported, as such servers import it once in each worker; so
nothing else may import it.
"""

from magnum import service
from magnum.api import paste
from magnum.conf import loading

_CONF = loading.load([])

application = paste.build(service.build(_CONF), _CONF)
