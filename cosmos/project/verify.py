"""`cosmos verify`: ledger, store, outputs and hosts held against each other, and mended on request.

Finding changes nothing. Each finding that can be mended comes with the act that does it; blobs are mended before the
outputs that are made of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from cosmos.core import audit
from cosmos.core.case import published_folder
from cosmos.core.desired import Desired
from cosmos.core.flaw import Flaw, FlawKind, Verified
from cosmos.core.observed import HostView, OutputState, Reachable
from cosmos.core.plan_text import size
from cosmos.core.recorded import FileEntry, LedgerEntry, Recorded
from cosmos.engine.looks import HostLooks
from cosmos.errors import CosmosError, Fenced, HostError
from cosmos.project import repair
from cosmos.project.wiring import Project
from cosmos.state import safekeeping

AT_A_TIME = 32 << 30
"""Bytes of blobs that a host is asked to read in one call."""

Say = Callable[[str], None]
"""Told what is being checked."""


@dataclass(frozen=True, kw_only=True)
class _Found:
    flaw: Flaw
    mend: Callable[[], str] | None = None
    """Mends it, and says how. Raises CosmosError."""


def verify(project: Project, hosts: Sequence[str], *, read: bool, fix: bool, say: Say) -> Verified:
    """Find what is not as it is recorded; with `fix`, mend what can be mended.

    Args:
        project: The open project.
        hosts: Those that are looked at.
        read: Read every blob, published copy and host blob again.
        fix: Mend; the caller holds the lease.
        say: Told what is being checked.

    Raises:
        Fenced: With `fix`, another controller acts now.
    """
    pass_ = _Pass(project, hosts, say, read=read)
    found = list(pass_.all())
    mended: list[tuple[Flaw, str]] = []
    left: list[Flaw] = []
    for each in found:
        if not fix or each.mend is None:
            left.append(each.flaw)
            continue
        try:
            mended.append((each.flaw, each.mend()))
        except Fenced:
            raise
        except CosmosError as error:
            hint = error.hint or "see the message"
            words = f"{each.flaw.words}; not mended: {error.message}"
            left.append(replace(each.flaw, words=words, remedy=hint, fixable=False))
    return Verified(
        flaws=tuple(left),
        mended=tuple(mended),
        results=len(pass_.recorded.ledger),
        blobs=len(pass_.files),
        read=pass_.read_bytes,
        hosts=tuple(hosts),
    )


class _Pass:
    def __init__(self, project: Project, hosts: Sequence[str], say: Say, *, read: bool) -> None:
        self._project = project
        self._read = read
        self._say = say
        self._desired = project.desire()
        before = project.records.everything()
        self._views = self._look(hosts)
        self.recorded = project.records.everything()
        self._before = before
        self.files = {file.sha256: file for entry in self.recorded.ledger.values() for file in entry.manifest}
        self.read_bytes = 0
        self._hopeless: set[str] = set()
        self._repair = repair.Repair(project, self.recorded, self._views)

    def _look(self, names: Sequence[str]) -> Mapping[str, HostView]:
        self._say(f"looking at {', '.join(names)}")
        world = self._project.world
        with closing(HostLooks({name: world.hosts[name] for name in names}, world.clock)) as looks:
            return looks.all(())

    def all(self) -> Iterator[_Found]:
        """Every finding, in the order in which they are to be mended."""
        yield from self._database()
        yield from (_Found(flaw=flaw) for flaw in audit.unknown_schemas(self.recorded.ledger.values()))
        yield from self._blobs()
        yield from self._outputs()
        yield from self._room()
        configured = self._project.world.hosts
        yield from (_Found(flaw=flaw) for flaw in audit.on_hosts(self._before, self._views, self.recorded))
        yield from (_Found(flaw=flaw) for flaw in audit.without_host(self.recorded, configured))
        if self._read:
            for name, view in sorted(self._views.items()):
                if isinstance(view, Reachable):
                    yield from self._host_blobs(name)

    def _database(self) -> Iterable[_Found]:
        self._say("the database")
        path = self._project.database.path
        for words in safekeeping.faults(self._project.database, thorough=self._read):
            remedy = "put a backup in its place, or move it away: see docs/operations.md"
            yield _Found(flaw=_flaw(FlawKind.DATABASE_DAMAGED, str(path), words, remedy))

    def _blobs(self) -> Iterable[_Found]:
        keys = {file.sha256: entry.key for entry in self.recorded.ledger.values() for file in entry.manifest}
        self._say(f"{'reading' if self._read else 'looking at'} {len(self.files)} blobs of the store")
        for sha256, file in sorted(self.files.items()):
            wrong = self._project.stock.flaw(file, read=self._read)
            self.read_bytes += file.size if self._read else 0
            if wrong is None:
                continue
            kind, words = wrong
            subject = f"{sha256[:12]} ({file.name} of {keys[sha256]})"
            yield self._blob(file, kind, subject, words)

    def _blob(self, file: FileEntry, kind: FlawKind, subject: str, words: str) -> _Found:
        if kind is FlawKind.BLOB_WRITABLE:
            flaw = _flaw(kind, subject, words, "takes away the right to write", fixable=True)
            return _Found(flaw=flaw, mend=lambda: self._repair.protect(file))
        is_damaged = kind is FlawKind.BLOB_DAMAGED
        source = self._repair.source(file)
        if source:
            remedy = f"{'moves it aside, and ' if is_damaged else ''}brings it back from {source}"
        else:
            self._hopeless.add(file.sha256)
            remedy = f"{'moves it aside; ' if is_damaged else ''}no copy is known: {repair.MAKE_AGAIN}"
        if not source and not is_damaged:
            return _Found(flaw=_flaw(kind, subject, words, remedy))
        flaw = _flaw(kind, subject, words, remedy, fixable=True)
        return _Found(flaw=flaw, mend=lambda: self._repair.bring_back(file, kind))

    def _outputs(self) -> Iterable[_Found]:
        self._say("outputs/")
        for folder, entry, wanted in _places(self._desired, self.recorded):
            state = self._project.stock.output(folder, entry.manifest, read=self._read)
            if state is OutputState.PRESENT or (not wanted and state in _TIDIED):
                continue
            kind, words = _OUTPUT[state]
            if any(file.sha256 in self._hopeless for file in entry.manifest):
                yield _Found(flaw=_flaw(kind, folder, words, "not before its blobs are in the store again"))
                continue
            remedy = "restores it from the store; a changed file is kept under another name"
            flaw = _flaw(kind, folder, words, remedy, fixable=True)
            yield _Found(flaw=flaw, mend=lambda folder=folder, entry=entry: self._repair.publish(folder, entry))  # type: ignore[misc]

    def _room(self) -> Iterable[_Found]:
        """What takes room in the store, and is nothing that is asked for."""
        stock = self._project.stock
        loose = [
            kept.size for sha256, kept in stock.stored().blobs.items() if sha256 not in self.files and kept.links == 1
        ]
        if loose:
            blobs = f"{len(loose)} blob{'s' if len(loose) > 1 else ''} ({size(sum(loose))})"
            words = f"{blobs}, which neither a result nor outputs/ refer to"
            yield _Found(flaw=_flaw(FlawKind.BLOB_UNREFERENCED, "store", words, "cosmos gc --store lists them"))
        for path, count in stock.set_aside():
            yield _Found(
                flaw=_flaw(
                    FlawKind.SET_ASIDE,
                    str(path),
                    f"a damaged blob ({size(count)}) that was moved aside",
                    "delete it yourself",
                )
            )

    def _host_blobs(self, name: str) -> Iterable[_Found]:
        host = self._project.world.hosts[name]
        try:
            sizes = {sha256: kept.size for sha256, kept in host.stored().blobs.items()}
            self._say(f"reading {len(sizes)} blobs on {name}")
            damaged = [sha256 for group in _groups(sizes) for sha256 in sorted(host.damaged(group))]
        except HostError as error:
            flaw = _flaw(FlawKind.HOST_UNREACHABLE, name, f"its blobs were not read: {error.message}", error.hint)
            yield _Found(flaw=replace(flaw, host=name))
            return
        self.read_bytes += sum(sizes.values())
        for sha256 in damaged:
            remedy = "removes it there; it is uploaded again when it is needed"
            flaw = _flaw(FlawKind.HOST_BLOB_DAMAGED, sha256[:12], "has other bytes", remedy, fixable=True)
            yield _Found(
                flaw=replace(flaw, host=name),
                mend=lambda sha256=sha256: self._repair.discard(name, sha256, sizes[sha256]),  # type: ignore[misc]
            )


_TIDIED = frozenset({OutputState.MISSING, OutputState.SUPERSEDED, OutputState.LOST})
"""States that are no finding for a result that no spec asks for: a person may have cleared it away."""

_OUTPUT = {
    OutputState.MISSING: (FlawKind.OUTPUT_MISSING, "files are missing"),
    OutputState.LOST: (FlawKind.OUTPUT_MISSING, "files are missing or changed, and the store has not all of them"),
    OutputState.CORRUPT: (FlawKind.OUTPUT_CHANGED, "files have other bytes than their result"),
    OutputState.SUPERSEDED: (FlawKind.OUTPUT_NOT_LATEST, "`latest` beside it points elsewhere"),
}


def _places(desired: Desired, recorded: Recorded) -> list[tuple[str, LedgerEntry, bool]]:
    """Folders of outputs/, the result that belongs there, and whether a spec asks for it."""
    places: dict[str, tuple[LedgerEntry, bool]] = {}
    for entry in recorded.ledger.values():
        places[entry.folder or published_folder(entry.key, entry)] = (entry, False)
    for want in desired.runs:
        if (entry_ := recorded.ledger.get(want.digest)) is not None:
            places[published_folder(want.run.key, entry_)] = (entry_, True)
    return [(folder, *places[folder]) for folder in sorted(places)]


def _groups(sizes: Mapping[str, int]) -> Iterator[dict[str, int]]:
    group: dict[str, int] = {}
    for sha256, count in sorted(sizes.items()):
        if group and sum(group.values()) + count > AT_A_TIME:
            yield group
            group = {}
        group[sha256] = count
    if group:
        yield group


def _flaw(kind: FlawKind, subject: str, words: str, remedy: str, *, fixable: bool = False) -> Flaw:
    return Flaw(kind=kind, subject=subject, words=words, remedy=remedy, fixable=fixable)
