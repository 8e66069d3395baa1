"""LocalTransport: this machine as a host. The only door to subprocesses in `hosts`.

Commands get a clean environment and a session of their own, so that a deadline ends all that they
started; what `setsid` has set free (a batch) is out of its reach, as it is meant to be.
"""

import contextlib
import fcntl
import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import IO

from cosmos.core.reasons import Reason
from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.transport import Ended

KEPT = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH"}
    | {"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"}
    | {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"}
)
KEPT_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "HF_HOME", "HF_HUB_CACHE")
"""What commands, and so models, get of our environment. Not BASH_ENV, and no tokens."""

_ERR_LIMIT = 64 << 10
_PIPE = 1 << 20
"""Asked of the kernel for each pipe, and read at a time: fewer turns when many bytes move."""


class LocalTransport:
    """Runs commands as child processes.

    Args:
        more: Variables that they get besides those of `KEPT`.
    """

    def __init__(self, more: Mapping[str, str] | None = None) -> None:
        self._more = dict(more or {})
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()

    def approach(self) -> None:
        """It is here."""

    def stream(
        self, argv: Sequence[str], stdin: Iterable[bytes] = (), *, patience_s: float, moving: int = 0
    ) -> Generator[bytes, None, Ended]:
        process = self._start(argv)
        try:
            pump = _Pump(process, stdin)
            yield from pump.run(patience_s)
            code = process.wait(patience_s)
            if process not in self._running:
                raise HostUnreachable("was ended by closing this connection")
        except subprocess.TimeoutExpired:
            raise HostUnreachable(f"`{argv[0]}` closed its output and did not end", "look again") from None
        except HostUnreachable as error:
            raise HostUnreachable(f"`{argv[0]}` {error.message}", "look again") from None
        finally:
            self._end(process)
        return Ended(code=code, err=bytes(pump.err))

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
                env={**clean_environment(os.environ.items()), **self._more},
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

    def __init__(self, process: subprocess.Popen[bytes], stdin: Iterable[bytes]) -> None:
        assert process.stdin is not None  # noqa: S101 - all three were asked for
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        self.err = bytearray()
        self._chunks = iter(stdin)
        self._left = memoryview(b"")
        self._stdin, self._stdout = process.stdin, process.stdout
        self._selector = selectors.DefaultSelector()
        for pipe in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(pipe.fileno(), False)
            with contextlib.suppress(OSError):  # the user's share of pipe memory is used up: small ones work too
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
        self._selector.register(process.stdin, selectors.EVENT_WRITE)
        self._selector.register(process.stdout, selectors.EVENT_READ)
        self._selector.register(process.stderr, selectors.EVENT_READ)

    def run(self, patience_s: float) -> Iterator[bytes]:
        """What comes out, until all pipes are closed.

        Raises:
            HostUnreachable: Nothing moved for so long.
        """
        with self._selector:
            while self._selector.get_map():
                ready = self._selector.select(patience_s)
                if not ready:
                    raise HostUnreachable("did not end in time")
                for key, _ in ready:
                    if data := self._serve(key.fileobj):
                        yield data

    def _serve(self, pipe: object) -> bytes:
        if pipe is self._stdin:
            self._feed()
            return b""
        file: IO[bytes] = pipe  # type: ignore[assignment]
        data = file.read(_PIPE)
        if not data:
            self._selector.unregister(file)
        elif pipe is not self._stdout:
            self.err += data
            del self.err[:-_ERR_LIMIT]
            return b""
        return data

    def _feed(self) -> None:
        try:
            if not self._left:
                self._left = memoryview(next(self._chunks))
            sent = os.write(self._stdin.fileno(), self._left)
            self._left = self._left[sent:]
        except (StopIteration, BrokenPipeError):  # one that ends without reading all: its answer says why
            self._selector.unregister(self._stdin)
            self._stdin.close()


def clean_environment(variables: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Of our variables, those that commands on this host are given."""
    return {name: value for name, value in variables if name in KEPT or name.startswith(KEPT_PREFIXES)}


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
