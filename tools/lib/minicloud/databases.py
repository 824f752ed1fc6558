# SPDX-License-Identifier: Apache-2.0
"""Make the databases and bring each service's tables up, once.

MariaDB cannot undo half a migration, so a service whose migration was interrupted starts again
from an empty database. A finished one leaves a stamp and is never touched again.
"""

import dataclasses
import shutil
import socket
from collections.abc import Callable
from concurrent import futures

from minicloud import commands
from minicloud.probes import sql
from minicloud.progress import Progress
from minicloud.services import environment
from minicloud.settings import REGION, Settings
from minicloud.stamps import Stamps, digest

_PARALLEL = 3  # one more than the two cores we count on: some of them wait for the database


@dataclasses.dataclass(frozen=True)
class Schema:
    """One service's databases and the commands that fill them."""

    name: str
    databases: tuple[str, ...]
    commands: Callable[[Settings], list[list[str]]]


def _keystone(settings: Settings) -> list[list[str]]:
    owner = ["--keystone-user", "root", "--keystone-group", "root"]
    urls = ["--bootstrap-password", settings.password("admin"), "--bootstrap-region-id", REGION]
    for interface in ("admin", "public", "internal"):
        urls += [f"--bootstrap-{interface}-url", settings.auth_url]
    return [
        ["keystone-manage", "fernet_setup", *owner],
        ["keystone-manage", "credential_setup", *owner],
        ["keystone-manage", "db_sync"],
        ["keystone-manage", "bootstrap", *urls],
    ]


def _neutron(settings: Settings) -> list[list[str]]:
    folder = settings.etc / "neutron"
    files = [folder / "neutron.conf", folder / "plugins/ml2/ml2_conf.ini"]
    options = [word for file in files for word in ("--config-file", str(file))]
    return [["neutron-db-manage", *options, "upgrade", "heads"]]


def _nova(settings: Settings) -> list[list[str]]:
    cell0 = settings.database_url("minicloud", "nova_cell0")
    return [
        ["nova-manage", "api_db", "sync"],
        ["nova-manage", "cell_v2", "map_cell0", "--database_connection", cell0],
        ["nova-manage", "cell_v2", "create_cell", "--name", "cell1"],
        ["nova-manage", "db", "sync"],
    ]


# The longest first, so that the short ones fill the gaps.
SCHEMAS = (
    Schema("keystone", ("keystone",), _keystone),
    Schema("nova", ("nova", "nova_api", "nova_cell0"), _nova),
    Schema("neutron", ("neutron",), _neutron),
    Schema("heat", ("heat",), lambda _: [["heat-manage", "db_sync"]]),
    Schema("barbican", ("barbican",), lambda _: [["barbican-db-manage", "upgrade"]]),
    Schema("glance", ("glance",), lambda _: [["glance-manage", "db_sync"]]),
    Schema("placement", ("placement",), lambda _: [["placement-manage", "db", "sync"]]),
)
CINDER = Schema("cinder", ("cinder",), lambda _: [["cinder-manage", "db", "sync"]])


def wanted(settings: Settings) -> tuple[Schema, ...]:
    """Return the schemas of the services that a cloud consists of."""
    return (*SCHEMAS, CINDER) if settings.has_volumes else SCHEMAS


def prepare_server(settings: Settings) -> None:
    """Make MariaDB's system tables, before its first start."""
    settings.database_scratch.mkdir(parents=True, exist_ok=True)
    target = settings.var / "mariadb"
    if target.exists():
        return
    part = settings.var / "mariadb.part"
    shutil.rmtree(part, ignore_errors=True)
    argv = ["mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={part}"]
    argv += [f"--tmpdir={settings.database_scratch}"]
    argv += ["--auth-root-authentication-method=normal", "--skip-test-db"]
    commands.run(argv, settings.log / "mariadb.log")
    part.rename(target)


def create_accounts(settings: Settings) -> None:
    """Make the accounts of OpenStack and of Magnum, and Magnum's empty database.

    Magnum's account may make databases whose names begin with `magnum`, for tests.
    """
    statements = []
    for user, scope in (("minicloud", "*"), ("magnum", "`magnum%`")):
        password = settings.password("db-" + user)
        statements += [
            f"CREATE USER IF NOT EXISTS '{user}'@'%' IDENTIFIED BY '{password}'",
            f"GRANT ALL ON {scope}.* TO '{user}'@'%'",
        ]
    statements.append("CREATE DATABASE IF NOT EXISTS magnum CHARACTER SET utf8mb4")
    sql(settings, ";\n".join(statements) + ";")


def _forget_cached(settings: Settings) -> None:
    """Empty memcached: it may hold ids of rows of an interrupted attempt."""
    place = (settings.address, settings.ports["memcached"])
    with socket.create_connection(place, timeout=10) as connection:
        connection.sendall(b"flush_all\r\n")
        connection.recv(64)


def _migrate(settings: Settings, stamps: Stamps, schema: Schema) -> None:
    drop_and_create = "".join(
        f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name} CHARACTER SET utf8mb4;"
        for name in schema.databases
    )
    sql(settings, drop_and_create)
    log = settings.log / f"migrate-{schema.name}.log"
    for program, *rest in schema.commands(settings):
        commands.run([settings.tool(program), *rest], log, env=environment(settings))
    stamps.set(f"schema-{schema.name}", digest(schema.name))


def migrate(
    settings: Settings,
    stamps: Stamps,
    progress: Progress,
    when_done: dict[str, Callable[[], None]],
) -> None:
    """Bring all schemas up that have no stamp yet, several at a time.

    :param when_done: what to do as soon as one schema is there, by its name: Keystone starts and
        is filled while the others still migrate.
    :raises CommandError: a migration failed.
    """
    pending = [s for s in wanted(settings) if not stamps.fresh(f"schema-{s.name}", digest(s.name))]
    if pending:
        _forget_cached(settings)
        progress.say(f"creating the tables of {', '.join(s.name for s in pending)}")

    def work(schema: Schema) -> str:
        _migrate(settings, stamps, schema)
        progress.say(f"tables of {schema.name} are there")
        when_done.get(schema.name, lambda: None)()
        return schema.name

    with futures.ThreadPoolExecutor(_PARALLEL) as pool:
        jobs = [pool.submit(work, schema) for schema in pending]
        for job in futures.as_completed(jobs):
            job.result()
