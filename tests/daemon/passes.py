"""Passes of a daemon, written shortly."""

from dataclasses import replace

from cosmos.core.digest import Digest
from cosmos.core.plan import Phase, RunStatus, Sync
from cosmos.core.problem import Code, Location, Problem
from cosmos.core.reasons import Reason
from cosmos.outcome import HostNote, Pass

START = 1_800_000_000.0


def run(key: str, word: str) -> RunStatus:
    """A run that is `ok`, `run`, `wait`, `cancelled`, `suspended`, `stuck`, `away`, or failed, with a reason's name.

    `@x` behind that is another digest.
    """
    word, _, version = word.partition("@")
    base = RunStatus(
        key=key,
        run_id="rs_1",
        digest=Digest((version or "a") * 64),
        sync=Sync.OUT_OF_SYNC,
        phase=Phase.RUNNING,
        at=Location("specs/a.yaml", 3),
        host="lambda",
        attempt=1,
    )
    phases = {"cancelled": Phase.CANCELLED, "suspended": Phase.SUSPENDED, "wait": Phase.WAITING, "run": Phase.RUNNING}
    if word in phases:
        return replace(base, phase=phases[word])
    if word == "ok":
        return replace(base, phase=Phase.SUCCEEDED, sync=Sync.SYNCED)
    if word == "stuck":
        return replace(base, phase=Phase.WAITING, stuck=True, message="cannot start: needs x")
    if word == "away":
        return replace(base, sync=Sync.UNKNOWN, message="host unreachable: no route")
    reason = Reason(word)
    return replace(base, phase=Phase.FAILED, reason=reason, message=f"what the log says of {word}")


def problem(file: str, line: int, message: str = "is wrong", code: Code = Code.WRONG_VALUE) -> Problem:
    return Problem(Location(file, line), code, message, subject='run "x"')


def away(name: str, since: float | None = None, why: str = "no route") -> HostNote:
    return HostNote(name=name, reachable=False, since=since, why=why)


def a_pass(
    at: float = 0.0,
    runs: dict[str, str] | None = None,
    *,
    hosts: tuple[HostNote, ...] = (HostNote(name="lambda", reachable=True),),
    problems: tuple[Problem, ...] = (),
    held_back: str = "",
    revision: str = "c0ffee" * 6,
) -> Pass:
    """`at` in seconds since START."""
    return Pass(
        at=START + at,
        took_s=0.1,
        next_at=START + at + 10,
        revision=revision,
        held_back=held_back,
        statuses=tuple(run(key, word) for key, word in sorted((runs or {}).items())),
        hosts=hosts,
        problems=problems,
    )
