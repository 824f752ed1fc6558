# SPDX-License-Identifier: Apache-2.0
"""What operators copy from the documentation names metrics that there are."""

import pathlib
import re
import textwrap

import pytest
import yaml

from magnum.metrics import instruments

TEXT = (pathlib.Path(__file__).parents[3] / "doc/source/admin/monitoring.rst").read_text()
NAMES = {one.name for one in instruments.ALL}
BLOCKS = [
    textwrap.dedent(block)
    for block in re.findall(r"\.\. code-block:: yaml\n\n((?:(?: {3}.*)?\n)+)", TEXT)
]
RULES = [
    rule
    for block in BLOCKS
    for group in yaml.safe_load(block).get("groups", ())
    for rule in group["rules"]
]


def test_every_metric_named_exists() -> None:
    named = set(re.findall(r"\bmagnum_[a-z_]+\b", TEXT))
    assert len(named) >= 5
    assert named <= NAMES


def test_there_are_rules_and_a_way_to_scrape() -> None:
    assert len(RULES) == 3
    (jobs,) = [yaml.safe_load(block)["scrape_configs"] for block in BLOCKS if "scrape" in block]
    assert [job["job_name"] for job in jobs] == ["magnum-api", "magnum-conductor"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_rules_use_the_labels_that_metrics_have(rule: dict[str, str]) -> None:
    known = {one.name: set(one.labels) for one in instruments.ALL} | {"up": {"job"}}
    used = re.findall(r"\b(magnum_[a-z_]+|up)\b(?:\{(\w+))?", rule["expr"])
    assert used
    for name, label in used:
        assert name in known
        assert not label or label in known[name]
