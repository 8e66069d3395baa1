"""Cosmos 3 by a server that is at work on the host already: vLLM-Omni's `/v1/videos`, or NIM's `/v1/infer`.

The program of a batch is a small client, `programs/cosmos3_client.py`: so a run has a run directory, a log and an exit
record like any other, and the model is loaded once for all. What a server has no field for is refused here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources

from cosmos.adapters import cosmos3_controls as controls
from cosmos.adapters import cosmos3_media as sizes
from cosmos.adapters.base import Evidence, Launch, Step, Verdict
from cosmos.adapters.cosmos3_request import NIM, VLLM, payload_of
from cosmos.adapters.cosmos3_verdict import verdict_of
from cosmos.adapters.evidence import step
from cosmos.adapters.params import program_problems
from cosmos.core.draft import Draft, Refusal, Resolution
from cosmos.core.estimate import Work
from cosmos.core.ports import PYTHON, ROOT
from cosmos.core.run import Control, MediaFacts, Model, OutputFile, Run, Value

_BOTH = {
    "mode": "str",
    "seed": "int",
    "steps": "int",
    "guidance": "float",
    "shift": "float",
    "resolution": "str",
    "aspect_ratio": "str",
    "fps": "int",
    "frames": "int",
    "control_guidance": "float",
    "chunk": "int",
    "serves": "str",
}
PARAMS = {
    VLLM: {**_BOTH, "max_frames": "int"},
    NIM: {**_BOTH, "overlap": "int", "first_overlap": "int", "keep": "str", "condition_frames": "str"},
}
"""Type by parameter. Ranges and defaults are in the Model specs."""

_MODES = {VLLM: ("text2video", "image2video"), NIM: ("text2video", "image2video", "video2video")}
_DEFAULTS: Mapping[str, Mapping[str, Value]] = {
    VLLM: {"chunk": 121},
    NIM: {"steps": 50, "fps": 30, "frames": 121, "chunk": 121},
}
"""Of a transfer."""
_ALSO = {VLLM: (), NIM: ("fps", "frames", "aspect_ratio")}
"""What a transfer looks at, too."""

_FRAMES = {"256": 397, "480": 297, "720": 197}
"""Most frames that NIM makes, by resolution; the least are 25."""
_CHARACTERS = 20_000

PROGRAM, PAYLOAD, OUTPUT = "cosmos3_client.py", "request.json", "vision.mp4"


class Cosmos3ServerAdapter:
    """Runs the client. Holds no state but which kind of server it is for."""

    version = 1

    def __init__(self, name: str, api: str) -> None:
        self.name = name
        self._api = api

    def model_problems(self, model: Model) -> Sequence[Refusal]:
        paths = ("shared",) if self._api == VLLM else ()
        refusals = program_problems(model, PARAMS[self._api], paths=paths, server=True)
        if model.endpoint is None:
            message, hint = "the model needs the address of its server", "write `endpoint: http://127.0.0.1:8000`"
            refusals.append(Refusal(path=("endpoint",), message=message, hint=hint))
        return refusals

    def resolve(self, draft: Draft, available: Mapping[str, str]) -> Resolution:
        more = _DEFAULTS[self._api] if draft.controls else {}
        read = controls.read(draft, available, more, _ALSO[self._api])
        refusals = [*read.refusals]
        if read.mode not in (*_MODES[self._api], sizes.TRANSFER):
            message, hint = f"the server makes no {read.mode}", f"one of {', '.join(_MODES[self._api])}"
            refusals.append(Refusal(path=("params", "mode"), message=message, hint=hint))
        refusals += _of_vllm(draft, read.controls) if self._api == VLLM else _of_nim(draft, read)
        report = OutputFile(path="server.json", video=False, evidence=True, required=False)
        return Resolution(
            inputs=read.inputs,
            controls=read.controls,
            params=read.params,
            outputs={"video": OutputFile(path=OUTPUT), "server": report},
            refusals=tuple(refusals),
        )

    def check(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        return list(sizes.mismatches(run, media))

    def expect(self, run: Run, media: Mapping[str, MediaFacts]) -> Mapping[str, OutputFile]:
        """Of a transfer nobody has published which of its frames a server makes."""
        if run.controls:
            return run.outputs
        frames, width, height = sizes.shape_of(run, None)
        size = (width, height) if run.params["aspect_ratio"] == "16,9" else (None, None)
        fps = float(sizes.number(run, "fps"))
        video = replace(run.outputs["video"], frames=frames, width=size[0], height=size[1], fps=fps)
        return {**run.outputs, "video": video}

    def advice(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        first = sizes.first_signal(run, media) if run.controls else None
        most = sizes.number(run, "frames") if self._api == NIM else sizes.number(run, "max_frames")
        if first is None or first.frames <= most:
            return ()
        message = f"the controls have {first.frames} frames, and {most} are asked for"
        name = "frames" if self._api == NIM else "max_frames"
        return [Refusal(path=("params", name), message=message, hint="raise it, or trim the scene")]

    def work(self, run: Run, media: Mapping[str, MediaFacts]) -> Work | None:
        del media
        if run.controls:
            return None
        params = run.params
        words = (
            f"{self.name} {params['mode']} {params['resolution']}, {params['steps']} steps, {params['frames']} frames"
        )
        return Work(chunks=1, shape=words)

    def group(self, run: Run) -> Mapping[str, object] | None:
        """The model is loaded anyway."""
        del run
        return None

    def launch(self, run: Run, folder: str) -> Launch:
        payload = {**payload_of(run, self._api), "out": f"{ROOT}/outputs/{folder}", "output": OUTPUT}
        return Launch(
            argv=(PYTHON, f"{ROOT}/{PROGRAM}", f"{ROOT}/{PAYLOAD}"),
            inputs={name: role for role, name in sizes.files_of(run).items()},
            files={PROGRAM: _program()},
            documents={PAYLOAD: payload},
        )

    def judge(self, run: Run, evidence: Evidence) -> Verdict:
        return verdict_of(run, evidence)

    def progress(self, log_tail: str) -> Step:
        return step(log_tail)


def _of_vllm(draft: Draft, known: Mapping[str, Control]) -> Iterator[Refusal]:
    """Its controls are files that the server opens itself."""
    if len(known) > 1:
        message = "the server has no weights, so it takes one control"
        yield Refusal(path=("controls",), message=message, hint="use the model cosmos3 for several")
    for name, control in known.items():
        if control.derived:
            message = f'control "{name}" needs {sizes.HINTS[name]}.mp4: the server is given no color video'
            yield Refusal(path=("controls", name), message=message, hint="`cosmos prepare` computes it")
    if known and "shared" not in draft.model.paths:
        message = "the server opens a control by its own path, and the model names no folder that it sees"
        hint = "write `paths: {shared: /FOLDER}`, a folder that both the server and the run see by this name"
        yield Refusal(path=("controls",), message=message, hint=hint)


def _of_nim(draft: Draft, read: controls.Read) -> Iterator[Refusal]:
    frames, resolution = read.params.get("frames"), str(read.params.get("resolution"))
    most = _FRAMES.get(resolution, 0)
    if isinstance(frames, int) and most and not 25 <= frames <= most:
        message = f"the server makes 25 to {most} frames at {resolution}, not {frames}"
        yield Refusal(path=("params", "frames"), message=message, hint="make it fewer, or a lower resolution")
    if len({control.weight for control in read.controls.values()}) > 1:
        message = "the server has no weights: all controls count the same"
        yield Refusal(path=("controls",), message=message, hint="give them equal weights, or use the model cosmos3")
    for what, text in (("text", draft.text), ("negative", draft.negative)):
        if len(text) > _CHARACTERS:
            message = f"the server takes {_CHARACTERS} characters of {what}, and this has {len(text)}"
            yield Refusal(path=("prompt",), message=message, hint="make it shorter")


@cache
def _program() -> bytes:
    return resources.files("cosmos.adapters").joinpath("programs", PROGRAM).read_bytes()
