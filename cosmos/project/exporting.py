"""Results given to others: videos, what guided them, and one line of JSON for each run."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmos.core.desired import DesiredRun
from cosmos.core.digest import plain
from cosmos.errors import RefusedError
from cosmos.project import asking, plans
from cosmos.project.samples import FORMAT_VERSION, How, Sample, sample
from cosmos.project.wiring import Project
from cosmos.results import Exported
from cosmos.store import giving
from cosmos.store.disk import disk_errors
from cosmos.store.giving import Done, Gift

MANIFEST = "manifest.jsonl"
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be given. `shard` is the number of runs in a tar file; 0 for plain files."""

    targets: Sequence[str] = ()
    labels: Sequence[str] = ()
    where: str = ""
    controls: bool = False
    link: bool = False
    force: bool = False
    shard: int = 0


def export(project: Project, folder: Path, wish: Wish) -> Exported:
    """Give the results of the runs that are wished for.

    Raises:
        NotFoundError: A name means no run.
        RefusedError: Nothing is to be given, or the folder has other files under the same names.
    """
    desired = project.desire()
    chosen = plans.choose(desired, wish.targets, wish.labels)
    chosen &= asking.fulfilling(desired, wish.where) if wish.where else chosen
    wants = [want for want in desired.runs if want.run.key in chosen]
    ledger = project.records.load({want.run.key: want.digest for want in wants}).ledger
    done = [want for want in wants if want.digest in ledger]
    if not done:
        raise RefusedError(*_nothing(wish, wants))
    _require_outside(project, folder)
    how = How(controls=wish.controls, link=wish.link, in_tar=bool(wish.shard))
    samples = [sample(project, want, ledger[want.digest], how) for want in done]
    with giving.held(folder):
        giver = _Giver(project, folder, wish, samples)
        given = giver.give_shards() if wish.shard else giver.give_files()
    project.facts.flush()
    return Exported(
        folder=folder,
        runs=tuple(want.run.key for want in done),
        files=len(given),
        size=sum(size for size, _ in given),
        copied=sum(how is Done.COPIED for _, how in given),
        linked=sum(how is Done.LINKED for _, how in given),
        kept=sum(how is Done.KEPT for _, how in given),
        shards=-(-len(done) // wish.shard) if wish.shard else 0,
        missing=tuple(want.run.key for want in wants if want.digest not in ledger),
        left=giver.left(),
        held=bool(desired.held) or desired.is_blind,
    )


def _nothing(wish: Wish, wants: Sequence[DesiredRun]) -> tuple[str, str]:
    if wants:
        return f"none of these {len(wants)} runs has a result yet", "cosmos status has where they are"
    words = f'of no run "{wish.where}" is true' if wish.where else "the specs have no run"
    return f"there is nothing to export: {words}", "cosmos list runs --where shows what a condition means"


def _require_outside(project: Project, folder: Path) -> None:
    settings = project.settings
    for own in (settings.outputs, settings.state, settings.root / settings.specs, settings.root / "inputs"):
        if folder.is_relative_to(own.resolve()) or folder == settings.root.resolve():
            raise RefusedError(f"{folder} belongs to the project itself", "name a folder beside it, as export/")


# Giving ------------------------------------------------------------------------------------------

_Given = list[tuple[int, Done]]


class _Giver:
    """Puts samples into a folder: what is in the way is named before anything is written; the manifest comes last."""

    def __init__(self, project: Project, folder: Path, wish: Wish, samples: Sequence[Sample]) -> None:
        self._cache, self._folder, self._wish, self._samples = project.facts, folder, wish, samples
        self._old = _lines(folder / MANIFEST)
        self._now: set[str] = {MANIFEST}

    def give_files(self) -> _Given:
        gifts = {gift.name: gift for sample in self._samples for gift in sample.gifts}
        manifest = self._manifest(sample.line for sample in self._samples)
        self._require_room([*gifts.values(), manifest])
        given = [self._give(gift) for gift in gifts.values()]
        self._give(manifest)
        return given

    def give_shards(self) -> _Given:
        """Each is made before it is known whether it is there already; what is in the way stops at the first."""
        given, lines = [], []
        for number in range(0, len(self._samples), self._wish.shard):
            samples = self._samples[number : number + self._wish.shard]
            name = f"shard-{number // self._wish.shard:06d}.tar"
            members = [member for sample in samples for member in _members(sample)]
            with giving.shard(self._folder, name, members) as gift:
                self._require_room([gift])
                given.append(self._give(gift))
            lines += [{**sample.line, "shard": name, "sample": sample.name} for sample in samples]
        manifest = self._manifest(lines)
        self._require_room([manifest])
        self._give(manifest)
        return [(size, Done.COPIED if how is Done.LINKED else how) for size, how in given]

    def left(self) -> tuple[str, ...]:
        """What an earlier manifest names and this one does not, where it is still there."""
        named = {str(line.get("shard") or file.get("path")) for line in self._old for file in line.get("files", [])}
        return tuple(sorted(name for name in named - self._now if (self._folder / name).is_file()))

    def _give(self, gift: Gift) -> tuple[int, Done]:
        self._now.add(gift.name)
        if giving.is_there(self._folder, gift, self._cache):
            return gift.size, Done.KEPT
        return gift.size, giving.give(self._folder, gift)

    def _require_room(self, gifts: Iterable[Gift]) -> None:
        if self._wish.force:
            return
        wrong = [gift.name for gift in gifts if giving.is_there(self._folder, gift, self._cache) is False]
        if MANIFEST in wrong and self._has_grown(next(gift for gift in gifts if gift.name == MANIFEST)):
            wrong.remove(MANIFEST)
        if wrong == [MANIFEST]:
            words = f"{self._folder} has the manifest of another export: other runs, files or ratings"
            raise RefusedError(words, "name another folder; --force writes this one's in its place")
        if wrong:
            more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
            words = f"{self._folder} has other content in {', '.join(wrong[:SHOWN])}{more}"
            raise RefusedError(words, "name another folder; --force replaces them, and nothing else")

    def _has_grown(self, manifest: Gift) -> bool:
        """All that the manifest there says is said by the new one too."""
        new = set(manifest.data.splitlines())
        return bool(self._old) and all(_encoded(line) in new for line in self._old)

    @staticmethod
    def _manifest(lines: Iterable[Mapping[str, object]]) -> Gift:
        return giving.of_bytes(MANIFEST, b"".join(_encoded(line) + b"\n" for line in lines))


def _encoded(line: Mapping[str, object]) -> bytes:
    return json.dumps(line, ensure_ascii=True, default=plain).encode("ascii")


def _members(one: Sample) -> Iterator[Gift]:
    yield from one.gifts
    yield giving.of_bytes(f"{one.name}.json", _encoded(one.line) + b"\n")
    yield giving.of_bytes(f"{one.name}.txt", f"{one.line['prompt']}\n".encode())


def _lines(path: Path) -> list[dict[str, Any]]:
    """Of a manifest that an export wrote; none where there is none, or one of somebody else."""
    with disk_errors("read", path):
        text = path.read_text("utf-8", "replace") if path.is_file() else ""
    try:
        lines = [json.loads(line) for line in text.splitlines()]
    except ValueError:
        return []
    is_ours = all(isinstance(line, dict) and line.get("format_version") == FORMAT_VERSION for line in lines)
    return lines if is_ours else []
