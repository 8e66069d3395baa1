"""The real records layer on a database in memory that is put back in one step, instead of being made anew."""

import sqlite3
from pathlib import Path

from cosmos.state.database import Database, open_database
from cosmos.state.records import SqlRecords


class CleanDatabase:
    """One connection for a whole process. SQLAlchemy keeps its compiled statements from schedule to schedule.

    Args:
        folder: Where the file is made that the empty schema is taken from; it is not used after that.
    """

    def __init__(self, folder: Path) -> None:
        self.database: Database = open_database(f"sqlite:///{folder}/template.db")
        self.records = SqlRecords(self.database)
        with self.database.outside_transactions() as cursor:
            self.raw: sqlite3.Connection = cursor.connection
        self.raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        schema = bytearray(self.raw.serialize())
        schema[18:20] = b"\1\1"  # no write-ahead log: there is no file to keep it in
        self._schema = bytes(schema)
        self.reset()

    def reset(self) -> None:
        """An empty database with the schema, in memory from now on."""
        self.raw.deserialize(self._schema)

    def close(self) -> None:
        self.database.close()
