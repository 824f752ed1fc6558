# SPDX-License-Identifier: Apache-2.0
"""which operations wait for their stacks"""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("operation") as operation:
        operation.add_column(
            sa.Column("waiting", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        # The default was for the rows that were there.
        operation.alter_column(
            "waiting", server_default=None, existing_type=sa.Boolean(), existing_nullable=False
        )
        operation.create_index(
            op.f("ix_operation_project_id_lease_expires"), ["project_id", "lease_expires"]
        )
