"""The run that a draft is, and what is known of a video before it is made.

So those who read what another run will make are judged by its length and size when specs are read, and not after it.
"""

from dataclasses import replace

from cosmos.core.draft import Draft, Resolution
from cosmos.core.run import MediaFacts, OutputFile, Run


def foreseen(output: OutputFile) -> MediaFacts | None:
    """Facts of a video that a run will leave, where it must have all of them; else None."""
    if not output.video or not output.required:
        return None
    frames, width, height, fps = output.frames, output.width, output.height, output.fps
    if frames is None or width is None or height is None or fps is None:
        return None
    return MediaFacts(frames=frames, width=width, height=height, fps=fps)


def as_if_made(run: Run) -> Run:
    """The run as an adapter sees it once its source is done: the file is an input like the others."""
    if run.source is None:
        return run
    path = f"outputs/{run.source.key}/latest/{run.source.file}"
    return replace(run, inputs={**run.inputs, run.source.role: path})


def run_of(draft: Draft, resolution: Resolution, adapter_version: int) -> Run:
    """The run that an adapter makes of a draft."""
    return Run(
        key=draft.key,
        id=draft.id,
        name=draft.name,
        at=draft.at,
        model=draft.model,
        adapter_version=adapter_version,
        prompt=draft.prompt,
        text=draft.text if resolution.uses_text else "",
        negative=draft.negative if resolution.uses_negative else "",
        inputs=resolution.inputs,
        controls=resolution.controls,
        regions=resolution.regions,
        params=resolution.params,
        source=draft.source,
        needs=draft.needs,
        outputs=resolution.outputs,
        placement=draft.placement,
        priority=draft.priority,
        retry_limit=draft.retry_limit,
        retry_on=draft.retry_on,
        timeout_s=draft.timeout_s,
        stall_s=draft.stall_s,
        suspend=draft.suspend,
        labels=draft.labels,
        axes=draft.axes,
    )
