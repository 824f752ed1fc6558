# SPDX-License-Identifier: Apache-2.0
"""``magnum-db-manage``: the schema of the database, and the keys of certificates."""

import sys
from collections.abc import Callable
from typing import Any

from oslo_config import cfg

from magnum.cmd import certificate_keys, options
from magnum.conf import CONF
from magnum.core import errors
from magnum.db import migrate, session, trouble
from magnum.db.session import Database

DESCRIPTION = (
    "Bring the tables of Magnum's database to the revision of this release, and keep the keys that "
    "certificates in it are encrypted with."
)
EPILOG = (
    "Example: magnum-db-manage upgrade.  The database is the one of [database] connection.  There "
    "is no way back to an older revision but a backup.  More on a command: magnum-db-manage "
    "COMMAND --help.  Exit status: 0 on success, 1 when it failed, 2 for a wrong option."
)


def _version(database: Database) -> None:
    print(f"Current DB revision is {migrate.version(database.engine)}")


def _upgrade(database: Database) -> None:
    migrate.upgrade(database.engine, CONF.command.revision)


def _stamp(database: Database) -> None:
    migrate.stamp(database.engine, CONF.command.revision)


def _revision(database: Database) -> None:
    migrate.revision(database.engine, CONF.command.message, CONF.command.autogenerate)


def _add_commands(subparsers: Any) -> None:
    def add(name: str, help_text: str, run: Callable[[Database], int | None]) -> Any:
        parser = subparsers.add_parser(name, help=help_text, description=help_text)
        parser.set_defaults(run=run)
        return parser

    add(
        "version", "Print the revision the database is at; None before the first upgrade.", _version
    )
    upgrade = add("upgrade", "Bring the database to a revision; may be repeated.", _upgrade)
    upgrade.add_argument("revision", nargs="?", default="head", help="default: the newest")
    stamp = add("stamp", "Record a revision without running anything.", _stamp)
    stamp.add_argument("revision", help="for example 0003, or head for the newest")
    revision = add("revision", "Write a new migration file.", _revision)
    revision.add_argument("-m", "--message", help="what it does, in some words")
    revision.add_argument(
        "--autogenerate", action="store_true", help="compare the tables with the models"
    )
    certificate_keys.add_commands(add)


def main() -> int:
    """Run one command and return its exit status; 0 on success."""
    CONF.register_cli_opt(cfg.SubCommandOpt("command", title="Commands", handler=_add_commands))
    options.parse(sys.argv[1:], DESCRIPTION, EPILOG)
    if CONF.command.name is None:
        CONF.print_help()
        return 2
    try:
        with options.explained(), session.translated():
            database = Database(patient=True)
            database.read(lambda _session: None)  # tells in one line that it cannot be reached
            return CONF.command.run(database) or 0
    except errors.Unavailable as error:
        hint = " Check [database] connection." if error.service == trouble.NAME else ""
        print(f"{error}{hint}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
