# SPDX-License-Identifier: Apache-2.0
"""What holds for every answer, whatever was asked."""

import json
import logging
from typing import Any

from tests.fuzz.world import SECRET
from tests.wire import Answer, Request

LONGEST_TITLE = 1000
SLOWEST_SECONDS = 2.0
"""Of the processor; the usual request takes some milliseconds."""

READING = ("GET", "HEAD", "OPTIONS")


class Log(logging.Handler):
    """Keeps what was logged since it was last asked."""

    def __init__(self) -> None:
        super().__init__()
        self._records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self._records.append(record)

    def taken(self) -> str:
        """Return all of it as text, and forget it."""
        formatter = logging.Formatter("%(levelname)s %(name)s %(message)s")
        text = "\n".join(formatter.format(record) for record in self._records)
        self._records.clear()
        return text


def problems(request: Request, answer: Answer, log: str, changed: bool, key: str) -> list[str]:
    """Return what is wrong with an answer.

    :param log: all that was logged meanwhile.
    :param changed: whether a row is not what it was.
    :param key: the private key that must not be seen.
    """
    found = []
    if not 200 <= answer.status < 500:
        found.append(f"the status is {answer.status}")
    if changed and (answer.status >= 400 or request.method in READING):
        found.append("a row has changed all the same")
    found += _header_problems(answer)
    if answer.status >= 400 and answer.status != 401 and request.method != "HEAD":
        found += _error_problems(answer)
    for where, text in (("body", answer.body.decode(errors="replace")), ("log", log)):
        found += [f"the {where} tells a secret: {what}" for what in _secrets(text, key)]
    if "ERROR" in log:
        found.append(f"the log has an error: {log}")
    return found


def _secrets(text: str, key: str) -> list[str]:
    lines = [line for line in key.splitlines() if "-----" not in line]
    return [part for part in (SECRET, "Traceback (most", *lines) if part in text]


def _header_problems(answer: Answer) -> list[str]:
    found = []
    if not (answer.header("x-openstack-request-id") or "").startswith("req-"):
        found.append("it has no request id")
    for name, value in answer.headers:
        if not value.isprintable():
            found.append(f"the header {name} is {value!r}")
        try:
            f"{name}{value}".encode("latin-1")
        except UnicodeEncodeError:
            found.append(f"no server can send the header {name}: {value!r}")
    length = answer.header("content-length")
    if length is not None and answer.body and int(length) != len(answer.body):
        found.append(f"Content-Length is {length}, the body has {len(answer.body)}")
    return found


def _error_problems(answer: Answer) -> list[str]:
    if not (answer.header("content-type") or "").startswith("application/json"):
        return [f"its type is {answer.header('content-type')}"]
    try:
        body = answer.json()
        element, fault = body["errors"][0], json.loads(body["error_message"])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return [f"the body is no error as clients read it ({error!r}): {answer.body[:500]!r}"]
    return _element_problems(answer, element, fault)


def _element_problems(answer: Answer, element: dict[str, Any], fault: dict[str, Any]) -> list[str]:
    found = []
    if element["status"] != answer.status:
        found.append(f"the element says {element['status']}")
    if element["request_id"] != answer.header("x-openstack-request-id"):
        found.append(f"the element has another request id, {element['request_id']}")
    title, detail = element["title"], element["detail"]
    if not (title.strip() and detail.strip()) or not detail.startswith(title):
        found.append(f"title and detail are {title!r} and {detail!r}")
    if title.endswith("sent") and detail != f"{title}.":
        found.append(f"the title ends inside of a value: {detail!r}")
    if len(title) > LONGEST_TITLE or "\n" in title:
        found.append(f"the title is too long: {title!r}")
    if fault["faultstring"] != detail:
        found.append(f"the fault is {fault}")
    return found
