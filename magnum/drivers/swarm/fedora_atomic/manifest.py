# SPDX-License-Identifier: Apache-2.0
"""The data sheet of Swarm on Fedora Atomic."""

from magnum.drivers.contract import Triple
from magnum.drivers.swarm.manifest import BASE

MANIFEST = BASE.on(
    "swarm_fedora_atomic",
    Triple("vm", "fedora-atomic", "swarm"),
    user_data_format="cloud-config",
)
