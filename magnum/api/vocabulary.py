# SPDX-License-Identifier: Apache-2.0
"""The words of each API over the one core.

A bay is a cluster and a baymodel is a cluster template.  What differs is here, as data: names of
collections and fields, what a list shows, what may be patched, from which microversion an answer
is asynchronous.  Controllers, types and views are made from it; a new API over the same core is a
new row and no new class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from magnum.api import versions
from magnum.api.versions import Version
from magnum.core import fields
from magnum.core.fields import Field
from magnum.policies.base import IN_ALL_PROJECTS


@dataclass(frozen=True, slots=True)
class Word:
    """A field as one API shows it.

    :ivar name: its name on the wire.
    :ivar listed: whether items of a list have it.
    """

    field: Field
    name: str
    listed: bool


@dataclass(frozen=True, slots=True)
class Retired:
    """An attribute that there was once and that old clients still send with each creation.

    Null is accepted for it and means nothing; it is neither stored nor shown.

    :ivar rule: what a client that sends anything else must do, to follow the word "must".
    """

    name: str
    rule: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One resource of one API.

    :ivar core: the core's word for the resource, with which the policy's core rules begin.
    :ivar noun: this API's word, with which the rules it enforces begin and messages speak.
    :ivar collection: the path segment and the key of a list.
    :ivar changeable: fields (by wire name) a patch may change; None for all that the table allows.
    :ivar async_since: version from which creating and updating answer with the uuid alone.
    :ivar rollback_since: version from which updating takes ``rollback``.
    :ivar counted: fields (by core name) that are no columns and that a list may be sorted by.
    :ivar retired: what the body of a creation may have beside the words.
    """

    core: str
    noun: str
    collection: str
    words: tuple[Word, ...]
    changeable: frozenset[str] | None = None
    async_since: Version | None = None
    rollback_since: Version | None = None
    counted: frozenset[str] = frozenset()
    retired: tuple[Retired, ...] = ()

    @property
    def by_name(self) -> Mapping[str, Word]:
        """The words by their names on the wire."""
        return {word.name: word for word in self.words}

    def listed(self, detail: bool) -> tuple[Word, ...]:
        """Return the words that items of a list have; what is shown alone is in none."""
        return tuple(
            word
            for word in self.words
            if (detail or word.listed) and not (word.field.only_failed or word.field.only_alone)
        )

    @property
    def listed_fields(self) -> frozenset[str]:
        """Names of the fields that a list without detail is made from."""
        return frozenset(
            word.field.name
            for word in self.listed(detail=False)
            if word.field.kind is not fields.Kind.LINKS
        )

    @property
    def sortable(self) -> Mapping[str, str]:
        """Names a list may be sorted by, and the column, or the count, of each."""
        unordered = (fields.Kind.LABELS, fields.Kind.LINKS)
        shown = {
            word.name: word.field.name
            for word in self.words
            if (word.field.column and word.field.kind not in unordered)
            or word.field.name in self.counted
        }
        return {"id": "id", **shown, "project_id": "project_id", "user_id": "user_id"}

    def rule(self, action: str) -> str:
        """Name the policy rule of an action."""
        return f"{self.noun}:{action}"

    def rule_in_all_projects(self, action: str) -> str:
        """Name the policy rule of an action in projects of others."""
        return f"{self.noun}:{IN_ALL_PROJECTS[action]}"

    def is_async(self, version: Version) -> bool:
        """Whether creating and updating answer before they are done."""
        return self.async_since is not None and version >= self.async_since

    def takes_rollback(self, version: Version) -> bool:
        """Whether updating takes the query parameter ``rollback``."""
        return self.rollback_since is not None and version >= self.rollback_since


def _words(
    table: tuple[Field, ...], names: str, listed: str, renames: Mapping[str, str]
) -> tuple[Word, ...]:
    """Pick fields by their core names; a wrong name is a KeyError when the process starts."""
    known, short = fields.by_name(table), frozenset(listed.split())
    chosen = [known[name] for name in names.split()]
    return tuple(
        Word(field, renames.get(field.name, field.name), field.name in short) for field in chosen
    )


BAY = Vocabulary(
    core="cluster",
    noun="bay",
    collection="bays",
    words=_words(
        fields.CLUSTER_FIELDS,
        "uuid name cluster_template_id node_count master_count create_timeout discovery_url "
        "stack_id status status_reason faults api_address node_addresses master_addresses "
        "coe_version container_version health_status health_status_reason created_at updated_at "
        "links",
        "uuid name cluster_template_id node_count master_count create_timeout stack_id status "
        "links",
        {
            "cluster_template_id": "baymodel_id",
            "create_timeout": "bay_create_timeout",
            "faults": "bay_faults",
        },
    ),
    changeable=frozenset({"node_count"}),
    counted=frozenset({"node_count", "master_count"}),  # columns of the bay's table in 2016
    async_since=versions.ASYNC_BAYS,
    rollback_since=versions.ROLLBACK,
)

BAYMODEL = Vocabulary(
    core="clustertemplate",
    noun="baymodel",
    collection="baymodels",
    words=_words(
        fields.TEMPLATE_FIELDS,
        "uuid name coe image_id keypair_id external_network_id flavor_id master_flavor_id "
        "dns_nameserver fixed_network fixed_subnet network_driver volume_driver apiserver_port "
        "docker_volume_size docker_storage_driver cluster_distro http_proxy https_proxy no_proxy "
        "registry_enabled insecure_registry labels tls_disabled public server_type "
        "master_lb_enabled floating_ip_enabled created_at updated_at links",
        # The last four were listed with their defaults in 2016; here they are listed as they are.
        "uuid name image_id apiserver_port coe links "
        "registry_enabled tls_disabled public server_type",
        {},
    ),
    retired=(
        Retired(
            "ssh_authorized_key",
            "be null or left out, because the key of the keypair_id opens the nodes",
        ),
    ),
)

CONTAINER = Vocabulary(
    core="container",
    noun="container",
    collection="containers",
    words=_words(
        fields.CONTAINER_FIELDS,
        "uuid name image command memory environment cluster_id status status_reason host "
        "created_at updated_at links",
        "uuid name image command memory environment cluster_id status links",
        {"cluster_id": "bay_uuid"},
    ),
    changeable=frozenset({"name", "image", "command", "memory", "environment"}),
)

ALL = (BAY, BAYMODEL, CONTAINER)

TEMPLATE_OF: Mapping[str, Vocabulary] = MappingProxyType({BAY.noun: BAYMODEL})
"""What a cluster of each vocabulary is made from."""
