"""BashScriptBuilder: what a host is told to do, as text. Pure: nothing is run here.

The fixed part of each script is a file in bash/, where an editor and shellcheck can read it. What varies
reaches a script as a positional parameter or on stdin, so there is nothing to quote; the one text with
values in it is run.sh, and they are quoted once, by `shlex.quote`.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import TypedDict

from cosmos.core.ports import PYTHON, ROOT, BatchPlan, document, fill
from cosmos.errors import HostRefused
from cosmos.hosts.layout import (
    INPUTS,
    OUTPUTS,
    RUN,
    SUMS,
    Layout,
    checked_id,
    checked_sha256,
    folders_of,
    leftover,
    output_name,
    own_path,
    plain,
    plain_path,
)
from cosmos.hosts.ownership import Owner
from cosmos.hosts.quoting import argument, export, hundredths
from cosmos.hosts.records import write_meta
from cosmos.hosts.remote import Script

TIMES_LIMIT = 4 << 20
"""Bytes of run.log.times that are read: a month of them."""
MOST_FILES = 10_000
"""Most files of one output folder."""

RECORD_LIMIT = 8 << 20
"""Longest batch.json, claim or exit record that a look reads, in bytes."""

_LETTERS_OF_PATTERNS = re.compile(r"[\\*?\[]")


class BashScriptBuilder:
    """Builds the scripts of one project on one host where batches are processes.

    Args:
        layout: Where things are there.
        python: The host's Python, for PYTHON in an argv.
        secrets: Files of the host with the values of secrets, by variable.
    """

    def __init__(self, layout: Layout, python: str = "python3", secrets: Mapping[str, str] | None = None) -> None:
        self.layout = layout
        self._python = python
        self._secrets = dict(secrets or {})

    def inside(self, batch_id: str) -> str:
        """The run directory as its program sees it."""
        return self.layout.batch(batch_id)

    def lock(self, gpu: str) -> str:
        """The lock file of a GPU as run.sh sees it."""
        return self.layout.gpu(gpu)

    def secret(self, name: str) -> str:
        """The file of a secret as run.sh sees it; empty where the host has none."""
        return self._secrets.get(name, "")

    def more_files(self, batch: BatchPlan) -> Mapping[str, bytes]:
        """What the runtime itself keeps in the run directory."""
        del batch
        return {}

    def run_sh(self, batch: BatchPlan) -> bytes:
        """run.sh of one batch: its environment, its argv, and the rest of bash/run.sh.

        Raises:
            HostRefused: An argument or variable that no program can be given.
        """
        marks = self._marks(batch)
        argv = [argument(element) for element in fill(batch.argv, marks)]
        if not argv:
            raise HostRefused(f"batch {batch.meta.batch_id} has no command", "give the model a `command`")
        values = fill(batch.env.values(), marks)
        exports = [export(name, value) for name, value in sorted(zip(batch.env, values, strict=True))]
        head = [
            "#!/usr/bin/env bash",
            f"limit={hundredths(batch.timeout_s)}",
            f"stall={0 if batch.stall_s is None else max(1, hundredths(batch.stall_s))}",
            f"grace={hundredths(batch.grace_s)}",
            f"inputs={len(batch.inputs)}",
            f"gpus=({' '.join(shlex.quote(self.lock(gpu)) for gpu in sorted(batch.meta.gpus))})",
            *self._preflight(batch),
            "program() {",
            f'  export COSMOS_BATCH={checked_id(batch.meta.batch_id)} COSMOS_RUN_DIRECTORY="$PWD"',
            *exports,
            *(f"  export_secret {name} {argument(self.secret(name))}" for name in batch.secrets),
            *([f"  cd -- {argument(batch.start_in)} || exit 126"] if batch.start_in else []),
            f"  exec -- {' '.join(argv)}",
            "}",
        ]
        return "\n".join([*head, "", _file("common.sh"), _file("run.sh")]).encode()

    def _preflight(self, batch: BatchPlan) -> Sequence[str]:
        """What run.sh looks for before anything else: path and least size, variable and file, folder and commit."""
        needed = [word for path, size in sorted(batch.needed.items()) for word in (argument(path), str(size))]
        secrets = [word for name in batch.secrets for word in (name, argument(self.secret(name)))]
        repository = batch.repository if batch.commit else ""
        return [
            f"needed=({' '.join(needed)})",
            f"secrets=({' '.join(secrets)})",
            f"ports=({' '.join(str(int(port)) for port in batch.ports)})",
            f"repository={argument(repository)} commit={argument(batch.commit)}",
        ]

    def _marks(self, batch: BatchPlan) -> Mapping[str, str]:
        return {ROOT: self.inside(batch.meta.batch_id), PYTHON: self._python}

    def observe(self, wanted: Iterable[str]) -> Script:
        return self.look(wanted)

    def look(self, wanted: Iterable[str], docker: Sequence[str] = (), after: Sequence[str] = ("common",)) -> Script:
        """One look: batches are processes, or containers where it is said how docker is called."""
        stdin = "".join(f"{checked_sha256(sha256)}\n" for sha256 in wanted).encode()
        args = (self.layout.root, str(RECORD_LIMIT), *docker)
        return script("observe", *args, stdin=stdin, deadline_s=60, after=after)

    def owner(self) -> Script:
        """Whose the project's folder is."""
        return script("owner", self.layout.root)

    def check(self, images: Sequence[str]) -> Script:
        """What the host has of what cosmos needs."""
        return self.ask(images)

    def ask(self, images: Sequence[str], docker: Sequence[str] = ()) -> Script:
        args = (self.layout.root, str(len(images)), *images, *docker)
        return script("check", *args, deadline_s=300)

    def prepare(self, batch: BatchPlan) -> Script:
        args = (self.layout.root, checked_id(batch.meta.batch_id))
        return script("prepare", *args, stdin=self._parts_of(batch), deadline_s=120)

    def start(self, batch_id: str) -> Script:
        return script("start", self.layout.batch(batch_id))

    def stop(self, batch_id: str, grace_s: float) -> Script:
        args = (self.layout.batch(batch_id), batch_id, str(hundredths(grace_s)))
        return script("stop", *args, deadline_s=grace_s + 45)

    def release(self, batch_id: str) -> Script:
        return script("release", self.layout.root, checked_id(batch_id), deadline_s=600, after=("common", "docker"))

    def manifest(self, batch_id: str, folder: str) -> Script:
        args = (self.layout.batch(batch_id), plain(folder), str(MOST_FILES))
        return script("manifest", *args, deadline_s=1800, after=("common", "sums"))

    def result(self, batch_id: str, folder: str, names: Iterable[str], log_limit: int) -> Script:
        """The log up to a limit, its times, and the manifest of files by these names."""
        args = (self.layout.batch(batch_id), plain(folder), str(MOST_FILES), str(log_limit), str(TIMES_LIMIT))
        patterns = [_LETTERS_OF_PATTERNS.sub(r"\\\g<0>", output_name(name)) for name in names]
        nothing = () if patterns else ("",)
        return script("manifest", *args, *patterns, *nothing, deadline_s=1800, after=("common", "sums", "logs"))

    def log(self, batch_id: str, offset: int, limit: int) -> Script:
        return script("log", self.layout.log(batch_id), str(max(0, offset)), str(max(0, limit)))

    def log_times(self, batch_id: str) -> Script:
        return script("log", self.layout.log_times(batch_id), "0", str(TIMES_LIMIT))

    def wait(self, batch_ids: Sequence[str], timeout_s: float) -> Script:
        tenths = max(1, round(timeout_s * 10))
        ids = [checked_id(batch_id) for batch_id in batch_ids]
        return script("wait", self.layout.batches, str(tenths), *ids, deadline_s=timeout_s * 1.5 + 10)

    def blobs(self, wanted: Iterable[str]) -> Script:
        """Ready the folders for an upload; say which blobs are there, and which parts of the others."""
        stdin = "".join(f"{checked_sha256(sha256)}\n" for sha256 in wanted)
        return script("blobs", self.layout.blobs, stdin=stdin.encode(), deadline_s=600, after=("common", "sums"))

    def receive(self, sha256: str, size: int, part: str, begin: tuple[str, int] = ("", 0)) -> Script:
        """Receive one blob as file `part`, going on from another part (name, bytes)."""
        name = plain(begin[0]) if begin[0] else ""
        args = (self.layout.blobs, checked_sha256(sha256), str(size), plain(part), name, str(begin[1]))
        return script("receive", *args, _file("receive.py"), **_moving(size), after=_BY_PYTHON)

    def receive_many(self, name: str, size: int) -> Script:
        """Receive a tar of small blobs, by way of the folder `name`."""
        args = (self.layout.blobs, plain(name), _file("receive.py"))
        return script("receive_many", *args, **_moving(size), after=_BY_PYTHON)

    def stored(self) -> Script:
        return script("stored", self.layout.root, deadline_s=600)

    def damaged(self, blobs: Iterable[str], size: int) -> Script:
        """Read blobs, together so many bytes; say which are damaged."""
        stdin = "".join(f"{checked_sha256(sha256)}\n" for sha256 in blobs).encode()
        return script("damaged", self.layout.blobs, stdin=stdin, **_reading(size))

    def discard(
        self, unused: Iterable[str], damaged: Mapping[str, int], leftovers: Iterable[str], idle_s: int
    ) -> Script:
        """Remove blobs and leftovers that nobody has used for so long, and damaged blobs of these sizes."""
        lines = [f"unused {checked_sha256(sha256)}\n" for sha256 in unused]
        lines += [f"damaged {checked_sha256(sha256)}\n" for sha256 in damaged]
        lines += [f"leftover {leftover(path)}\n" for path in leftovers]
        args = (self.layout.root, str(max(0, idle_s)))
        return script("discard", *args, stdin="".join(lines).encode(), **_reading(sum(damaged.values())))

    def send(self, batch_id: str, folder: str, files: Sequence[tuple[int, str]], size: int) -> Script:
        """Print files (offset, name) of an output folder one after the other; `size` is how much that will be."""
        stdin = "".join(f"{offset} {output_name(name)}\n" for offset, name in files).encode()
        return script("send", self.layout.batch(batch_id), plain(folder), stdin=stdin, **_moving(size))

    def _parts_of(self, batch: BatchPlan) -> bytes:
        """What bash/prepare.sh reads: one line a part, files followed by their bytes, batch.json last."""
        links = {f"{INPUTS}/{plain_path(name)}": checked_sha256(sha256) for name, sha256 in batch.inputs.items()}
        sums = "".join(f"{sha256}  {path}\n" for path, sha256 in links.items())
        files = {own_path(path): data for path, data in batch.files.items()}
        marks = self._marks(batch)
        files |= {own_path(path): document(path, value, marks) for path, value in batch.documents.items()}
        files |= {SUMS: sums.encode(), RUN: self.run_sh(batch), **self.more_files(batch)}
        folders = [*folders_of([*links, *files]), *(f"{OUTPUTS}/{plain(folder)}" for folder in batch.folders)]
        lines = [f"folder {folder}\n".encode() for folder in folders]
        lines += [f"link {sha256} {path}\n".encode() for path, sha256 in links.items()]
        lines += [f"gpu {plain(gpu)}\n".encode() for gpu in batch.meta.gpus]
        lines += [f"file {len(data)} {path}\n".encode() + data for path, data in files.items()]
        meta = write_meta(batch.meta)
        return b"".join([*lines, f"meta {len(meta)}\n".encode(), meta, b"end\n"])


_BY_PYTHON = ("common", "python")
SLOWEST = 32 << 10
"""Bytes a second below which a transfer is given up."""


class _Moving(TypedDict):
    deadline_s: float
    patience_s: float | None
    moving: int


def _moving(size: int) -> _Moving:
    """Limits of a script that moves so many bytes."""
    return {"deadline_s": 600.0 + size / SLOWEST, "patience_s": 60.0, "moving": size}


class _Reading(TypedDict):
    deadline_s: float
    after: Sequence[str]


def _reading(size: int) -> _Reading:
    """Of a script that hashes so many bytes, at 10 MB a second or more."""
    return {"deadline_s": 600.0 + size / 10e6, "after": ("common", "sums")}


def script(
    name: str,
    *args: str,
    stdin: bytes = b"",
    deadline_s: float = 30.0,
    patience_s: float | None = None,
    moving: int = 0,
    after: Sequence[str] = ("common",),
) -> Script:
    """The script bash/<name>.sh, after other files of that folder."""
    language = "" if name == "start" else "export LC_ALL=C\n"  # a program keeps its user's; messages are in English
    text = language + "\n".join(_file(f"{part}.sh") for part in (*after, name))
    limits = _Moving(deadline_s=deadline_s, patience_s=patience_s, moving=moving)
    return Script(name=name, text=text, args=args, stdin=stdin, **limits)


def guarded(script: Script, folder: str, owner: Owner, former: str = "", seen: str = "") -> Script:
    """A script that changes something, after bash/claim.sh.

    Args:
        script: What is to be done.
        folder: The project's folder on the host.
        owner: Who does it.
        former: Where the owner's database was before it was moved, as it stands in a line.
        seen: The line of another owner that may be written over.
    """
    return replace(
        script, text=f"{_file('claim.sh')}\n{script.text}", args=(folder, owner.line, former, seen, *script.args)
    )


@cache
def _file(name: str) -> str:
    return resources.files(__package__).joinpath("bash", name).read_text("ascii")
