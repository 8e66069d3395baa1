"""The Review kind: what a person thinks of one output of a run. Reviews live in git; no digest knows them."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from cosmos.core.spec_fields import Part, Text

KEY = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(/[a-z0-9._-]{1,200})?$"
KEY_HELP = "the name of a run, or of one member of a matrix as name/axis-value"

DIGEST = r"^[0-9a-f]{8,64}$"
DIGEST_HELP = "8 to 64 hex digits, as `cosmos show` prints them, in quotes"

TAG = r"^[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?$"
TAG_HELP = "lower-case letters, digits and inner . _ -"

Tag = Annotated[str, StringConstraints(pattern=TAG)]


class ReviewSpec(Part):
    """What a person thinks of one output of a run."""

    kind: Literal["Review"]
    run: Annotated[str, StringConstraints(pattern=KEY)] = Field(
        description="name of a run, or of one member of a matrix as name/axis-value"
    )
    digest: Annotated[str, StringConstraints(pattern=DIGEST)] = Field(
        description="digest of the output that was looked at, or its first 8 digits; it counts for no other output"
    )
    rating: Annotated[int, Field(ge=1, le=5)] | None = Field(default=None, description="1 (reject) to 5 (best)")
    note: Text = Field(default="", description="free words")
    tags: list[Tag] = Field(default_factory=list, description="words to find it by")
