"""The table of suspensions: a row for each thing said, of which the newest about a subject holds.

Called by `SqlRecords`, in its transaction.
"""

from sqlalchemy import insert, select

from cosmos.core.suspension import Scope, Suspension, Suspensions
from cosmos.state.board import printable
from cosmos.state.tables import suspensions
from cosmos.state.transaction import Statement, Transaction

_WRITE = Statement(insert(suspensions))
_SAID = Statement(
    select(
        suspensions.c.scope,
        suspensions.c.subject,
        suspensions.c.active,
        suspensions.c.asked_at,
        suspensions.c.asked_by,
        suspensions.c.why,
    ).order_by(suspensions.c.id)
)


def read(transaction: Transaction) -> Suspensions:
    """Those in force."""
    newest = {row[:2]: row for row in transaction.rows(_SAID)}
    said = [
        Suspension(scope=Scope(scope), subject=subject, active=bool(active), at=at, by=by, why=why)
        for scope, subject, active, at, by, why in newest.values()
    ]
    active = [each for each in said if each.active]
    return Suspensions(
        project=next((each for each in active if each.scope is Scope.PROJECT), None),
        hosts={each.subject: each for each in active if each.scope is Scope.HOST},
        runs={each.subject: each for each in active if each.scope is Scope.RUN},
        resumed={each.subject: each.at for each in said if each.scope is Scope.HOST and not each.active},
    )


def write(transaction: Transaction, said: Suspension) -> None:
    row = {
        "scope": said.scope.value,
        "subject": said.subject,
        "active": said.active,
        "asked_at": said.at,
        "asked_by": printable(said.by),
        "why": printable(said.why),
    }
    transaction.change(_WRITE, **row)
