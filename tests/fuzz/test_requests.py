# SPDX-License-Identifier: Apache-2.0
"""Paths, queries, methods and headers, none of which anybody should send."""

import urllib.parse

from hypothesis import strategies as st

from magnum.api.vocabulary import ALL
from tests.fuzz import values, world
from tests.fuzz.conftest import Fuzz
from tests.wire import Request

Bytes = st.SearchStrategy[bytes]

METHODS = (
    *("GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "HEAD", "DELETE", "DELETE", "PATCH"),
    *("POST", "PUT", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "Get", "A" * 300, "BREW."),
)
ODD_SEGMENTS = (
    *(b"", b".", b"..", b"%2e%2e", b"%2F", b"a%2Fb", b"%00", b"%0d%0aX:y", b"%ff%fe", b"%C3%A9"),
    *(b"%E2%80%A8", b"%ed%a0%80", b"%F0%9F%98%80", b"%", b"%zz", b"%25", b"%u0041", b"\xc3\xa9"),
    *(b";a=b", b"a,b", b"*", b"null", b"0", b"-1", b"V1", b"v2", b"v1", b"x" * 4000, b"\xff", b"+"),
    *(b"sent.%20ence", b"sent. ence", b"%E2%80%AE", b"\x7f", b"x" * 242, b"detail", b"events"),
)
COLLECTIONS = (
    *(b"bays", b"baymodels", b"certificates", b"mservices", b"pods", b"rcs", b"services"),
    *(b"x509keypairs", b"nodes", b"containers", b"clusters", b"healthcheck", b"detail"),
)
CLUSTERS = [urllib.parse.quote(ident).encode() for ident in world.CLUSTER_IDENTS]
CONTAINERS = [urllib.parse.quote(ident).encode() for ident in world.CONTAINER_IDENTS]
TEMPLATES = [urllib.parse.quote(ident).encode() for ident in world.TEMPLATE_IDENTS]
IDENTS = [*CLUSTERS, *TEMPLATES, *CONTAINERS]
PARAMETERS = (
    *(b"limit", b"marker", b"sort_key", b"sort_dir", b"rollback", b"LIMIT", b"fields", b"", b"%"),
    *(b"all_tenants", b"bay_ident", b"limit%00", b"\xff", b"%ff", b"x" * 3000, b"detail"),
)
QUERY_VALUES = (
    *(b"", b"0", b"1", b"2", b"3", b"-1", b"+1", b"1.0", b"1e3", b"%D9%A3", b"9" * 19, b"9" * 5000),
    *(b"asc", b"desc", b"ASC", b"true", b"False", b"maybe", b"null", b"id", b"labels", b"links"),
    *(b"project_id", b"ca_cert_ref", b"ssh_public_key", b"id;drop", b"name", b"status", b"%00"),
    *(b"%ff", b"\xff", b"%F0%9F%98%80", b"sent.%20ence", b"a%0Ab", b"x" * 3000, b"&", b"%26=%3D"),
)

RIGHT = [
    *(b"/v1/bays/" + ident for ident in CLUSTERS),
    *(b"/v1/baymodels/" + ident for ident in TEMPLATES),
    *(b"/v1/containers/" + ident for ident in CONTAINERS),
    *(b"/v1/containers", b"/v1/containers/detail/", b"/v1/containers/job/logs"),
    *(b"/v1/bays", b"/v1/baymodels/", b"/v1/bays/detail", b"/v1/mservices", b"/v1/", b"/"),
    *(b"/v1/certificates/create_complete", b"/bays/twin", b"/v1/bays/update_failed/events"),
]

segment = st.one_of(
    st.sampled_from(ODD_SEGMENTS),
    st.sampled_from(IDENTS),
    st.binary(max_size=12).map(lambda raw: urllib.parse.quote_from_bytes(raw).encode()),
)
head = st.sampled_from([b"/v1", b"/v1", b"/v1", b"", b"//v1", b"/V1", b"/v1/v1", b"/v1.json"])
tail = st.sampled_from([b"", b"", b"", b"/", b"//", b"/detail", b"/events", b".json", b"/."])
collection = st.sampled_from(COLLECTIONS)


def _path(*parts: bytes) -> bytes:
    return b"/".join(parts[:-1]) + parts[-1]


paths: Bytes = values.weighted(
    (4, st.sampled_from(RIGHT)),
    (1, st.builds(_path, head, collection, tail)),
    (1, st.builds(_path, head, collection, st.sampled_from(IDENTS), tail)),
    (1, st.builds(_path, head, collection, segment, tail)),
    (1, st.lists(segment, max_size=6).map(lambda parts: b"/" + b"/".join(parts))),
)
sort_keys = sorted({name.encode() for vocabulary in ALL for name in vocabulary.by_name})
pairs: st.SearchStrategy[tuple[bytes, bytes]] = st.one_of(
    st.tuples(st.just(b"limit"), st.sampled_from([b"1", b"2", b"9"])),
    st.tuples(st.just(b"sort_key"), st.sampled_from(sort_keys)),
    st.tuples(st.just(b"sort_dir"), st.sampled_from([b"asc", b"desc"])),
    st.tuples(st.just(b"marker"), st.sampled_from(IDENTS)),
    st.tuples(st.sampled_from(PARAMETERS), st.sampled_from(QUERY_VALUES)),
)
parameters: Bytes = st.lists(pairs, max_size=3, unique_by=lambda pair: pair[0]).map(
    lambda found: b"&".join(map(b"=".join, found))
)
pages: Bytes = st.builds(
    b"limit=%d&sort_key=%b&sort_dir=%b&marker=%b".__mod__,
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(sort_keys),
        st.sampled_from([b"asc", b"desc"]),
        st.sampled_from(
            [
                world.ident(name).encode()
                for name in (*world.CLUSTERS, *world.TEMPLATES, *world.CONTAINERS)
            ]
        ),
    ),
)
"""Pages that follow another, by all that lists can be sorted by and a little else."""

queries: Bytes = values.weighted(
    (3, st.just(b"")),
    (2, parameters),
    (
        1,
        st.sampled_from([b"&" * 9, b"a=1&" * 40, b"a;b", b"limit", b"?", b"limit=1&limit=2", b"%"]),
    ),
)

ODD_HEADER_VALUES = (
    *("", " ", "*", ",", ";", "\xff", "a" * 9000, "\t", '"', "null", "%00", "'", "..", "{}"),
)
HEADERS: dict[str, tuple[str, ...]] = {
    "OpenStack-API-Version": (
        *("container-infra 1.1", "container-infra 1.3", "container-infra latest", "latest"),
        *("container-infra 9.9", "compute 2.1", "compute 2.1, container-infra 1.2", "1.1"),
        *("container-infra 1", "container-infra -1.1", "container-infra \xb2.\xb2", "other 1.1"),
        *("container-infra 1." + "9" * 5000, "container-infra 1.1.1", "sent. ence 1.1"),
    ),
    "X-OpenStack-Magnum-API-Version": ("1.1", "1.3", "latest", "LATEST", "1.4", "x", "1.x", "1,1"),
    "Accept": ("application/json", "text/html", "*/*;q=2", "a/b;q=\xff", ",,,", "text/*;q=0"),
    "Accept-Encoding": ("gzip", "identity;q=0"),
    "Accept-Language": ("de", "*;q=0", "x" * 5000),
    "Host": ("api.test", "a:b:c", "[::1]:9511", "[::1", ":", "a b", "a/b?c#d", "\xe9.test", "-"),
    "X-Forwarded-For": ("1.2.3.4", "::1, x"),
    "X-Forwarded-Host": ("evil.test", "a/b", "a:99999999"),
    "X-Forwarded-Proto": ("https", "gopher", "ht tp"),
    "X-Forwarded-Port": ("443", "x", "-1"),
    "X-Forwarded-Prefix": ("/magnum", "//", "x"),
    "Forwarded": ("for=1.2.3.4;proto=https", "=;;="),
    "Origin": ("https://horizon.test", "null"),
    "Access-Control-Request-Method": ("PATCH", "x"),
    "Access-Control-Request-Headers": ("X-Auth-Token", "a,b"),
    "Content-Type": ("application/json", "text/html", "x/y; charset=\xff"),
    "X-OpenStack-Request-Id": ("req-00000000-0000-0000-0000-000000000000", "x"),
    "X-Roles": ("admin",),
    "X-Project-Id": ("red",),
    "X-User-Id": ("boss",),
    "X-Identity-Status": ("Confirmed",),
    "X-Is-Admin-Project": ("True",),
    "OpenStack-System-Scope": ("all",),
    "X-Service-Roles": ("admin",),
    "X-HTTP-Method-Override": ("DELETE",),
    "If-None-Match": ("*", '"x'),
    "If-Modified-Since": ("x", "Thu, 01 Jan 1970 00:00:00 GMT"),
    "Range": ("bytes=0-1", "bytes=5-1", "x=1"),
    "Expect": ("100-continue", "x"),
    "Cookie": ("a=b; \xff", "=;=;"),
    "Authorization": ("Basic !!!", "Bearer x"),
    "TE": ("trailers",),
    "Upgrade": ("websocket",),
}  # fmt: skip
VERSION_HEADERS = ("OpenStack-API-Version", "X-OpenStack-Magnum-API-Version")

headers = st.lists(
    st.sampled_from([*VERSION_HEADERS * 4, *HEADERS]).flatmap(
        lambda name: st.tuples(
            st.just(name), st.sampled_from([*HEADERS[name], *HEADERS[name], *ODD_HEADER_VALUES])
        )
    ),
    max_size=3,
)
tokens = st.one_of(st.just(world.OWNER), st.sampled_from([*world.TOKENS, "", ":", "a:b:c:d:e"]))


def _request(
    method: str, path: bytes, query: bytes, more: list[tuple[str, str]], token: str
) -> Request:
    target = path + (b"?" + query if query else b"")
    return Request(method, target, (*more, ("X-Auth-Token", token)), length=None)


def test_whatever_is_asked_for_there_is_an_answer(fuzz: Fuzz) -> None:
    requests = st.builds(_request, st.sampled_from(METHODS), paths, queries, headers, tokens)
    counts = fuzz.run(requests, "paths")
    for status in (200, 204, 400, 401, 403, 404, 405, 406, 409):
        assert counts[status], f"never {status}"


def test_lists_are_paged_and_sorted_or_refused(fuzz: Fuzz) -> None:
    lists = [b"/v1/bays", b"/v1/baymodels", b"/v1/bays/detail", b"/baymodels/detail"]
    lists += [b"/v1/containers", b"/containers/detail/"]
    requests = st.builds(
        _request,
        st.just("GET"),
        st.sampled_from(lists),
        values.weighted((2, pages), (1, parameters)),
        st.just([]),
        st.sampled_from([world.OWNER, world.ADMIN, world.STRANGER]),
    )
    counts = fuzz.run(requests, "lists")
    assert 0.1 < counts[200] / counts.total() < 0.9
