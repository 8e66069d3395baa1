"""How much each run has to compute, what batches took, and when those that run are expected to end."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TIMED_WITHOUT_GPU = """
    INSERT INTO timings (batch_id, model, gpu, shape, chunks, run_s, ended_at)
    SELECT ledger.batch_id, attempts.model, '', '', 1, ledger.duration_s, ledger.finished_at
    FROM ledger JOIN attempts ON attempts.digest = ledger.digest AND attempts.number = ledger.attempt
    WHERE attempts.gpus = '' AND attempts.model <> ''
      AND NOT EXISTS (SELECT 1 FROM ledger AS other
                      WHERE other.batch_id = ledger.batch_id AND other.digest < ledger.digest)
"""
"""What is known of before. Of runs with GPUs it is not known which these were."""


def upgrade() -> None:
    op.add_column("members", sa.Column("chunks", sa.Integer))
    op.add_column("members", sa.Column("shape", sa.Text))
    op.create_table(
        "timings",
        sa.Column("batch_id", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("gpu", sa.Text, nullable=False),
        sa.Column("shape", sa.Text, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("load_s", sa.Float),
        sa.Column("run_s", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float, nullable=False),
    )
    op.create_index("timings_alike", "timings", ["model", "gpu", "shape", "ended_at"])
    op.add_column("runs", sa.Column("takes_s", sa.Float))
    op.add_column("runs", sa.Column("basis", sa.Text))
    op.add_column("runs", sa.Column("ends_at", sa.Float))
    op.execute(TIMED_WITHOUT_GPU)
