# SPDX-License-Identifier: Apache-2.0
"""Migrations make what the models say, to the letter, as the server itself describes it."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, Table, inspect, text

from magnum.db import migrate, models
from magnum.db.models import string
from magnum.db.session import Database
from tests.tables import drop_all

NEWEST = f"{len(list((migrate.SCRIPTS / 'versions').glob('[0-9]*.py'))):04d}"

SQLITE_COLUMNS = """
    SELECT tables.name, columns.name, columns.type, columns."notnull", columns.dflt_value
    FROM sqlite_master tables, pragma_table_info(tables.name) columns WHERE tables.type = 'table'
"""
POSTGRESQL_COLUMNS = """
    SELECT table_name, column_name, data_type, character_maximum_length, is_nullable,
           column_default IS NOT NULL, collation_name
    FROM information_schema.columns WHERE table_schema = 'public'
"""
POSTGRESQL_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
"""
POSTGRESQL_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"


def described(engine: Engine) -> set[str]:
    """Return what the server says of each column, key and index, besides Alembic's own table."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            return _rows(connection, POSTGRESQL_COLUMNS, POSTGRESQL_CONSTRAINTS, POSTGRESQL_INDEXES)
        if engine.dialect.name == "mysql":
            return _mysql(connection)
        return _sqlite(connection)


def _sqlite(connection: Connection) -> set[str]:
    """Return the columns as SQLite reads them; the rest only its statements tell."""
    statements = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql != ''"))
    return _rows(connection, SQLITE_COLUMNS) | {
        " ".join(f"{name}: {line}".replace('"', "").rstrip(", )").split())
        for name, sql in statements
        for line in sql.split("\n")
        if not name.startswith("alembic")
        and line.strip().startswith(("CONSTRAINT", "FOREIGN", "CREATE INDEX", "CREATE UNIQUE"))
    }


def _mysql(connection: Connection) -> set[str]:
    tables = [name for name in inspect(connection).get_table_names() if "alembic" not in name]
    return {
        f"{table}: {line.strip().rstrip(',')}"
        for table in tables
        for line in connection.execute(text(f"SHOW CREATE TABLE `{table}`")).one()[1].split("\n")
        if "AUTO_INCREMENT=" not in line
    }


def _rows(connection: Connection, *statements: str) -> set[str]:
    rows = [row for one in statements for row in connection.execute(text(one))]
    return {str(row) for row in rows if "alembic" not in str(row)}


def test_migrations_make_what_the_models_say(empty_database: Database) -> None:
    engine = empty_database.engine
    models.Base.metadata.create_all(engine)
    wanted = described(engine)
    assert len(wanted) > 100
    drop_all(engine)
    if engine.dialect.name == "sqlite":
        models.Base.metadata.drop_all(engine)
    migrate.upgrade(engine)
    assert described(engine) == wanted


def test_comparison_with_the_models_finds_nothing_to_do(empty_database: Database) -> None:
    migrate.upgrade(empty_database.engine)
    with empty_database.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, models.Base.metadata) == []


def test_upgrading_again_changes_nothing(empty_database: Database) -> None:
    engine = empty_database.engine
    assert migrate.version(engine) is None
    migrate.upgrade(engine)
    before = described(engine)
    migrate.upgrade(engine)
    assert (migrate.version(engine), described(engine)) == (NEWEST, before)


def test_upgrade_goes_step_by_step_and_stamp_only_records(empty_database: Database) -> None:
    engine = empty_database.engine
    migrate.upgrade(engine, "0001")
    assert migrate.version(engine) == "0001"
    before = described(engine)
    migrate.stamp(engine, "head")
    assert (migrate.version(engine), described(engine)) == (NEWEST, before)
    migrate.stamp(engine, "0001")
    migrate.upgrade(engine)
    assert migrate.version(engine) == NEWEST


@pytest.mark.parametrize("table", models.Base.metadata.sorted_tables, ids=str)
def test_short_texts_are_compared_by_their_characters_codes(table: Table) -> None:
    for column in table.columns:
        length = getattr(column.type, "length", None)
        if length is not None:
            assert repr(column.type) == repr(string(length)), column
            assert column.type._variant_mapping.keys() == {"mysql", "postgresql"}, column
