"""The lease: who may act, and the database's own id."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    lease = op.create_table(
        "lease",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("database", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("beat_at", sa.Float, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("boot", sa.Text, nullable=False),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.CheckConstraint("id = 1", name="one"),
    )
    words = dict.fromkeys(("machine", "boot", "namespace", "started", "who"), "")
    numbers = {"id": 1, "epoch": 0, "since": 0.0, "beat": 0, "beat_at": 0.0, "pid": 0}
    op.bulk_insert(lease, [{"database": secrets.token_hex(16), "held": False, **words, **numbers}])
