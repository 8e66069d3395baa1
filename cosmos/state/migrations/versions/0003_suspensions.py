"""What people suspend, and the request to give up work on a host that cannot be looked at."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

VERBS = "verb IN ('cancel', 'retry', 'rerun', 'assume_lost')"


def upgrade() -> None:
    op.create_table(
        "suspensions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("asked_at", sa.Float, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.CheckConstraint("scope IN ('run', 'host', 'project')", name="scope"),
    )
    op.create_index("suspensions_subject", "suspensions", ["scope", "subject"])
    if op.get_context().dialect.name == "sqlite":
        _make_requests_anew()
    else:
        op.drop_constraint("verb", "requests", type_="check")
        op.create_check_constraint("verb", "requests", VERBS)


def _make_requests_anew() -> None:
    """SQLite changes no constraint of a table that is there."""
    op.drop_index("requests_digest", "requests")
    op.rename_table("requests", "requests_before")
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("after", sa.Integer, nullable=False),
        sa.Column("asked_at", sa.Float, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.CheckConstraint(VERBS, name="verb"),
        sa.CheckConstraint("after >= 0", name="after"),
    )
    op.create_index("requests_digest", "requests", ["digest"])
    op.execute("INSERT INTO requests SELECT id, digest, verb, after, asked_at, asked_by, why FROM requests_before")
    op.drop_table("requests_before")
