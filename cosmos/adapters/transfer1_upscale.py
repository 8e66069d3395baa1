"""The upscaler of Cosmos-Transfer1: a video three times as wide and high, with details that it makes up.

Of another run's output (`source`), or of any video. It is the same program, with a control of its own.
"""

from collections.abc import Mapping, Sequence

from cosmos.adapters import transfer1_program as program
from cosmos.adapters.base import Evidence, Launch, Step, Verdict
from cosmos.adapters.fields import file_name, inputs_for, path_of, region_refusals
from cosmos.adapters.params import program_problems, typed_params
from cosmos.core.draft import Draft, Refusal, Resolution
from cosmos.core.estimate import Work
from cosmos.core.run import MediaFacts, Model, OutputFile, Run

PARAMS = {
    "seed": "int",
    "steps": "int",
    "guidance": "float",
    "sigma_max": "float",
    "weight": "float",
    "fps": "int",
    **dict.fromkeys(program.OFFLOADS, "bool"),
}
"""Type by parameter. Ranges and defaults are in the Model spec."""

VIDEO = "video"
TIMES = 3


class Transfer1UpscaleAdapter:
    """Runs `transfer.py` with its control `upscale`. Holds no state."""

    name = "cosmos-transfer1-upscale"
    version = 1

    def model_problems(self, model: Model) -> Sequence[Refusal]:
        return program_problems(model, PARAMS, paths=program.PATHS, needs=program.PATHS)

    def resolve(self, draft: Draft, available: Mapping[str, str]) -> Resolution:
        params, refusals = typed_params(draft.model.params, draft.params)
        inputs, wrong = inputs_for(draft, available, {VIDEO: True})
        for name in sorted(draft.controls):
            message = f'the upscaler takes no control "{name}"'
            refusals.append(Refusal(path=("controls", name), message=message, hint="its strength is `params.weight`"))
        refusals += [*wrong, *region_refusals(draft), *program.gpu_refusals(draft)]
        refusals += program.file_refusals({role: (("inputs", role), path) for role, path in inputs.items()})
        return Resolution(inputs=inputs, params=params, outputs=program.outputs(), refusals=tuple(refusals))

    def check(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        facts = media.get(VIDEO)
        if facts is None:
            return ()
        words = list(program.video_refusals(run, _path(run), facts))
        if facts.frames > program.CLIP:
            message = f"{_path(run)} has {facts.frames} frames, and the upscaler fails after {program.CLIP}"
            words.append((message, f"give it {program.CLIP} frames or fewer"))
        return [Refusal(path=_place(run), message=message, hint=hint) for message, hint in words]

    def expect(self, run: Run, media: Mapping[str, MediaFacts]) -> Mapping[str, OutputFile]:
        facts = media.get(VIDEO)
        if facts is None:
            return run.outputs
        width, height = program.bucket(facts)
        return program.expected(run, facts.frames, (TIMES * width, TIMES * height))

    def advice(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        facts = media.get(VIDEO)
        words = () if facts is None else program.video_advice(_path(run), facts)
        return [Refusal(path=_place(run), message=message, hint=hint) for message, hint in words]

    def work(self, run: Run, media: Mapping[str, MediaFacts]) -> Work | None:
        facts = media.get(VIDEO)
        return None if facts is None else program.work(run, facts.frames, program.bucket(facts), 1)

    def group(self, run: Run) -> Mapping[str, object] | None:
        """All that the program takes once for a process."""
        return {
            "image": run.model.image,
            "commit": run.model.commit,
            "paths": dict(run.model.paths),
            "env": dict(run.model.env),
            "gpus": run.placement.gpus,
            "params": dict(run.params),
            "negative": run.negative,
        }

    def launch(self, run: Run, folder: str) -> Launch:
        name = file_name(VIDEO, path_of(run, VIDEO))
        params = run.params
        spec = {
            "input_video_path": f"{program.INPUTS}/{name}",
            "upscale": {"control_weight": params["weight"]},
            "num_steps": params["steps"],
            "guidance": params["guidance"],
            "sigma_max": params["sigma_max"],
        }
        return program.launch(run, folder, spec, {name: VIDEO}, ["base_model", "4kupscaler_control"])

    def judge(self, run: Run, evidence: Evidence) -> Verdict:
        return program.judge(run, evidence)

    def progress(self, log_tail: str) -> Step:
        return program.progress(log_tail)


def _place(run: Run) -> tuple[str, str]:
    return ("inputs", VIDEO) if VIDEO in run.inputs else ("source", "run")


def _path(run: Run) -> str:
    return run.inputs[VIDEO] if run.source is None or VIDEO in run.inputs else f"the output of {run.source.key}"
