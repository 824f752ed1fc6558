# SPDX-License-Identifier: Apache-2.0
"""The documentation shows every call as it is, with samples that were recorded.

``RECORD_SAMPLES=1 tools/test contract -- -k samples`` records them anew.
"""

import os

import pytest

from magnum.api import routes
from magnum.api.vocabulary import BAY
from tests.contract import recorder, reference, stories
from tests.contract.recorder import Recorder

EVERY_CALL = {
    (method, reference.path_of(route)) for route in routes.ROUTES for method in route.handlers
}


@pytest.fixture
def recorded(application: Recorder) -> dict[str, str]:
    """The text of each sample as it is today."""
    stories.tell("samples", BAY, application)
    return recorder.samples(application.seen)


def test_samples_in_the_documentation_are_what_the_api_answers(recorded: dict[str, str]) -> None:
    if os.environ.get("RECORD_SAMPLES"):
        for path in reference.SAMPLES.glob("*.inc"):
            path.unlink()
        for name, text in recorded.items():
            (reference.SAMPLES / f"{name}.inc").write_text(text)
    kept = {path.stem: path.read_text() for path in reference.SAMPLES.glob("*.inc")}
    assert kept == recorded, "RECORD_SAMPLES=1 tools/test contract -- -k samples records them anew"


def test_every_call_is_told_of_with_a_sample() -> None:
    assert set(reference.CALLS) == EVERY_CALL
    for call, told in reference.CALLS.items():
        assert told.samples, call
        for name in told.samples:
            assert (reference.SAMPLES / f"{name}.inc").exists(), name


def test_every_sample_is_shown_somewhere(recorded: dict[str, str]) -> None:
    words = reference.PAGE.read_text().replace("/user/samples/", " ").replace(".inc", " ").split()
    assert set(recorded) <= set(words)
