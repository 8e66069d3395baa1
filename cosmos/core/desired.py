"""Desired: every run that the specs ask for, resolved and with its digest."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cosmos.core.digest import Digest, Material
from cosmos.core.estimate import Work
from cosmos.core.plan import Blob
from cosmos.core.problem import Problem
from cosmos.core.reviews import Review, Reviews
from cosmos.core.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredRun:
    """A run with its identity.

    `blobs` has its input files by role. What another run makes is not among them: it is the file
    `run.source.file` of the result of `source_digest`.
    """

    run: Run
    digest: Digest
    material: Material
    blobs: Mapping[str, Blob] = field(default_factory=dict)
    source_digest: Digest | None = None
    review: Review | None = None
    """What a person thinks of this output."""
    work: Work | None = None
    """How much there is to compute, where its adapter can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """All runs, sorted by key.

    `held` are keys that cannot be judged now, because their spec, or one that it depends on, has a
    problem: they keep what they have. Of a sweep whose file cannot be read only the name is known.
    `is_blind` says that some file could not be read at all: it may define anything, so absence proves nothing.
    """

    runs: tuple[DesiredRun, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    """What is allowed and perhaps not meant; it holds nothing back."""
    held: frozenset[str] = frozenset()
    is_blind: bool = False
    fingerprint: str = ""
    """State of the spec files that this was made from (`source.WorkingTree.fingerprint`)."""
    files: int = 0
    specs: int = 0
    """How much was read: spec files, and the good specs in them."""
    reviews: Reviews = field(default_factory=Reviews)

    def holds(self, key: str) -> bool:
        """A run that is not among `runs` keeps what it has: its spec may be there and cannot be judged."""
        return self.is_blind or key in self.held or key.partition("/")[0] in self.held

    def by_key(self) -> dict[str, DesiredRun]:
        return {want.run.key: want for want in self.runs}
