"""Where a result comes from, in one JSON file beside it. The same batch always gives the same bytes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cosmos.core.codec import indented
from cosmos.core.digest import SHORT, member_folder
from cosmos.core.estimate import Timing
from cosmos.core.observed import BatchMeta, ExitRecord, Gpu
from cosmos.core.plan import Operation
from cosmos.core.recorded import FileEntry
from cosmos.core.run import Run
from cosmos.engine.world import World

FORMAT_VERSION = 1
PROVENANCE = "provenance.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a batch ended, and on what: the id of its image, and the GPUs and driver of its host."""

    record: ExitRecord
    image: str = ""
    gpus: tuple[Gpu, ...] = ()
    driver: str = ""


def provenance(
    run: Run,
    meta: BatchMeta,
    operation: Operation,
    end: End,
    files: Iterable[FileEntry],
    world: World,
    effective: Mapping[str, object],
    took: Timing | None = None,
) -> bytes:
    """As indented JSON: spec, revision, identities, argv, machine, times, files, versions.

    `effective` is what the program says that it ran with, `took` what others learn from.
    """
    launch = world.adapters[run.model.adapter].launch(run, member_folder(operation.digest))
    record = {
        "format_version": FORMAT_VERSION,
        "project": meta.project,
        "run": run,
        "commit": meta.origin.commit,
        "author": meta.origin.author,
        "committed_at": meta.origin.committed_at,
        "digest": operation.digest,
        "digest_short": operation.digest[:SHORT],
        "digest_schema": meta.digest_schema,
        "batch": operation.batch_id,
        "attempt": operation.attempt,
        "host": operation.host,
        "owner": meta.owner,
        "argv": [element.replace("\0", "") for element in launch.argv],
        "effective": dict(effective),
        "machine": {
            "image_id": end.image,
            "gpus": [{"id": gpu.id, "name": gpu.name} for gpu in end.gpus if gpu.id in operation.gpus],
            "driver": end.driver if operation.gpus else "",
        },
        "exit": end.record,
        "timing": took,
        "files": sorted(files, key=lambda entry: entry.name),
        "versions": dict(world.versions()),
    }
    return indented(record).encode("ascii") + b"\n"
