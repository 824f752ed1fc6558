# SPDX-License-Identifier: Apache-2.0
"""The message bus: wake-ups between API and conductors, never the truth, and news for operators.

The only package that imports oslo.messaging.  That library asks oslo.service for its backend as
it is imported and would take eventlet's; ours is threads, and it has to be said before.
"""

from oslo_service import backend

backend.init_backend(backend.BackendType.THREADING)
