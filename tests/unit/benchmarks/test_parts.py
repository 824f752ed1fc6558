# SPDX-License-Identifier: Apache-2.0
"""The parts of the benchmarks that need neither a cloud nor a clock."""

import pathlib
import subprocess
import sys

import pytest

from benchmarks import load, report, trace, usage
from benchmarks.trace import Call
from deployment.cloud import ROOT

_WRK = """\
Running 3s test @ http://198.19.0.1:9519/v1/bays
  1 threads and 8 connections

{"requests": 600, "microseconds": 3000000, "p50": 4200, "p99": 21000, "refused": 2, "broken": 1}
"""
_STAT = "17 (a (b) c) S 1 17 17 0 -1 4194304 901 0 0 0 250 50 0 0 20 0 1 0 100 0 0"
_ROLLUP = """\
55d0c0000000-7ffc0 ---p 00000000 00:00 0 [rollup]
Rss:              120000 kB
Pss:               65536 kB
Pss_Dirty:         60000 kB
"""


def _result(requests: int, cpu: float = 1.0, errors: int = 0) -> load.Result:
    return load.Result(requests, seconds=2.0, cpu=cpu, p50=1.0, p99=2.0, errors=errors)


def test_load_is_read_from_what_wrk_prints() -> None:
    read = load.parse(_WRK, cpu=1.5)
    assert (read.rate, read.cost, read.p50, read.p99, read.errors) == (200.0, 2.5, 4.2, 21.0, 3)


def test_load_when_wrk_prints_no_result_then_its_words_are_told() -> None:
    with pytest.raises(load.LoadFailed, match="unable to connect"):
        load.parse("unable to connect to 198.19.0.1:9519", cpu=0.0)


def test_typical_round_is_the_median_with_the_errors_of_all() -> None:
    rounds = [_result(400), _result(10, errors=3), _result(200, cpu=0.8)]
    typical = load.typical(rounds)
    assert (typical.rate, typical.errors, load.best(rounds)) == (100.0, 3, 200.0)
    assert typical.cost == pytest.approx(4.0)


def test_usage_is_read_from_the_kernels_files() -> None:
    ticks = usage.parse_cpu(_STAT) / usage.parse_cpu(_STAT.replace("250 50", "1 0"))
    assert ticks == pytest.approx(300)
    assert usage.parse_pss(_ROLLUP) == 64.0


def _call(began: float, ended: float, port: int = 9292) -> Call:
    return Call(began, ended, 1, "GET", f"http://198.19.0.1:{port}/v2/images", 200)


def test_time_outside_counts_calls_side_by_side_once_and_stays_in_the_span() -> None:
    calls = [_call(3.0, 9.0), _call(0.0, 1.5), _call(1.0, 2.0), _call(1.2, 1.3)]
    assert trace.union(calls, since=0.5, until=4.0) == pytest.approx(1.5 + 1.0)
    assert trace.union([], since=0.5, until=4.0) == 0.0


def test_calls_are_summed_by_the_service_at_their_port() -> None:
    calls = [_call(0.0, 1.0), _call(2.0, 2.5), _call(0.0, 4.0, port=1)]
    assert trace.by_service(calls, {"glance": 9292}) == {"glance": (2, 1.5), "1": (1, 4.0)}


def test_trace_leaves_a_line_that_is_being_written(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "calls"
    assert trace.read(path) == []
    path.write_text('[0.5, 1.5, 7, "GET", "http://a:1/b", 200]\n[2.0, 2.')
    assert trace.read(path) == [Call(0.5, 1.5, 7, "GET", "http://a:1/b", 200)]


def test_table_has_numbers_at_the_right_and_no_more_digits_than_they_bear() -> None:
    assert report.table(("case", "req/s"), [("one bay", 1234.5), ("list", 7.891)]) == (
        "case     req/s\none bay   1234\nlist      7.89"
    )


def test_program_explains_itself() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "program.py"), "--help"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for name in ("api", "profile", "memory", "creation", "ticks"):
        assert f"    {name} " in printed
