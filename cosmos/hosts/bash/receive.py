"""Receive blobs: what receive.sh and receive_many.sh do, in one process and one pass. For Python 3.6 and newer.

They start it with `python3 -I -S -c` and take over where it did not begin: it makes its part, or its folder, before
it reads from stdin, and ends with DONE or REFUSED. It imports little: most blobs arrive in less time than `re` does.
"""

import hashlib
import io
import os
import queue
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

DONE, REFUSED = 10, 3
"""DONE is not 0, so that nothing else that is called python3 is believed."""
PIECE = 1 << 20
BUFFERS = 4
BLOCK = 512
PIPE_SIZE = 1031  # F_SETPIPE_SZ, which `fcntl` has by name from Python 3.10 on


class Hashing:
    """A sha256 that another thread computes: hashlib lets both run at once. Buffers go round between the two."""

    def __init__(self) -> None:
        self.free: queue.Queue[bytearray] = queue.Queue()
        self.full: queue.Queue[tuple[bytearray, int]] = queue.Queue()
        for _ in range(BUFFERS):
            self.free.put(bytearray(PIECE))
        self._digest = hashlib.sha256()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        size = -1
        while size:
            buffer, size = self.full.get()
            self._digest.update(memoryview(buffer)[:size])
            self.free.put(buffer)

    def result(self) -> str:
        self.full.put((bytearray(), 0))
        self._thread.join()
        return self._digest.hexdigest()


def copy(source: io.FileIO, target: io.FileIO, hashing: Hashing, limit: int) -> int:
    """As many bytes as there are, and no more than the limit."""
    moved = 0
    while moved < limit:
        buffer = hashing.free.get()
        size = fill(source, memoryview(buffer)[: limit - moved])
        write(target, memoryview(buffer)[:size])
        if not size:
            break
        hashing.full.put((buffer, size))
        moved += size
    return moved


def fill(source: io.FileIO, view: memoryview) -> int:
    """How much of the view could be filled: less than all at the end of the source."""
    size = 0
    while size < len(view):
        more = source.readinto(view[size:])
        if not more:
            break
        size += more
    return size


def write(target: io.FileIO, data: memoryview) -> None:
    while data:  # a disk that becomes full takes some of it first
        data = data[target.write(data) :]


def place(path: str, sha: str) -> None:
    os.chmod(path, 0o444)
    try:
        os.replace(path, f"{sha[:2]}/{sha}")
    except FileNotFoundError:
        os.mkdir(sha[:2])
        os.replace(path, f"{sha[:2]}/{sha}")


def remove(path: str) -> None:
    if os.path.lexists(path):
        os.unlink(path)


def refuse(words: str) -> "NoReturn":
    """Whoever asked may be gone: that nobody reads the words is no reason to end in another way."""
    try:
        os.write(2, f"{words}\n".encode())
    finally:
        os._exit(REFUSED)


def receive(sha: str, size: str, part: str, begin: str, held: str) -> None:
    """One blob, as receive.sh says."""
    path, moved, hashing = f".part/{part}", 0, Hashing()
    try:
        with open(path, "xb", 0) as target:
            if begin:
                with open(f".part/{begin}", "rb", 0) as old:
                    moved = copy(old, target, hashing, int(held))
                remove(f".part/{begin}")
            with open(0, "rb", 0) as source:
                # One byte too many tells that there are too many.
                moved += copy(source, target, hashing, int(size) - moved + 1)
        if moved != int(size):
            refuse(f"the upload of blob {sha} was cut off")
        if hashing.result() == sha:
            place(path, sha)
        else:
            remove(path)
            sys.stdout.write(f"bad {sha}\n")
    except OSError as error:
        remove(path)
        refuse(f"cannot write blob {sha}: {error.strerror}")


def receive_many(name: str) -> None:
    """A tar of blobs, as receive_many.sh says; but each is a blob as soon as it is whole, whatever comes after it."""
    folder, why = f".part/{name}", ""
    os.mkdir(folder)
    try:
        with io.BufferedReader(io.FileIO(0), PIECE) as source:
            while receive_member(source, f"{folder}/new"):
                pass
    except OSError as error:
        why = str(error.strerror)
    except (EOFError, ValueError) as error:
        why = str(error)
    remove(f"{folder}/new")
    os.rmdir(folder)
    if why:
        refuse(f"cannot write blobs: {why}")


def receive_member(source: "io.BufferedReader[io.FileIO]", path: str) -> bool:
    """False: that was the end of the tar."""
    header = exactly(source, BLOCK)
    if not any(header):
        exactly(source, BLOCK)
        return False
    sha, left = header[3:100].rstrip(b"\0").decode("ascii"), int(header[124:135], 8)
    if header[:3] != f"{sha[:2]}/".encode() or len(bytes.fromhex(sha)) != 32:
        raise ValueError("this is no tar of blobs")
    digest, padding = hashlib.sha256(), -left % BLOCK
    with open(path, "wb", 0) as target:
        while left:
            data = exactly(source, min(left, PIECE))
            digest.update(data)
            write(target, memoryview(data))
            left -= len(data)
    exactly(source, padding)
    if digest.hexdigest() == sha:
        place(path, sha)
    else:
        sys.stdout.write(f"bad {sha}\n")
    return True


def exactly(source: "io.BufferedReader[io.FileIO]", size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise EOFError("the upload was cut off")
    return data


def widen_stdin() -> None:
    """Fewer turns with whoever fills it, where it is a pipe and there is pipe memory left for its user."""
    try:
        import fcntl

        fcntl.fcntl(0, PIPE_SIZE, PIECE)
    except (ImportError, OSError):
        pass


if __name__ == "__main__":
    widen_stdin()
    if len(sys.argv) > 2:
        receive(*sys.argv[1:])
    else:
        receive_many(sys.argv[1])
    sys.stdout.flush()
    sys.exit(DONE)
