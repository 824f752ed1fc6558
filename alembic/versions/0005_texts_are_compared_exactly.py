# SPDX-License-Identifier: Apache-2.0
"""texts are compared exactly

Without this MySQL takes K1 for k1 and an accent for none, and PostgreSQL sorts as the site's
dictionary does.  SQLite always did right.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from alembic import op

revision = "0005"
down_revision = "0004"

COLUMNS = {
    "certificate": {(36, False): "uuid", (255, False): "name"},
    "cluster": {
        (36, False): "uuid cluster_template_id",
        (255, False): "project_id user_id name",
        (255, True): "keypair discovery_url stack_id api_address master_user_id worker_user_id "
        "coe_version container_version",
        (20, False): "status",
        (512, True): "ca_cert_ref magnum_cert_ref",
    },
    "cluster_template": {
        (36, False): "uuid",
        (255, False): "project_id user_id name coe server_type cluster_distro image_id",
        (255, True): "keypair_id external_network_id flavor_id master_flavor_id dns_nameserver "
        "fixed_network fixed_subnet network_driver volume_driver docker_storage_driver "
        "http_proxy https_proxy no_proxy insecure_registry",
    },
    "container": {
        (36, False): "uuid cluster_id",
        (255, False): "project_id user_id image",
        (255, True): "name memory",
        (20, False): "status",
    },
    "event": {
        (36, False): "cluster_id",
        (36, True): "operation_id",
        (10, False): "severity",
        (255, False): "resource",
    },
    "magnum_service": {(255, False): "host binary", (255, True): "disabled_reason"},
    "nodegroup": {(36, False): "uuid cluster_id", (255, False): "project_id name role"},
    "notification": {(36, False): "uuid"},
    "operation": {
        (36, False): "uuid cluster_id",
        (255, False): "project_id user_id",
        (255, True): "request_id lease_owner",
        (20, False): "action state",
        (64, True): "step",
    },
    "quota": {(255, False): "project_id resource"},
}
"""By table, then by length and whether it may be null."""

REFERENCES = (
    ("cluster", "cluster_template_id", "cluster_template", None),
    ("container", "cluster_id", "cluster", "CASCADE"),
    ("nodegroup", "cluster_id", "cluster", "CASCADE"),
)


def columns() -> Iterator[tuple[str, str, int, bool]]:
    for table, kinds in COLUMNS.items():
        for (length, nullable), names in kinds.items():
            yield from ((table, name, length, nullable) for name in names.split())


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "mysql":
        # Both ends of a reference must have one collation at any time.
        for table, column, *_ in REFERENCES:
            op.drop_constraint(f"fk_{table}_{column}", table, type_="foreignkey")
        for table, name, length, nullable in columns():
            binary = mysql.VARCHAR(length, binary=True)
            op.alter_column(table, name, type_=binary, existing_nullable=nullable)
        for table, column, other, ondelete in REFERENCES:
            name = f"fk_{table}_{column}"
            op.create_foreign_key(name, table, other, [column], ["uuid"], ondelete=ondelete)
    elif dialect == "postgresql":
        for table, name, length, _ in columns():
            op.alter_column(table, name, type_=sa.String(length, "C"))
