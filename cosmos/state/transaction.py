"""Statements that SQLAlchemy writes, once, and that the driver runs.

To run a short statement takes SQLAlchemy ten times as long as SQLite itself. Rows are as the driver gives them:
SQLite has no booleans, and answers 0 or 1.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, ColumnElement, Dialect, bindparam
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor

Row = tuple[Any, ...]
Values = Mapping[str, Any]


class _Text(NamedTuple):
    """A statement for one dialect and these names of values."""

    words: str
    own: Values
    """Values that it was made with."""
    order: Sequence[str] | None
    """Of its values, where the driver takes them by their place."""

    def given(self, values: Values) -> Any:
        every = {**self.own, **values} if self.own else values
        return every if self.order is None else [every[name] for name in self.order]


class Statement:
    """A statement and, once it has been run, its text: a constant of the module that runs it.

    Args:
        made: The statement, or what makes it for a dialect where each has its own.
    """

    def __init__(self, made: ClauseElement | Callable[[str], ClauseElement]) -> None:
        self._made = made
        self._texts: dict[tuple[str, ...], _Text] = {}

    def text(self, dialect: Dialect, values: Values) -> _Text:
        key = (dialect.name, *values)
        found = self._texts.get(key)
        if found is None:
            found = self._texts[key] = self._write(dialect, list(values))
        return found

    def _write(self, dialect: Dialect, names: list[str]) -> _Text:
        made = self._made if isinstance(self._made, ClauseElement) else self._made(dialect.name)
        written: Any = made.compile(dialect=dialect, column_keys=names)
        own = {name: bind.effective_value for name, bind in written.binds.items() if not bind.required}
        return _Text(written.string, own, written.positiontup if written.positional else None)


class Transaction:
    """What `Database.reading` and `Database.writing` give."""

    def __init__(self, connection: DBAPIConnection, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect

    def rows(self, statement: Statement, /, **values: Any) -> Iterator[Row]:
        """One after the other; the statement is run now, and its cursor is given back after the last one."""
        return _each(self._run(statement, values))

    def row(self, statement: Statement, /, **values: Any) -> Row | None:
        """The first one."""
        cursor = self._run(statement, values)
        row: Row | None = cursor.fetchone()
        cursor.close()
        return row

    def value(self, statement: Statement, /, **values: Any) -> Any:
        """The first of the first row; None where there is no row."""
        row = self.row(statement, **values)
        return None if row is None else row[0]

    def change(self, statement: Statement, /, **values: Any) -> int:
        """How many rows it changed."""
        return self._run(statement, values).rowcount

    def change_each(self, statement: Statement, each: Sequence[Values]) -> None:
        """Run it with each of these, which have the same names."""
        if each:
            text = statement.text(self._dialect, each[0])
            self._connection.cursor().executemany(text.words, [text.given(values) for values in each])

    def _run(self, statement: Statement, values: Values) -> DBAPICursor:
        text = statement.text(self._dialect, values)
        cursor = self._connection.cursor()
        cursor.execute(text.words, text.given(values))
        return cursor


def _each(cursor: DBAPICursor) -> Iterator[Row]:
    try:
        yield from iter(cursor.fetchone, None)
    finally:
        cursor.close()


AT_ONCE = 50


def is_among(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether it is one of the values of `some_of`: always as many, so that the text is always the same."""
    return column.in_([bindparam(f"among_{number}", type_=column.type) for number in range(AT_ONCE)])


def some_of(values: Sequence[str]) -> Iterator[dict[str, str]]:
    """For `is_among`, as often as it takes."""
    for start in range(0, len(values), AT_ONCE):
        some = values[start : start + AT_ONCE]
        padded: Iterable[str] = (*some, *[some[-1]] * (AT_ONCE - len(some)))
        yield {f"among_{number}": value for number, value in enumerate(padded)}
