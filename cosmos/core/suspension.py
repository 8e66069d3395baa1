"""What people have suspended: single runs, hosts, the whole project. Rows in the database, so they need no lock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class Scope(StrEnum):
    RUN = "run"
    HOST = "host"
    PROJECT = "project"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """Somebody's word about a run (by its key), a host or the project (empty). `active` is False of a resume."""

    scope: Scope
    subject: str
    active: bool
    at: float
    by: str = ""
    why: str = ""

    @property
    def words(self) -> str:
        """Who, since when, why, and what ends it."""
        who = f" by {self.by}" if self.by else ""
        why = f" ({self.why})" if self.why else ""
        return f"suspended{who} since {moment(self.at)}{why}; {self._command} ends it"

    @property
    def _command(self) -> str:
        word = {Scope.RUN: self.subject, Scope.HOST: f"--host {self.subject}", Scope.PROJECT: "--project"}
        return f"cosmos resume {word[self.scope]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspensions:
    """Those in force. `resumed` has by host when somebody said last that it is to be used again."""

    project: Suspension | None = None
    hosts: Mapping[str, Suspension] = field(default_factory=dict)
    runs: Mapping[str, Suspension] = field(default_factory=dict)
    resumed: Mapping[str, float] = field(default_factory=dict)

    def having(self, said: Iterable[Suspension]) -> "Suspensions":
        """With what is said in the place of what was said before about the same."""
        project, hosts, runs, resumed = self.project, dict(self.hosts), dict(self.runs), dict(self.resumed)
        for each in said:
            if each.scope is Scope.PROJECT:
                project = each if each.active else None
                continue
            table = hosts if each.scope is Scope.HOST else runs
            table.pop(each.subject, None)
            if each.active:
                table[each.subject] = each
            elif each.scope is Scope.HOST:
                resumed[each.subject] = each.at
        return Suspensions(project=project, hosts=hosts, runs=runs, resumed=resumed)

    def of_run(self, key: str) -> Suspension | None:
        """What keeps a run from starting, wherever it would."""
        return self.runs.get(key) or self.project


def moment(at: float) -> str:
    """A time for a person, the same on every machine: `2026-11-27 08:20 UTC`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
