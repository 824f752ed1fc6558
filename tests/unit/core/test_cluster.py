# SPDX-License-Identifier: Apache-2.0
"""Names that follow from a cluster's uuid."""

import re
import uuid

import pytest

from magnum.core.cluster import (
    ClusterSpec,
    NodeAccess,
    NodeGroupSpec,
    NodeUser,
    TemplateSpec,
    short_id,
)


def spec() -> ClusterSpec:
    template = TemplateSpec("swarm", "vm", "fedora-atomic", "image")
    groups = (
        NodeGroupSpec("default-master", "master", 1),
        NodeGroupSpec("default-worker", "worker", 2),
        NodeGroupSpec("more", "worker", 3),
    )
    return ClusterSpec(str(uuid.uuid4()), "b1", "p", template, groups, 60)


def test_short_id_is_the_same_for_the_same_uuid_and_fit_for_a_name() -> None:
    ident = "8c1e7f0a-3b5d-4c2e-9f41-d0a6b7c8e9f0"
    assert short_id(ident) == short_id(ident.upper())
    assert re.fullmatch("[a-z2-7]{12}", short_id(ident))


def test_short_ids_of_uuids_that_differ_little_differ() -> None:
    idents = [f"8c1e7f0a-3b5d-4c2e-9f41-d0a6b7c8e{last:03x}" for last in range(4096)]
    assert len({short_id(ident) for ident in idents}) == len(idents)
    heads = [f"{first:08x}-3b5d-4c2e-9f41-d0a6b7c8e9f0" for first in range(4096)]
    assert len({short_id(ident) for ident in heads}) == len(heads)


def test_short_id_of_no_uuid_is_refused() -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        short_id("b1")


def test_counts_are_sums_over_groups() -> None:
    assert (spec().master_count, spec().node_count) == (1, 5)


def test_longest_name_makes_a_stack_name_that_heat_takes() -> None:
    cluster = spec()
    longest = ClusterSpec(cluster.uuid, "n" * 242, "p", cluster.template, cluster.node_groups, 60)
    assert len(longest.stack_name) == 255


def test_passwords_are_not_shown() -> None:
    user = NodeUser("id", "secret")
    access = NodeAccess("http://keystone/v3", "http://magnum/v1", user, user)
    assert "secret" not in repr(access)
