# SPDX-License-Identifier: Apache-2.0
"""``magnum-conductor``: carries out what the API accepted, until told to stop."""

import signal
import sys

from oslo_log import log

from magnum.cmd import options
from magnum.conductor import cloud, observation
from magnum.conductor.service import Conductor

DESCRIPTION = "Carry out what Magnum's API has accepted, by means of Heat, until told to stop."
EPILOG = (
    "Example: magnum-conductor --config-file /etc/magnum/magnum.conf.  Any number of conductors "
    "share the work; one that dies is taken over by another.  SIGTERM or SIGINT end it after the "
    "steps under way.  Exit status: 0 when it was told to stop, 1 when the configuration cannot "
    "work."
)


def main() -> int:
    """Run the conductor; SIGTERM or SIGINT end it after the steps under way."""
    conf = options.parse(sys.argv[1:], DESCRIPTION, EPILOG)
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
