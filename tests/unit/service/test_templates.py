# SPDX-License-Identifier: Apache-2.0
"""Templates: what is accepted, and when they may change or go."""

import pytest
from oslo_config import cfg

from magnum.context import RequestContext
from magnum.core import errors
from magnum.db.models import ClusterTemplate
from magnum.db.pages import Page
from magnum.service.preflight import Findings
from tests.unit.service.conftest import Office


def test_create_fills_in_what_the_image_and_the_site_say(
    office: Office, mine: RequestContext
) -> None:
    made = office.template(mine, cluster_distro="whatever", name=None)
    assert (made.cluster_distro, made.network_driver) == ("fedora-atomic", "docker")
    assert made.name.endswith("-model")
    assert office.templates.get(mine, made.uuid).labels == {}


def test_uuid_may_be_chosen_once(office: Office, mine: RequestContext) -> None:
    made = office.template(mine, uuid="0e3a4d38-4dbb-4a8a-8b0a-111111111111")
    with pytest.raises(errors.Conflict, match="already"):
        office.template(mine, uuid=made.uuid)


def test_os_without_a_driver_is_refused_with_what_there_is(
    office: Office, mine: RequestContext
) -> None:
    office.preflight.os_distro = "plan9"
    with pytest.raises(
        errors.UnsupportedDriver, match=r"coe swarm, os_distro plan9.*swarm on fedora-atomic"
    ):
        office.template(mine)


@pytest.mark.parametrize(
    ("field", "value"), [("network_driver", "calico"), ("volume_driver", "cinder")]
)
def test_driver_the_coe_does_not_have_is_refused(
    office: Office, mine: RequestContext, field: str, value: str
) -> None:
    with pytest.raises(errors.InvalidField, match=f"{field} is '{value}'"):
        office.template(mine, **{field: value})


def test_site_may_narrow_the_network_drivers(
    office: Office, mine: RequestContext, conf: cfg.ConfigOpts
) -> None:
    conf.set_override("swarm_allowed_network_drivers", ["flannel"], group="cluster_template")
    with pytest.raises(errors.InvalidField, match="this site allows"):
        office.template(mine)
    assert office.template(mine, network_driver="flannel").network_driver == "flannel"


def test_template_in_use_can_be_published_and_nothing_else(
    office: Office, mine: RequestContext
) -> None:
    made = office.template(mine)
    office.clusters.create(mine, {"cluster_template_id": made.uuid})
    made = office.templates.update(mine, made, {"public": True})
    assert made.public is True
    for refused in ({"name": "x"}, {"public": False}, {"public": False, "name": "x"}):
        with pytest.raises(errors.InUse, match="cannot be changed"):
            office.templates.update(mine, made, refused)
    with pytest.raises(errors.InUse, match="cannot be deleted"):
        office.templates.delete(mine, made)


def test_unused_template_changes_and_goes(office: Office, mine: RequestContext) -> None:
    made = office.template(mine, dns_nameserver="8.8.8.8")
    changed = office.templates.update(mine, made, {"name": "new", "dns_nameserver": None})
    assert (changed.name, changed.dns_nameserver) == ("new", None)
    assert changed.updated_at is not None
    office.templates.delete(mine, changed)
    with pytest.raises(errors.NotFound):
        office.templates.get(mine, made.uuid)


def test_change_is_checked_like_a_creation(office: Office, mine: RequestContext) -> None:
    made = office.template(mine)
    with pytest.raises(errors.InvalidField):
        office.templates.update(mine, made, {"network_driver": "calico"})
    assert office.templates.get(mine, made.uuid).network_driver == "docker"


def test_change_computed_from_what_is_no_more_is_refused(
    office: Office, mine: RequestContext
) -> None:
    made = office.template(mine, name="v1. beta", labels={"k1": "v1"})
    office.templates.update(mine, made, {"labels": {"k1": "v1", "k2": "v2"}})
    for late in ({"labels": {"k1": "v1", "k3": "v3"}}, {"name": "x"}, {"public": True}):
        with pytest.raises(errors.Conflict) as caught:
            office.templates.update(mine, made, late)
        assert caught.value.message == "Baymodel v1; beta was changed meanwhile, try again."
    kept = office.templates.get(mine, made.uuid)
    assert (kept.labels, kept.name, kept.public) == ({"k1": "v1", "k2": "v2"}, "v1. beta", False)


def test_change_while_another_one_is_checked_is_not_lost(
    office: Office, mine: RequestContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = office.template(mine, labels={})
    genuine = office.preflight.check

    def slow(context: RequestContext, row: ClusterTemplate, **more: bool) -> Findings:
        monkeypatch.undo()
        office.templates.update(mine, made, {"labels": {"k1": "v1"}})
        return genuine(context, row, **more)

    monkeypatch.setattr(office.preflight, "check", slow)
    with pytest.raises(errors.Conflict, match="was changed meanwhile, try again"):
        office.templates.update(mine, made, {"labels": {"k2": "v2"}})
    seen = office.templates.get(mine, made.uuid)
    assert seen.labels == {"k1": "v1"}
    again = office.templates.update(mine, seen, {"labels": {"k1": "v1", "k2": "v2"}})
    assert again.labels == {"k1": "v1", "k2": "v2"}


def test_public_template_is_seen_by_all_and_listed_once(
    office: Office, mine: RequestContext, stranger: RequestContext
) -> None:
    made = office.template(mine, public=True)
    office.template(mine, name="private")
    assert office.templates.get(stranger, made.uuid).uuid == made.uuid
    assert [row.uuid for row in office.templates.page(stranger, Page(9))] == [made.uuid]
    assert len(office.templates.page(mine, Page(9))) == 2


def test_template_of_a_disabled_driver_is_refused(
    office: Office, mine: RequestContext, conf: cfg.ConfigOpts
) -> None:
    made = office.template(mine)
    conf.set_override("enabled_definitions", ["magnum_vm_coreos_k8s"], "cluster")
    with pytest.raises(errors.UnsupportedDriver, match=r"does not offer .* swarm on fedora-atomic"):
        office.template(mine)
    assert office.templates.update(mine, made, {"public": True}).public
    conf.set_override("enabled_definitions", ["magnum_vm_atomic_swarm"], "cluster")
    office.template(mine)
