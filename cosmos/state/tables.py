"""The tables, as SQLAlchemy Core. Rules that must never be broken are constraints, not only code.

Law 2 is the index `attempts_one_open`. Times are seconds since the epoch. Nothing that a host
reports (durations, clocks) is constrained: a strange value must not lose a result.
A change here needs a migration; a test compares the two.
"""

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

metadata = MetaData(naming_convention={"ck": "%(table_name)s_%(constraint_name)s"})

OPEN = "state IN ('intended', 'started')"

batches = Table(
    "batches",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("digest_schema", Integer, nullable=False),
    Column("revision", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("released", Boolean, nullable=False, server_default=false()),
    Column("author", Text, nullable=False, server_default=""),
    Column("committed_at", Float),
)

members = Table(
    "members",
    metadata,
    Column("batch_id", Text, ForeignKey("batches.batch_id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("run_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("chunks", Integer),
    Column("shape", Text),
)

attempts = Table(
    "attempts",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("batch_id", Text, ForeignKey("batches.batch_id"), nullable=False),
    Column("run_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("gpus", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("message", Text, nullable=False),
    Column("intended_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    CheckConstraint("number >= 1", name="number"),
    CheckConstraint("length(digest) = 64", name="digest"),
    CheckConstraint("state IN ('intended', 'started', 'succeeded', 'failed', 'cancelled')", name="state"),
    CheckConstraint(f"({OPEN}) = (ended_at IS NULL)", name="ended"),
    CheckConstraint("state <> 'started' OR started_at IS NOT NULL", name="started"),
    Index("attempts_batch", "batch_id"),
    Index("attempts_run", "run_id"),
    # the migration has it for PostgreSQL too; to name that here would load its dialect at every start
    Index("attempts_one_open", "digest", unique=True, sqlite_where=text(OPEN)),
)

ledger = Table(
    "ledger",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("digest_schema", Integer, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("batch_id", Text, nullable=False),
    Column("finished_at", Float, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("folder", Text, nullable=False),
    Column("manifest", Text, nullable=False),
    ForeignKeyConstraint(["digest", "attempt"], ["attempts.digest", "attempts.number"]),
    Index("ledger_run", "run_id"),
)

timings = Table(
    "timings",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("model", Text, nullable=False),
    Column("gpu", Text, nullable=False),
    Column("shape", Text, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("load_s", Float),
    Column("run_s", Float, nullable=False),
    Column("ended_at", Float, nullable=False),
    Index("timings_alike", "model", "gpu", "shape", "ended_at"),
)

materials = Table(
    "materials",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("material", Text, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("after", Integer, nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    CheckConstraint("verb IN ('cancel', 'retry', 'rerun', 'assume_lost')", name="verb"),
    CheckConstraint("after >= 0", name="after"),
    Index("requests_digest", "digest"),
)

suspensions = Table(
    "suspensions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    CheckConstraint("scope IN ('run', 'host', 'project')", name="scope"),
    Index("suspensions_subject", "scope", "subject"),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_at", Float, nullable=False),
    Column("last_at", Float, nullable=False),
    CheckConstraint("count >= 1", name="count"),
    Index("events_subject", "subject"),
    Index("events_last", "last_at"),
)

runs = Table(
    "runs",
    metadata,
    Column("key", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("digest", Text),
    Column("sync", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("cause", Text),
    Column("reason", Text),
    Column("message", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("gpus", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("folder", Text, nullable=False),
    Column("since", Float),
    Column("until", Float),
    Column("stuck", Boolean, nullable=False),
    Column("file", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("col", Integer, nullable=False),
    Column("gone", Boolean, nullable=False, server_default=false()),
    Column("takes_s", Float),
    Column("basis", Text),
    Column("ends_at", Float),
    CheckConstraint("sync IN ('Synced', 'OutOfSync', 'Unknown')", name="sync"),
    Index("runs_run", "run_id"),
)

lease = Table(
    "lease",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("database", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("since", Float, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("beat_at", Float, nullable=False),
    Column("machine", Text, nullable=False),
    Column("boot", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", Text, nullable=False),
    Column("who", Text, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

notes = Table(
    "notes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

file_hashes = Table(
    "file_hashes",
    metadata,
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    sqlite_with_rowid=False,
)

media = Table(
    "media",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("facts", Text, nullable=False),
)


def upsert(dialect: str, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that takes ON CONFLICT, in a dialect.

    Statements are made once and given their values when they run: making one costs ten times as much as running it.
    """
    if dialect != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # a tenth of a second, for those who use it

    return postgresql.insert(table)
