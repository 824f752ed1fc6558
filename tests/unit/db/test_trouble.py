# SPDX-License-Identifier: Apache-2.0
"""What errors of the databases mean, told from the numbers that the servers give."""

import pytest
import sqlalchemy.exc
from oslo_db import exception as db_exception

from magnum.core import errors
from magnum.db import trouble

SECRET = "INSERT INTO t VALUES ('xyzzy')"


class DriverError(Exception):
    """What the drivers' errors have: MySQL's the number first, PostgreSQL's an attribute."""

    pgcode: str | None = None


def by_sqlalchemy(orig: Exception) -> sqlalchemy.exc.DBAPIError:
    return sqlalchemy.exc.OperationalError(SECRET, {"a": "xyzzy"}, orig)


def mysql(number: int, text: str = "so it is") -> Exception:
    return by_sqlalchemy(DriverError(number, text))


def postgresql(number: str) -> Exception:
    error = DriverError("so it is")
    error.pgcode = number
    return by_sqlalchemy(error)


@pytest.mark.parametrize(
    "error",
    [
        db_exception.DBDeadlock(mysql(1213)),
        mysql(1020),
        db_exception.DBError(mysql(1020)),
        postgresql("40001"),
        postgresql("55P03"),
    ],
    ids=repr,
)
def test_conflicts_are_tried_again_and_then_told_as_silence(error: Exception) -> None:
    assert trouble.is_conflict(error)
    assert isinstance(trouble.told(error), errors.Unavailable)


@pytest.mark.parametrize(
    "error",
    [
        db_exception.DBConnectionError(mysql(2013)),
        db_exception.DBNonExistentDatabase("magnum"),
        db_exception.CantStartEngineError(),
        sqlalchemy.exc.TimeoutError("QueuePool limit"),
        mysql(1290),
        mysql(1053),
        db_exception.DBError(mysql(1114)),
        postgresql("25006"),
        postgresql("53300"),
    ],
    ids=repr,
)
def test_silence_is_told_and_no_conflict(error: Exception) -> None:
    assert not trouble.is_conflict(error)
    assert isinstance(trouble.told(error), errors.Unavailable)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (mysql(1366, r"Incorrect string value: '\xF0' for column `m`.`t`.`name` at row 1"), "name"),
        (mysql(1366, r"Incorrect string value: '\xF0' for column 'name' at row 1"), "name"),
        (mysql(1267, "Illegal mix of collations"), "A text"),
        (db_exception.DBError(postgresql("22P05")), "A text"),
    ],
)
def test_character_that_cannot_be_stored_is_told_with_its_column(
    error: Exception, expected: str
) -> None:
    told = trouble.told(error)
    assert isinstance(told, errors.Invalid)
    assert told.message.startswith(f"{expected} has a character that")


@pytest.mark.parametrize(
    "error",
    [
        db_exception.DBDuplicateEntry(["uuid"], mysql(1062)),
        db_exception.DBReferenceError("t", "fk", "k", "o", mysql(1452)),
        mysql(1064),
        postgresql("42601"),
    ],
    ids=repr,
)
def test_other_errors_are_left_to_the_caller(error: Exception) -> None:
    assert trouble.told(error) is None


def test_reason_is_the_drivers_own_without_statement_and_values() -> None:
    error = db_exception.DBConnectionError(mysql(2013, "Lost connection\nduring query"))
    assert trouble.reason(error) == "(2013, 'Lost connection\\nduring query')"
