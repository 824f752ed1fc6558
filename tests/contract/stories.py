# SPDX-License-Identifier: Apache-2.0
"""The HTTP stories in ``gabbits``, and how one is told in the words of a vocabulary.

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

FOLDER = pathlib.Path(__file__).parent / "gabbits"
VOCABULARIES = [vocabulary for vocabulary in ALL if vocabulary.core == "cluster"]
HANDLERS = [handler() for handler in handlers.RESPONSE_HANDLERS]


def in_words_of(cluster: Vocabulary, text: str) -> dict[str, object]:
    """Read YAML with the words of a vocabulary in it."""
    template = TEMPLATE_OF[cluster.noun]
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


def tell(story: str, vocabulary: Vocabulary, application: Application) -> None:
    """Tell a story; the test fails at the first sentence that is not true."""
    path = FOLDER / f"{story}.yaml"
    suite = suitemaker.test_suite_from_dict(
        loader=unittest.defaultTestLoader,
        test_base_name=story,
        suite_dict=in_words_of(vocabulary, path.read_text()),
        test_directory=str(FOLDER),
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
        pytest.fail(f"{path.name}: {case}\n{text[-2500:]}", pytrace=False)
