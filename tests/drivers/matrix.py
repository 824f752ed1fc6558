# SPDX-License-Identifier: Apache-2.0
"""Few clusters in which each value of each factor meets each value of every other one.

For judges that are slow, and for faults of two settings together.  A new field that changes what is
rendered is a new row of :data:`FACTORS`.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator
from typing import Any

from magnum.core.cluster import ClusterSpec
from magnum.drivers.contract import Driver
from tests.drivers import specs

DOWNLOADS = {
    "docker_url": "https://mirror.example.com/docker-29.0.0.tgz?channel=stable&x=%20",
    "docker_sha256": "0" * 64,
}

FACTORS: dict[str, dict[str, dict[str, Any]]] = {
    "network": {
        "made": {},
        "cidr": {"fixed_network": "192.168.7.0/24", "dns_nameserver": "192.0.2.53"},
        "there": {"fixed_network": "net"},
        "subnet": {"fixed_network": "net", "fixed_subnet": "subnet"},
    },
    "address": {"floating": {}, "private": {"floating_ip_enabled": False}},
    "tls": {"tls": {}, "plain": {"tls_disabled": True}},
    "proxy": {
        "direct": {},
        "proxied": {name: specs.FULL[name] for name in ("http_proxy", "https_proxy", "no_proxy")},
    },
    "engine": {
        "default": {},
        "chosen": {
            name: specs.FULL[name] for name in ("docker_storage_driver", "insecure_registry")
        },
    },
    "volume": {"none": {}, "volume": {"docker_volume_size": 3}},
    "flavors": {"default": {}, "given": {"flavor_id": "m1.medium", "master_flavor_id": "m1.large"}},
    "labels": {"unlabelled": {}, "labelled": {"labels": DOWNLOADS}},
    "masters": {"1": {"masters": 1}, "3": {"masters": 3}},
    "nodes": {"0": {"nodes": 0}, "1": {"nodes": 1}, "5": {"nodes": 5}},
    "ssh": {"key": {}, "keyless": {"ssh_public_key": None}},
}
"""Values by factor, each with what it sets."""

Row = tuple[str, ...]


def pairs(row: Row) -> set[tuple[int, str, int, str]]:
    """Return each two values that meet in a row."""
    return {(a, row[a], b, row[b]) for a, b in itertools.combinations(range(len(row)), 2)}


def all_pairs() -> set[tuple[int, str, int, str]]:
    """Return each two values that have to meet somewhere."""
    choices = [list(values) for values in FACTORS.values()]
    return {
        (a, one, b, other)
        for a, b in itertools.combinations(range(len(choices)), 2)
        for one, other in itertools.product(choices[a], choices[b])
    }


def rows() -> Iterator[Row]:
    """Choose rows until all pairs have met; always the same ones.

    Each row starts with a pair that is missing and takes, factor by factor, what meets most others.
    """
    missing = all_pairs()
    while missing:
        first, one, second, other = min(missing)
        chosen = {first: one, second: other}
        for at, values in enumerate(FACTORS.values()):
            if at not in chosen:
                gains = {value: _gain({**chosen, at: value}, at, missing) for value in values}
                chosen[at] = max(gains, key=lambda value: gains[value])
        row = tuple(chosen[at] for at in range(len(FACTORS)))
        missing -= pairs(row)
        yield row


def _gain(chosen: dict[int, str], at: int, missing: set[tuple[int, str, int, str]]) -> int:
    met = ((min(at, b), max(at, b)) for b in chosen if b != at)
    return sum((a, chosen[a], b, chosen[b]) in missing for a, b in met)


@functools.cache
def rows_by_name() -> dict[str, Row]:
    """Name the rows by their values."""
    return {"-".join(row): row for row in rows()}


def all_clusters(driver: Driver) -> dict[str, ClusterSpec]:
    """Make the clusters of ``specs`` and one of each row."""
    made = specs.matrix(driver)
    for name, row in rows_by_name().items():
        values: dict[str, Any] = {}
        for factor, value in zip(FACTORS.values(), row, strict=True):
            values |= factor[value]
        key = values.pop("ssh_public_key", specs.PUBLIC_KEY)
        made[name] = dataclasses.replace(specs.spec(driver, **values), ssh_public_key=key)
    return made
