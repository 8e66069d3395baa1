"""The contract of `Records`, kept by SqlRecords on SQLite and on PostgreSQL."""

import pytest

from cosmos.core.ports import Records
from cosmos.state.database import Database
from cosmos.state.records import SqlRecords
from tests.contracts.records_contract import RecordsContract
from tests.state.both import ON_BOTH


@ON_BOTH
class TestSqlRecords(RecordsContract):
    @pytest.fixture
    def records(self, database: Database) -> Records:
        return SqlRecords(database)
