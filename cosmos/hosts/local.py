"""LocalTransport: this machine as a host. The only door to subprocesses in `hosts`.

Commands get a clean environment and a session of their own, so that a deadline ends all that they
started; what `setsid` has set free (a batch) is out of its reach, as it is meant to be.
"""

import contextlib
import errno
import hashlib
import os
import selectors
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from cosmos.core.reasons import Reason
from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.transport import CHUNK, Completed

KEPT = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH"}
    | {"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"}
)
KEPT_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "HF_HOME", "HF_HUB_CACHE")
"""What commands, and so models, get of our environment. Not BASH_ENV, and no tokens."""

_ERR_LIMIT = 64 << 10
_PIPE = 64 << 10


class LocalTransport:
    """Runs commands as child processes and copies files in memory of one chunk."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()

    def run(self, argv: Sequence[str], stdin: bytes, *, deadline_s: float, out_limit: int) -> Completed:
        process = self._start(argv)
        try:
            pump = _Pump(process, stdin, out_limit)
            pump.run(time.monotonic() + deadline_s)
            code = process.wait()
            if process not in self._running:
                raise HostUnreachable("was ended by closing this connection")
        except HostUnreachable as error:
            raise HostUnreachable(f"`{argv[0]}` {error.message}", "look again") from None
        finally:
            self._end(process)
        return Completed(code=code, out=bytes(pump.out), err=bytes(pump.err))

    def put(self, target: str, chunks: Iterable[bytes]) -> str:
        digest = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with _refusing(target):
            descriptor = os.open(target, flags, 0o600)
        whole = False
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                for chunk in chunks:
                    digest.update(chunk)
                    with _refusing(target):
                        _write_all(file, chunk)
                with _refusing(target):
                    os.fsync(file.fileno())
            whole = True
        finally:
            if not whole:
                os.unlink(target)  # noqa: PTH108 - a path on the host, as text
        return digest.hexdigest()

    def get(self, base: str, name: str, offset: int) -> Iterator[bytes]:
        with _refusing(f"{base}/{name}"):
            file = os.fdopen(_open_below(base, name), "rb", buffering=0)
        with file:
            file.seek(offset)
            while chunk := _read(file, f"{base}/{name}"):
                yield chunk

    def close(self) -> None:
        with self._lock:
            running = tuple(self._running)
            self._running.clear()
        for process in running:
            _kill_group(process)

    def _start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=clean_environment(os.environ.items()),
                cwd="/",
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise HostRefused(
                f"cannot run `{argv[0]}`: {error.strerror}", "install it, or see `ulimit -u`", Reason.HOST_REFUSED.value
            ) from error
        with self._lock:
            self._running.add(process)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        _kill_group(process)
        process.wait()
        with self._lock:
            self._running.discard(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


class _Pump:
    """Feeds and drains all three pipes of a process at once, so that no full pipe can block another."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, out_limit: int) -> None:
        assert process.stdin is not None  # noqa: S101 - all three were asked for
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        self.out = bytearray()
        self.err = bytearray()
        self._left = memoryview(stdin)
        self._limit = out_limit
        self._stdin, self._stdout = process.stdin, process.stdout
        self._selector = selectors.DefaultSelector()
        for pipe in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(pipe.fileno(), False)
        self._selector.register(process.stdin, selectors.EVENT_WRITE)
        self._selector.register(process.stdout, selectors.EVENT_READ)
        self._selector.register(process.stderr, selectors.EVENT_READ)

    def run(self, deadline: float) -> None:
        """Until all pipes are closed.

        Raises:
            HostUnreachable: The deadline passed, or there was too much output.
        """
        with self._selector:
            while self._selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise HostUnreachable("did not end in time")
                for key, _ in self._selector.select(left):
                    self._serve(key.fileobj)

    def _serve(self, pipe: object) -> None:
        if pipe is self._stdin:
            self._feed()
            return
        file: IO[bytes] = pipe  # type: ignore[assignment]
        data = file.read(_PIPE)
        if not data:
            self._selector.unregister(file)
        elif pipe is self._stdout:
            self.out += data
            if len(self.out) > self._limit:
                raise HostUnreachable(f"printed more than {self._limit} bytes")
        else:
            self.err += data
            del self.err[:-_ERR_LIMIT]

    def _feed(self) -> None:
        try:
            sent = os.write(self._stdin.fileno(), self._left[:_PIPE])
            self._left = self._left[sent:]
        except BrokenPipeError:  # it ended without reading all: its answer says why
            self._left = self._left[:0]
        if not self._left:
            self._selector.unregister(self._stdin)
            self._stdin.close()


def clean_environment(variables: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Of our variables, those that commands on this host are given."""
    return {name: value for name, value in variables if name in KEPT or name.startswith(KEPT_PREFIXES)}


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _write_all(file: IO[bytes], data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _read(file: IO[bytes], path: str) -> bytes:
    with _refusing(path):
        return file.read(CHUNK)


def _open_below(base: str, name: str) -> int:
    """Open step by step from `base`, so that a link put in place of a folder is not followed either."""
    *folders, last = name.split("/")
    here = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for folder in folders:
            below = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = below
        descriptor = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here)
    finally:
        os.close(here)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return descriptor


@contextlib.contextmanager
def _refusing(path: str) -> Iterator[None]:
    """Turn what the file system says into a definite no."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = Reason.DISK_FULL if full else Reason.HOST_REFUSED
        hint = "free space on the host" if full else "see that the work directory is there and writable"
        raise HostRefused(f"{path}: {error.strerror}", hint, reason.value) from error
