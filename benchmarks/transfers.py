"""Files to and from a host over SSH, verified at both ends, beside scp and rsync over the same server.

The server is a private sshd on loopback with stock settings. scp and rsync are called as a person would; ours go the
way that `apply` takes, through FileTransferService. Each figure is the median of pairs, ours and the peer's in turn.
scp and rsync compute no sha256. A row of its own has scp and after it the fastest program that does.
"""

import hashlib
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.figure import Figure
from cosmos.core.recorded import FileEntry
from cosmos.hosts.process import ProcessHost
from cosmos.hosts.ssh.transport import SshTransport
from tests.services.sshd import Sshd, sshd

LARGE = 500 << 20
MANY, EACH = 2000, 20_000
TIMES = 3


def figures(folder: Path) -> Iterator[Figure]:
    with sshd("Subsystem sftp /usr/lib/openssh/sftp-server") as server:
        lab = _Lab(folder, server)
        yield from lab.one_large_file()
        yield from lab.many_small_files()
        yield from lab.the_same_again()
        lab.host.close()


class _Lab:
    def __init__(self, folder: Path, server: Sshd) -> None:
        self.folder = folder
        self.server = server
        self.workdir = folder / "host"
        self.host = ProcessHost("bench", SshTransport(server.target()), str(self.workdir), "bench")
        self.moved = 0
        self._fetched = folder / "fetched.bin"

    def one_large_file(self) -> Iterator[Figure]:
        blob = self._blob("large.bin", LARGE)
        there = self.folder / "peer"
        target = f"root@127.0.0.1:{there}"
        for peer, words in (("scp", ["scp", *self._options("-P")]), ("rsync", ["rsync", "-e", self._ssh()])):

            def send(words: Sequence[str] = words) -> None:
                _run([*words, str(blob[2]), target])

            ours, theirs = self._pairs(lambda: self._upload([blob]), send, there)
            yield _figure("upload of 500 MB, verified", ours, peer, theirs)
        batch_id, entry = self._output(blob)
        copy = self.folder / "copy.bin"
        scp, rsync, check = (
            ["scp", *self._options("-P")],
            ["rsync", "-e", self._ssh()],
            ["openssl", "dgst", "-sha256", str(copy)],
        )
        source = f"root@127.0.0.1:{self._output_path(batch_id, entry)}"
        ways = {"scp": (scp, []), "rsync": (rsync, []), "scp, openssl": (scp, check)}
        for peer, (words, after) in ways.items():

            def fetch(words: Sequence[str] = words, after: Sequence[str] = after) -> None:
                _run([*words, source, str(copy)])
                if after:
                    _run(after)

            ours, theirs = self._pairs(lambda: self._download(batch_id, entry), fetch, copy)
            yield _figure("download of 500 MB, verified", ours, peer, theirs)

    def many_small_files(self) -> Iterator[Figure]:
        (self.folder / "many").mkdir()
        blobs = [self._blob(f"many/{number}.bin", EACH) for number in range(MANY)]
        there = self.folder / "peer-many"
        words = ["rsync", "-r", "-e", self._ssh(), f"{self.folder / 'many'}/", f"root@127.0.0.1:{there}"]
        ours, theirs = self._pairs(lambda: self._upload(blobs), lambda: _run(words), there)
        yield _figure(f"upload of {MANY:,} files of 20 KB, verified", ours, "rsync", theirs)
        self._upload(blobs)
        self.moved = 0
        begin = time.perf_counter()
        self._upload(blobs)
        ours = time.perf_counter() - begin
        _run(words)
        begin = time.perf_counter()
        _run(words)
        yield _figure(f"the same {MANY:,} again: {self.moved} bytes", ours, "rsync", time.perf_counter() - begin)

    def the_same_again(self) -> Iterator[Figure]:
        blob = self._blob("again.bin", LARGE)
        self._upload([blob])
        self.moved = 0
        begin = time.perf_counter()
        self._upload([blob])
        yield Figure(
            work=f"the same 500 MB again: {self.moved} bytes of inputs", value=time.perf_counter() - begin, unit="s"
        )

    def _pairs(self, ours: Callable[[], None], peer: Callable[[], None], there: Path) -> tuple[float, float]:
        took: tuple[list[float], list[float]] = ([], [])
        for _ in range(TIMES):
            for call, times in zip((ours, peer), took, strict=True):
                self._remove(there)
                begin = time.perf_counter()
                call()
                times.append(time.perf_counter() - begin)
        return statistics.median(took[0]), statistics.median(took[1])

    def _remove(self, there: Path) -> None:
        """What either has moved; removing it is no part of what is measured."""
        self._fetched.unlink(missing_ok=True)
        for folder in (self.workdir / "bench" / "blobs", there):
            if folder.is_dir():
                shutil.rmtree(folder)
            else:
                folder.unlink(missing_ok=True)

    def _upload(self, blobs: Sequence[tuple[str, int, Path]]) -> None:
        self.host.put_blobs(blobs, self._count)

    def _download(self, batch_id: str, entry: FileEntry) -> None:
        self.host.fetch(batch_id, "one", [(entry, self._fetched)], self._count)

    def _count(self, moved: int) -> None:
        self.moved += moved

    def _blob(self, name: str, size: int) -> tuple[str, int, Path]:
        path = self.folder / name
        with path.open("wb") as file:
            for _ in range(0, size, 1 << 20):
                file.write(os.urandom(min(1 << 20, size)))
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size, path

    def _output(self, blob: tuple[str, int, Path]) -> tuple[str, FileEntry]:
        batch_id = "rs_0123456789-01234567-a1"
        entry = FileEntry(name="video.bin", sha256=blob[0], size=blob[1])
        path = self._output_path(batch_id, entry)
        path.parent.mkdir(parents=True)
        shutil.copyfile(blob[2], path)
        return batch_id, entry

    def _output_path(self, batch_id: str, entry: FileEntry) -> Path:
        return self.workdir / "bench" / "batches" / batch_id / "outputs" / "one" / entry.name

    def _options(self, port: str) -> list[str]:
        known = f"UserKnownHostsFile={self.server.folder / 'known_hosts'}"
        return ["-q", "-i", str(self.server.key), port, str(self.server.port), "-o", known]

    def _ssh(self) -> str:
        return " ".join(["ssh", *self._options("-p")])


def _run(words: Sequence[str]) -> None:
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _figure(work: str, ours: float, peer: str, theirs: float) -> Figure:
    return Figure(work=work, value=ours, unit="s", peer=peer, peer_value=theirs)
