# SPDX-License-Identifier: Apache-2.0
"""Run the real nodes of the cloud at a prefix: `python -m minicloud.real_nodes PREFIX`."""

import pathlib
import sys

from minicloud import settings
from minicloud.administrator import connect
from minicloud.real_nodes.fabric import Fabric
from minicloud.real_nodes.neutron import Neutron
from minicloud.real_nodes.places import Places
from minicloud.real_nodes.runner import Runner

if __name__ == "__main__":
    places = Places(settings.load(pathlib.Path(sys.argv[1])))
    Runner(places, Fabric(places), Neutron(connect(places.settings, "network"))).forever()
