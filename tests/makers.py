"""Small core values with sensible defaults, for tests that decide something about them.

Everything follows from a run's key: `a_run("city")`, `an_attempt("city")` and `an_observed_batch("city")`
are about the same digest, the same ids and the same batch. Every other field can be given by its own
name; a name that the value does not have is a TypeError.
"""

from dataclasses import replace
from typing import Any

from cosmos.core.desired import DesiredRun
from cosmos.core.digest import DIGEST_SCHEMA, Digest, Material, batch_id, run_id, sha256_hex
from cosmos.core.estimate import Timing
from cosmos.core.observed import BatchMeta, BatchState, ExitRecord, Gpu, Member, ObservedBatch, Reachable, Unreachable
from cosmos.core.plan import Blob
from cosmos.core.problem import Location
from cosmos.core.recorded import Attempt, AttemptState, FileEntry, LedgerEntry, Manifest, Request, Verb
from cosmos.core.run import Model, OutputFile, ParamType, Run

PROJECT = "test"
BOOT = "boot-1"
NOW = 1_700_000_000.0
"""The time of the look, in seconds since the epoch; everything else here happened shortly before."""


def a_digest(word: str = "city") -> Digest:
    """The digest of the run with this key, or of any other word: `a_digest("city, edited")`."""
    return Digest(sha256_hex(word.encode()))


def a_model(name: str = "preview", **fields: Any) -> Model:
    """A model with one optional parameter and one video output."""
    model = Model(
        name=name,
        adapter="preview",
        outputs={"video": "video.mp4"},
        inputs={"color": True},
        params={"seed": ParamType(type="int", default=0, required=False)},
    )
    return replace(model, **fields)


def a_run(key: str = "city", **fields: Any) -> Run:
    """A resolved run; the part of the key before the first slash is its name."""
    run = Run(
        key=key,
        id=run_id(PROJECT, key),
        name=key.partition("/")[0],
        at=Location("specs/test.yaml"),
        model=a_model(),
        adapter_version=1,
        prompt="rain",
        text="Heavy rain over a collapsed avenue",
        inputs={"color": "inputs/city/color.mp4"},
        params={"seed": 0},
        outputs={"video": OutputFile(path="video.mp4")},
    )
    return replace(run, **fields)


def a_material(**facets: object) -> Material:
    """What a digest is made of; give a facet to make it differ: `a_material(prompt={"text": "Snow"})`."""
    return {
        "schema": DIGEST_SCHEMA,
        "model": {"adapter": "preview"},
        "prompt": {"text": "Heavy rain", "negative": ""},
        "inputs": {"color": sha256_hex(b"color")},
        "controls": {},
        "params": {"seed": 0},
        "source": None,
        **facets,
    }


def a_blob(word: str = "color", size: int = 1_000_000) -> Blob:
    """An input file whose bytes follow from a word."""
    return Blob(sha256=sha256_hex(word.encode()), size=size, path=f"inputs/city/{word}.mp4")


_OF_WANT = ("digest", "material", "blobs", "source_digest", "work")


def a_want(key: str = "city", **fields: Any) -> DesiredRun:
    """A desired run; fields that it does not have itself are those of its run."""
    own = {name: fields.pop(name) for name in _OF_WANT if name in fields}
    return replace(DesiredRun(run=a_run(key, **fields), digest=a_digest(key), material=a_material()), **own)


def a_file(name: str = "video.mp4", data: bytes = b"frames") -> FileEntry:
    return FileEntry(name=name, sha256=sha256_hex(data), size=len(data))


def a_manifest(*names: str) -> Manifest:
    """Files sorted by name; without names, one video."""
    return tuple(a_file(name) for name in sorted(names or ("video.mp4",)))


def a_batch_id(key: str = "city", digest: Digest | None = None, number: int = 1) -> str:
    return batch_id(run_id(PROJECT, key), digest or a_digest(key), number)


def a_ledger_entry(key: str = "city", digest: Digest | None = None, number: int = 1, **fields: Any) -> LedgerEntry:
    """A finished digest, made by attempt `number`."""
    digest = digest or a_digest(key)
    entry = LedgerEntry(
        digest=digest,
        schema=DIGEST_SCHEMA,
        run_id=run_id(PROJECT, key),
        key=key,
        attempt=number,
        batch_id=a_batch_id(key, digest, number),
        manifest=a_manifest(),
        finished_at=NOW - 60,
        duration_s=30.0,
        folder=f"{key}/{digest[:8]}",
    )
    return replace(entry, **fields)


def a_timing(model: str = "preview", **fields: Any) -> Timing:
    """What a batch without GPU took, of which nothing tells how much there was to compute."""
    return replace(Timing(model=model, gpu="", shape="", chunks=1, run_s=30.0), **fields)


def an_attempt(
    key: str = "city",
    digest: Digest | None = None,
    number: int = 1,
    state: AttemptState = AttemptState.STARTED,
    **fields: Any,
) -> Attempt:
    """Attempt `number` of a digest, with the times that its state implies."""
    digest = digest or a_digest(key)
    intended = state is AttemptState.INTENDED
    attempt = Attempt(
        digest=digest,
        number=number,
        batch_id=a_batch_id(key, digest, number),
        host="local",
        run_id=run_id(PROJECT, key),
        key=key,
        state=state,
        intended_at=NOW - 120,
        started_at=None if intended else NOW - 110,
    )
    if not attempt.is_open:
        attempt = replace(attempt, ended_at=NOW - 60)
    return replace(attempt, **fields)


def a_request(verb: Verb = Verb.CANCEL, key: str = "city", after: int = 1, **fields: Any) -> Request:
    """What a person asked about a digest, concerning attempts up to `after`."""
    return replace(Request(digest=a_digest(key), verb=verb, after=after, at=NOW - 30), **fields)


def an_exit(code: int = 0, **fields: Any) -> ExitRecord:
    record = ExitRecord(code=code, started_at=NOW - 110, ended_at=NOW - 60, boot_id=BOOT)
    return replace(record, **fields)


def a_batch_meta(key: str = "city", digest: Digest | None = None, number: int = 1, **fields: Any) -> BatchMeta:
    """`batch.json` of a batch with one member."""
    digest = digest or a_digest(key)
    meta = BatchMeta(
        batch_id=a_batch_id(key, digest, number),
        project=PROJECT,
        members=(Member(run_id=run_id(PROJECT, key), key=key, digest=digest),),
        attempt=number,
        digest_schema=DIGEST_SCHEMA,
        created_at=NOW - 120,
    )
    return replace(meta, **fields)


def an_observed_batch(
    key: str = "city",
    digest: Digest | None = None,
    number: int = 1,
    state: BatchState = BatchState.RUNNING,
    **fields: Any,
) -> ObservedBatch:
    """A run directory; an exited one has an exit record with code 0 unless `exit` is given."""
    meta = a_batch_meta(key, digest, number)
    claimed = state not in (BatchState.PREPARED, BatchState.PARTIAL)
    batch = ObservedBatch(
        batch_id=meta.batch_id,
        state=state,
        meta=None if state is BatchState.PARTIAL else meta,
        exit=an_exit() if state is BatchState.EXITED else None,
        started_at=NOW - 110 if claimed else None,
        boot_id=BOOT if claimed else "",
    )
    return replace(batch, **fields)


def a_gpu(index: int = 0, used: int = 0, **fields: Any) -> Gpu:
    """A GPU with 80 GiB, of which `used` MiB are in use, and the id `GPU-<index>`."""
    gpu = Gpu(id=f"GPU-{index}", name="H100", index=index, memory_total_mib=81_920, memory_used_mib=used)
    return replace(gpu, **fields)


def reachable(*batches: ObservedBatch, **fields: Any) -> Reachable:
    """A complete look at a host that has these batches and plenty of disk."""
    look = Reachable(
        boot_id=BOOT,
        clock=NOW,
        disk_free=500 << 30,
        disk_total=1000 << 30,
        batches={batch.batch_id: batch for batch in batches},
    )
    return replace(look, **fields)


def unreachable(why: str = "the connection timed out", since: float = NOW - 60) -> Unreachable:
    return Unreachable(since=since, why=why)
