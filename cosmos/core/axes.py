"""Axes of a matrix: which fields they can set, one value of one, and a member, which has one of each."""

import re
from dataclasses import dataclass

from cosmos.core.draft import Path
from cosmos.core.member_key import Identity, Target
from cosmos.core.run import Scalar

AXIS = r"^(?:(prompt|model)|params\.(.+)|controls\.([a-z][a-z0-9_]{0,31})(?:\.(weight|preset))?)$"
"""What can be an axis, as a regular expression that editors understand too."""

_AXIS = re.compile(AXIS)
HINT = "an axis is params.NAME, controls.ROLE, prompt or model"


@dataclass(frozen=True, slots=True)
class Pick:
    """One value of one axis: what it sets, where it is written, and how it appears in keys."""

    target: Target
    who: Identity
    at: Path
    label: str
    text: str

    @property
    def value(self) -> Scalar:
        return self.who[1]


@dataclass(frozen=True, slots=True)
class Member:
    """One run of a spec. `picks` is sorted by label; without a matrix it is empty.

    `source` is the key of the run that it reads, where the spec follows several.
    """

    key: str
    picks: tuple[Pick, ...] = ()
    source: str = ""


def target_of(axis: str) -> Target | None:
    """The field that an axis sets, or None for what no matrix may vary."""
    match = _AXIS.fullmatch(axis)
    if match is None:
        return None
    name, param, role, field = match.groups()
    if name is not None:
        return (name,)
    return ("params", param) if param is not None else ("controls", role, field or "weight")
