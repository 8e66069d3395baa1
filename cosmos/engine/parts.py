"""Operations that are one act: those of one batch. Each part is about one run of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.plan import Operation


@dataclass(frozen=True, slots=True)
class Part:
    """An operation and the run that it is about; None for one that no spec asks for."""

    operation: Operation
    want: DesiredRun | None


def together(operations: Iterable[Operation], desired: Desired) -> list[tuple[Part, ...]]:
    """The acts, each at the place of its first part, and parts in the order of the plan."""
    by_digest = {want.digest: want for want in desired.runs}
    own = {(want.run.key, want.digest): want for want in desired.runs}  # runs may share a digest
    acts: dict[str, list[Part]] = {}
    for each in operations:
        want = own.get((each.key, each.digest)) or by_digest.get(each.digest)
        acts.setdefault(each.id, []).append(Part(each, want))
    return [tuple(parts) for parts in acts.values()]


def by_digest(parts: Iterable[Part]) -> Mapping[str, Part]:
    return {part.operation.digest: part for part in parts}
