# SPDX-License-Identifier: Apache-2.0
"""One request over and over inside one process, under Python's profiler.

``profiled.py CONFIG METHOD PATH TIMES`` reads ``{"token": ..., "body": ...}`` from standard input
and prints one line of JSON with the profile as text.  There is no server and no thread besides, so
that all that is seen is the application with its middleware, up to its calls.
"""

import cProfile
import io
import json
import pstats
import sys
import sysconfig
import time
from typing import Any

import webob

from magnum import service
from magnum.api import app
from magnum.cmd import options

_WARM_UP = 20
_SHOWN = 30


def _request(method: str, path: str, given: dict[str, Any]) -> webob.Request:
    made = webob.Request.blank(path, method=method, headers={"X-Auth-Token": given["token"]})
    made.headers["OpenStack-API-Version"] = "container-infra latest"
    if given["body"] is not None:
        made.content_type, made.body = "application/json", json.dumps(given["body"]).encode()
    return made


def main(config: str, method: str, path: str, times: str) -> dict[str, Any]:
    """Profile and return the functions that took the most time themselves, and in all.

    With it come the seconds a request takes without the profiler, on the wall and of the processor.
    """
    conf = options.parse(["--config-file", config])
    application = app.build(service.build(conf), conf)
    asked = _request(method, path, json.load(sys.stdin))

    def serve(count: int) -> None:
        for _ in range(count):
            asked.copy().get_response(application)

    serve(_WARM_UP)
    wall, cpu = time.perf_counter(), time.thread_time()
    serve(int(times))
    wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
    # By processor time: under other load, time on the wall would tell of waiting alone.
    profiler = cProfile.Profile(time.thread_time)
    profiler.runcall(serve, int(times))
    text = io.StringIO()
    stats = pstats.Stats(profiler, stream=text)
    for order in ("tottime", "cumtime"):
        stats.sort_stats(order).print_stats(_SHOWN)
    shown = text.getvalue().replace(f"{sysconfig.get_path('purelib')}/", "")
    return {"wall": wall / int(times), "cpu": cpu / int(times), "profile": shown}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
