# SPDX-License-Identifier: Apache-2.0
"""A Neutron mechanism driver that binds every port at once, for there are no agents."""

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api


class MechanismDriver(api.MechanismDriver):
    """Binds a port to its first segment and says that it is up."""

    connectivity = portbindings.CONNECTIVITY_L2

    def initialize(self):
        """Prepare what every binding answers."""
        self.vif_details = {
            portbindings.CAP_PORT_FILTER: True,
            portbindings.VIF_DETAILS_CONNECTIVITY: self.connectivity,
        }

    def bind_port(self, context):
        """Bind one port."""
        segment = context.segments_to_bind[0]
        context.set_binding(
            segment[api.ID],
            portbindings.VIF_TYPE_OVS,
            self.vif_details,
            status=constants.PORT_STATUS_ACTIVE,
        )
