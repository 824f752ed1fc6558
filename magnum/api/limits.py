# SPDX-License-Identifier: Apache-2.0
"""The limit on the size of bodies, kept before anything reads one.

Called by :mod:`magnum.api.app`; who reads a body calls :func:`read`.
"""

import io
from collections.abc import Iterable, Mapping
from typing import Any

from magnum.api import faults
from magnum.api.versions import Application, StartResponse
from magnum.core import errors


def read(environ: Mapping[str, Any], size: int) -> bytes:
    """Read a body.

    :param size: most bytes to read.
    :raises Invalid: the client has garbled it or gone away; each server has its own errors for it.
    """
    try:
        body: bytes = environ["wsgi.input"].read(size)
    except Exception as error:  # gunicorn's for a bad chunk is a bare Exception
        raise errors.Invalid(
            "The body must arrive whole, and if in chunks in valid ones."
        ) from error
    return body


class BodyLimit:
    """Middleware: refuses larger bodies, and gives those of unknown length one.

    :param max_bytes: the largest body accepted.
    """

    def __init__(self, app: Application, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request.

        :raises TooLarge: its body is larger than the limit.
        """
        announced = environ.get("CONTENT_LENGTH") or ""
        if announced:
            # Python refuses to read numbers of thousands of digits.
            if not (announced.isascii() and announced.isdigit() and len(announced) < 20):
                raise errors.Invalid("The header Content-Length must be a number of bytes.")
            self._check(int(announced))
        elif environ.get("wsgi.input_terminated"):
            body = read(environ, self._max_bytes + 1)
            self._check(len(body))
            environ["wsgi.input"] = io.BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return self._app(environ, start_response)

    def _check(self, length: int) -> None:
        if length > self._max_bytes:
            raise faults.TooLarge(f"The body must have at most {self._max_bytes} bytes.")
