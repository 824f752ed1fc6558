# SPDX-License-Identifier: Apache-2.0
"""Reading a request, strictly and once.

Stands directly before pecan, which would guess: it takes query parameters for arguments, parses
bodies by their type and answers 406 to an empty ``Accept``.  So pecan is given the path alone,
canonical, and what was parsed is in ``environ["magnum.intake"]``.
"""

import io
import json
import math
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from magnum.api import faults, limits
from magnum.api.versions import Application, StartResponse
from magnum.core import errors

VERSION_SEGMENT = "v1"
MAX_DEPTH = 16
"""Nesting of a body; the deepest one with a meaning has 3."""

FORM = "application/x-www-form-urlencoded"
"""Beside JSON, what a PUT may be: a test of 2016 sends a command so."""

_BODY_METHODS = ("POST", "PATCH", "PUT")
_QUERY_PARAMETERS = 32


class Absent:
    """The type of :data:`ABSENT`."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()
"""No body at all, which is not the same as null."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What a request says.

    :ivar path: its segments, from ``v1`` on; empty for the root.
    :ivar body: parsed JSON or a form's pairs, or ABSENT.
    """

    path: tuple[str, ...]
    query: Mapping[str, str]
    body: Any


class Reader:
    """Middleware: parses the request and hides from pecan what it would guess about."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request.

        :raises Invalid: it cannot be read.
        :raises UnsupportedMediaType: it has a body that is not JSON.
        """
        path = segments(environ)
        environ["magnum.intake"] = Intake(path, query(environ), body(environ))
        environ["PATH_INFO"] = f"/{'/'.join(path)}".encode().decode("latin-1")  # as WSGI has it
        environ["QUERY_STRING"] = ""
        environ["wsgi.input"] = io.BytesIO()
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_ACCEPT", "HTTP_TRANSFER_ENCODING"):
            environ.pop(name, None)
        return self._app(environ, start_response)


def segments(environ: Mapping[str, Any]) -> tuple[str, ...]:
    """Split the path; slashes at its end do not count, and ``v1`` is added where it is missing."""
    raw: str = environ.get("PATH_INFO", "")
    try:
        path = raw.encode("latin-1").decode()
    except UnicodeError as error:
        raise errors.Invalid("The path must be text in UTF-8.") from error
    _check_text(path, "The path")
    parts = tuple(path.strip("/").split("/")) if path.strip("/") else ()
    return (VERSION_SEGMENT, *parts) if parts and parts[0] != VERSION_SEGMENT else parts


def query(environ: Mapping[str, Any]) -> dict[str, str]:
    """Parse the query string; a parameter may come once."""
    return _pairs(environ.get("QUERY_STRING", ""), "The query")


def _pairs(encoded: str | bytes, where: str) -> dict[str, str]:
    """Parse pairs in the encoding of forms.

    :param where: what they are, for errors.
    """
    try:
        text = encoded if isinstance(encoded, str) else encoded.decode("ascii")
        pairs = urllib.parse.parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_QUERY_PARAMETERS
        )
    except ValueError as error:
        raise errors.Invalid(
            f"{where} must be at most {_QUERY_PARAMETERS} parameters in UTF-8."
        ) from error
    found: dict[str, str] = {}
    for name, value in pairs:
        _check_text(name + value, where)
        if name in found:
            raise errors.Invalid(
                f"{where} parameter {errors.first_sentence(name, 80)!r} must come only once."
            )
        found[name] = value
    return found


def body(environ: Mapping[str, Any]) -> Any:
    """Parse the body as JSON, if there is one that means anything."""
    if environ["REQUEST_METHOD"] not in _BODY_METHODS:
        return ABSENT
    length = _length(environ)
    raw = limits.read(environ, length)
    if len(raw) < length:
        raise errors.Invalid(f"The body has {len(raw)} bytes but must have {length}, as announced.")
    if not raw.strip():
        return ABSENT
    media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type == FORM and environ["REQUEST_METHOD"] == "PUT":
        return _pairs(raw, "The form")
    if media_type not in ("application/json", ""):
        raise faults.UnsupportedMediaType(
            f"The body's type is {errors.first_sentence(media_type, 80)!r} but must be "
            "application/json."
        )
    try:
        value = json.loads(raw.decode(), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise errors.Invalid("The body must be JSON in UTF-8.") from error
    _check(value)
    return value


def _length(environ: Mapping[str, Any]) -> int:
    """Return how much to read; the limit on size has set the length of a chunked body."""
    return int(environ.get("CONTENT_LENGTH") or 0)


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _check(value: Any) -> None:
    """Refuse what JSON allows and no database stores; a loop, because depth is what it limits."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise errors.Invalid(f"The body must be nested at most {MAX_DEPTH} deep.")
        below: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                below += [*part, *part.values()]
            elif isinstance(part, list):
                below += part
            elif isinstance(part, str):
                _check_text(part, "The body")
        level = below


def _check_text(text: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise errors.Invalid(f"{where} must be valid Unicode.") from error
    if "\0" in text:
        raise errors.Invalid(f"{where} must not contain NUL characters.")
