# SPDX-License-Identifier: Apache-2.0
"""Whatever the libraries raise becomes one of our errors, with docker's words."""

import logging
import ssl
from typing import Any

import docker
import pytest
import requests
import urllib3

from magnum.clients.docker import errors
from magnum.clients.docker.allowance import TooLong
from magnum.core.errors import Unavailable

AT = "10.0.0.5:2376"


def answer(status: int, words: str, kind: Any = docker.errors.APIError) -> Exception:
    response = requests.Response()
    response.status_code = status
    return kind("failed", response=response, explanation=words)


def wrapped(*chain: BaseException) -> requests.ConnectionError:
    """Wrap errors in each other as urllib3 and requests do."""
    outer: BaseException = chain[-1]
    for inner in chain[:-1][::-1]:
        inner.__cause__ = outer
        outer = inner
    error = requests.ConnectionError(outer)
    error.__cause__ = outer
    return error


CASES = [
    (answer(400, "bad parameter"), errors.EngineRejects, 400, "bad parameter"),
    (answer(404, "No such container: x"), errors.EngineMissing, 404, "No such container: x"),
    (
        answer(404, "No such image: x", docker.errors.ImageNotFound),
        errors.ImageMissing,
        404,
        "No such image: x",
    ),
    (answer(409, "is not running"), errors.EngineConflict, 409, "is not running"),
    (answer(500, "Container x is not paused"), errors.EngineConflict, 409, "not paused"),
    (answer(400, "code = FailedPrecondition desc = x"), errors.EngineConflict, 409, "desc = x"),
    (answer(500, "disk full"), errors.EngineFailed, 502, "disk full"),
    (answer(503, "not a swarm manager"), errors.EngineFailed, 502, "not a swarm manager"),
    (answer(418, ""), errors.EngineFailed, 502, "HTTP 418"),
    (
        answer(400, "Client sent an HTTP request to an HTTPS server."),
        errors.EngineDistrusted,
        502,
        "wants TLS",
    ),
    (
        wrapped(ConnectionRefusedError(111, "Connection refused")),
        errors.EngineUnreachable,
        504,
        "connection refused",
    ),
    (wrapped(OSError(113, "No route to host")), errors.EngineUnreachable, 504, "no route to host"),
    (requests.ConnectTimeout(), errors.EngineUnreachable, 504, "no connection"),
    (requests.ReadTimeout(), errors.EngineFailed, 502, "makes no sense"),
    (wrapped(TimeoutError("timed out")), errors.EngineSilent, 504, "does not answer in time"),
    (
        wrapped(urllib3.exceptions.ReadTimeoutError(None, "", "timed out")),  # type: ignore[arg-type]
        errors.EngineSilent,
        504,
        "does not answer in time",
    ),
    (wrapped(TooLong("too long")), errors.EngineFailed, 502, "more than it was asked for"),
    (
        wrapped(ssl.SSLError(1, "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca")),
        errors.EngineDistrusted,
        502,
        "do not trust each other",
    ),
    (ValueError("no JSON"), errors.EngineFailed, 502, "makes no sense"),
    *[
        (kind("Id"), errors.EngineFailed, 502, f"makes no sense ({kind.__name__})")
        for kind in (KeyError, TypeError, AttributeError, OverflowError, RecursionError, Exception)
    ],
]


@pytest.mark.parametrize(("raised", "kind", "code", "words"), CASES)
def test_error_becomes_one_of_ours(
    raised: Exception, kind: type[errors.EngineError], code: int, words: str
) -> None:
    with pytest.raises(errors.EngineError) as error, errors.translated(AT):
        raise raised
    assert type(error.value) is kind
    assert error.value.code == code
    assert words in error.value.message


def test_secret_in_docker_words_is_not_told() -> None:
    told = answer(500, "Get https://user:secret@registry/v2/?token=secret failed. So it is.")
    with pytest.raises(errors.EngineFailed) as error, errors.translated(AT):
        raise told
    assert "secret" not in error.value.message
    assert error.value.message.endswith("failed; So it is.")


@pytest.mark.parametrize("ours", [errors.EngineSilent("x"), Unavailable("Barbican")])
def test_our_own_errors_pass(ours: Exception) -> None:
    with pytest.raises(type(ours)) as error, errors.translated(AT):
        raise ours
    assert error.value is ours


@pytest.mark.parametrize(
    ("raised", "levels"),
    [
        (AttributeError("'list' object has no attribute 'get'"), [logging.ERROR]),
        (KeyError("Id"), [logging.ERROR]),
        (requests.ReadTimeout(), [logging.INFO]),
    ],
)
def test_what_may_be_a_mistake_of_ours_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture, raised: Exception, levels: list[int]
) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(errors.EngineFailed), errors.translated(AT):
        raise raised
    assert [record.levelno for record in caplog.records] == levels
    has_traceback = "Traceback" in caplog.text
    assert has_traceback == (levels == [logging.ERROR])


def test_error_that_goes_round_in_circles_is_told() -> None:
    first, second = requests.ConnectionError("a"), requests.ConnectionError("b")
    first.__cause__, second.__cause__ = second, first
    with pytest.raises(errors.EngineFailed), errors.translated(AT):
        raise first
