# SPDX-License-Identifier: Apache-2.0
"""Run the node stand-in of the cloud at a prefix: `python -m minicloud.nodes PREFIX`."""

import pathlib
import sys

from minicloud import packages, settings
from minicloud.nodes import userdata
from minicloud.nodes.watch import Watch

if __name__ == "__main__":
    chosen = settings.load(pathlib.Path(sys.argv[1]))
    userdata.import_cloudinit(packages.cloud_init_modules(chosen))
    Watch(chosen).forever()
