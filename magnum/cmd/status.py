# SPDX-License-Identifier: Apache-2.0
"""``magnum-status upgrade check``: whether this release can work here, before it is started.

The checks are in :mod:`magnum.cmd.checks`; oslo.upgradecheck prints what they find.
"""

import logging
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck
from oslo_upgradecheck.upgradecheck import Code, Result

from magnum.clients.errors import scrub
from magnum.clients.sessions import Sessions
from magnum.cmd import checks, options
from magnum.cmd.checks import Check, Found, Site
from magnum.conf import CONF, clients
from magnum.core.errors import MagnumError
from magnum.db.session import Database

LOG = logging.getLogger(__name__)

CALL_SECONDS = 10.0
"""Longest time for one call to a service; the options may say less."""

ERROR = 255
"""Exit status when nothing could be checked, as oslo.upgradecheck has it."""

DESCRIPTION = "Tell whether this release of Magnum can work with what it finds here."
EPILOG = (
    "Example: magnum-status upgrade check.  "
    "Exit status: 0 all is well, 1 something needs a look, 2 the service cannot work, 255 nothing "
    "could be checked."
)
CHECK_DESCRIPTION = (
    "Check " + ", ".join(check.name for check in checks.CHECKS) + ".  Each check does what the "
    "services do (it logs in, makes a user, a stack, a certificate) and undoes it, but for the "
    "domain of such users, which is made where [trust] names none; what is wrong comes with what "
    "to do about it.  Run it before the services are started, as their user and with their "
    "configuration."
)


def outcome(check: Check, site: Site) -> Result:
    """Run one check; whatever it meets, the others will be run too."""
    try:
        return Result(Code.SUCCESS, check.run(site))
    except Found as found:
        return Result(Code.FAILURE if found.is_serious else Code.WARNING, str(found))
    except MagnumError as error:
        return Result(Code.FAILURE, f"{error.message}  {check.fix}")
    except Exception as error:  # libraries raise what they like at what is misconfigured
        LOG.debug("The check %s has ended early", check.name, exc_info=True)
        words = scrub(f"{type(error).__name__}: {error}")
        return Result(Code.FAILURE, f"{words}.  {check.fix}")


class Commands(upgradecheck.UpgradeCommands):
    """The checks as oslo.upgradecheck wants them."""

    def __init__(self, open_site: Callable[[], Site]) -> None:
        super().__init__()
        self._open_site = open_site

    def check(self) -> Code:
        """Run all checks and print what they have found."""
        site = self._open_site()
        self._upgrade_checks = tuple(
            (check.name, partial(_bound, check, site)) for check in checks.CHECKS
        )
        return super().check()


def _bound(check: Check, site: Site, _commands: object) -> Result:
    return outcome(check, site)


def open_site(conf: cfg.ConfigOpts = CONF) -> Site:
    """Get ready to check; connects to nothing yet."""
    for service in clients.SERVICES:
        group = clients.group(service)
        conf.set_override("timeout", min(conf[group].timeout, CALL_SECONDS), group)
    return Site(conf, Sessions(conf), Database())


def _add_commands(subparsers: Any) -> None:
    upgrade = subparsers.add_parser(
        "upgrade",
        help="upgrade check: look at all that the service needs.",
        description=CHECK_DESCRIPTION,
        epilog=EPILOG,
    )
    upgrade.add_argument("check", choices=["check"], help="the one thing to do")
    upgrade.add_argument("--json", action="store_true", help="print JSON instead of a table")
    upgrade.set_defaults(action_fn=Commands(open_site).check)


def main() -> int:
    """Run the checks and return the exit status."""
    CONF.register_cli_opt(cfg.SubCommandOpt("command", title="Commands", handler=_add_commands))
    options.parse(sys.argv[1:], DESCRIPTION, EPILOG, status=ERROR, is_quiet=True)
    if CONF.command.name is None:
        CONF.print_help()
        return ERROR
    upgradecheck.CONF = CONF  # where the library looks for --json
    return int(upgradecheck.run(CONF))


if __name__ == "__main__":
    sys.exit(main())
