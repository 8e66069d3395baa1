"""Who wrote the commit that a batch was begun from, and when it was committed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("batches", sa.Column("author", sa.Text, nullable=False, server_default=""))
    op.add_column("batches", sa.Column("committed_at", sa.Float))
