"""A draft: one member of a run spec, before a model has had its say.

`core.expand` makes drafts; an adapter turns each into a `core.run.Run` or refuses fields of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cosmos.core.condition import Condition
from cosmos.core.problem import Location
from cosmos.core.run import Control, Model, OutputFile, Placement, Region, Source, Value
from cosmos.core.spec import ControlSpec, RegionSpec

Path = tuple[str | int, ...]
"""Place of a field in a spec, as ("params", "seed")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Names are resolved and the matrix is applied; params, controls and inputs are as written.

    `inputs` lists what prompt and run say, the prompt's first: a folder, or files by role.
    `locate` gives the place of a field, or of the nearest thing around it.
    """

    key: str
    id: str
    name: str
    at: Location
    locate: Callable[[Path], Location]
    model: Model
    prompt: str | None = None
    text: str = ""
    negative: str = ""
    inputs: tuple[str | Mapping[str, str], ...] = ()
    named: frozenset[str] = frozenset()
    """Input roles that the run spec itself names one by one; the model must take each of them."""
    controls: Mapping[str, ControlSpec] = field(default_factory=dict)
    regions: tuple[RegionSpec, ...] = ()
    params: Mapping[str, Value] = field(default_factory=dict)
    source: Source | None = None
    only_if: Condition | None = None
    """It is a candidate: the run is wanted only while this holds of the run that it reads."""
    needs: tuple[str, ...] = ()
    placement: Placement = Placement()
    priority: int = 50
    retry_limit: int = 2
    retry_on: tuple[str, ...] = ("Stalled",)
    timeout_s: float | None = None
    stall_s: float | None = None
    suspend: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    axes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A field that the model does not take, or a value that it refuses."""

    path: Path
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a model makes of a draft.

    `inputs` are the files it will read, by role; `controls` are normalised, `params` complete and typed.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    controls: Mapping[str, Control] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    params: Mapping[str, Value] = field(default_factory=dict)
    outputs: Mapping[str, OutputFile] = field(default_factory=dict)
    uses_text: bool = True
    uses_negative: bool = True
    """False: the model has no place for it, so the run carries none and its digest does not depend on it."""
    refusals: tuple[Refusal, ...] = ()
