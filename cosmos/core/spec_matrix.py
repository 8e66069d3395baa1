"""The matrix of a Run spec: axes, and what is combined of them."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from cosmos.core.spec_fields import Part, Scalar

Number = Annotated[int | float, Field(allow_inf_nan=False)]


class RangeSpec(Part):
    """Numbers from `min` to `max`."""

    min: Number = Field(description="smallest value")
    max: Number = Field(description="largest value; reached only where the steps lead to it")
    step: Number | None = Field(default=None, description="from one value to the next; 1 between integers")

    @model_validator(mode="after")
    def _goes_up(self) -> Self:
        if self.max < self.min:
            raise PydanticCustomError("range", "must have max above min", {"hint": "put the smaller number first"})
        if self.step is not None and self.step <= 0:
            raise PydanticCustomError("range", "must have a step above 0", {"hint": "values go from min to max"})
        return self


Values = list[Scalar] | RangeSpec


class SampleSpec(Part):
    """Members drawn at random, always the same for one seed; a larger count only adds some."""

    count: int = Field(ge=1, le=10_000, description="how many")
    seed: int = Field(default=0, description="another seed draws others")
    axes: dict[str, Values] = Field(min_length=1, description="lists or ranges to draw from, by field")


class Matrix(Part):
    """Axes whose product gives the members; `include` adds members, `exclude` takes some away."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, Values]

    zip: dict[str, Values] | None = Field(
        default=None, description="axes that go together, first with first: lists of one length"
    )
    sample: SampleSpec | None = Field(default=None, description="members drawn at random: {count, seed, axes}")
    include: list[dict[str, Scalar]] = Field(default_factory=list, description="extra members, as axis: value")
    exclude: list[dict[str, Scalar]] = Field(default_factory=list, description="members to leave out, as axis: value")

    @property
    def axes(self) -> dict[str, Values]:
        """Values by dotted path of a field, in the order of the file."""
        return dict(self.__pydantic_extra__ or {})
