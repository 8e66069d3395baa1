"""Whose a project's folder on a host is: controller.json, the one line that every controller leaves there. Pure.

Two projects of one name, or a project and a copy of it, must not act in one folder. bash/claim.sh judges before each
script that changes something; a look judges by the same table, in Python.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from cosmos.errors import CosmosError, Fenced, HostUnreachable
from cosmos.hosts.records import get, json_object

FENCED, FOREIGN = 105, 106
"""How bash/claim.sh ends where another controller acts: a later one of the same database, or one of another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A controller. The default is that of tools that have no database."""

    database: str = ""
    """Id of its database."""
    place: str = ""
    """`machine:path` of its SQLite file; empty for a server, `:path` on a machine without an id."""
    epoch: int = 0
    """Of its lease; 0 for one that only looks."""
    who: str = ""
    since: float = 0.0

    @property
    def line(self) -> str:
        """The fields in the order that bash/claim.sh reads."""
        data = {
            "database": self.database,
            "epoch": self.epoch,
            "place": self.place,
            "since": round(self.since, 3),
            "who": self.who,
        }
        return json.dumps(data, separators=(",", ":"), allow_nan=False)

    @property
    def escaped_place(self) -> str:
        """As it stands in the line."""
        return json.dumps(self.place)[1:-1]

    def is_followed_by(self, other: "Owner", has_left: Callable[[str], bool]) -> bool:
        """Whether another one is the same controller, or the next of its kind; see docs/recovery.md for the table.

        Args:
            other: Who would act.
            has_left: Whether the database of `other` was in that place and is there no more.
        """
        if self.database != other.database:
            return self.place == other.place and not other.place.startswith(":") and bool(other.place)
        return self.place == other.place or has_left(self.place)

    def __str__(self) -> str:
        at = self.place.partition(":")[2] or self.database[:8]
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.since))
        return f"{self.who or 'somebody'} (database {at}), since {since}"


def read_owner(line: str) -> Owner | None:
    """Who wrote controller.json, or None when it cannot be understood."""
    try:
        data = json_object(line)
        return Owner(
            database=get(data, "database", str),
            place=get(data, "place", str),
            epoch=get(data, "epoch", int),
            who=get(data, "who", str),
            since=get(data, "since", float),
        )
    except ValueError:
        return None


def whose(line: str) -> str:
    """The controller that wrote a line, for people."""
    return str(read_owner(line) or "one whose controller.json cannot be understood")


def belongs(host: str, line: str) -> HostUnreachable:
    """The folder is another one's: nothing is known about what is there, and nothing may be done."""
    return HostUnreachable(
        f"the project's folder on {host} belongs to {whose(line)}",
        f"if that controller is gone for good: cosmos hosts claim {host}",
    )


def turned_away(host: str, status: int, errors: bytes) -> CosmosError:
    """What bash/claim.sh said on stderr before it ended with FENCED or FOREIGN."""
    line = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
    if status == FOREIGN:
        return belongs(host, line)
    return Fenced(
        f"another cosmos acts on {host} now: {whose(line)}; this one was silent too long and stops",
        f"work on hosts goes on. If there is no other one, a clock was set back: cosmos hosts claim {host}",
    )
