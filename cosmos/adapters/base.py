"""What every model family implements: pure translation, spec to files and arguments, results to a verdict.

An adapter opens nothing and runs nothing. It is handed facts and returns values, so each of its
promises is a table test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cosmos.core.draft import Draft, Refusal, Resolution
from cosmos.core.observed import ExitRecord
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Manifest
from cosmos.core.run import MediaFacts, Model, OutputFile, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to start. ROOT and PYTHON of `core.ports` mark in `argv` what the adapter cannot know.

    `inputs` maps a file name below `inputs/` to the role whose blob it is; `files` are written
    below the run directory.
    """

    argv: tuple[str, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a run ended. `reason` is None for success."""

    reason: Reason | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Progress read from a log: `percent` 0..100 or None, and a few words."""

    percent: int | None = None
    words: str = ""


class Adapter(Protocol):
    """One model family."""

    name: str
    version: int
    """Raised when equal runs would give other bytes; part of every digest."""

    def model_problems(self, model: Model) -> Sequence[Refusal]:
        """What a Model spec lacks or must not have. Paths are relative to the Model spec."""

    def resolve(self, draft: Draft, available: Mapping[str, str]) -> Resolution:
        """Complete, type-check and normalise; refuse every field that the model would not receive.

        Args:
            draft: A member of a run spec.
            available: Files by role that prompt and run offer.
        """

    def check(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        """Refuse inputs that do not fit each other; `media` has the facts of each input that is a video."""

    def expect(self, run: Run, media: Mapping[str, MediaFacts]) -> Mapping[str, OutputFile]:
        """Outputs by name with what is known about them once the inputs are known."""

    def launch(self, run: Run, folder: str) -> Launch:
        """Files and arguments.

        Args:
            run: What to start.
            folder: `core.digest.member_folder` of its digest; outputs go below `ROOT/outputs/<folder>/`.
        """

    def judge(
        self,
        run: Run,
        exit_record: ExitRecord,
        manifest: Manifest,
        media: Mapping[str, MediaFacts | str],
        log_tail: str,
    ) -> Verdict:
        """Success by evidence. `media` has, by output name, the facts or why it does not decode."""

    def progress(self, log_tail: str) -> Step:
        """How far a running program is."""
