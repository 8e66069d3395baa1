"""What every model family implements: pure translation, spec to files and arguments, results to a verdict.

An adapter opens nothing and runs nothing. It is handed facts and returns values, so each of its
promises is a table test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Protocol

from cosmos.core.draft import Draft, Refusal, Resolution
from cosmos.core.estimate import Work
from cosmos.core.observed import ExitRecord
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Manifest
from cosmos.core.run import MediaFacts, Model, OutputFile, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to start. ROOT and PYTHON of `core.ports` mark in `argv` what the adapter cannot know.

    `inputs` maps a file name below `inputs/` to the role whose blob it is; `files` are written below the run
    directory, and so are `documents`: JSON values, in whose texts the marks are filled in too. Of one whose name ends
    in `.jsonl` the value is a list, written one element a line. The program starts in `folder` as the program sees it,
    "" for the run directory. `needed` has the least size in bytes, 0 for any, of files and folders that must be there;
    on `ports` the program listens, and nothing else may.
    """

    argv: tuple[str, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    documents: Mapping[str, object] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    needed: Mapping[str, int] = field(default_factory=dict)
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a batch that has ended left behind for one run of it.

    `media` has, by output name, the facts of a video or why it does not decode; `texts` the text of an output that is
    evidence. Neither has what is not there.
    """

    exit: ExitRecord
    manifest: Manifest = ()
    media: Mapping[str, MediaFacts | str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    log_tail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a run ended. `reason` is None for success; `effective` is what the program says that it ran with."""

    reason: Reason | None = None
    message: str = ""
    effective: Mapping[str, object] = field(default_factory=dict)


def chunks_of(frames: int, size: int, overlap: int) -> int:
    """Passes that it takes to make so many frames, `size` at a time, of which later ones share `overlap`."""
    return 1 + max(0, ceil((frames - size) / max(1, size - overlap)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Progress read from a log: `percent` 0..100 or None, and a few words.

    `loaded` once the log shows that the model is loaded: what comes then is done for each run anew.
    """

    percent: int | None = None
    words: str = ""
    loaded: bool = False


class Unmeasured:
    """For adapters of programs of which nothing tells what a run costs, or what it could share with others."""

    def advice(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        del run, media
        return ()

    def work(self, run: Run, media: Mapping[str, MediaFacts]) -> Work | None:
        del run, media
        return None

    def group(self, run: Run) -> Mapping[str, object] | None:
        del run
        return None


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
        """Refuse inputs that do not fit each other; `media` has the facts of each input that is a video.

        Called again for a run with a source, once it is known what that will make: then as if it were made already.
        """

    def expect(self, run: Run, media: Mapping[str, MediaFacts]) -> Mapping[str, OutputFile]:
        """Outputs by name with what is known about them once the inputs are known."""

    def advice(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        """What is allowed and perhaps not meant, as two frames more that cost twice the time."""

    def work(self, run: Run, media: Mapping[str, MediaFacts]) -> Work | None:
        """How much there is to compute; None where nothing about the run tells."""

    def group(self, run: Run) -> Mapping[str, object] | None:
        """What runs must have in common to share one load of the model; None for a run that shares with none."""

    def launch(self, run: Run, folder: str) -> Launch:
        """Files and arguments.

        Args:
            run: What to start.
            folder: `core.digest.member_folder` of its digest; outputs go below `ROOT/outputs/<folder>/`.
        """

    def judge(self, run: Run, evidence: Evidence) -> Verdict:
        """Success by evidence, never by an exit code alone."""

    def progress(self, log_tail: str) -> Step:
        """How far a running program is."""
