# SPDX-License-Identifier: Apache-2.0
"""What is behind each store, as the common suite needs it: to look at, to break, to die in."""

import pathlib
import uuid
from typing import Any, Protocol

from keystoneauth1.exceptions import ConnectFailure
from oslo_config import cfg
from oslo_db import exception as db_exception
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from magnum.certs import x509
from magnum.certs.barbican import BarbicanStore
from magnum.certs.database import DatabaseStore
from magnum.certs.local import LocalStore
from magnum.certs.manager import CertStore
from magnum.db.models import Certificate
from magnum.db.session import Database
from tests.fakes.openstack import FakeOpenStack

BUNDLE = x509.create_ca("c1", x509.KeyPolicy())
OTHER = x509.create_ca("c2", x509.KeyPolicy())


class Shelf(Protocol):
    """Where bundles are, whoever opens it."""

    name: str
    """What its users are told does not answer."""

    def open(self) -> CertStore:
        """Return the store as a process of its own has it."""
        ...

    def at_rest(self) -> str:
        """Return all that our database and disks hold of certificates."""
        ...

    def die_half_way(self, name: str) -> None:
        """Leave what a process does that dies while it stores something of that name."""
        ...

    def fall_silent(self) -> None:
        """Answer nobody any more."""
        ...

    def answer_again(self) -> None:
        """End the silence; nothing was lost."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class BarbicanShelf:
    name = "Barbican"

    def __init__(self, cloud: FakeOpenStack) -> None:
        self._cloud = cloud

    def open(self) -> CertStore:
        return BarbicanStore(self._cloud.conf, self._cloud.sessions)

    def at_rest(self) -> str:
        return ""

    def die_half_way(self, name: str) -> None:
        self._cloud.barbican.put(name, None, "2025-01-01T00:00:00")

    def fall_silent(self) -> None:
        self._cloud.barbican.trouble = ConnectFailure("refused")

    def answer_again(self) -> None:
        self._cloud.barbican.trouble = None

    def close(self) -> None:
        pass


class DatabaseShelf:
    name = "The database"

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._database = Database()  # beside the one that the test's other rows are in

    def open(self) -> CertStore:
        return DatabaseStore(self._conf, None, self._database)

    def at_rest(self) -> str:
        with self._database.engine.connect() as connection:
            return "\n".join(map(str, connection.execute(text("SELECT * FROM certificate"))))

    def die_half_way(self, name: str) -> None:
        row = Certificate(uuid=str(uuid.uuid4()), name=name, certificate="x", private_key="y")
        with Session(self._database.engine) as session:
            session.add(row)
            session.flush()

    def fall_silent(self) -> None:
        event.listen(self._database.engine, "before_cursor_execute", _refuse)

    def answer_again(self) -> None:
        event.remove(self._database.engine, "before_cursor_execute", _refuse)

    def close(self) -> None:
        self._database.engine.dispose()


def _refuse(*_: Any) -> None:
    raise db_exception.DBConnectionError


class LocalShelf:
    name = "The certificate store"

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self.folder = pathlib.Path(conf.certificates.storage_path)

    def open(self) -> CertStore:
        return LocalStore(self._conf)

    def at_rest(self) -> str:
        found = sorted(path for path in self.folder.iterdir() if path.name != ".lock")
        return "\n".join(f"{path} {path.read_text()}" for path in found)

    def die_half_way(self, name: str) -> None:
        (self.folder / f".{name}.x1y2.part").write_text("gAAAA")

    def fall_silent(self) -> None:
        self.folder.rename(self.folder.with_suffix(".unmounted"))

    def answer_again(self) -> None:
        self.folder.with_suffix(".unmounted").rename(self.folder)

    def close(self) -> None:
        pass


KINDS = ("barbican", "database", "local")


def make(kind: str, conf: cfg.ConfigOpts) -> Shelf:
    """Put up an empty shelf; needs the fixtures ``keys`` and ``database``."""
    if kind == "barbican":
        return BarbicanShelf(FakeOpenStack())
    return DatabaseShelf(conf) if kind == "database" else LocalShelf(conf)
