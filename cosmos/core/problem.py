"""A problem found in what a person wrote, with the place to fix it."""

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a spec file. Line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def short(self) -> str:
        return f"{self.file}:{self.line}"


class Code(StrEnum):
    """Stable codes of problems; docs/specs.md lists them. A number is never used again."""

    UNREADABLE = "E001"  # the file could not be read
    NOT_UTF8 = "E002"
    TOO_LARGE = "E003"  # size, depth, nodes or aliases beyond the limits
    SYNTAX = "E004"  # not YAML
    DUPLICATE_KEY = "E005"
    NOT_A_SPEC = "E006"  # no `kind`, or an unknown one
    NAME = "E010"
    DUPLICATE_NAME = "E011"
    UNKNOWN_FIELD = "E012"
    MISSING_FIELD = "E013"
    WRONG_VALUE = "E014"
    DANGLING = "E015"  # names something that no spec defines
    CYCLE = "E016"
    MATRIX = "E017"
    NO_INPUT = "E020"  # an input file or folder is missing
    BAD_INPUT = "E021"  # an input file is not what its role needs
    MISMATCH = "E022"  # inputs that must agree do not
    REFUSED_BY_MODEL = "E030"  # the model has no such field, or refuses the value
    ADVICE = "W001"  # allowed, and perhaps not meant
    REVIEW_OF_NOTHING = "W002"  # a warning: the run that a review is about is not in the specs
    CHOOSES_NONE = "W003"  # a warning: the condition of a source holds of no run

    @property
    def is_warning(self) -> bool:
        return self.value.startswith("W")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to fix.

    A warning, which has a code with W, keeps nothing from going on.
    `subject` is the spec it belongs to, as `run "teaser"`; empty when it concerns a whole file.
    `hint` is the next step, without a full stop.
    """

    at: Location
    code: Code
    message: str
    subject: str = ""
    hint: str = ""

    def __str__(self) -> str:
        subject = f"{self.subject}: " if self.subject else ""
        hint = f" ({self.hint})" if self.hint else ""
        kind = "warning" if self.code.is_warning else "error"
        return f"{self.at}: {kind}[{self.code.value}] {subject}{self.message}{hint}"

    def as_json(self) -> dict[str, object]:
        """Plain data with the keys file, line, column, code, subject, message, hint."""
        row = asdict(self)
        return {**row.pop("at"), **row, "code": self.code.value}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Hint that names the closest known word, or the empty string."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""


def quoted(word: object, limit: int = 60) -> str:
    """A word from a file as it may be shown: in quotes, cut, and with nothing that a terminal would obey."""
    text = str(word)
    shown = text if len(text) <= limit else text[: limit - 3] + "..."
    return '"' + "".join(letter if letter.isprintable() else _escaped(letter) for letter in shown) + '"'


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
