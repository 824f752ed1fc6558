# SPDX-License-Identifier: Apache-2.0
"""Files that nobody but their owner may read, and that are never seen half written.

For the file of keys (:mod:`magnum.certs.sealing`) and the store in files
(:mod:`magnum.certs.local`).
"""

import os
import pathlib
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from magnum.core.errors import Misconfigured

PART = ".part"
"""How the names of files end that are not finished."""


def refuse_others(path: pathlib.Path, status: os.stat_result) -> None:
    """Insist that only its owner may use a file or folder.

    :raises Misconfigured: others may too.
    """
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        right = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
        raise Misconfigured(
            f"Others than its owner may use {path}, its mode is {mode:04o}; run: "
            f"chmod {right:o} {path}"
        )


@contextmanager
def written(folder: pathlib.Path, stem: str, text: str) -> Iterator[pathlib.Path]:
    """Yield a file that holds ``text`` safely on disk, to be given its name by the block.

    Whatever the block has not renamed is removed.
    """
    handle, name = tempfile.mkstemp(prefix=f".{stem}.", suffix=PART, dir=folder)
    part = pathlib.Path(name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield part
        _sync(folder)
    finally:
        part.unlink(missing_ok=True)


def _sync(folder: pathlib.Path) -> None:
    """Have the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
