"""The table of suspensions: a row for each thing said, of which the newest about a subject holds.

Called by `SqlRecords`, in its transaction.
"""

from sqlalchemy import Connection, func, insert, select

from cosmos.core.suspension import Scope, Suspension, Suspensions
from cosmos.state.board import printable
from cosmos.state.tables import suspensions

_NEWEST = select(func.max(suspensions.c.id)).group_by(suspensions.c.scope, suspensions.c.subject)
_IN_FORCE = select(suspensions).where(suspensions.c.id.in_(_NEWEST))


def read(connection: Connection) -> Suspensions:
    """Those in force."""
    rows = connection.execute(_IN_FORCE)
    said = [
        Suspension(
            scope=Scope(row.scope),
            subject=row.subject,
            active=row.active,
            at=row.asked_at,
            by=row.asked_by,
            why=row.why,
        )
        for row in rows
    ]
    active = [each for each in said if each.active]
    return Suspensions(
        project=next((each for each in active if each.scope is Scope.PROJECT), None),
        hosts={each.subject: each for each in active if each.scope is Scope.HOST},
        runs={each.subject: each for each in active if each.scope is Scope.RUN},
        resumed={each.subject: each.at for each in said if each.scope is Scope.HOST and not each.active},
    )


def write(connection: Connection, said: Suspension) -> None:
    row = {
        "scope": said.scope.value,
        "subject": said.subject,
        "active": said.active,
        "asked_at": said.at,
        "asked_by": printable(said.by),
        "why": printable(said.why),
    }
    connection.execute(insert(suspensions), [row])
