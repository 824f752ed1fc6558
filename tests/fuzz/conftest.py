# SPDX-License-Identifier: Apache-2.0
"""How many requests are sent, by what chance, and what is counted."""

import collections
import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from oslo_db import options as db_options

with warnings.catch_warnings():
    # WebOb imports the deprecated module cgi, oslo.messaging its own eventletutils.
    warnings.simplefilter("ignore", DeprecationWarning)
    from magnum.api import app  # noqa: F401

from magnum.conf import CONF
from tests import wire
from tests.fuzz import oracles
from tests.fuzz.world import Stage
from tests.wire import Answer, Request

TOTAL = "--fuzz-requests"
DEFAULT_TOTAL = 20_000
SHARES = MappingProxyType(
    {
        "creations of a bay": 0.12,
        "creations of a baymodel": 0.12,
        "creations of a container": 0.12,
        "bodies": 0.13,
        "paths": 0.25,
        "lists": 0.05,
        "patches of a bay": 0.08,
        "patches of a baymodel": 0.08,
        "patches of a container": 0.08,
        "calls to containers": 0.08,
        "certificates": 0.12,
        "certificates of nodes": 0.05,
    }
)
"""Which part of all requests each test sends at least; those of sequences come on top."""

_counts: collections.Counter[int] = collections.Counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for longer runs."""
    parser.addoption(
        TOTAL, type=int, default=DEFAULT_TOTAL, help="How many requests to send at least."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Take the same chances in each run, unless a seed is given."""
    hypothesis.settings.register_profile(
        "fuzz",
        derandomize=config.getoption("--hypothesis-seed") is None,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell how many requests there were, and what was answered."""
    counts: collections.Counter[str] = collections.Counter()
    for report in terminalreporter.getreports(""):
        if report.when == "teardown":
            counts.update(dict(report.user_properties))
    by_status = ", ".join(f"{status}: {n}" for status, n in sorted(counts.items()))
    terminalreporter.write_line(f"{counts.total()} requests ({by_status})")


@pytest.fixture(autouse=True)
def counted(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Hand on how often each status was answered: the summary may be another process's."""
    _counts.clear()
    yield
    for status, count in _counts.items():
        record_property(str(status), count)


class Fuzz:
    """Sends requests and looks at the answers."""

    def __init__(self, stage: Stage, log: oracles.Log, total: int) -> None:
        self.stage = stage
        self._log = log
        self._total = total

    def send(self, request: Request, restore: bool = True) -> Answer:
        """Send one request to the world as it was made, or as it is.

        :raises AssertionError: the answer is none that should be.
        """
        before, began = self.stage.version(), time.process_time()
        answer = wire.send(self.stage.application, request)
        seconds = time.process_time() - began
        changed = self.stage.version() != before
        key = self.stage.authority.private_key_pem
        found = oracles.problems(request, answer, self._log.taken(), changed, key)
        found += [f"it takes {seconds:.1f} seconds"] if seconds > oracles.SLOWEST_SECONDS else []
        _counts[answer.status] += 1
        if changed and restore:
            self.stage.restore()
        assert not found, f"{'; '.join(found)}\nThe request:\n{request.as_http()!r}\n{answer}"
        return answer

    def settings(self, share: float, **more: Any) -> hypothesis.settings:
        """Return the settings for a share (of 1) of all requests."""
        profile = hypothesis.settings.get_profile("fuzz")
        return hypothesis.settings(profile, max_examples=math.ceil(share * self._total), **more)

    def run(
        self,
        requests: st.SearchStrategy[Request],
        share: str,
        look: Callable[[Answer], None] | None = None,
    ) -> collections.Counter[int]:
        """Send a share of all requests; return how often each status came.

        :param share: its name in :data:`SHARES`.
        :param look: looks at each answer besides.
        """
        counts: collections.Counter[int] = collections.Counter()

        @self.settings(SHARES[share])
        @hypothesis.given(requests)
        def holds(request: Request) -> None:
            answer = self.send(request)
            counts[answer.status] += 1
            if look:
                look(answer)

        holds()
        assert counts.total() >= SHARES[share] * self._total
        return counts


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Yield the world."""
    path = tmp_path_factory.mktemp("fuzz") / "magnum.sqlite"
    CONF([], project="magnum", default_config_files=[], default_config_dirs=[])
    db_options.set_defaults(CONF, connection=f"sqlite:///{path}")
    CONF.set_override("sqlite_synchronous", False, group="database")
    CONF.set_override("max_limit", 3, group="api")
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = Stage(CONF, path, monkeypatch)
        yield made
        made.close()
    CONF.reset()
    CONF.clear()


@pytest.fixture(scope="session")
def fuzz(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Fuzz]:
    """Yield the hands that send requests."""
    log, root = oracles.Log(), logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    root.addHandler(log)
    assert sum(SHARES.values()) >= 1
    yield Fuzz(stage, log, request.config.getoption(TOTAL, DEFAULT_TOTAL))
    root.removeHandler(log)
    root.setLevel(level)
