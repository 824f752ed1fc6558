# SPDX-License-Identifier: Apache-2.0
"""The message bus between API and conductors: a wake-up, never the truth.

The only package that imports oslo.messaging.  That library asks oslo.service for its backend as
it is imported and would take eventlet's; ours is threads, and it has to be said before.
"""

from oslo_service import backend

backend.init_backend(backend.BackendType.THREADING)
