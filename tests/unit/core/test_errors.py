# SPDX-License-Identifier: Apache-2.0
"""Messages whose first sentence says it all, for clients that print just that."""

import pytest

from magnum.core import errors


def all_errors() -> list[type[errors.MagnumError]]:
    found = [errors.MagnumError]
    for kind in found:
        found += kind.__subclasses__()
    return [kind for kind in found if kind.__module__ == errors.__name__]


def test_drawing_shows_every_error_with_its_status() -> None:
    for kind in all_errors():
        (line,) = [
            line for line in (errors.__doc__ or "").splitlines() if f" {kind.__name__} " in line
        ]
        status = "--" if kind is errors.LeaseLost else str(kind.code)
        assert status in line.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Quota exceeded. Try less.", "Quota exceeded; Try less"),
        ("two\nlines  here.", "two lines here"),
        ("version 1.2 of file.txt", "version 1.2 of file.txt"),
    ],
)
def test_first_sentence_takes_somebody_elses_words_in(words: str, expected: str) -> None:
    assert errors.first_sentence(words) == expected


def test_field_error_names_field_value_and_rule_before_the_first_full_stop() -> None:
    error = errors.InvalidField("name", "a. b", "begin with a letter")
    assert error.message.split(".")[0] == "name is 'a; b' but must begin with a letter"


def test_long_value_is_cut() -> None:
    assert len(errors.InvalidField("name", "x" * 1000, "be short").message) < 130


def test_silent_service_is_named_with_when_to_come_back() -> None:
    error = errors.Unavailable("Barbican", "HTTP 502. Bad gateway.")
    assert error.message == "Barbican does not answer, try again later: HTTP 502; Bad gateway."
    assert (error.code, error.retry_after) == (503, 5)
