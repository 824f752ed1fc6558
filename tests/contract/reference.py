# SPDX-License-Identifier: Apache-2.0
"""What the API reference in the documentation promises, for tests to hold it to."""

import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from magnum.api import routes
from tests.contract.recorder import Exchange

USER = pathlib.Path(__file__).parents[2] / "doc" / "source" / "user"
PAGE = USER / "api.rst"
SAMPLES = USER / "samples"

ANYWHERE = frozenset({400, 401, 403, 406, 413, 415, 503})
"""Statuses that the page's introduction tells of for all calls."""

_CALL = re.compile(r"^\.\. api-call:: (\S+) (\S+)\n((?:   :.*\n)*)", re.MULTILINE)
_OPTION = re.compile(r":(\w+): (.*)")


@dataclass(frozen=True)
class Told:
    """What the page tells of one call."""

    codes: frozenset[int]
    samples: tuple[str, ...]


def _read() -> Iterator[tuple[tuple[str, str], Told]]:
    for method, path, block in _CALL.findall(PAGE.read_text()):
        options = dict(_OPTION.findall(block))
        codes = frozenset(map(int, options["codes"].split()))
        yield (method, path), Told(codes, tuple(options["samples"].split()))


CALLS: Mapping[tuple[str, str], Told] = MappingProxyType(dict(_read()))
"""What is told of each call, by method and path."""


def path_of(route: routes.Route) -> str:
    """Write a route's path as the page does."""
    return "/" + "/".join(route.path)


def untold(seen: Iterable[Exchange]) -> Iterator[str]:
    """Yield each answer that the page does not tell of."""
    for exchange in seen:
        route = exchange.route
        method = "GET" if exchange.method == "HEAD" else exchange.method
        if route is None or method not in route.handlers:
            continue
        told = CALLS.get((method, path_of(route)))
        if told is None or exchange.code not in told.codes | ANYWHERE:
            yield f"{method} {path_of(route)} may answer {exchange.code}"
