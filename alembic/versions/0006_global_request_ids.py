# SPDX-License-Identifier: Apache-2.0
"""the caller's own id of a request, which its requests to other services have too"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    binary, by_codes = mysql.VARCHAR(255, binary=True), sa.String(255, "C")
    kind = sa.String(255).with_variant(binary, "mysql").with_variant(by_codes, "postgresql")
    op.add_column("operation", sa.Column("global_request_id", kind, nullable=True))
