# SPDX-License-Identifier: Apache-2.0
"""The tables.

A bay is a cluster and a baymodel is a cluster template: one row, whichever API made it.  Loaded
rows may be read after their session is closed, so whatever a reader needs is loaded with the row
and nothing is fetched on the side (relationships raise instead).  Only
:mod:`magnum.db.repository` and :mod:`magnum.db.operations` write them,
:mod:`magnum.db.containers` and :mod:`magnum.db.creations` those of containers, and
:mod:`magnum.certs.database` the one of certificates.

Moments of operations (leases, deadlines) are seconds since 1970 by the database's own clock,
see :mod:`magnum.db.functions`; moments that only people read are DATETIMEs in UTC.
"""

import datetime
from collections.abc import Iterable
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uniq_%(table_name)s0%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

UUID_LENGTH = 36
REFERENCE_LENGTH = 512


def utcnow() -> datetime.datetime:
    """Return the time in UTC without microseconds, which MySQL's DATETIME would round."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None, microsecond=0)


def string(length: int) -> String:
    """Make the type of a text that is compared and sorted by its characters' codes alone.

    MySQL would take ``K1`` for ``k1`` and an accent for none, PostgreSQL would sort as the site's
    dictionary does.  Which character set MySQL uses is left to the database: three bytes do.
    """
    plain = String(length)
    binary = mysql.VARCHAR(length, binary=True)
    return plain.with_variant(binary, "mysql").with_variant(String(length, "C"), "postgresql")


class Base(DeclarativeBase):
    """Common to all tables: an integer key, and when the row was made and last changed (UTC)."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: string(255),
        dict[str, str]: JSON,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-10)
    created_at: Mapped[datetime.datetime] = mapped_column(default=utcnow, sort_order=100)
    updated_at: Mapped[datetime.datetime | None] = mapped_column(sort_order=100)


class Leased:
    """Columns of what one conductor at a time works on, see :mod:`magnum.db.leases`.

    ``fence`` grows with every claim: a conductor may write only while its number is the row's.
    """

    request_id: Mapped[str | None]  # the API's for the request
    global_request_id: Mapped[str | None]  # the caller's own, if there was one
    deadline: Mapped[float] = mapped_column(Double)
    lease_owner: Mapped[str | None]
    lease_expires: Mapped[float] = mapped_column(Double, default=0.0)
    fence: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[float] = mapped_column(Double, default=0.0)
    attempts: Mapped[int] = mapped_column(default=0)  # failures: of an operation's present step


def _uuid_column(**options: Any) -> Mapped[str]:
    return mapped_column(string(UUID_LENGTH), **options)


class ClusterTemplate(Base):
    """What a cluster is made from; the bay API calls it a baymodel."""

    __tablename__ = "cluster_template"
    __table_args__ = (UniqueConstraint("uuid"), Index(None, "project_id"), Index(None, "public"))

    uuid: Mapped[str] = _uuid_column()
    project_id: Mapped[str]
    user_id: Mapped[str]
    name: Mapped[str]
    coe: Mapped[str]
    server_type: Mapped[str]
    cluster_distro: Mapped[str]
    image_id: Mapped[str]
    keypair_id: Mapped[str | None]
    external_network_id: Mapped[str | None]
    flavor_id: Mapped[str | None]
    master_flavor_id: Mapped[str | None]
    dns_nameserver: Mapped[str | None]
    fixed_network: Mapped[str | None]
    fixed_subnet: Mapped[str | None]
    network_driver: Mapped[str | None]
    volume_driver: Mapped[str | None]
    apiserver_port: Mapped[int | None]
    docker_volume_size: Mapped[int | None]
    docker_storage_driver: Mapped[str | None]
    http_proxy: Mapped[str | None]
    https_proxy: Mapped[str | None]
    no_proxy: Mapped[str | None]
    insecure_registry: Mapped[str | None]
    labels: Mapped[dict[str, str]] = mapped_column(default=dict)
    tls_disabled: Mapped[bool] = mapped_column(default=False)
    public: Mapped[bool] = mapped_column(default=False)
    registry_enabled: Mapped[bool] = mapped_column(default=False)
    master_lb_enabled: Mapped[bool] = mapped_column(default=False)
    floating_ip_enabled: Mapped[bool] = mapped_column(default=True)


class Cluster(Base):
    """A cluster (bay): what is wanted of it and what was last seen."""

    __tablename__ = "cluster"
    __table_args__ = (
        UniqueConstraint("uuid"),
        Index(None, "project_id"),
        Index(None, "status"),
        Index(None, "health_due"),
    )

    uuid: Mapped[str] = _uuid_column()
    project_id: Mapped[str]
    user_id: Mapped[str]
    name: Mapped[str]
    cluster_template_id: Mapped[str] = mapped_column(
        string(UUID_LENGTH), ForeignKey("cluster_template.uuid")
    )
    keypair: Mapped[str | None]
    ssh_public_key: Mapped[str | None] = mapped_column(Text)
    create_timeout: Mapped[int] = mapped_column(default=0)  # minutes as asked for, 0: default
    discovery_url: Mapped[str | None]
    status: Mapped[str] = mapped_column(string(20))
    status_reason: Mapped[str | None] = mapped_column(Text)
    faults: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    stack_id: Mapped[str | None]
    api_address: Mapped[str | None]
    ca_cert_ref: Mapped[str | None] = mapped_column(string(REFERENCE_LENGTH))
    magnum_cert_ref: Mapped[str | None] = mapped_column(string(REFERENCE_LENGTH))
    master_user_id: Mapped[str | None]  # the Keystone users that its nodes log in as
    worker_user_id: Mapped[str | None]
    coe_version: Mapped[str | None]
    container_version: Mapped[str | None]
    health_status: Mapped[str | None] = mapped_column(string(20))
    health_status_reason: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    health_due: Mapped[float] = mapped_column(Double, default=0.0)  # when it is looked at next

    node_groups: Mapped[list["NodeGroup"]] = relationship(
        lazy="raise", order_by="NodeGroup.id", passive_deletes=True
    )
    template: Mapped[ClusterTemplate] = relationship(lazy="raise", viewonly=True)

    @hybrid_property
    def node_count(self) -> int:
        """Workers wanted, over all node groups; in a statement, a column that sums them up."""
        return count(self.node_groups, "worker")

    @hybrid_property
    def master_count(self) -> int:
        """Masters wanted, likewise."""
        return count(self.node_groups, "master")

    @node_count.inplace.expression
    @classmethod
    def _select_node_count(cls) -> ColumnElement[int]:
        return _select_count("worker")

    @master_count.inplace.expression
    @classmethod
    def _select_master_count(cls) -> ColumnElement[int]:
        return _select_count("master")

    @property
    def node_addresses(self) -> list[str] | None:
        """The workers' addresses, over all node groups; None until known."""
        return addresses(self.node_groups, "worker")

    @property
    def master_addresses(self) -> list[str] | None:
        """The masters' addresses, likewise."""
        return addresses(self.node_groups, "master")


class NodeGroup(Base):
    """Like nodes of one cluster; every cluster has its two default ones from the first commit."""

    __tablename__ = "nodegroup"
    __table_args__ = (UniqueConstraint("uuid"), UniqueConstraint("cluster_id", "name"))

    uuid: Mapped[str] = _uuid_column()
    cluster_id: Mapped[str] = mapped_column(
        string(UUID_LENGTH), ForeignKey("cluster.uuid", ondelete="CASCADE")
    )
    project_id: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    is_default: Mapped[bool] = mapped_column(default=False)
    node_count: Mapped[int]
    node_addresses: Mapped[list[str] | None]


def count(groups: Iterable[Any], role: str) -> int:
    """Sum the nodes over the node groups of one role."""
    return sum(group.node_count for group in groups if group.role == role)


def addresses(groups: Iterable[Any], role: str) -> list[str] | None:
    """Join the nodes' addresses over the node groups of one role; None until known."""
    lists = [
        group.node_addresses
        for group in groups
        if group.role == role and group.node_addresses is not None
    ]
    return [address for part in lists for address in part] if lists else None


def _select_count(role: str) -> ColumnElement[int]:
    """Build the sum of a cluster's nodes in groups of one role; an integer on every database."""
    total = func.coalesce(func.sum(NodeGroup.node_count), 0).cast(Integer)
    groups = select(total).where(NodeGroup.cluster_id == Cluster.uuid, NodeGroup.role == role)
    return groups.scalar_subquery()


class Operation(Leased, Base):
    """A change asked for, and the lease of the conductor that carries it out."""

    __tablename__ = "operation"
    __table_args__ = (
        UniqueConstraint("uuid"),
        Index(None, "cluster_id"),
        Index(None, "state", "lease_expires"),
        Index(None, "project_id", "lease_expires"),
    )

    uuid: Mapped[str] = _uuid_column()
    cluster_id: Mapped[str] = _uuid_column()
    project_id: Mapped[str]
    user_id: Mapped[str]
    action: Mapped[str] = mapped_column(string(20))
    change: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(string(20))
    step: Mapped[str | None] = mapped_column(string(64))  # the last one done
    progress: Mapped[dict[str, Any]] = mapped_column(default=dict)  # what steps leave to later ones
    reason: Mapped[str | None] = mapped_column(Text)
    waiting: Mapped[bool] = mapped_column(default=False)  # for its stack
    finished_at: Mapped[datetime.datetime | None]


class Event(Base):
    """Something that happened to a cluster, for its users to read."""

    __tablename__ = "event"
    __table_args__ = (Index(None, "cluster_id"),)

    cluster_id: Mapped[str] = _uuid_column()
    operation_id: Mapped[str | None] = mapped_column(string(UUID_LENGTH))
    severity: Mapped[str] = mapped_column(string(10))
    resource: Mapped[str]
    text: Mapped[str] = mapped_column(Text)


class Notification(Base):
    """Something that operators are still to be told, see :mod:`magnum.db.notifications`."""

    __tablename__ = "notification"
    __table_args__ = (UniqueConstraint("uuid"),)

    uuid: Mapped[str] = _uuid_column()
    told: Mapped[dict[str, Any]]
    taken_until: Mapped[float] = mapped_column(Double, default=0.0)


class Container(Base):
    """A container on a Swarm cluster: what is wanted of it, where it is, what was last seen."""

    __tablename__ = "container"
    __table_args__ = (
        UniqueConstraint("uuid"),
        UniqueConstraint("docker_id"),
        Index(None, "project_id"),
        Index(None, "cluster_id"),
    )

    uuid: Mapped[str] = _uuid_column()
    project_id: Mapped[str]
    user_id: Mapped[str]
    name: Mapped[str | None]
    image: Mapped[str]
    command: Mapped[str | None] = mapped_column(Text)
    memory: Mapped[str | None]  # as it was asked for
    environment: Mapped[dict[str, str]] = mapped_column(default=dict)
    status: Mapped[str] = mapped_column(string(20))
    status_reason: Mapped[str | None] = mapped_column(Text)
    cluster_id: Mapped[str] = mapped_column(
        string(UUID_LENGTH), ForeignKey("cluster.uuid", ondelete="CASCADE")
    )
    host: Mapped[str | None]  # the address of the engine that it is placed on
    host_id: Mapped[str | None]  # and its node's id in the swarm
    docker_id: Mapped[str | None] = mapped_column(string(64))  # None until it is made
    memory_bytes: Mapped[int] = mapped_column(BigInteger, default=0)  # reserved there


class ContainerCreation(Leased, Base):
    """A container that is still to be made, and the lease of the conductor that makes it.

    It goes when that is done or has failed, and with its container.  Apart from the operations,
    so that a bay is changed and deleted whatever goes on in it.
    """

    __tablename__ = "container_creation"
    __table_args__ = (UniqueConstraint("container_id"), Index(None, "lease_expires"))

    container_id: Mapped[str] = mapped_column(
        string(UUID_LENGTH), ForeignKey("container.uuid", ondelete="CASCADE")
    )
    cancelled: Mapped[bool] = mapped_column(default=False)  # what was made is to go again


class Certificate(Base):
    """A bundle in the database's certificate store; both texts are encrypted."""

    __tablename__ = "certificate"
    __table_args__ = (UniqueConstraint("uuid"), UniqueConstraint("name"))

    uuid: Mapped[str] = _uuid_column()
    name: Mapped[str]
    certificate: Mapped[str] = mapped_column(Text)
    private_key: Mapped[str] = mapped_column(Text)


class Quota(Base):
    """How many of a resource a project may have."""

    __tablename__ = "quota"
    __table_args__ = (UniqueConstraint("project_id", "resource"),)

    project_id: Mapped[str]
    resource: Mapped[str]
    hard_limit: Mapped[int]


class MagnumService(Base):
    """A conductor's heartbeat."""

    __tablename__ = "magnum_service"
    __table_args__ = (UniqueConstraint("host", "binary"),)

    host: Mapped[str]
    binary: Mapped[str]
    disabled: Mapped[bool] = mapped_column(default=False)
    disabled_reason: Mapped[str | None]
    last_seen_up: Mapped[datetime.datetime | None]
    forced_down: Mapped[bool] = mapped_column(default=False)
    report_count: Mapped[int] = mapped_column(default=0)

    def is_up(self, now: datetime.datetime, down_after: datetime.timedelta) -> bool:
        """Tell whether its last heartbeat is young."""
        seen = self.last_seen_up or self.updated_at or self.created_at
        return not self.forced_down and abs(now - seen) <= down_after
