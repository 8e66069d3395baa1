"""BashScriptBuilder: what a host is told to do, as text. Pure: nothing is run here.

The fixed part of each script is a file in bash/, where an editor and shellcheck can read it. What varies
reaches a script as a positional parameter or on stdin, so there is nothing to quote; the one text with
values in it is run.sh, and they are quoted once, by `shlex.quote`.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources

from cosmos.core.ports import PYTHON, ROOT, BatchPlan, fill
from cosmos.core.reasons import Reason
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
    own_path,
    plain,
    plain_path,
)
from cosmos.hosts.records import write_meta
from cosmos.hosts.remote import Script

TIMES_LIMIT = 4 << 20
"""Bytes of run.log.times that are read: a month of them."""
MOST_FILES = 10_000
"""Most files of one output folder."""

RECORD_LIMIT = 8 << 20
"""Longest batch.json, claim or exit record that a look reads, in bytes."""

ARGUMENT_LIMIT = (128 << 10) - 1
"""Longest single argument that Linux takes, in bytes."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BASH_KEEPS = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"})
_OURS = frozenset({"COSMOS_BATCH", "COSMOS_RUN_DIRECTORY"})


class BashScriptBuilder:
    """Builds the scripts of one project on one host.

    Args:
        layout: Where things are there.
        python: The host's Python, for PYTHON in an argv.
    """

    def __init__(self, layout: Layout, python: str = "python3") -> None:
        self._layout = layout
        self._python = python

    def run_sh(self, batch: BatchPlan) -> bytes:
        """run.sh of one batch: its environment, its argv, and the rest of bash/run.sh.

        Raises:
            HostRefused: An argument or variable that no program can be given.
        """
        marks = {ROOT: self._layout.batch(batch.meta.batch_id), PYTHON: self._python}
        argv = [_argument(element) for element in fill(batch.argv, marks)]
        if not argv:
            raise HostRefused(f"batch {batch.meta.batch_id} has no command", "give the model a `command`")
        values = fill(batch.env.values(), marks)
        exports = [_export(name, value) for name, value in sorted(zip(batch.env, values, strict=True))]
        head = [
            "#!/usr/bin/env bash",
            f"limit={_hundredths(batch.timeout_s)}",
            f"grace={_hundredths(batch.grace_s)}",
            f"inputs={len(batch.inputs)}",
            "program() {",
            f'  export COSMOS_BATCH={checked_id(batch.meta.batch_id)} COSMOS_RUN_DIRECTORY="$PWD"',
            *exports,
            f"  exec -- {' '.join(argv)}",
            "}",
        ]
        return "\n".join([*head, "", _file("common"), _file("run")]).encode()

    def observe(self, wanted: Iterable[str]) -> Script:
        stdin = "".join(f"{checked_sha256(sha256)}\n" for sha256 in wanted)
        return _script("observe", self._layout.root, str(RECORD_LIMIT), stdin=stdin.encode(), deadline_s=60)

    def prepare(self, batch: BatchPlan) -> Script:
        args = (self._layout.root, checked_id(batch.meta.batch_id))
        return _script("prepare", *args, stdin=self._parts_of(batch), deadline_s=120)

    def start(self, batch_id: str) -> Script:
        return _script("start", self._layout.batch(batch_id))

    def stop(self, batch_id: str, grace_s: float) -> Script:
        args = (self._layout.batch(batch_id), batch_id, str(_hundredths(grace_s)))
        return _script("stop", *args, deadline_s=grace_s + 45)

    def release(self, batch_id: str) -> Script:
        return _script("release", self._layout.root, checked_id(batch_id), deadline_s=600)

    def manifest(self, batch_id: str, folder: str) -> Script:
        args = (self._layout.batch(batch_id), plain(folder), str(MOST_FILES))
        return _script("manifest", *args, deadline_s=1800)

    def log(self, batch_id: str, offset: int, limit: int) -> Script:
        return _script("log", self._layout.log(batch_id), str(max(0, offset)), str(max(0, limit)))

    def log_times(self, batch_id: str) -> Script:
        return _script("log", self._layout.log_times(batch_id), "0", str(TIMES_LIMIT))

    def wait(self, batch_ids: Sequence[str], timeout_s: float) -> Script:
        tenths = max(1, round(timeout_s * 10))
        ids = [checked_id(batch_id) for batch_id in batch_ids]
        return _script("wait", self._layout.batches, str(tenths), *ids, deadline_s=timeout_s * 1.5 + 10)

    def blobs(self, wanted: Iterable[str]) -> Script:
        """Ready the folders for an upload and say which blobs are there, and their size."""
        stdin = "".join(f"{checked_sha256(sha256)}\n" for sha256 in wanted)
        return _script("blobs", self._layout.blobs, self._layout.parts, stdin=stdin.encode())

    def publish(self, arrived: Mapping[str, str]) -> Script:
        """Give uploaded files, sha256 by name, their place among the blobs."""
        stdin = "".join(f"{plain(name)} {checked_sha256(sha256)}\n" for name, sha256 in arrived.items())
        return _script("publish", self._layout.blobs, self._layout.parts, stdin=stdin.encode(), deadline_s=120)

    def discard(self, name: str) -> Script:
        """Remove an upload that is not what it should be."""
        return Script(name="discard", text='rm -f -- "$1"', args=(self._layout.part(name),))

    def _parts_of(self, batch: BatchPlan) -> bytes:
        """What bash/prepare.sh reads: one line a part, files followed by their bytes, batch.json last."""
        links = {f"{INPUTS}/{plain_path(name)}": checked_sha256(sha256) for name, sha256 in batch.inputs.items()}
        sums = "".join(f"{sha256}  {path}\n" for path, sha256 in links.items())
        files = {own_path(path): data for path, data in batch.files.items()}
        files |= {SUMS: sums.encode(), RUN: self.run_sh(batch)}
        folders = [*folders_of([*links, *files]), *(f"{OUTPUTS}/{plain(folder)}" for folder in batch.folders)]
        lines = [f"folder {folder}\n".encode() for folder in folders]
        lines += [f"link {sha256} {path}\n".encode() for path, sha256 in links.items()]
        lines += [f"file {len(data)} {path}\n".encode() + data for path, data in files.items()]
        meta = write_meta(batch.meta)
        return b"".join([*lines, f"meta {len(meta)}\n".encode(), meta, b"end\n"])


def _script(name: str, *args: str, stdin: bytes = b"", deadline_s: float = 30.0) -> Script:
    language = "" if name == "start" else "export LC_ALL=C\n"  # a program keeps its user's; messages are in English
    text = f"{language}{_file('common')}\n{_file(name)}"
    return Script(name=name, text=text, args=args, stdin=stdin, deadline_s=deadline_s)


@cache
def _file(name: str) -> str:
    return resources.files(__package__).joinpath("bash", f"{name}.sh").read_text("ascii")


def _hundredths(seconds: float) -> int:
    return max(0, round(seconds * 100))


def _export(name: str, value: str) -> str:
    if not _NAME.fullmatch(name) or name in _BASH_KEEPS | _OURS:
        raise _impossible(f"the variable {name!r} cannot be set", "choose another name in the model's `env`")
    return f"  export {name}={_argument(value)}"


def _argument(text: str) -> str:
    """Quoted once, here. In single quotes bash takes every byte as it is, line ends too."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise _impossible(f"{text[:40]!r} has half of a surrogate pair", "write the text as UTF-8") from None
    if "\0" in text:
        raise _impossible(f"{text[:40]!r} has a NUL, or a mark that nobody filled in", "take it out")
    if size > ARGUMENT_LIMIT:
        raise _impossible(f"an argument has {size} bytes; {ARGUMENT_LIMIT} are the most", "pass it in a file")
    return shlex.quote(text)


def _impossible(message: str, hint: str) -> HostRefused:
    return HostRefused(message, hint, Reason.BAD_SPEC.value)
