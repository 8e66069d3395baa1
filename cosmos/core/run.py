"""A run: one named, fully resolved piece of work. What adapters take and digests are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cosmos.core.problem import Location

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...] | None
"""A parameter as sent to a model. Plain data, so that it is canonical JSON as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamType:
    """Declared type of one parameter of a model.

    `type` is one of int, float, str, bool. `minimum` and `maximum` are inclusive.
    A parameter without default is required.
    """

    type: str
    default: Scalar | None = None
    required: bool = True
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Scalar, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What a model's container is given besides its image. Sizes in bytes; `memory_bytes` 0 for no limit."""

    shm_bytes: int = 8 << 30
    memory_bytes: int = 0
    ipc: str = "private"
    network: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requires:
    """What a host must have for a model. `files` has the least size in bytes by path, 0 for any.

    Sizes are in bytes, 0 for any; `driver` is a version, empty for any.
    """

    files: Mapping[str, int] = field(default_factory=dict)
    gpu_memory_bytes: int = 0
    driver: str = ""
    disk_bytes: int = 0
    ports: tuple[int, ...] = ()
    """Those that its program listens on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A way to make outputs: the adapter that knows its files and arguments, and where it runs."""

    name: str
    adapter: str
    image: str | None = None
    command: tuple[str, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, bool] = field(default_factory=dict)
    """Declared input roles; True where the role is required."""
    params: Mapping[str, ParamType] = field(default_factory=dict)
    gpus: int = 0
    """What a run is given where its placement says nothing."""
    commit: str | None = None
    """Of the code that the program runs, on the host or in the image."""
    paths: Mapping[str, str] = field(default_factory=dict)
    endpoint: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    """Names of variables whose values the host keeps."""
    requires: Requires = field(default_factory=Requires)
    container: Container = Container()
    at: Location = Location("built-in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control signal. `weight` is 0..1 after normalisation; `preset` names a strength or is None.

    `derived` is True when the model computes the signal itself because no file was given. `prompt` is what a computed
    segmentation looks for; `mask_prompt` says in words where the control counts. Files of a control are inputs of
    the run, in roles of their own.
    """

    weight: float
    preset: str | None = None
    derived: bool = False
    prompt: str | None = None
    mask_prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of the picture with its own text: a box (left, top, right, bottom, 0..1), words, or the file of a role."""

    text: str
    box: tuple[float, ...] = ()
    mask_prompt: str | None = None
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Another run whose output is an input of this one. `file` is that output's file, once it is known."""

    key: str
    output: str = "video"
    role: str = "video"
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Which machines may take the run. `host` is a name or `any`; all `labels` must match the host's."""

    host: str = "any"
    gpus: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """A file that a successful run leaves below its member folder.

    `video` asks for the file to be decoded and its frames counted; `frames`, `width`, `height` and `fps`
    are what must be found then, where known. The adapter reads the text of one that is `evidence`; one that is not
    `required` may be absent.
    """

    path: str
    video: bool = True
    frames: int | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    evidence: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it will be launched. Every path is relative to the project and uses `/`."""

    key: str
    id: str
    name: str
    at: Location
    model: Model
    adapter_version: int
    prompt: str | None = None
    text: str = ""
    negative: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Files by role: only those that the model will read."""
    controls: Mapping[str, Control] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    params: Mapping[str, Value] = field(default_factory=dict)
    source: Source | None = None
    needs: tuple[str, ...] = ()
    outputs: Mapping[str, OutputFile] = field(default_factory=dict)
    placement: Placement = Placement()
    priority: int = 50
    retry_limit: int = 2
    retry_on: tuple[str, ...] = ("Stalled",)
    """Names of the reasons after which it is tried again, besides failures of the infrastructure."""
    timeout_s: float | None = None
    """Longest time that its program may run; None where the user set none."""
    stall_s: float | None = None
    """Longest time in which neither log nor outputs grow; None for any."""
    suspend: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    axes: Mapping[str, str] = field(default_factory=dict)
    """Values of the matrix axes as shown in the key."""

    @property
    def waits_for(self) -> tuple[str, ...]:
        """Keys of the runs that must be done before this one starts."""
        if self.source is None:
            return self.needs if len(self.needs) < 2 else tuple(dict.fromkeys(self.needs))
        return tuple(dict.fromkeys((self.source.key, *self.needs)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFacts:
    """What decoding a file found. `frames` is counted, not read from a header."""

    frames: int
    width: int
    height: int
    fps: float
    codec: str = ""
    pixel_format: str = ""
    black: bool = False
    """No frame has a pixel brighter than near black."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """How alike two videos are. `ssim` is 1 where they are equal, `least_at` the frame (from 0) that differs most.

    `psnr` is in dB; None where no pixel differs. `notes` say what had to be done to compare them.
    """

    frames: int
    ssim: float
    ssim_least: float
    least_at: int
    psnr: float | None
    notes: tuple[str, ...] = ()
