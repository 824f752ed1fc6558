# SPDX-License-Identifier: Apache-2.0
"""The contract as HTTP stories: each is told once in each vocabulary."""

import pytest

from magnum.api.vocabulary import Vocabulary
from tests.contract import reference, stories
from tests.contract.recorder import Recorder

STORIES = sorted(path.stem for path in stories.FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("vocabulary", stories.VOCABULARIES, ids=lambda vocabulary: vocabulary.noun)
@pytest.mark.parametrize("story", STORIES)
def test_story(story: str, vocabulary: Vocabulary, application: Recorder) -> None:
    stories.tell(story, vocabulary, application)
    assert list(reference.untold(application.seen)) == []
