"""Batches, attempts, ledger, requests, events, statuses, notes and remembered file facts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

OPEN = "state IN ('intended', 'started')"


def upgrade() -> None:
    _work()
    _people()
    _views()
    _facts()


def _work() -> None:
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("digest_schema", sa.Integer, nullable=False),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("released", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "members",
        sa.Column("batch_id", sa.Text, sa.ForeignKey("batches.batch_id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
    )
    _attempts()
    op.create_table(
        "ledger",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("digest_schema", sa.Integer, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("batch_id", sa.Text, nullable=False),
        sa.Column("finished_at", sa.Float, nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["digest", "attempt"], ["attempts.digest", "attempts.number"]),
    )
    op.create_index("ledger_run", "ledger", ["run_id"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("batch_id", sa.Text, sa.ForeignKey("batches.batch_id"), nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("gpus", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("intended_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("ended_at", sa.Float),
        sa.CheckConstraint("number >= 1", name="number"),
        sa.CheckConstraint("length(digest) = 64", name="digest"),
        sa.CheckConstraint("state IN ('intended', 'started', 'succeeded', 'failed', 'cancelled')", name="state"),
        sa.CheckConstraint(f"({OPEN}) = (ended_at IS NULL)", name="ended"),
        sa.CheckConstraint("state <> 'started' OR started_at IS NOT NULL", name="started"),
    )
    op.create_index("attempts_batch", "attempts", ["batch_id"])
    op.create_index("attempts_run", "attempts", ["run_id"])
    where = sa.text(OPEN)
    op.create_index(
        "attempts_one_open", "attempts", ["digest"], unique=True, sqlite_where=where, postgresql_where=where
    )


def _people() -> None:
    op.create_table(
        "materials",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("material", sa.Text, nullable=False),
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("after", sa.Integer, nullable=False),
        sa.Column("asked_at", sa.Float, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.CheckConstraint("verb IN ('cancel', 'retry', 'rerun')", name="verb"),
        sa.CheckConstraint("after >= 0", name="after"),
    )
    op.create_index("requests_digest", "requests", ["digest"])
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("first_at", sa.Float, nullable=False),
        sa.Column("last_at", sa.Float, nullable=False),
        sa.CheckConstraint("count >= 1", name="count"),
    )
    op.create_index("events_subject", "events", ["subject"])
    op.create_index("events_last", "events", ["last_at"])


def _views() -> None:
    op.create_table(
        "runs",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("digest", sa.Text),
        sa.Column("sync", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("cause", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("gpus", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("since", sa.Float),
        sa.Column("until", sa.Float),
        sa.Column("stuck", sa.Boolean, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("col", sa.Integer, nullable=False),
        sa.Column("gone", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.CheckConstraint("sync IN ('Synced', 'OutOfSync', 'Unknown')", name="sync"),
    )
    op.create_index("runs_run", "runs", ["run_id"])
    op.create_table(
        "notes",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def _facts() -> None:
    op.create_table(
        "file_hashes",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("mtime_ns", sa.BigInteger, nullable=False),
        sa.Column("inode", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "media",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("facts", sa.Text, nullable=False),
    )
