"""The contract of `Records`, kept by SqlRecords on SQLite."""

import pytest

from cosmos.core.ports import Records
from cosmos.state.database import Database
from cosmos.state.records import SqlRecords
from tests.contracts.records_contract import RecordsContract


class TestSqliteRecords(RecordsContract):
    @pytest.fixture
    def records(self, database: Database) -> Records:
        return SqlRecords(database)
