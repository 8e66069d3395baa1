"""What a run directory holds before it is started: of one run, or of several that share one load of a model."""

from collections.abc import Sequence
from dataclasses import replace

from cosmos.core.desired import DesiredRun
from cosmos.core.digest import member_folder
from cosmos.core.estimate import limit_s
from cosmos.core.observed import BatchMeta
from cosmos.core.placing import source_blob
from cosmos.core.plan import Operation
from cosmos.core.ports import BatchPlan
from cosmos.core.recorded import Recorded
from cosmos.engine.members import launch_of
from cosmos.engine.world import World


def batch_plan(
    wants: Sequence[DesiredRun], meta: BatchMeta, operation: Operation, recorded: Recorded, world: World
) -> BatchPlan:
    """One run alone, or several of one group: then what is said of the first holds for all."""
    run = wants[0].run
    blobs = {member_folder(want.digest): _blobs_of(want, recorded) for want in wants}
    launch, inputs = launch_of({member_folder(want.digest): want.run for want in wants}, world)
    gpus = {"CUDA_VISIBLE_DEVICES": ",".join(operation.gpus)}  # none, where none were given
    return BatchPlan(
        meta=replace(meta, gpus=operation.gpus),
        argv=launch.argv,
        inputs={name: blobs[folder][role] for name, (folder, role) in inputs.items()},
        files=launch.files,
        documents=launch.documents,
        folders=tuple(blobs),
        start_in=launch.folder,
        env={**launch.env, **run.model.env, **gpus},
        secrets=run.model.secrets,
        needed={**launch.needed, **run.model.requires.files},
        ports=tuple(sorted({*launch.ports, *run.model.requires.ports})),
        repository=run.model.paths.get("repo", ""),
        commit=run.model.commit or "",
        image=run.model.image,
        container=run.model.container,
        timeout_s=_limit_s(wants, operation),
        stall_s=run.stall_s,
        grace_s=world.grace_s,
    )


def _limit_s(wants: Sequence[DesiredRun], operation: Operation) -> float:
    """How long all may take, one after the other."""
    limits = [want.run.timeout_s for want in wants if want.run.timeout_s is not None]
    takes_s = None if operation.eta_s is None else operation.eta_s * len(wants)
    return limit_s(sum(limits) if len(limits) == len(wants) else None, takes_s)


def _blobs_of(want: DesiredRun, recorded: Recorded) -> dict[str, str]:
    """sha256 of each file that a run reads, by its role."""
    sha256 = {role: blob.sha256 for role, blob in want.blobs.items()}
    made = source_blob(want, recorded)
    if made is not None and want.run.source is not None:
        sha256[want.run.source.role] = made.sha256
    return sha256
