"""Several runs of Cosmos-Transfer1 in one process: its batch mode, one run at a time.

The program reads one line a run from a file. A line may replace the text, the input video and the fields of controls
that its spec file has; all else it takes once for the process. Of line N it saves `video_N/output.mp4`, and beside it
the prompt as it was used. More than one run at a time would need more memory, and mix up the folders when the guardrail
refuses one of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from cosmos.adapters.base import Launch, OutputPlace, Shared
from cosmos.adapters.transfer1_controls import BY_CHANCE
from cosmos.adapters.transfer1_program import INPUTS, NAME, SPEC
from cosmos.core.ports import ROOT
from cosmos.core.run import Run

LINES = "runs.jsonl"


def may_share(run: Run) -> bool:
    """Would it be made as it is alone?

    A control with a strength that is drawn at random depends on what was drawn before. Of regions the program keeps
    what it made for the run before.
    """
    by_chance = any(control.derived for name, control in run.controls.items() if name in BY_CHANCE)
    return "color" in {*run.inputs, run.source.role if run.source else ""} and not by_chance and not run.regions


def launch_together(members: Mapping[str, Run], launch: Callable[[Run, str], Launch]) -> Shared:
    """What is started for several runs.

    Args:
        members: Runs of one group by their member folders, in the order in which they are made.
        launch: What is started for one of them alone.
    """
    alone = {folder: launch(run, folder) for folder, run in members.items()}
    first = next(iter(alone.values()))
    specs = {folder: _moved(each.documents[SPEC], folder) for folder, each in alone.items()}
    base = dict(next(iter(specs.values())))
    for name in ("prompt", "video_save_name"):
        base.pop(name, None)
    controls = [name for name, value in base.items() if isinstance(value, Mapping)]
    base |= {"video_save_folder": f"{ROOT}/outputs", "batch_input_path": f"{ROOT}/{LINES}", "batch_size": 1}
    # what a line does not say would be the first run's
    base |= {name: {"control_weight": _mapping(base[name])["control_weight"]} for name in controls}
    lines = [
        {
            "visual_input": spec["input_video_path"],
            "prompt": spec["prompt"],
            "control_overrides": {name: spec[name] for name in controls},
        }
        for spec in specs.values()
    ]
    return Shared(
        launch=replace(first, inputs={}, documents={SPEC: base, LINES: lines}),
        inputs={
            f"{folder}/{name}": (folder, role) for folder, each in alone.items() for name, role in each.inputs.items()
        },
        places={
            folder: OutputPlace(
                folder=f"video_{count}", names={f"{NAME}.mp4": "output.mp4", f"{NAME}.txt": "prompt.txt"}
            )
            for count, folder in enumerate(alone)
        },
    )


def _moved(document: object, folder: str) -> dict[str, object]:
    """A spec whose inputs are in a folder of their own."""

    def moved(value: object) -> object:
        if isinstance(value, Mapping):
            return {key: moved(each) for key, each in value.items()}
        if isinstance(value, str) and value.startswith(f"{INPUTS}/"):
            return f"{INPUTS}/{folder}/{value.removeprefix(f'{INPUTS}/')}"
        return value

    return {key: moved(value) for key, value in _mapping(document).items()}


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)  # noqa: S101 - transfer1_program made it
    return value
