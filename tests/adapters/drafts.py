"""Drafts and models for tests of adapters, and the facts of a video that fits them."""

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from cosmos.core.draft import Draft, Refusal, Resolution
from cosmos.core.drafting import model_of
from cosmos.core.load import SourceFile, load
from cosmos.core.problem import Location
from cosmos.core.run import MediaFacts, Model, ParamType, Run
from cosmos.engine.foreseen import run_of

SCENE = {role: f"inputs/city/{role}.mp4" for role in ("color", "depth", "segmentation")}
VIDEO = MediaFacts(frames=48, width=640, height=352, fps=24.0)


@cache
def built_in(name: str) -> Model:
    """A Model of the package, read from its YAML."""
    text = files("cosmos.models").joinpath(f"{name}.yaml").read_bytes()
    loaded = load([SourceFile(path=f"{name}.yaml", data=text)])
    assert loaded.problems == ()
    return model_of(loaded.models[name].spec, Location("built-in"))


def a_command_model(*command: str, **fields: Any) -> Model:
    """A command model that reads a video and writes one, unless its command is given."""
    model = Model(
        name="filter",
        adapter="command",
        command=command or ("filter", "-i", "{inputs.video}", "--size={params.size}", "{outputs.video}"),
        inputs={"video": True},
        outputs={"video": "out.mp4"},
        params={"size": ParamType(type="int", default=64, required=False)},
    )
    return replace(model, **fields)


def a_draft(model: Model, **fields: Any) -> Draft:
    draft = Draft(
        key="city",
        id="rs_0123456789",
        name="city",
        at=Location("specs/city.yaml"),
        locate=lambda path: Location("specs/city.yaml", 1 + len(path)),
        model=model,
        prompt="rain",
        text="Heavy rain",
    )
    return replace(draft, **fields)


def as_run(draft: Draft, resolution: Resolution, version: int = 1) -> Run:
    """The run that the engine makes of a draft and its resolution."""
    assert resolution.refusals == ()
    return run_of(draft, resolution, version)


def words(refusals: "tuple[Refusal, ...] | list[Refusal]") -> list[str]:
    """Each refusal as one line: its field, what is wrong, and the hint."""
    lines = []
    for refusal in refusals:
        field = ".".join(str(part) for part in refusal.path)
        lines.append(f"{field}: {refusal.message}" + (f" ({refusal.hint})" if refusal.hint else ""))
    return lines
