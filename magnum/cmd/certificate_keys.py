# SPDX-License-Identifier: Apache-2.0
"""The commands of ``magnum-db-manage`` for the keys that certificates are encrypted with."""

import pathlib
import sys
from collections.abc import Callable
from typing import Any

from magnum.certs import manager, sealing
from magnum.clients.sessions import Sessions
from magnum.conf import CONF
from magnum.core.errors import Misconfigured
from magnum.db.session import Database

Command = Callable[[Database], int | None]


def add_commands(add: Callable[[str, str, Command], Any]) -> None:
    """Define the commands.

    :param add: takes a name, a line of help and the function, and returns the parser.
    """
    new = add("new-certificate-key", "Make a key that certificates are encrypted with.", _new)
    new.add_argument(
        "--standby", action="store_true", help="let it decrypt only, until it is promoted"
    )
    add("promote-certificate-key", "Encrypt with the last key from now on.", _promote)
    add("rotate-certificate-keys", "Encrypt all certificates under the newest key.", _rotate)


def _file() -> pathlib.Path:
    return pathlib.Path(CONF.certificates.encryption_key_file)


def _new(_database: Database) -> None:
    count = sealing.add_key(_file(), CONF.command.standby)
    print(f"Keys in {_file()}: {count}")


def _promote(_database: Database) -> None:
    sealing.promote_key(_file())
    print(f"What was the last key in {_file()} encrypts from now on")


def _rotate(database: Database) -> int:
    store = manager.open_store(CONF, Sessions(CONF), database)
    if not isinstance(store, manager.SealedStore):
        raise Misconfigured(
            f"[certificates] cert_manager_type is {CONF.certificates.cert_manager_type}, which "
            "uses no keys of ours."
        )
    tally = store.reseal()
    print(f"Encrypted anew: {tally.changed}; under the newest key already: {tally.current}")
    for name in tally.lost:
        print(f"No key opens {name}", file=sys.stderr)
    return 1 if tally.lost else 0
