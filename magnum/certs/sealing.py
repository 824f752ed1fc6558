# SPDX-License-Identifier: Apache-2.0
"""Encryption of what the stores in our own database and on our own disks keep.

A file holds Fernet keys, one a line.  The first one is the newest: it encrypts; all of them
decrypt.  It is read at each use, so a changed file counts at once in every process.  The functions
at the end change it, for ``magnum-db-manage``.
"""

import logging
import os
import pathlib
from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from magnum.certs import files
from magnum.core.errors import Misconfigured, Unavailable

LOG = logging.getLogger(__name__)

STORE = "The certificate store"
"""What users know the stores in our own hands by."""


class Unopened(Unavailable):
    """No key opens it; that may pass, for an operator can put the right one back."""

    def __init__(self) -> None:
        super().__init__(STORE, "none of its keys opens this certificate")


@dataclass
class Tally:
    """What became of everything in a store when its keys were rotated.

    :ivar changed: encrypted anew.
    :ivar current: was under the newest key already.
    :ivar lost: names of what no key opens.
    """

    changed: int = 0
    current: int = 0
    lost: list[str] = field(default_factory=list)


class Sealer:
    """Seals texts with the keys in a file, and opens them; safe for threads.

    :raises Misconfigured: the file has no key that can be used.
    """

    def __init__(self, path: str) -> None:
        self._path = pathlib.Path(path)
        _read(self._path)

    def seal(self, text: str) -> str:
        """Return ``text`` encrypted under the newest key, as text.

        :raises Unavailable: the file of keys cannot be used any more.
        """
        return self._keys()[0].encrypt(text.encode()).decode()

    def unseal(self, sealed: str, name: str) -> str:
        """Return what was sealed.

        :param name: of the thing, for the log.
        :raises Unopened: no key is the right one, or it was damaged.
        :raises Unavailable: the file of keys cannot be used any more.
        """
        try:
            return MultiFernet(self._keys()).decrypt(sealed.encode()).decode()
        except InvalidToken:
            LOG.error("No key in %s opens %s, or it was damaged", self._path, name)
            raise Unopened from None

    def reseal(self, sealed: str) -> str:
        """Return the same text sealed under the newest key, unchanged when it is already.

        :raises Unopened: as :meth:`unseal`.
        """
        keys = self._keys()
        try:
            keys[0].decrypt(sealed.encode())
        except InvalidToken:
            pass
        else:
            return sealed
        try:
            return MultiFernet(keys).rotate(sealed.encode()).decode()
        except InvalidToken:
            raise Unopened from None

    def check(self) -> None:
        """Look whether the keys can be used.

        :raises Unavailable: they cannot.
        """
        self._keys()

    def _keys(self) -> list[Fernet]:
        try:
            return [Fernet(line) for line in _read(self._path)]
        except Misconfigured as error:
            LOG.error("The keys of certificates are unusable: %s", error)
            raise Unavailable(STORE, "its keys cannot be read") from error


def _read(path: pathlib.Path) -> list[str]:
    """Return the keys in a file.

    :raises Misconfigured: there is none, it is no key, or others may read it.
    """
    how = "; make one by: magnum-db-manage new-certificate-key"
    try:
        with path.open() as file:
            files.refuse_others(path, os.fstat(file.fileno()))
            lines = file.read().split()
    except FileNotFoundError:
        raise Misconfigured(f"There is no {path} with the key of certificates{how}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The key of certificates cannot be read: {error}") from None
    if not lines:
        raise Misconfigured(f"There is no key of certificates in {path}{how}")
    for number, line in enumerate(lines, 1):
        try:
            Fernet(line)
        except ValueError:
            raise Misconfigured(f"Key {number} in {path} is not a Fernet key") from None
    return lines


def add_key(path: pathlib.Path, standby: bool) -> int:
    """Make a new key, and the file where there is none.

    :param standby: put it last, so that it decrypts and does not encrypt yet.
    :returns: how many keys there are now.
    :raises Misconfigured: what is there is no file of keys, or cannot be changed.
    """
    keys = _read(path) if path.exists() else []
    new = Fernet.generate_key().decode()
    return _write(path, [*keys, new] if standby else [new, *keys])


def promote_key(path: pathlib.Path) -> int:
    """Make the last key the newest one, which encrypts.

    :returns: how many keys there are.
    :raises Misconfigured: as :func:`add_key`.
    """
    *others, last = _read(path)
    return _write(path, [last, *others])


def _write(path: pathlib.Path, keys: list[str]) -> int:
    text = "".join(f"{key}\n" for key in keys)
    try:
        with files.written(path.parent, path.name, text) as part:
            if path.exists():  # root may do this for the services' user
                os.chown(part, path.stat().st_uid, path.stat().st_gid)
            part.replace(path)
    except OSError as error:
        raise Misconfigured(f"The keys of certificates cannot be written: {error}") from None
    return len(keys)
