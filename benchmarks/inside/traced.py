# SPDX-License-Identifier: Apache-2.0
"""Run a program of the service and write down every call to another service, with its times.

``traced.py FILE PROGRAM ARGUMENT...`` appends a line of JSON to FILE for each: begin and end on
the machine's monotonic clock, process, method, URL, status.  What the client libraries do around
the call is not in it.  It calls the same entry point as the program does.
"""

import importlib.metadata
import json
import os
import sys
import time
from typing import Any

import requests


def _trace(path: str) -> None:
    target = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    send = requests.Session.send

    def traced(
        self: requests.Session, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        began, status = time.monotonic(), 0
        try:
            answer = send(self, request, **options)
            status = answer.status_code
            return answer
        finally:
            url = str(request.url).partition("?")[0]
            call = [began, time.monotonic(), os.getpid(), request.method, url, status]
            os.write(target, f"{json.dumps(call)}\n".encode())

    requests.Session.send = traced  # type: ignore[method-assign]


def main() -> int:
    """Lay the trace, then become the program."""
    path, program = sys.argv[1:3]
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name=program)
    sys.argv = [program, *sys.argv[3:]]
    sys.path.pop(0)  # this script's folder is no place to import from
    _trace(path)
    return entry.load()() or 0


if __name__ == "__main__":
    sys.exit(main())
