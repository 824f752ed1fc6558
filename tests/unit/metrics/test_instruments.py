# SPDX-License-Identifier: Apache-2.0
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from magnum.metrics import instruments
from magnum.metrics.instruments import API, CONDUCTOR, Counter, Histogram, Sampled

UNITS = ("_seconds", "_total")


@pytest.mark.parametrize("one", instruments.ALL, ids=lambda one: one.name)
def test_names_follow_prometheus(one: instruments._Instrument) -> None:
    assert re.fullmatch(r"magnum_[a-z_]+", one.name)
    assert one.name.endswith("_total") == isinstance(one, Counter)
    assert one.name.endswith("_seconds") == ("time" in one.text.lower())
    assert one.text.endswith(".")
    assert set(one.labels) <= {
        "action",
        "method",
        "outcome",
        "requester",
        "route",
        "service",
        "state",
        "status",
        "step",
    }, "a new label has to be thought about: its values must be bounded"


def test_the_table_has_every_instrument_once() -> None:
    defined = [
        one for one in vars(instruments).values() if isinstance(one, instruments._Instrument)
    ]
    assert sorted(map(id, instruments.ALL)) == sorted(map(id, defined))
    assert len({one.name for one in instruments.ALL}) == len(instruments.ALL)


def test_nothing_is_counted_and_no_library_loaded_unless_asked_for() -> None:
    program = (
        "import sys; from magnum.metrics import instruments as i, listener, workers\n"
        "i.HEARTBEATS.inc(); i.CALLS.observe(1.0, 'heat', 'GET', 'success')\n"
        "i.API_IN_FLIGHT.inc(); i.API_IN_FLIGHT.dec()\n"
        "sys.exit('prometheus_client' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_program_has_its_own_metrics(counting: Callable[[str], Any]) -> None:
    registry = counting(CONDUCTOR)
    instruments.API_REQUESTS.inc("GET", "/v1/bays", "200")  # counts nothing
    instruments.FINISHED.inc("CREATE", "COMPLETE")
    instruments.FINISHED.inc("CREATE", "COMPLETE")
    instruments.TAKEOVERS.inc()
    labels = {"action": "CREATE", "outcome": "COMPLETE"}
    assert registry.get_sample_value("magnum_operations_finished_total", labels) == 2
    assert registry.get_sample_value("magnum_lease_takeovers_total") == 1
    names = {family.name for family in registry.collect()}
    expected = {
        one.name.removesuffix("_total")
        for one in instruments.ALL
        if CONDUCTOR in one.programs and not isinstance(one, Sampled)
    }
    assert names == expected


def test_seconds_and_levels(counting: Callable[[str], Any]) -> None:
    registry = counting(API)
    instruments.API_SECONDS.observe(0.2, "GET", "/v1")
    instruments.API_IN_FLIGHT.inc()
    instruments.API_IN_FLIGHT.inc()
    instruments.API_IN_FLIGHT.dec()
    labels = {"method": "GET", "route": "/v1"}
    name = "magnum_api_request_duration_seconds"
    assert registry.get_sample_value(f"{name}_sum", labels) == pytest.approx(0.2)
    assert registry.get_sample_value(f"{name}_bucket", {**labels, "le": "0.1"}) == 0
    assert registry.get_sample_value(f"{name}_bucket", {**labels, "le": "0.25"}) == 1
    assert registry.get_sample_value("magnum_api_requests_in_flight") == 1


def test_histograms_reach_from_a_quick_answer_to_a_time_out() -> None:
    assert any(isinstance(one, Histogram) for one in instruments.ALL)
    assert min(instruments._SECONDS) <= 0.005
    assert max(instruments._SECONDS) >= 30
