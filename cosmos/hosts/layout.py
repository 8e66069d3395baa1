"""Every path on a host, and the only places where names become paths.

    <workdir>/<project>/
      blobs/ab/<sha256>        inputs, read-only, shared by all runs
      blobs/.part/             uploads on their way, and the parts that cut ones left
      batches/<batch id>/      one run directory each; its files are named below
      batches/.gone-<batch id> released, being removed
    <workdir>/.gpus/<id>       held by the batch that computes on that GPU, of whatever project

A name that is not plain is refused here, before it can reach a path or a script.
"""

import re
from collections.abc import Iterable

from cosmos.errors import HostRefused

META = "batch.json"
RUN = "run.sh"
LOG = "run.log"
TIMES = "run.log.times"
SUMS = "inputs.sha256"
INPUTS = "inputs"
OUTPUTS = "outputs"
GONE = ".gone-"
"""Before the id of a batch whose run directory is being removed."""
RESERVED = frozenset(
    {
        META,
        RUN,
        LOG,
        TIMES,
        SUMS,
        INPUTS,
        OUTPUTS,
        "claim",
        "began",
        "began.tmp",
        "create",
        "image",
        "image.name",
        "image.new",
        "exit.json",
        "exit.tmp",
        "last.tmp",
        "stop",
        "batch.json.new",
        "run.sh.new",
    }
)
"""Names at the top of a run directory that belong to the protocol."""

_BATCH_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DEPTH = 16


class Layout:
    """Paths of one project on one host.

    Args:
        workdir: Absolute path on the host; everything we write there lies below it.
        project: Name of the project.
    """

    def __init__(self, workdir: str, project: str) -> None:
        if not workdir.startswith("/") or not workdir.isprintable():
            raise HostRefused(f"work directory {workdir!r} is no absolute path", "correct `workdir` of the host")
        self.gpus = f"{workdir.rstrip('/')}/.gpus"
        self.root = f"{workdir.rstrip('/')}/{plain(project)}"
        self.blobs = f"{self.root}/blobs"
        self.batches = f"{self.root}/batches"

    def batch(self, batch_id: str) -> str:
        return f"{self.batches}/{checked_id(batch_id)}"

    def log(self, batch_id: str) -> str:
        return f"{self.batch(batch_id)}/{LOG}"

    def log_times(self, batch_id: str) -> str:
        return f"{self.batch(batch_id)}/{TIMES}"

    def gpu(self, gpu: str) -> str:
        """The lock of a GPU."""
        return f"{self.gpus}/{plain(gpu)}"


def is_batch_id(name: str) -> bool:
    return _BATCH_ID.fullmatch(name) is not None


def checked_id(batch_id: str) -> str:
    if not is_batch_id(batch_id):
        raise HostRefused(f"{batch_id!r} is no batch id", "ids are lower-case letters, digits, `-` and `_`")
    return batch_id


def is_sha256(name: str) -> bool:
    return _SHA256.fullmatch(name) is not None


def checked_sha256(sha256: str) -> str:
    if not is_sha256(sha256):
        raise HostRefused(f"{sha256!r} is no sha256", "64 lower-case hexadecimal digits are one")
    return sha256


def plain(name: str) -> str:
    """One part of a path: letters, digits, `.`, `_`, `-`, and neither hidden nor like an option."""
    if not _PART.fullmatch(name):
        raise HostRefused(f"{name!r} is no plain file name", "use letters, digits, `.`, `_` and inner `-`")
    return name


def plain_path(path: str) -> str:
    """A relative path of plain names."""
    parts = path.split("/")
    if len(parts) > _DEPTH:
        raise HostRefused(f"{path!r} is nested too deep", f"{_DEPTH} folders are the most")
    for part in parts:
        plain(part)
    return path


def own_path(path: str) -> str:
    """A path below the run directory that the protocol leaves to the model."""
    if plain_path(path).split("/")[0] in RESERVED:
        raise HostRefused(f"{path!r} is a name of the run directory itself", "give the model's file another name")
    return path


def is_output_name(name: str) -> bool:
    """A name that a program gave to an output: any printable text that stays below its folder."""
    parts = name.split("/")
    return (
        name.isprintable()
        and "\\" not in name
        and len(parts) <= _DEPTH
        and not {"", ".", ".."} & set(parts)
        and all(len(part.encode()) <= 255 for part in parts)
    )


def output_name(name: str) -> str:
    if not is_output_name(name):
        raise HostRefused(f"the output {name!r} has a name that cannot be published", "have the program write another")
    return name


def leftover(path: str) -> str:
    """A path below the project's folder, of a kind that nothing but clearing away asks for."""
    folder, _, name = path.rpartition("/")
    if folder == "blobs/.part":
        return f"{folder}/{plain(name)}"
    if folder == "batches" and name.startswith(GONE):
        return f"{folder}/{GONE}{checked_id(name.removeprefix(GONE))}"
    raise HostRefused(f"{path!r} is no leftover of ours", "only what was cut off on its way may be removed")


def folders_of(paths: Iterable[str]) -> tuple[str, ...]:
    """The folders that the paths lie in, sorted."""
    return tuple(sorted({path.rpartition("/")[0] for path in paths} - {""}))
