# SPDX-License-Identifier: Apache-2.0
"""Every configuration option, one module a group; :mod:`magnum.conf.opts` lists them all.

``CONF`` is oslo.config's global object with all our options registered.  Only composition roots
(``magnum.cmd``, ``magnum.wsgi``) parse it.
"""

from oslo_config import cfg
from oslo_db import options as db_options

from magnum.conf import opts

CONF = cfg.CONF

for _group, _options in opts.list_opts():
    CONF.register_opts(_options, group=None if _group == "DEFAULT" else _group)

# One for each thread that [api] threads and [conductor] workers start by default, and the
# conductor's own two.  What is opened above that is closed again after every use.
cfg.set_defaults(db_options.database_opts, max_pool_size=10)
