"""Run by Alembic. The connection, and the transaction around it, are the caller's.

So two processes that start at once take turns at the write lock, and one that is killed half-way
leaves the schema as it was.
"""

from alembic import context

from cosmos.state.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
