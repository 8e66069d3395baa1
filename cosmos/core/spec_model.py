"""The Model kind, as a person writes it. Infrastructure and models are configuration, not code."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from cosmos.core.spec_fields import Labels, Name, Part, RelativePath, Role, Scalar, Text


class ParamSpec(Part):
    """Declaration of one parameter of a model."""

    type: Literal["int", "float", "str", "bool"] = Field(description="a value of another type is refused")
    default: Scalar | None = Field(
        default=None,
        description="without one the parameter is required; null: it may be left out, and has no value then",
    )
    min: float | None = Field(default=None, description="smallest value taken")
    max: float | None = Field(default=None, description="largest value taken")
    choices: list[Scalar] = Field(default_factory=list, description="the values taken, when they are few")
    description: str = Field(default="", description="for people")


class InputSpec(Part):
    """Declaration of one input of a model."""

    required: bool = Field(default=True, description="the model cannot do without it")


SIZE = r"^[1-9][0-9]{0,5}[kmgt]$"
_UNITS = {"k": 10, "m": 20, "g": 30, "t": 40}

Size = Annotated[str, StringConstraints(pattern=SIZE)]


def size_bytes(size: str | None) -> int:
    """`512m` or `8g` in bytes; the units are powers of 1,024. 0 where nothing is said."""
    return int(size[:-1]) << _UNITS[size[-1]] if size else 0


VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/[^\x00]*$")]


class ContainerSpec(Part):
    """What the container of a model is given. None of it changes what is computed."""

    shm: Size = Field(default="8g", description="shared memory, as 512m or 8g")
    memory: Size | None = Field(default=None, description="limit of main memory, as 64g; none by default")
    ipc: Literal["private", "host"] = Field(default="private", description="host: share the host's shared memory")
    network: Literal["none", "bridge", "host"] = Field(
        default="none", description="none: it can reach nothing; bridge lets it download"
    )


class RequiresSpec(Part):
    """What a host must have before a run is started there. None of it changes what is computed."""

    files: dict[AbsolutePath, Size | None] = Field(
        default_factory=dict, description="files or folders by path, with the least size of a file, as 10g"
    )
    gpu_memory: Size | None = Field(default=None, description="free memory of each GPU, as 60g")
    driver: str | None = Field(
        default=None, pattern=r"^[0-9]+(\.[0-9]+)*$", description="least version of the GPU driver, as 570.124.06"
    )
    disk: Size | None = Field(default=None, description="free space below the host's workdir, as 20g")
    ports: list[Annotated[int, Field(ge=1, le=65535)]] = Field(
        default_factory=list, description="that the program listens on, and nothing else may, as [29500]"
    )


class ModelSpec(Part):
    """How outputs are made: an adapter, and for `command` the whole command line."""

    kind: Literal["Model"]
    name: Name = Field(description="unique among models; a project's spec replaces a built-in one")
    labels: Labels = Field(default_factory=dict, description="free words for people")
    adapter: str = Field(description="the code that knows files, arguments and results: command, preview")
    image: str | None = Field(default=None, description="container image; @sha256:... pins it")
    command: list[Text] = Field(
        default_factory=list,
        description="argv; {text}, {negative}, {inputs.ROLE}, {outputs.NAME}, {params.NAME}, {paths.NAME} are replaced",
    )
    inputs: dict[Role, InputSpec] = Field(default_factory=dict, description="inputs by role")
    outputs: dict[Role, RelativePath] = Field(default_factory=dict, description="file by output name")
    params: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")], ParamSpec] = Field(
        default_factory=dict, description="declaration of each parameter: {type, default, min, max, choices}"
    )
    gpus: int = Field(default=0, ge=0, le=64, description="GPUs that a run is given, where its placement says nothing")
    commit: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{7,64}$", description="git commit of the model's code on the host"
    )
    paths: dict[Role, AbsolutePath] = Field(
        default_factory=dict, description="where the adapter finds its things, as the program sees them"
    )
    endpoint: str | None = Field(
        default=None, pattern=r"^https?://[^\s/@]+$", description="of a server on the host, as http://127.0.0.1:8000"
    )
    env: dict[VariableName, Text] = Field(default_factory=dict, description="environment of the program; no secrets")
    secrets: list[VariableName] = Field(
        default_factory=list, description="variables whose values the host keeps in files: hosts.NAME.secrets"
    )
    requires: RequiresSpec = Field(
        default_factory=RequiresSpec, description="what a host must have: files, gpu_memory, driver, disk"
    )
    container: ContainerSpec = Field(
        default_factory=ContainerSpec, description="of a model with an image: shm, memory, ipc, network"
    )
