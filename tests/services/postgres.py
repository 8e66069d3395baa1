"""A PostgreSQL server of the tests' own, on a socket in a folder that ends with it.

It sorts words as people do and not by their bytes (`city-2` after `city/seed-1`, `c_ty` before both), as servers of
people are set up; what relies on the order of bytes is found out here.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

START_S, STOP_S = 60.0, 40.0

USER = "cosmos"


def folder_of_programs() -> Path | None:
    """Of the newest version that is installed: Debian puts them where no shell looks."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    return Path(program).resolve().parent if program else None


class Postgres:
    """Not yet started; `close` ends it and removes its folder."""

    def __init__(self) -> None:
        programs = folder_of_programs()
        assert programs, "PostgreSQL is not installed"
        self._programs = programs
        # Not below pytest's own folder: the path of a socket has at most 107 bytes.
        self.root = Path(tempfile.mkdtemp(prefix="cosmos-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        # PostgreSQL refuses to run as the superuser; Debian's package makes this user
        self._as = ["setpriv", "--reuid", "postgres", "--clear-groups"] if os.geteuid() == 0 else ["setpriv"]
        if os.geteuid() == 0:
            shutil.chown(self.root, "postgres")
        self._make()

    def _make(self) -> None:
        words = ["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--no-sync", "--no-instructions"]
        locale = ["--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en-US"]
        initdb = [*self._as, str(self._programs / "initdb"), "--pgdata", str(self.root / "data"), *words, *locale]
        done = subprocess.run(initdb, cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start it, on the same data each time, and wait until it answers."""
        assert not self._process, "the server runs already"
        settings = {"fsync": "off", "listen_addresses": "", "unix_socket_directories": str(self.root)}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.root / "log").open("ab") as log:
            self._process = subprocess.Popen(
                # Should the tests be killed, the server gets INT, and ends without waiting for its clients.
                [
                    *self._as,
                    "--pdeathsig",
                    "INT",
                    str(self._programs / "postgres"),
                    "-D",
                    str(self.root / "data"),
                    *words,
                ],
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self._words("postgres")).close()
            except psycopg.OperationalError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"the server does not start: {(self.root / 'log').read_text()}") from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """As a restart of the service does: clients are disconnected, and what they had begun is undone."""
        assert self._process, "the server was not started"
        self._process.send_signal(signal.SIGINT)
        self._process.wait(STOP_S)
        self._process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Stopped until the end of the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def new_database(self, template: str = "template1") -> str:
        """The name of an empty one, or of a copy of one that nobody is connected to."""
        name = f"cosmos{next(self._numbers)}"
        with psycopg.connect(self._words("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def url(self, database: str) -> str:
        """As `database.url` of cosmos.toml has it."""
        return f"postgresql://{USER}@/{database}?host={self.root}"

    def close(self) -> None:
        try:
            if self._process:
                self.stop()
        finally:
            shutil.rmtree(self.root)

    def _words(self, database: str) -> str:
        return f"host={self.root} user={USER} dbname={database}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests of this process. Whoever stops it starts it again."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.close()
