# SPDX-License-Identifier: Apache-2.0
"""The data sheet of Swarm on Flatcar and Fedora CoreOS."""

from magnum.drivers.contract import Triple
from magnum.drivers.swarm.manifest import BASE

MANIFEST = BASE.on(
    "swarm_coreos",
    Triple("vm", "coreos", "swarm"),
    user_data_format="ignition",
)
