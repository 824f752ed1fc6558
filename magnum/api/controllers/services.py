# SPDX-License-Identifier: Apache-2.0
"""The processes of this service, for its operators."""

from magnum.api import views
from magnum.api.call import Call, Reply
from magnum.db.models import utcnow


class ServicesController:
    """``/v1/mservices``."""

    def get_all(self, call: Call) -> Reply:
        """List the conductors."""
        call.authorise("magnum-service:get_all")
        rows = call.services.conductors.page(call.context)
        return Reply(views.services(rows, utcnow(), call.conf.service_down_time))
