# SPDX-License-Identifier: Apache-2.0
"""The data sheet: Swarm as Magnum makes it, for Debian's cloud images, and a step of our own."""

from dataclasses import replace

from magnum.drivers.contract import Triple
from magnum.drivers.swarm.manifest import BASE

NOTICE = "site_notice"

MANIFEST = replace(
    BASE.on("swarm_debian", Triple("vm", "debian", "swarm"), user_data_format="cloud-config"),
    parts=tuple(replace(part, steps=(*part.steps, NOTICE)) for part in BASE.parts),
    own_steps={NOTICE: "magnum_example_driver:site_notice.sh"},
)
