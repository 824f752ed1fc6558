# SPDX-License-Identifier: Apache-2.0
"""A database for every test that wants one: the plugin with the fixtures ``conf`` and ``database``.

It is a file of SQLite's, a new one for each test, unless

* ``MAGNUM_TEST_DATABASE`` names another, as ``[database] connection`` would, that is the tests'
  alone: its tables are dropped.  Run them one at a time then;
* ``--databases`` is given: servers are started, and every test of those chosen that uses a
  database is run on databases of each kind that may matter to it, and no other test.  Of a test
  with many cases each kind has some, and with ``-m ""`` all.
"""

import os
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from oslo_config import cfg
from oslo_db import options as db_options
from sqlalchemy import Engine, MetaData

from magnum.conf import CONF
from magnum.db import models
from magnum.db.session import Database
from tests.servers import MariaDB, PostgreSQL, Server

GIVEN = os.environ.get("MAGNUM_TEST_DATABASE")


@dataclass(frozen=True)
class Kind:
    """A kind of database that is supported.

    :ivar creation: what follows CREATE DATABASE and its name.
    """

    server: type[Server]
    creation: str


KINDS = {
    "mariadb-utf8mb4": Kind(MariaDB, "CHARACTER SET utf8mb4"),
    "mariadb-utf8mb3": Kind(MariaDB, "CHARACTER SET utf8mb3"),
    "postgresql": Kind(PostgreSQL, ""),
}

USUAL = ("mariadb-utf8mb4", "postgresql")
"""Kinds that a test runs on by itself: the third differs in what texts it keeps, nothing else."""

TEXTS = tuple(pathlib.Path(__file__).parent / name for name in ("unit/db", "contract", "databases"))
"""Folders whose tests run on all kinds, as they look at what becomes of texts."""


class Servers:
    """The servers of this process, each started when the first test wants it."""

    def __init__(self) -> None:
        self._started: dict[type[Server], Server] = {}
        self._urls: dict[str, str] = {}

    def server(self, kind: str) -> Server:
        """Return the server that has databases of a kind."""
        wanted = KINDS[kind].server
        if wanted not in self._started:
            self._started[wanted] = server = wanted()
            server.start()
        return self._started[wanted]

    def url(self, kind: str) -> str:
        """Return where the tests' database of a kind is."""
        if kind not in self._urls:
            server, name = self.server(kind), kind.replace("-", "_")
            server.execute(f"CREATE DATABASE {name} {KINDS[kind].creation}")
            self._urls[kind] = server.url(name)
        return self._urls[kind]

    def remove(self) -> None:
        """Leave nothing of them."""
        for server in self._started.values():
            server.remove()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--databases",
        action="store_true",
        help="run what uses a database on servers, with these kinds: " + ", ".join(KINDS),
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the marker."""
    config.addinivalue_line("markers", "kinds(*names): the only databases that a test concerns")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have a test that uses a database run on the kinds that may matter, under the option."""
    if metafunc.config.getoption("databases") and "database_url" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("kinds")
        usual = KINDS if _is_of_texts(metafunc.definition.path) else USUAL
        metafunc.parametrize("database_url", marker.args if marker else usual, indirect=True)


@pytest.hookimpl(tryfirst=True)  # the marks are looked at next
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what uses no database, under the option, and have cases take turns."""
    if not config.getoption("databases"):
        return
    using = [item for item in items if _uses_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in using])
    items[:] = using
    _take_turns(using)


def _take_turns(items: list[pytest.Item]) -> None:
    """Mark as thorough, of a test with many cases, each case on all usual kinds but one.

    All kinds have their share of the cases.  Tests that look at texts, or name their kinds, are
    left as they are.
    """
    tests: dict[str, dict[str, list[pytest.Item]]] = {}
    for item in items:
        test, _, case = item.nodeid.partition("[")
        for kind in KINDS:
            case = case.removeprefix(kind)
        chosen = item.get_closest_marker("kinds") or _is_of_texts(item.path)
        if case.startswith("-") and not chosen:
            tests.setdefault(test, {}).setdefault(case, []).append(item)
    for cases in tests.values():
        for turn, same in enumerate(cases.values()):
            for number, item in enumerate(same):
                if number != turn % len(same):
                    item.add_marker(pytest.mark.thorough)


def _is_of_texts(path: pathlib.Path) -> bool:
    return any(path.is_relative_to(folder) for folder in TEXTS)


def _uses_database(item: pytest.Item) -> bool:
    return not {"database", "empty_database"}.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Yield the servers of this process, none of them started."""
    all_of_them = Servers()
    yield all_of_them
    all_of_them.remove()


@pytest.fixture
def server(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Server]:
    """Yield the server that this test's database is on; it is there again after the test."""
    if not request.config.getoption("databases"):
        pytest.fail("This test wants a server of its own: run it by `tools/test databases`.")
    its_server = servers.server(request.node.callspec.params["database_url"])
    yield its_server
    its_server.restore()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """Return where the database of this test is."""
    if hasattr(request, "param"):
        url: str = request.getfixturevalue("servers").url(request.param)
        return url
    return GIVEN or f"sqlite:///{tmp_path}/magnum.sqlite"


@pytest.fixture
def conf(database_url: str) -> Iterator[cfg.ConfigOpts]:
    """Yield the options with their defaults, and a database of this test's own."""
    CONF([], project="magnum", default_config_files=[], default_config_dirs=[])
    db_options.set_defaults(CONF, connection=database_url)
    CONF.set_override("sqlite_synchronous", False, group="database")
    yield CONF
    CONF.reset()
    CONF.clear()


_complete: set[str] = set()
"""Databases of servers that have all tables: making them anew takes longer than most tests."""


@pytest.fixture
def empty_database(conf: cfg.ConfigOpts, database_url: str) -> Iterator[Database]:
    """Yield a database without tables."""
    database = Database()
    drop_all(database.engine)
    _complete.discard(database_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def database(conf: cfg.ConfigOpts, database_url: str) -> Iterator[Database]:
    """Yield an empty database with all tables."""
    database = Database()
    if database_url in _complete:
        _delete_all(database.engine)
    else:
        drop_all(database.engine)
        models.Base.metadata.create_all(database.engine)
        if database.engine.dialect.name != "sqlite":
            _complete.add(database_url)
    yield database
    database.engine.dispose()


def drop_all(engine: Engine) -> None:
    """Drop whatever tables there are; only a server keeps any from one test to the next."""
    if engine.dialect.name != "sqlite":
        there = MetaData()
        there.reflect(engine)
        there.drop_all(engine)


def _delete_all(engine: Engine) -> None:
    """Delete all rows, referring ones first."""
    with engine.begin() as connection:
        for table in reversed(models.Base.metadata.sorted_tables):
            connection.execute(table.delete())
