# SPDX-License-Identifier: Apache-2.0
"""faults of a cluster"""

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("cluster", sa.Column("faults", sa.JSON(none_as_null=True), nullable=True))
