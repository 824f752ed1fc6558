# SPDX-License-Identifier: Apache-2.0
"""Whatever is done to containers, in whatever state, with commands that are none."""

import urllib.parse

from hypothesis import strategies as st

from tests.fuzz import values, world
from tests.fuzz.conftest import Fuzz
from tests.wire import Request

VERBS = ("start", "stop", "reboot", "pause", "unpause", "logs", "execute", "execute", "nothing")
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
COMMANDS = ("ls -l", "sh -c 'echo a'", "echo 'a", "", " ", "sent. ence", "\x00", "a\nb", "x" * 9000)
BODIES = (
    *(b"", b"", b"", b"null", b"{}", b"[]", b'{"force": true}', b"command=ls+-l", b"command=%ff"),
    *(b'{"command": "ls"}', b'{"command": ["ls"]}', b"command=a&command=b", b"\xff", b"command"),
)


def _request(
    method: str,
    ident: str,
    verb: str,
    query: list[tuple[str, str]],
    body: bytes,
    kind: str,
    token: str,
) -> Request:
    words = urllib.parse.urlencode(query, errors="surrogatepass")
    target = f"/v1/containers/{urllib.parse.quote(ident)}/{verb}{'?' if query else ''}{words}"
    headers = (("Content-Type", kind), ("X-Auth-Token", token))
    return Request(method, target.encode(), headers, body)


commands = st.one_of(st.sampled_from(COMMANDS), values.any_text)
queries = values.weighted(
    (2, st.just([])),
    (3, commands.map(lambda text: [("command", text)])),
    (1, st.lists(st.tuples(st.sampled_from(["command", "tail", "x"]), commands), max_size=3)),
)


def test_what_is_done_to_a_container_is_done_or_refused(fuzz: Fuzz) -> None:
    requests = st.builds(
        _request,
        st.sampled_from(["PUT"] * 6 + ["GET", "GET", "POST", "DELETE"]),
        st.sampled_from(world.CONTAINER_IDENTS),
        st.sampled_from(VERBS),
        queries,
        st.sampled_from(BODIES),
        st.sampled_from([JSON, JSON, FORM, "text/plain"]),
        st.sampled_from([world.OWNER, world.OWNER, world.ADMIN, world.STRANGER]),
    )
    counts = fuzz.run(requests, "calls to containers")
    for status in (200, 400, 404, 405, 409, 415):
        assert counts[status], f"never {status}"
