"""The one-line JSON files of a run directory: batch.json, claim and exit.json. Pure.

run.sh writes claim and exit.json, this module batch.json; `hosts.parse` reads all three out of a look.
Text that is not such a record reads as None: a crash or a full disk can leave one damaged, and that must
not hide the others.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from cosmos.core.digest import Digest
from cosmos.core.estimate import Work
from cosmos.core.observed import BatchMeta, ExitRecord, Member, origin

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who started a batch: made by run.sh, or by `stop` with pid 0."""

    pid: int
    boot: str
    at: float


def read_claim(text: str) -> Claim | None:
    """A claim, or None when the text is none."""
    try:
        data = json_object(text)
        return Claim(pid=get(data, "pid", int), boot=get(data, "boot", str), at=get(data, "at", float))
    except ValueError:
        return None


def read_time(text: str) -> float | None:
    """When a program began, as run.sh wrote it down; None when the text is no time."""
    try:
        at = float(text)
    except ValueError:
        return None
    return at if math.isfinite(at) and at > 0 else None


def read_exit(text: str) -> ExitRecord | None:
    """An exit record, or None when the text is none."""
    try:
        data = json_object(text)
        return ExitRecord(
            code=get(data, "code", int),
            started_at=get(data, "started_at", float),
            ended_at=get(data, "ended_at", float),
            boot_id=get(data, "boot_id", str),
            stage=get(data, "stage", str),
            timed_out=get(data, "timed_out", bool),
            stopped=get(data, "stopped", bool),
            interrupted=get({"interrupted": False, **data}, "interrupted", bool),  # older records do not have these
            stalled=get({"stalled": False, **data}, "stalled", bool),
        )
    except ValueError:
        return None


def read_meta(text: str) -> BatchMeta | None:
    """What batch.json says, or None when it cannot be understood."""
    try:
        data = json_object(text)
        return BatchMeta(
            batch_id=get(data, "batch_id", str),
            project=get(data, "project", str),
            members=tuple(_member(member) for member in get(data, "members", list)),
            attempt=get(data, "attempt", int),
            digest_schema=get(data, "digest_schema", int),
            gpus=tuple(get({"gpu": gpu}, "gpu", str) for gpu in get(data, "gpus", list)),
            origin=origin(
                get(data, "commit", str), get({"author": "", **data}, "author", str), data.get("committed_at")
            ),
            owner=get(data, "owner", str),
            created_at=get(data, "created_at", float),
        )
    except ValueError:
        return None


def write_meta(meta: BatchMeta) -> bytes:
    """batch.json: one line of ASCII."""
    data = {
        "batch_id": meta.batch_id,
        "project": meta.project,
        "members": [
            {"run_id": one.run_id, "key": one.key, "digest": one.digest, "run": one.run, **_work_of(one)}
            for one in meta.members
        ],
        "attempt": meta.attempt,
        "digest_schema": meta.digest_schema,
        "gpus": list(meta.gpus),
        "commit": meta.origin.commit,
        "author": meta.origin.author,
        "committed_at": meta.origin.committed_at,
        "owner": meta.owner,
        "created_at": meta.created_at,
    }
    return json.dumps(data, allow_nan=False).encode("ascii") + b"\n"


def _member(data: object) -> Member:
    if not isinstance(data, dict):
        raise ValueError("a member is no object")
    return Member(
        run_id=get(data, "run_id", str),
        key=get(data, "key", str),
        digest=Digest(get(data, "digest", str)),
        run=get(data, "run", str),
        work=_read_work(data.get("work")),
    )


def _work_of(member: Member) -> Mapping[str, object]:
    """What others learn by from its time; of before, and of programs of which nothing tells, it is not there."""
    work = member.work
    return {} if work is None else {"work": {"chunks": work.chunks, "shape": work.shape}}


def _read_work(data: object) -> Work | None:
    """Advice only: one that is damaged must not hide the run."""
    if not isinstance(data, dict):
        return None
    try:
        return Work(chunks=get(data, "chunks", int), shape=get(data, "shape", str))
    except ValueError:
        return None


def json_object(text: str) -> Mapping[str, object]:
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError("nested without end") from None
    if not isinstance(data, dict):
        raise ValueError("no object")
    return data


def get(data: Mapping[str, object], key: str, kind: type[T]) -> T:
    value = data.get(key)
    if kind is float and type(value) is int and abs(value) < 1 << 53:
        value = float(value)
    if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{key} is no {kind.__name__}")
    if isinstance(value, str):
        value.encode()  # half a surrogate pair is a UnicodeEncodeError, which is a ValueError
    return value
