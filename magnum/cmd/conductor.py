# SPDX-License-Identifier: Apache-2.0
"""``magnum-conductor``: carries out what the API accepted, until told to stop."""

import signal
import sys

from oslo_log import log

from magnum.cmd import options
from magnum.conductor import cloud, observation
from magnum.conductor.service import Conductor


def main() -> int:
    """Run the conductor; SIGTERM or SIGINT end it after the steps under way."""
    conf = options.parse(sys.argv[1:])
    with options.explained():
        connected = cloud.connect(conf)
        conductor = Conductor(conf, connected)
        observation.serve(conf, connected, lambda: conductor.held)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: conductor.stop())
    conf.log_opt_values(log.getLogger(__name__), log.DEBUG)
    conductor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
