# SPDX-License-Identifier: Apache-2.0
"""The common part of the fakes: an HTTP service inside the process, with state and failures.

A fake is mounted on a requests session where the network would be, so the real client libraries
run against it, with their real exceptions.
"""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import requests_mock
from requests.adapters import BaseAdapter


@dataclass
class Call:
    """One request as it arrived; ``timeout``, ``verify`` and ``cert`` as the caller set them."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    headers: Any
    timeout: Any = None
    verify: Any = None
    cert: Any = None

    def one(self, name: str) -> str | None:
        return self.query.get(name, [None])[0]


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[..., Answer | dict[str, Any]]


class FakeService(BaseAdapter):
    """A service; subclasses fill ``routes`` with (method, pattern of the path, handler).

    :ivar trouble: what happens instead of an answer: an exception to raise, an
        :class:`Answer`, or None; ``troubled`` says for which paths.
    :ivar answering: while it is cleared the service takes requests and answers none, whatever
        time-out the caller has.
    """

    url = "http://fake.test"

    def __init__(self) -> None:
        super().__init__()
        self.routes: list[tuple[str, str, Handler]] = []
        self.calls: list[Call] = []
        self.trouble: Exception | Answer | None = None
        self.troubled = ".*"
        self._one_at_a_time = threading.Lock()
        self.answering = threading.Event()
        self.answering.set()

    def count(self, method: str, pattern: str = ".*") -> int:
        """How many requests of that kind came."""
        return sum(c.method == method and bool(re.search(pattern, c.path)) for c in self.calls)

    def send(
        self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None
    ) -> requests.Response:
        parts = urlsplit(request.url)
        call = Call(
            request.method,
            parts.path,
            parse_qs(parts.query),
            _body(request),
            request.headers,
            timeout,
            verify,
            cert,
        )
        self.calls.append(call)
        self.answering.wait()
        with self._one_at_a_time:
            answer = self._answer(call)
        content = {"text": answer.body} if isinstance(answer.body, str) else {"json": answer.body}
        kind = "text/html" if isinstance(answer.body, str) else "application/json"
        if answer.body is None:
            content = {}
        response = requests_mock.create_response(
            request,
            status_code=answer.status,
            headers={"Content-Type": kind} | answer.headers,
            **content,
        )
        response.url = request.url
        return response

    def close(self) -> None:
        pass

    def _answer(self, call: Call) -> Answer:
        if self.trouble is not None and re.search(self.troubled, call.path):
            if isinstance(self.trouble, Exception):
                raise self.trouble
            return self.trouble
        for method, pattern, handler in self.routes:
            match = re.fullmatch(pattern, call.path)
            if match and method == call.method:
                answer = handler(call, *match.groups())
                return answer if isinstance(answer, Answer) else Answer(200, answer)
        raise AssertionError(f"{type(self).__name__} knows no {call.method} {call.path}")


def _body(request) -> Any:
    if not request.body:
        return None
    try:
        return json.loads(request.body)
    except ValueError:
        return request.body
