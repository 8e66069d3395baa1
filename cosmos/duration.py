"""Durations as people write them, in specs, configuration and options: `1h30m`, `45s`."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

DURATION = r"^(?=.)(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?$"
_DURATION = re.compile(DURATION)


def seconds(value: object) -> object:
    """`1h30m`, `45s` or a number of seconds as float seconds; other values unchanged, for pydantic to refuse."""
    if isinstance(value, str) and (match := _DURATION.match(value)):
        hours, minutes, rest = (int(part or 0) for part in match.groups())
        return float(hours * 3600 + minutes * 60 + rest)
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


Seconds = Annotated[
    float,
    BeforeValidator(seconds, json_schema_input_type=str | float),
    Field(gt=0, le=30 * 86400, allow_inf_nan=False),
]
