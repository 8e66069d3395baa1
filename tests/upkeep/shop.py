"""A project whose runs read an input, and ways in which disks and people damage what it keeps."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from cosmos.core.flaw import FlawKind, Verified
from cosmos.core.garbage import Cleared, Scope
from cosmos.core.recorded import LedgerEntry
from tests import warm
from tests.engine.workshop import Workshop
from tests.projects import shell_environment

SPECS = """\
kind: Model
name: join
adapter: command
command:
  - sh
  - -c
  - 'echo "makes $3"; [ "$3" != bad ] || exit 1; (cat "$1"; printf " %s" "$3") >"$2"; [ "$3" != worse ]'
  - sh
  - "{inputs.ref}"
  - "{outputs.text}"
  - "{params.word}"
inputs: {ref: {required: true}}
outputs: {text: out.txt}
params: {word: {type: str}}
"""

RUN = """\
---
kind: Run
name: %s
model: join
inputs: {ref: inputs/%s}
params: {word: %s}
"""


@dataclass
class Shop(Workshop):
    """`one` is an input; runs are named after their words. `bad` fails at once, `worse` after it has written."""

    toml: str = field(default="[hosts.local]\nslots = 2\nkeep_failed = true\n")

    def __post_init__(self) -> None:
        super().__post_init__()
        (self.root / "inputs").mkdir(exist_ok=True)
        (self.root / "inputs" / "one").write_text("one")

    def ask(self, *words: str, source: str = "one") -> None:
        """Write the specs of these runs."""
        (self.root / "specs" / "all.yaml").write_text(SPECS + "".join(RUN % (word, source, word) for word in words))

    def made(self, *words: str) -> "Shop":
        """The same, with these runs done."""
        self.ask(*words)
        assert not self.apply().problems
        return self

    # Asking ----------------------------------------------------------------------------------

    def verify(self, *, read: bool = False, fix: bool = False) -> Verified:
        with self.api() as api:
            return api.upkeep.verify(read=read, fix=fix)

    def kinds(self, *, read: bool = False) -> list[FlawKind]:
        return [flaw.kind for flaw in self.verify(read=read).flaws]

    def garbage(
        self, *, yes: bool = False, store: bool = False, hosts: bool = False, finished: bool = False
    ) -> Cleared:
        scope = Scope(store=store, hosts=["*"] if hosts else (), idle_s=0.0, finished=finished)
        with self.api() as api:
            return api.upkeep.clear(scope) if yes else api.upkeep.garbage(scope)

    def cosmos(self, *words: str, grace: bool = True) -> "subprocess.CompletedProcess[str]":
        """Type a command; without `grace`, nothing has to be ten minutes old."""
        return warm.run(words, self.root, shell_environment(), grace=grace)

    # Places ----------------------------------------------------------------------------------

    @property
    def state(self) -> Path:
        return self.root / ".cosmos"

    @property
    def host(self) -> Path:
        return self.state / "work" / "workshop"

    @property
    def entries(self) -> list[LedgerEntry]:
        """All results."""
        from cosmos.state.database import open_database
        from cosmos.state.records import SqlRecords

        database = open_database(f"sqlite:///{self.state}/state.db")
        try:
            return list(SqlRecords(database).everything().ledger.values())
        finally:
            database.close()

    def blob(self, name: str = "out.txt") -> Path:
        """The blob of a file of the only result."""
        (entry,) = self.entries
        (sha256,) = (file.sha256 for file in entry.manifest if file.name == name)
        return self.state / "store" / sha256[:2] / sha256

    def published(self, key: str, name: str = "out.txt") -> Path:
        return (self.root / "outputs" / key / "latest").resolve() / name

    def host_blobs(self) -> list[Path]:
        return sorted(path for path in (self.host / "blobs").glob("??/*") if len(path.name) == 64)

    def batches(self) -> list[str]:
        return sorted(path.name for path in (self.host / "batches").iterdir())

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Bytes and mode of everything in the store, in outputs/ and on the host, for seeing that nothing changed."""
        kept = [self.state / "store", self.root / "outputs", self.state / "work", self.state / "logs"]
        return {
            str(path.relative_to(self.root)): (path.read_bytes(), path.stat().st_mode)
            for folder in kept
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.is_symlink()
        }

    def configure_away(self) -> None:
        """Give the project another host than it had."""
        (self.root / "cosmos.toml").write_text('[project]\nname = "workshop"\n[hosts.other]\n')

    def claimed_by_a_later_one(self) -> None:
        """As if a controller with a later lease had been on the host."""
        claim = self.host / "controller.json"
        claim.write_text(re.sub('"epoch":[0-9]+', '"epoch":999999999999999999', claim.read_text()))

    def lose_store(self) -> None:
        shutil.rmtree(self.state / "store")


def rot(path: Path) -> None:
    """Change one byte, as a disk does: no time and no mode tells of it."""
    found = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(b"\xff")
    path.chmod(found.st_mode & 0o7777)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def detach(path: Path) -> None:
    """Make a hard link a file of its own, as a copy to another disk does, a while ago: its hash can be remembered."""
    data, found = path.read_bytes(), path.stat()
    path.unlink()
    path.write_bytes(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns - 10**9))
