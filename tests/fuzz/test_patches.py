# SPDX-License-Identifier: Apache-2.0
"""JSON patches, of every operation on every path, over rows in every status."""

import urllib.parse
from typing import Any

import pytest
from hypothesis import strategies as st

from magnum.api.vocabulary import ALL, Vocabulary
from magnum.core import fields
from tests.fuzz import values, world
from tests.fuzz.conftest import Fuzz
from tests.wire import Request

OPERATIONS = ("add", "replace", "remove", "move", "copy", "test", "ADD", "", None, 1, ["add"])
ODD_PATHS: tuple[Any, ...] = (
    *("", "/", "//", "/~0", "/~1", "/~2", "/labels/~0", "/labels/~1", "/labels/a~1b", "/labels/"),
    *("/labels", "/labels/a", "/labels/new", "/labels/a/b", "/labels/0", "/labels/-", "name", "/-"),
    *("/name/0", "/name/-", "/node_addresses/0", "/node_addresses/-", "/node_addresses/99"),
    *("/node_addresses/" + "9" * 30, "/node_addresses/-1", "/links/0/href", "/links/-"),
    *("/node_count/x", "/node_count/0/1", "/\uff11", "/é", "/labels/\u0663", "/sent. ence"),
    *("/" + "a" * 5000, "/labels/" + "a" * 5000, "/a" * 3000, "/labels/\U0001f600", None, 7, []),
)


IDENTS = {
    "bay": world.CLUSTER_IDENTS,
    "baymodel": world.TEMPLATE_IDENTS,
    "container": world.CONTAINER_IDENTS,
}


def _paths(vocabulary: Vocabulary) -> values.Values:
    names = [*vocabulary.by_name, *fields.INTERNAL, "nothing"]
    return st.one_of(
        st.sampled_from(names).map(lambda name: f"/{name}"),
        st.sampled_from(ODD_PATHS),
        st.builds("/{}/{}".format, st.sampled_from(names), st.sampled_from(["0", "-", "a", "1e3"])),
    )


def _right(vocabulary: Vocabulary) -> values.Values:
    """Return operations that could be meant."""
    words = [word for word in vocabulary.words if not (word.field.read_only or word.field.internal)]
    if vocabulary.changeable is not None:
        words = [vocabulary.by_name[name] for name in sorted(vocabulary.changeable)]
    return st.sampled_from(words).flatmap(
        lambda word: st.fixed_dictionaries(
            {
                "op": st.sampled_from([*["replace"] * 4, "add", "remove"]),
                "path": st.just(f"/{word.name}"),
                "value": values.right(word.field),
            }
        )
    )


def _wrong(vocabulary: Vocabulary) -> values.Values:
    return st.fixed_dictionaries(
        {
            "op": st.one_of(st.sampled_from(OPERATIONS[:3]), st.sampled_from(OPERATIONS)),
            "path": _paths(vocabulary),
        },
        optional={"value": st.one_of(values.junk, st.sampled_from(["b", 2, "2", True]))},
    )


def _patch(vocabulary: Vocabulary) -> values.Values:
    right, wrong = _right(vocabulary), _wrong(vocabulary)
    members = values.weighted((2, right), (1, wrong))
    return values.weighted(
        (4, st.lists(right, min_size=1, max_size=2)),
        (2, st.lists(members, max_size=4)),
        (1, st.lists(members, min_size=1, max_size=2).map(lambda few: few * 501)),
        (1, st.lists(st.one_of(right, values.junk), max_size=2)),
        (1, values.junk),
    )


def patches(vocabulary: Vocabulary) -> st.SearchStrategy[Request]:
    """Return PATCHes of the resources of a vocabulary."""
    idents = IDENTS[vocabulary.noun]

    def build(ident: str, body: Any, query: str, version: str, token: str) -> Request:
        target = f"/v1/{vocabulary.collection}/{urllib.parse.quote(ident)}{query}"
        headers = (
            ("Content-Type", "application/json"),
            ("OpenStack-API-Version", f"container-infra {version}"),
            ("X-Auth-Token", token),
        )
        return Request("PATCH", target.encode(), headers, values.encoded(body))

    return st.builds(
        build,
        st.sampled_from(idents),
        _patch(vocabulary),
        st.sampled_from([*[""] * 9, "?rollback=true", "?rollback=x", "?x=y"]),
        st.sampled_from(["1.1", "1.2", "1.3"]),
        st.sampled_from([world.OWNER, world.OWNER, world.OWNER, world.ADMIN, world.STRANGER]),
    )


@pytest.mark.parametrize("vocabulary", ALL, ids=lambda vocabulary: vocabulary.noun)
def test_a_patch_is_applied_or_refused_and_never_fails(fuzz: Fuzz, vocabulary: Vocabulary) -> None:
    counts = fuzz.run(patches(vocabulary), f"patches of a {vocabulary.noun}")
    accepted = counts[200] + counts[202]
    assert 0.1 < accepted / counts.total() < 0.9
