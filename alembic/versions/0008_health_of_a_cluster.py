# SPDX-License-Identifier: Apache-2.0
"""health of a cluster, and when it is looked at next"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    binary, by_codes = mysql.VARCHAR(20, binary=True), sa.String(20, "C")
    word = sa.String(20).with_variant(binary, "mysql").with_variant(by_codes, "postgresql")
    with op.batch_alter_table("cluster") as cluster:
        cluster.add_column(sa.Column("health_status", word, nullable=True))
        cluster.add_column(
            sa.Column("health_status_reason", sa.JSON(none_as_null=True), nullable=True)
        )
        cluster.add_column(sa.Column("health_due", sa.Double(), nullable=False, server_default="0"))
        # The default was for the rows that were there.
        cluster.alter_column(
            "health_due", server_default=None, existing_type=sa.Double(), existing_nullable=False
        )
        cluster.create_index(op.f("ix_cluster_health_due"), ["health_due"])
