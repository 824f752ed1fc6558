# SPDX-License-Identifier: Apache-2.0
"""The contract as HTTP stories: each file of ``gabbits`` is told once in each vocabulary.

In the stories ``<clusters>``, ``<cluster>``, ``<templates>`` and ``<template>`` stand for a
vocabulary's collections and nouns, and ``<field>`` for its name of a field of the core.
"""

import pathlib
import unittest

import pytest
import yaml
from gabbi import handlers, suitemaker

from magnum.api.versions import Application
from magnum.api.vocabulary import ALL, TEMPLATE_OF, Vocabulary

STORIES = sorted((pathlib.Path(__file__).parent / "gabbits").glob("*.yaml"))
VOCABULARIES = [vocabulary for vocabulary in ALL if vocabulary.core == "cluster"]
HANDLERS = [handler() for handler in handlers.RESPONSE_HANDLERS]


def told(story: pathlib.Path, cluster: Vocabulary) -> dict[str, object]:
    """Read a story and tell it in one vocabulary's words."""
    text, template = story.read_text(), TEMPLATE_OF[cluster.noun]
    words = {
        "clusters": cluster.collection,
        "cluster": cluster.noun,
        "templates": template.collection,
        "template": template.noun,
        **{word.field.name: word.name for word in (*template.words, *cluster.words)},
    }
    for word, name in words.items():
        text = text.replace(f"<{word}>", name)
    parsed: dict[str, object] = yaml.safe_load(text)
    return parsed


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda vocabulary: vocabulary.noun)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_story(story: pathlib.Path, vocabulary: Vocabulary, application: Application) -> None:
    suite = suitemaker.test_suite_from_dict(
        loader=unittest.defaultTestLoader,
        test_base_name=story.stem,
        suite_dict=told(story, vocabulary),
        test_directory=str(story.parent),
        host="api.test",
        port=9511,
        fixture_module=None,
        intercept=lambda: application,
        handlers=HANDLERS,
    )
    result = unittest.TestResult()
    suite.run(result)
    assert result.testsRun > 0
    for case, text in [*result.errors, *result.failures]:
        pytest.fail(f"{story.name}: {case}\n{text[-2500:]}", pytrace=False)
