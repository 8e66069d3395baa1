"""Types of the fields of specs: names, roles, texts, paths. Each is strict and says plainly what is wrong."""

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
NAME_HELP = "lower-case letters, digits and inner dashes, at most 63"

Name = Annotated[str, StringConstraints(pattern=NAME)]
Role = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Scalar = bool | int | float | str

_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")


def _text(value: object) -> object:
    if isinstance(value, str) and _BAD_TEXT.search(value):
        raise ValueError("contains NUL or half of a surrogate pair, which no program can be given")
    return value


def relative_path(value: object) -> object:
    """Refuse what could leave the project: absolute paths, `..`, drive letters, backslashes, NUL."""
    if not isinstance(value, str):
        return value
    parts = value.split("/")
    if (
        not value
        or value.startswith(("/", "~"))
        or ".." in parts
        or "\\" in value
        or "\x00" in value
        or ":" in parts[0]
    ):
        raise ValueError('must be a path inside the project, with "/" and without ".."')
    return "/".join(part for part in parts if part not in ("", "."))


Text = Annotated[str, BeforeValidator(_text)]
RelativePath = Annotated[
    str, BeforeValidator(relative_path), Field(json_schema_extra={"description": "path inside the project"})
]
Labels = dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9_./-]{0,61}[a-z0-9])?$")], str]


class Part(BaseModel):
    """A piece of a spec."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
