"""A bare repository of our own on disk: made whole or not at all, held by one at a time, and tidied.

Its configuration is the text below. A repository with another one was not made here (whoever commits a folder of the
state could bring one along), and git would do what it says: it is made anew.
"""

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from cosmos.errors import SourceError
from cosmos.source.git import Git

CONFIG = """\
[core]
	repositoryformatversion = 0
	bare = true
	fsync = committed
[fetch]
	unpackLimit = 1
	writeCommitGraph = false
[gc]
	auto = 0
[maintenance]
	auto = false
[transfer]
	fsckObjects = true
[fetch "fsck"]
	zeroPaddedFilemode = ignore
	missingSpaceBeforeDate = ignore
	badTimezone = ignore
"""
"""Each fetch makes one pack, on disk for good; nothing is thrown away by itself. Old, harmless flaws are ignored."""

HELD_S = 60.0
"""How long one waits for another who fetches."""
PACKS_MAX = 50
"""With more, they are made one."""

_DAMAGED = "damaged"
_SHA = re.compile(r"[0-9a-f]{40}")
_FORMATS = ("-c", "init.defaultObjectFormat=sha1", "-c", "init.defaultRefFormat=files")


def make(folder: Path) -> None:
    """An empty one, in place of what is there.

    Raises:
        SourceError: It cannot be written.
    """
    with _writing(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    Git(folder, bare=True).run(*_FORMATS, "init", "--quiet", "--bare", "--template=")
    with _writing(folder):
        (folder / "config").write_text(CONFIG)


def is_ours(folder: Path) -> bool:
    """It was made here, whole, and nobody has found it damaged."""
    try:
        return (
            (folder / "config").read_text() == CONFIG
            and (folder / "HEAD").is_file()
            and (folder / "objects").is_dir()
            and not (folder / "commondir").exists()
            and not (folder / _DAMAGED).exists()
        )
    except (OSError, UnicodeDecodeError):
        return False


def mark_damaged(folder: Path) -> None:
    """So that it is made anew by whoever fetches next."""
    with _writing(folder):
        (folder / _DAMAGED).touch()


def ref(folder: Path, name: str) -> str:
    """What a ref names, as it is written down, whatever else is broken; empty where there is none.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return _only_sha((folder / name).read_text("ascii", "replace").strip())
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            lines = (folder / "packed-refs").read_text("ascii", "replace").splitlines()
            return next((_only_sha(line[:40]) for line in lines if line[41:] == name), "")
    except OSError as error:
        raise SourceError(
            f"{folder} cannot be read: {error.strerror}", "give it to the one who runs cosmos, or delete it"
        ) from None
    return ""


def _only_sha(text: str) -> str:
    return text if _SHA.fullmatch(text) else ""


def tidy(folder: Path) -> None:
    """Remove what a fetch that was ended left: half a pack on a full disk, a lock that nobody holds. Hold it before."""
    with _writing(folder):
        for pattern in ("objects/pack/tmp_*", "objects/tmp_*", "objects/??/tmp_obj_*", "*.lock", "refs/**/*.lock"):
            for path in folder.glob(pattern):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)


def has_many_packs(folder: Path) -> bool:
    return sum(1 for _ in folder.glob("objects/pack/*.pack")) > PACKS_MAX


def put_in_place(new: Path, folder: Path) -> None:
    """`new` becomes the one in `folder`; what was there is removed, after that."""
    old = _old(folder)
    with _writing(folder):
        shutil.rmtree(old, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            folder.rename(old)
        new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def there(folder: Path) -> Path:
    """Where it is now: one that was killed while it put another one in place left only the old one."""
    return _old(folder) if not folder.exists() and _old(folder).exists() else folder


def recover(folder: Path) -> None:
    """Go back to the old one in that case. Hold it before."""
    if there(folder) != folder:
        with _writing(folder):
            _old(folder).rename(folder)


def _old(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.old")


@contextlib.contextmanager
def held(folder: Path, patience_s: float = HELD_S) -> Iterator[None]:
    """For one at a time, in this process or another; it ends with the process.

    Raises:
        SourceError: Another one has it for too long, or the lock cannot be made.
    """
    with _writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        deadline = time.monotonic() + patience_s
        while not _takes(handle):
            if time.monotonic() >= deadline:
                raise SourceError(
                    f"{folder}: another cosmos fetches for more than {patience_s:.0f} s",
                    "it is tried again by itself; `ps -ef | grep 'git.*fetch'` shows what takes so long",
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def _takes(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "make room there and make it writable for this user, or set project.state to another folder"
        raise SourceError(f"cannot write {folder}: {error.strerror}", hint) from None
