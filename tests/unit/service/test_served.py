# SPDX-License-Identifier: Apache-2.0
"""No cluster is made that would not be as its template says."""

from typing import Any

import pytest

from magnum.context import RequestContext
from magnum.core import errors
from tests import factories
from tests.unit.service.conftest import Office
from tests.unit.service.test_clusters import settle


def test_create_has_the_services_checked_that_only_a_cluster_needs(
    office: Office, mine: RequestContext
) -> None:
    template = office.template(mine, docker_volume_size=5)
    assert office.preflight.checked_clusters == 0
    office.clusters.create(mine, {"cluster_template_id": template.uuid})
    assert office.preflight.checked_clusters == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"volume_driver": "rexray"}, "volume_driver is 'rexray' but must be left out"),
        ({"labels": {"flannel_backend": "udp"}}, "flannel_backend is 'udp' but must be vxlan"),
    ],
)
def test_create_from_a_row_of_an_earlier_release_refuses_what_would_do_nothing(
    office: Office, mine: RequestContext, values: dict[str, Any], words: str
) -> None:
    row = factories.template(**values)
    office.database.write(lambda session: session.add(row))
    with pytest.raises(errors.InvalidField, match=words):
        office.clusters.create(mine, {"cluster_template_id": row.name})


@pytest.mark.parametrize("masters", [1, 2, 3, 4])
def test_create_takes_even_numbers_of_masters_too(
    office: Office, mine: RequestContext, masters: int
) -> None:
    template = office.template(mine)
    asked = {"cluster_template_id": template.uuid, "master_count": masters}
    assert office.clusters.create(mine, asked).master_count == masters


def test_more_nodes_than_a_network_holds_are_refused_at_both_requests(
    office: Office, mine: RequestContext
) -> None:
    template = office.template(mine, fixed_network="10.3.0.0/29")
    asked = {"cluster_template_id": template.uuid, "master_count": 3}
    with pytest.raises(errors.InvalidField, match=r"^node_count is 2 but must fit"):
        office.clusters.create(mine, {**asked, "node_count": 2})
    cluster = office.clusters.create(mine, asked)
    settle(office, cluster, "CREATE_COMPLETE")
    with pytest.raises(errors.InvalidField, match=r"^node_count is 2 but must fit"):
        office.clusters.update(mine, cluster, {"node_count": 2})
