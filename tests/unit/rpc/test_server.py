# SPDX-License-Identifier: Apache-2.0
"""What conductors make of the messages they get."""

from typing import Any

import pytest

from magnum.core import errors
from magnum.rpc.messages import Answer, ContainerCall, OperationReady
from magnum.rpc.server import Answers, _Endpoint

NOTHING = Answers({}, 1)


def test_message_is_passed_on() -> None:
    told: list[OperationReady] = []
    _Endpoint(told.append, NOTHING).operation_ready({}, message={"operation_id": "x"})
    assert told == [OperationReady("x")]


@pytest.mark.parametrize("message", [None, "x", [], {}, {"id": "x"}, {"operation_id": "x", "a": 1}])
def test_message_that_makes_no_sense_is_left_alone(
    message: Any, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[OperationReady] = []
    _Endpoint(told.append, NOTHING).operation_ready({}, message=message)
    assert told == []
    assert "A message is left alone" in caplog.text


def answered(answers: Answers, wire: Any = None) -> Answer:
    message = {"container_id": "c", "seconds": 1.0, "command": None} if wire is None else wire
    return Answer(**_Endpoint(lambda _: None, answers).container_show({}, message=message))


def test_call_is_answered_with_what_its_verb_returns() -> None:
    def show(call: ContainerCall) -> dict[str, str]:
        return {"id": call.container_id}

    assert answered(Answers({"container_show": show}, 1)) == Answer({"id": "c"})


def test_error_of_ours_travels_as_code_and_words() -> None:
    def show(_call: ContainerCall) -> None:
        raise errors.NotFound("There is no such container.")

    assert answered(Answers({"container_show": show}, 1)) == Answer(
        code=404, detail="There is no such container."
    )


def test_surprise_is_logged_and_its_words_kept_back(caplog: pytest.LogCaptureFixture) -> None:
    def show(_call: ContainerCall) -> None:
        raise RuntimeError("secret")

    answer = answered(Answers({"container_show": show}, 1))
    assert (answer.code, "secret" in answer.detail) == (500, False)
    assert "RuntimeError" in caplog.text


def test_message_of_another_version_is_refused() -> None:
    assert answered(Answers({"container_show": print}, 1), {"x": 1}).code == 500


def test_calls_beyond_the_bound_are_refused_at_once_and_the_rest_is_freed() -> None:
    answers: list[Answer] = []

    def show(_call: ContainerCall) -> None:
        answers.append(answered(busy))

    busy = Answers({"container_show": show}, 1)
    assert answered(busy).code == 0
    assert [answer.code for answer in answers] == [503]
    assert answered(busy).code == 0


def test_method_that_nobody_has_is_none() -> None:
    assert not hasattr(_Endpoint(lambda _: None, NOTHING), "container_show")
