# SPDX-License-Identifier: Apache-2.0
"""containers on engines, and those still to be made"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from alembic import op

revision = "0007"
down_revision = "0006"


def string(length: int) -> sa.String:
    binary, by_codes = mysql.VARCHAR(length, binary=True), sa.String(length, "C")
    return sa.String(length).with_variant(binary, "mysql").with_variant(by_codes, "postgresql")


def upgrade() -> None:
    # Nothing could write this table before, so it is made anew: SQLite cannot add a constraint.
    op.drop_table("container")
    op.create_table(
        "container",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", string(36), nullable=False),
        sa.Column("project_id", string(255), nullable=False),
        sa.Column("user_id", string(255), nullable=False),
        sa.Column("name", string(255), nullable=True),
        sa.Column("image", string(255), nullable=False),
        sa.Column("command", sa.Text(), nullable=True),
        sa.Column("memory", string(255), nullable=True),
        sa.Column("environment", sa.JSON(), nullable=False),
        sa.Column("status", string(20), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("cluster_id", string(36), nullable=False),
        sa.Column("host", string(255), nullable=True),
        sa.Column("host_id", string(255), nullable=True),
        sa.Column("docker_id", string(64), nullable=True),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["cluster.uuid"],
            name=op.f("fk_container_cluster_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_container")),
        sa.UniqueConstraint("uuid", name=op.f("uniq_container0uuid")),
        sa.UniqueConstraint("docker_id", name=op.f("uniq_container0docker_id")),
    )
    op.create_index(op.f("ix_container_project_id"), "container", ["project_id"])
    op.create_index(op.f("ix_container_cluster_id"), "container", ["cluster_id"])
    op.create_table(
        "container_creation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("container_id", string(36), nullable=False),
        sa.Column("request_id", string(255), nullable=True),
        sa.Column("global_request_id", string(255), nullable=True),
        sa.Column("deadline", sa.Double(), nullable=False),
        sa.Column("lease_owner", string(255), nullable=True),
        sa.Column("lease_expires", sa.Double(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["container_id"],
            ["container.uuid"],
            name=op.f("fk_container_creation_container_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_container_creation")),
        sa.UniqueConstraint("container_id", name=op.f("uniq_container_creation0container_id")),
    )
    op.create_index(
        op.f("ix_container_creation_lease_expires"), "container_creation", ["lease_expires"]
    )
