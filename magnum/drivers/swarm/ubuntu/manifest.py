# SPDX-License-Identifier: Apache-2.0
"""The data sheet of Swarm on Ubuntu."""

from magnum.drivers.contract import Triple
from magnum.drivers.swarm.manifest import BASE

MANIFEST = BASE.on(
    "swarm_ubuntu",
    Triple("vm", "ubuntu", "swarm"),
    user_data_format="cloud-config",
)
