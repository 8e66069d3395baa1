"""The kinds of spec, as a person writes them. The JSON Schema and the field tables in docs come from here.

Unknown fields are errors and types are strict: what a model would not receive is refused, not dropped.
"""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from cosmos.core.problem import did_you_mean
from cosmos.core.reasons import LISTABLE, LISTED, Reason, is_infra
from cosmos.core.spec_fields import Labels, Name, Part, RelativePath, Role, Scalar, Text
from cosmos.core.spec_matrix import Matrix
from cosmos.core.spec_model import ModelSpec
from cosmos.core.spec_review import ReviewSpec
from cosmos.duration import Seconds


class PromptSpec(Part):
    """What to make: the text, and the scene it is made from."""

    kind: Literal["Prompt"]
    name: Name = Field(description="unique among prompts")
    labels: Labels = Field(default_factory=dict, description="free words for filters and for people")
    text: Text = Field(min_length=1, description="the prompt, sent to the model byte for byte")
    negative: Text = Field(default="", description="what to keep away from")
    inputs: RelativePath | dict[Role, RelativePath] | None = Field(
        default=None,
        description="a folder with color.mp4, depth.mp4, segmentation.mp4, edge.mp4, vis.mp4, keypoint.mp4 (those "
        "there are), or a file by role",
    )


class ControlSpec(Part):
    """One control signal of a run."""

    weight: float = Field(ge=0, le=1, allow_inf_nan=False, description="0 to 1; a sum above 1 is scaled to 1")
    input: RelativePath | None = Field(default=None, description="a file in place of the scene's")
    preset: str | None = Field(default=None, description="strength of a signal that is computed; the model's list")
    prompt: Text | None = Field(
        default=None, min_length=1, description="what a segmentation that is computed looks for, as `car . tree`"
    )
    weights: RelativePath | None = Field(
        default=None, description="a file of weights by place and time, in place of `weight`"
    )
    mask: RelativePath | None = Field(default=None, description="a video: the control counts where it is white")
    mask_prompt: Text | None = Field(
        default=None, min_length=1, description="words for what the control is about, in place of a mask"
    )


class RegionSpec(Part):
    """A part of the picture with a text of its own."""

    text: Text = Field(min_length=1, description="the prompt of this region")
    mask: RelativePath | None = Field(default=None, description="a file: where the region is")
    mask_prompt: Text | None = Field(default=None, min_length=1, description="words for what the region is")
    box: list[Annotated[float, Field(ge=0, le=1)]] | None = Field(
        default=None, min_length=4, max_length=4, description="left, top, right, bottom, each from 0 to 1"
    )


class SourceSpec(Part):
    """Another run whose output is an input of this one, or several, for each of which there is one."""

    run: str | None = Field(default=None, description="name of a run, or of one member of a matrix as name/axis-value")
    runs: str | None = Field(default=None, description="in its place: runs to follow, by name or as name/*")
    where: Text | None = Field(default=None, description="with `runs`: only those for which it holds, as rating >= 4")
    output: Role = Field(default="video", description="which of its outputs")
    role: Role = Field(default="video", description="the input role it takes here")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.run is None) == (self.runs is None):
            raise PydanticCustomError("source", "must have either run or runs", {"hint": "runs: name/* follows many"})
        if self.where is not None and self.runs is None:
            raise PydanticCustomError("source", "has where without runs", {"hint": "where chooses among runs"})
        return self


class PlacementSpec(Part):
    """Which machines may take the run."""

    host: str = Field(default="any", description="a host's name, or any")
    gpus: int | None = Field(
        default=None, ge=0, le=64, description="GPUs given to the run alone; default: as many as its model says"
    )
    labels: dict[str, str] = Field(default_factory=dict, description="labels that the host must have")


def _reason(value: object) -> object:
    if not isinstance(value, str) or value in LISTABLE:
        return value
    known = {reason.value: reason for reason in Reason}
    if value in known:
        infra = "it is a failure of the infrastructure, which is tried again anyway"
        hint = infra if is_infra(known[value]) else "it is never tried again unasked"
    else:
        hint = did_you_mean(value, LISTABLE) or f"one of {', '.join(LISTABLE)}"
    raise PydanticCustomError("reason", "must be a reason that can be listed", {"hint": hint})


ReasonName = Annotated[str, BeforeValidator(_reason), Field(json_schema_extra={"enum": list(LISTABLE)})]


class RetrySpec(Part):
    """What happens after a failure."""

    limit: int = Field(
        default=2,
        ge=0,
        le=20,
        description="further attempts after failures that `on` lists; with 0 nothing is tried again by itself",
    )
    on: list[ReasonName] = Field(
        default_factory=lambda: [reason.value for reason in LISTED],
        description=f"reasons of failures that another attempt may mend; {LISTED[0]} where nothing is said",
    )


class RunSpec(Part):
    """What to have: outputs of one model for one prompt; with a matrix, of each combination."""

    kind: Literal["Run"]
    name: Name = Field(description="unique among runs")
    labels: Labels = Field(default_factory=dict, description="free words for filters and for people")
    prompt: Name | None = Field(default=None, description="name of a Prompt")
    model: Name = Field(description="name of a Model")
    inputs: RelativePath | dict[Role, RelativePath] | None = Field(
        default=None, description="as in a Prompt; role by role in place of the prompt's"
    )
    controls: dict[Role, ControlSpec] = Field(
        default_factory=dict, description="weight by control, or {weight, input, preset, ...}"
    )
    regions: list[RegionSpec] = Field(default_factory=list, description="parts of the picture with texts of their own")
    params: dict[str, Scalar | list[Scalar] | None] = Field(default_factory=dict, description="parameters of the model")
    matrix: Matrix | None = Field(default=None, description="values by field: params.seed: [1, 2]")
    source: SourceSpec | None = Field(default=None, description="another run whose output this one reads")
    needs: list[str] = Field(
        default_factory=list, description="runs that must be done first; name, name/member or name/*"
    )
    placement: PlacementSpec = Field(default_factory=PlacementSpec, description="which machines may take it")
    priority: int = Field(default=50, ge=0, le=100, description="higher starts sooner")
    retry: RetrySpec = Field(default_factory=RetrySpec, description="what happens after a failure")
    timeout: Seconds | None = Field(
        default=None, description="end it after so long, as 2h, 90m, 45s or seconds; default: see docs/operations.md"
    )
    stall: Seconds | None = Field(
        default=None, description="end it when neither log nor outputs grow for so long; never, where nothing is said"
    )
    suspend: bool = Field(default=False, description="start nothing; what runs goes on")

    @model_validator(mode="before")
    @classmethod
    def _weights(cls, data: object) -> object:
        """`edge: 0.5` is short for `edge: {weight: 0.5}`; with a file of weights the weight is 1."""
        if isinstance(data, dict) and isinstance(controls := data.get("controls"), dict):
            data = {**data, "controls": {role: _control(value) for role, value in controls.items()}}
        return data


def _control(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"weight": float(value)}
    return {"weight": 1.0, **value} if isinstance(value, dict) and "weights" in value else value


Spec = PromptSpec | RunSpec | ModelSpec | ReviewSpec
KINDS: dict[str, type[PromptSpec] | type[RunSpec] | type[ModelSpec] | type[ReviewSpec]] = {
    "Prompt": PromptSpec,
    "Run": RunSpec,
    "Model": ModelSpec,
    "Review": ReviewSpec,
}
