"""Statements as SQLAlchemy writes them for each database, and the values that they are run with."""

import pytest
from sqlalchemy.engine import make_url

from cosmos.core.digest import Digest
from cosmos.core.recorded import AttemptState, Request, Verb
from cosmos.state import claims, facts, history, lease, loading, statuses, suspending
from cosmos.state.database import Database
from cosmos.state.records import SqlRecords
from cosmos.state.tables import metadata
from cosmos.state.transaction import AT_ONCE, Statement
from tests.makers import NOW, a_batch_meta, a_digest, an_attempt

MODULES = (claims, facts, history, lease, loading, statuses, suspending)
STATEMENTS = {
    f"{module.__name__}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, Statement)
}


COLUMNS = {column.name: None for table in metadata.sorted_tables for column in table.columns}
"""Values for all that an INSERT may name."""


@pytest.mark.parametrize("url", ["sqlite://", "postgresql+psycopg://"])
def test_every_statement_can_be_written_for_both_databases(url: str) -> None:
    dialect = make_url(url).get_dialect()()
    written = {name: statement.text(dialect, COLUMNS).words for name, statement in STATEMENTS.items()}
    assert len(written) >= 40
    assert [name for name, words in written.items() if "POSTCOMPILE" in words] == []


def test_a_value_that_is_not_given_is_no_null(database: Database) -> None:
    with pytest.raises(KeyError, match="about"), database.reading() as transaction:
        transaction.row(STATEMENTS["cosmos.state.history._NEWEST"])


@pytest.mark.parametrize("count", [1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE - 1])
def test_many_are_asked_for_a_few_at_a_time(records: SqlRecords, count: int) -> None:
    for number in range(count):
        attempt = an_attempt(f"city-{number}", state=AttemptState.INTENDED)
        records.intend(attempt, {"params": number}, a_batch_meta(f"city-{number}"))
        records.request(Request(digest=attempt.digest, verb=Verb.CANCEL, after=1, at=NOW - number))
    attempts = [an_attempt(f"city-{number}") for number in range(count)]
    previous = records.load({attempt.run_id: Digest("0" * 64) for attempt in attempts}).previous
    assert previous == {attempt.run_id: {"params": number} for number, attempt in enumerate(attempts)}
    digests = [a_digest(f"city-{number}") for number in range(count)]
    assert [request.digest for request in records.requests_of(digests[::-1])] == digests
