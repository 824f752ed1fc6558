# SPDX-License-Identifier: Apache-2.0
"""Keep certificates in files of this host, encrypted; one file a bundle.

The keys are in another file (:mod:`magnum.certs.sealing`).  Several conductors, and the API, have
to share the directory.  It is safe for processes and threads: a file appears whole by a link, which
only one of many can make, and whatever replaces or removes files holds a lock meanwhile.
"""

import fcntl
import hashlib
import logging
import os
import pathlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from oslo_config import cfg

from magnum.certs import files
from magnum.certs.sealing import STORE, Sealer, Tally, Unopened
from magnum.certs.x509 import Bundle
from magnum.core.errors import Misconfigured, NotFound, Unavailable

LOG = logging.getLogger(__name__)

_SUFFIX = ".sealed"
_LOCK = ".lock"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}")
_GONE = "The certificate store has no such certificate, it may have been deleted."


class LocalStore:
    """A :class:`magnum.certs.manager.CertStore`; references are names with a digest.

    The digest is of the certificate: a bundle that is made anew under a name is another one.

    :raises Misconfigured: there is no key, or others than its owner may use the directory.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, _sessions: object = None, _database: object = None
    ) -> None:
        self._sealer = Sealer(conf.certificates.encryption_key_file)
        self._folder = pathlib.Path(conf.certificates.storage_path)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.refuse_others(self._folder, self._folder.stat())
        except OSError as error:
            raise Misconfigured(f"[certificates] storage_path cannot be used: {error}") from None

    def ensure(self, name: str, make: Callable[[], Bundle]) -> tuple[str, Bundle]:
        """Return what the file of that name holds, or write one."""
        path = self._path(name)
        sealed = self._read(path)
        if sealed is None:
            self._create(path, self._sealer.seal(make().to_pem()))
            sealed = self._read(path)
        bundle = self._open(name, sealed)
        return _reference(name, bundle), bundle

    def load(self, ref: str) -> Bundle:
        """See :meth:`magnum.certs.manager.CertStore.load`."""
        name = ref.partition(".")[0]
        try:
            path = self._path(name)
        except ValueError:
            raise NotFound(_GONE) from None
        bundle = self._open(name, self._read(path))
        if _reference(name, bundle) != ref:
            raise NotFound(_GONE)
        return bundle

    def delete(self, name: str) -> None:
        """Delete the file of that name, and what processes that died while writing it left."""
        path = self._path(name)
        with _answering(), self._locked():
            path.unlink(missing_ok=True)
            for part in self._folder.glob(f".{name}.*{files.PART}"):
                part.unlink(missing_ok=True)

    def check(self) -> None:
        """See :meth:`magnum.certs.manager.CheckedStore.check`; whether the keys can be read."""
        self._sealer.check()

    def reseal(self) -> Tally:
        """See :meth:`magnum.certs.manager.SealedStore.reseal`; a lock for each file."""
        tally = Tally()
        with _answering():
            paths = sorted(self._folder.glob(f"*{_SUFFIX}"))
        for path in paths:
            with _answering(), self._locked():
                self._reseal(path, tally)
        return tally

    def _reseal(self, path: pathlib.Path, tally: Tally) -> None:
        sealed = self._read(path)
        if sealed is None:  # deleted meanwhile
            return
        try:
            fresh = self._sealer.reseal(sealed)
        except Unopened:
            tally.lost.append(path.stem)
            return
        if fresh == sealed:
            tally.current += 1
            return
        with files.written(self._folder, path.stem, fresh) as part:
            part.replace(path)
        tally.changed += 1

    def _path(self, name: str) -> pathlib.Path:
        """Return where the bundle of a name is.

        :raises ValueError: it is no name, and might lead out of the directory.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("no name of a certificate")
        return self._folder / f"{name}{_SUFFIX}"

    def _read(self, path: pathlib.Path) -> str | None:
        """Return what a file holds, None when there is no such file in the directory."""
        with _answering():
            try:
                return path.read_text(errors="replace")
            except FileNotFoundError:
                self._folder.stat()  # raises when the directory itself is not there
                return None

    def _create(self, path: pathlib.Path, sealed: str) -> None:
        """Give a file its name, unless another process was faster."""
        with (
            _answering(),
            files.written(self._folder, path.stem, sealed) as part,
            suppress(FileExistsError),
        ):
            os.link(part, path)

    def _open(self, name: str, sealed: str | None) -> Bundle:
        if sealed is None:
            raise NotFound(_GONE)
        return Bundle.from_pem(self._sealer.unseal(sealed, name))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes and threads from replacing and removing files."""
        handle = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _reference(name: str, bundle: Bundle) -> str:
    return f"{name}.{hashlib.sha256(bundle.certificate_pem.encode()).hexdigest()}"


@contextmanager
def _answering() -> Iterator[None]:
    """Turn the file system's refusals into ours.

    :raises Unavailable: the directory cannot be used.
    """
    try:
        yield
    except OSError as error:
        LOG.warning("The directory of certificates cannot be used: %s", error)
        raise Unavailable(STORE, "its directory cannot be used") from error
