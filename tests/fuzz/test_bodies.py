# SPDX-License-Identifier: Apache-2.0
"""Creations, mostly right but for something; and bodies that are none at all."""

from typing import Any

import pytest
from hypothesis import strategies as st

from magnum.api.vocabulary import ALL, BAY, BAYMODEL, Vocabulary
from tests.fuzz import values, world
from tests.fuzz.conftest import Fuzz
from tests.wire import Request

VERSIONS = ("container-infra 1.1", "container-infra 1.3", "container-infra latest")
JSON = ("Content-Type", "application/json")
TYPES = (
    *("application/json", "application/json; charset=utf-16", "APPLICATION/JSON;x", ""),
    *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
    *("application/json-patch+json", "application/octet-stream", ";", "/", "a" * 9000, "\xff"),
    *("application/json, text/html", "application/xml; charset=bogus", "*/*"),
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "utf-7", "cp500")
LENGTHS = ("0", "1", "99", "-1", "+3", "1e3", "0x10", " 7", "7 ", "\xb2", "x", "9" * 30, "9" * 5000)
PATHS = (b"/v1/bays", b"/v1/baymodels", b"/v1/certificates", b"/v1/bays/free", b"/v1", b"/nothing")


def creations(vocabulary: Vocabulary) -> st.SearchStrategy[Request]:
    """Return POSTs to a collection."""
    return st.builds(
        lambda body, token, version, ascii_only: Request(
            "POST",
            f"/v1/{vocabulary.collection}".encode(),
            (JSON, ("X-Auth-Token", token), ("OpenStack-API-Version", version)),
            values.encoded(body, ascii_only),
        ),
        values.body(vocabulary.words),
        st.sampled_from([world.OWNER, world.OWNER, world.ADMIN, world.STRANGER]),
        st.sampled_from(VERSIONS),
        st.booleans(),
    )


@pytest.mark.parametrize("vocabulary", ALL, ids=lambda vocabulary: vocabulary.noun)
def test_a_creation_is_accepted_or_refused_and_never_fails(
    fuzz: Fuzz, vocabulary: Vocabulary
) -> None:
    counts = fuzz.run(creations(vocabulary), f"creations of a {vocabulary.noun}")
    accepted = counts[201] + counts[202]
    assert 0.2 < accepted / counts.total() < 0.9


def _nested(opening: str, depth: int, closed: bool) -> bytes:
    closing = {"[": "]", '{"a":': "}"}[opening]
    return (opening * depth + "1" + (closing * depth if closed else "")).encode()


def _with_duplicate(body: dict[str, Any], name: str, value: Any) -> bytes:
    """Return an object that has a name twice."""
    text = values.encoded(body)
    member = values.encoded(name) + b":" + values.encoded(value)
    return text[:-1] + (b"," if body else b"") + member + b"}"


def _damaged(text: bytes, place: int, byte: int) -> bytes:
    place %= len(text) + 1
    return text[:place] + bytes([byte]) + text[place + 1 :]


good = st.sampled_from(
    [
        {"name": "b", "baymodel_id": "used"},
        {"name": "m", "coe": "swarm", "image_id": "fedora-atomic-21", "keypair_id": "ops"}
        | {"external_network_id": "public"},
        [{"op": "replace", "path": "/node_count", "value": 2}],
    ]
)
objects = good.filter(lambda body: isinstance(body, dict))
raw = st.one_of(
    st.binary(max_size=80),
    st.builds(values.encoded, values.junk, st.booleans()),
    st.builds(
        lambda body, name: values.encoded(body).decode().encode(name),
        good,
        st.sampled_from(ENCODINGS),
    ),
    st.builds(_damaged, good.map(values.encoded), st.integers(0, 500), st.integers(0, 255)),
    st.builds(
        _with_duplicate,
        objects,
        st.sampled_from([word.name for word in (*BAY.words, *BAYMODEL.words)]),
        values.scalars,
    ),
    st.builds(
        _nested,
        st.sampled_from(["[", '{"a":']),
        st.sampled_from([15, 16, 17, 900, 1100, 100_000]),
        st.booleans(),
    ),
    st.integers(524_280, 524_296).map(lambda size: b" " * size),
)


def bodies() -> st.SearchStrategy[Request]:
    """Return requests whose body, or what they say of it, is odd."""
    return st.builds(
        lambda method, path, kind, body, length, chunked: Request(
            method,
            path,
            (*((("Content-Type", kind),) if kind else ()), ("X-Auth-Token", world.OWNER)),
            body,
            length,
            chunked,
        ),
        st.sampled_from(["POST", "POST", "PATCH", "PUT", "DELETE", "GET"]),
        st.sampled_from(PATHS),
        st.one_of(st.just(JSON[1]), st.sampled_from(TYPES)),
        raw,
        st.one_of(st.just(""), st.none(), st.sampled_from(LENGTHS)),
        st.booleans(),
    )


def test_a_body_that_is_none_is_refused(fuzz: Fuzz) -> None:
    counts = fuzz.run(bodies(), "bodies")
    assert counts[413]
    assert counts[415]
