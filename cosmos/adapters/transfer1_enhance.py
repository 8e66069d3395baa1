"""Better prompts: the prompt upsampler of Cosmos-Transfer1, which sees the frames of the scene.

Its text is an output like any other, and changes no run: `cosmos accept RUN` proposes it as a Prompt, for a person to
read before GPU time is spent on it. The upsampler draws by chance, so two attempts give two texts.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from cosmos.adapters.base import Evidence, Launch, Step, Verdict
from cosmos.adapters.evidence import exit_verdict, last_line, output_verdict
from cosmos.adapters.fields import file_name, inputs_for, path_of, region_refusals
from cosmos.adapters.params import program_problems, typed_params
from cosmos.adapters.signatures import FAILURES
from cosmos.core.draft import Draft, Refusal, Resolution
from cosmos.core.estimate import Work
from cosmos.core.ports import ROOT
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, Model, OutputFile, Run

PARAMS = {"pixels": "int", "offload": "bool"}
"""Type by parameter. Ranges and defaults are in the Model spec."""

PATHS = ("repo", "checkpoints")
ROLE = "color"
OUTPUT = "text"
PROGRAM, PAYLOAD = "enhance.py", "enhance.json"
SCRIPT = "cosmos_transfer1/auxiliary/upsampler/inference/upsampler_pipeline.py"
WEIGHTS = "nvidia/Cosmos-UpsamplePrompt1-12B-Transfer"

_PHASES = (
    ("Processed prompts", 95, "writing the text"),
    ("Graph capturing finished", 80, "writing the text"),
    ("Capturing CUDA graph", 60, "capturing graphs"),
    ("torch.compile", 40, "compiling"),
    ("Loading safetensors checkpoint shards", 10, "loading the model"),
    ("the upsampler sees", 2, "starting"),
)
"""What a line of the log has, newest phase first: percent and words."""
_LOADED = 80


class Transfer1EnhanceAdapter:
    """Runs the upsampler by `programs/enhance.py`. Holds no state."""

    name = "cosmos-transfer1-enhance"
    version = 1

    def model_problems(self, model: Model) -> Sequence[Refusal]:
        return program_problems(model, PARAMS, paths=PATHS, needs=PATHS)

    def resolve(self, draft: Draft, available: Mapping[str, str]) -> Resolution:
        inputs, refusals = inputs_for(draft, available, {ROLE: True})
        params, wrong = typed_params(draft.model.params, draft.params)
        refusals += [*wrong, *region_refusals(draft)]
        for name in draft.controls:
            message = "the upsampler takes no controls: it sees the colour video alone"
            refusals.append(Refusal(path=("controls", name), message=message, hint="take them away"))
        if not draft.text:
            refusals.append(Refusal(path=("prompt",), message="there is no prompt to enhance", hint="`prompt: NAME`"))
        return Resolution(
            inputs=inputs,
            params=params,
            outputs={OUTPUT: OutputFile(path="prompt.txt", video=False, evidence=True)},
            uses_negative=False,  # `cosmos accept` carries it over
            refusals=tuple(refusals),
        )

    def check(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        if run.source is None and ROLE not in media:
            message = f"{run.inputs[ROLE]} is no video, and the upsampler looks at frames"
            return [Refusal(path=("inputs", ROLE), message=message, hint="name a video")]
        return ()

    def advice(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        del run, media
        return ()

    def expect(self, run: Run, media: Mapping[str, MediaFacts]) -> Mapping[str, OutputFile]:
        del media
        return run.outputs

    def work(self, run: Run, media: Mapping[str, MediaFacts]) -> Work | None:
        """One text: 97 s of loading and 14 s of writing were measured on an A10."""
        del run, media
        return Work(chunks=1, shape="text", seconds=111.0)

    def group(self, run: Run) -> Mapping[str, object] | None:
        """Nothing is per process but the model itself."""
        return {"image": run.model.image, "commit": run.model.commit, "offload": run.params["offload"]}

    def launch(self, run: Run, folder: str) -> Launch:
        video = file_name(ROLE, path_of(run, ROLE))
        small, out = f"{ROOT}/upsampler.mp4", f"{ROOT}/outputs/{folder}/{run.outputs[OUTPUT].path}"
        repo, checkpoints = run.model.paths["repo"], run.model.paths["checkpoints"]
        argv = ["torchrun", "--standalone", "--nproc_per_node=1", SCRIPT]
        argv += ["--prompt", run.text, "--input_video", small, "--checkpoint_dir", checkpoints]
        argv += ["--offload_prompt_upsampler"] if run.params["offload"] else []
        payload = {
            "video": f"{ROOT}/inputs/{video}",
            "small": small,
            "pixels": run.params["pixels"],
            "argv": argv,
            "folder": repo,
            "out": out,
        }
        return Launch(
            argv=("python3", f"{ROOT}/{PROGRAM}", f"{ROOT}/{PAYLOAD}"),
            inputs={video: ROLE},
            files={PROGRAM: _program()},
            documents={PAYLOAD: payload},
            needed={f"{repo}/{SCRIPT}": 0, f"{checkpoints}/{WEIGHTS}": 0},
        )

    def judge(self, run: Run, evidence: Evidence) -> Verdict:
        failed = exit_verdict(evidence, FAILURES) or output_verdict(run.outputs, evidence)
        if failed is not None:
            return failed
        text = evidence.texts.get(OUTPUT, "").strip()
        if not text or text == run.text.strip():
            message = "the upsampler made no text" if not text else "the upsampler gave the prompt back as it was"
            return Verdict(reason=Reason.OUTPUT_INVALID, message=message)
        return Verdict()

    def progress(self, log_tail: str) -> Step:
        for mark, percent, words in _PHASES:
            if mark in log_tail:
                return Step(percent=percent, words=words, loaded=percent >= _LOADED)
        return Step(words=last_line(log_tail))


@cache
def _program() -> bytes:
    return resources.files("cosmos.adapters").joinpath("programs", PROGRAM).read_bytes()
