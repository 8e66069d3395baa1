"""The files of an image, taken from this machine: programs, a Python, folders, and the libraries that they name.

Written as a tar for `docker import`. No package manager is asked, so it does not matter which one the machine has.
The layout is the merged one (/bin is /usr/bin), whatever the machine's is.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

MERGED = ("bin", "lib", "lib64", "sbin")

PYTHON_HOME = "usr/local"
"""Where the Python is in the image: it finds its library from the place of its program."""

SITE_PACKAGES = f"{PYTHON_HOME}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"

_NOT_OF_PYTHON = re.compile(
    r"(^|/)(test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|pydoc_data|config-[^/]*|(site|dist)-packages)/"
    r"|\.opt-[12]\.pyc$|\.a$"
)
"""Makes a Python large, and is of no use to tests."""

_TESTS = re.compile(r"/tests/")
MADE_BY_PYTHON = re.compile(r"(^|/)__pycache__/")

_REQUIRED = re.compile(r"[\w.-]+(?=[^;]*$)")
"""The name in a requirement that has no condition. Packages of ours have conditions for what we do not use."""

_LIBRARY = re.compile(r"^\s+(?:\S+ => )?(/\S+) \(0x", re.MULTILINE)


class Rootfs:
    """Collects what an image has. Paths in the image are without a slash at the start."""

    def __init__(self) -> None:
        self._files: dict[str, Path] = {}
        self._texts = {"etc/passwd": "root:x:0:0:root:/:/bin/sh\n", "etc/group": "root:x:0:\n"}
        self._links = {name: f"usr/{name}" for name in MERGED}

    def add_programs(self, *names: str) -> None:
        """Programs of this machine by name."""
        for name in names:
            found = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            assert found, f"the program {name} is not installed here, so no image with it can be made"
            self._files[f"usr/bin/{name}"] = Path(found).resolve()

    def add_file(self, source: Path, target: str) -> None:
        self._files[target] = source

    def add_folder(self, source: Path, target: str, without: re.Pattern[str]) -> None:
        """All files below a folder but those whose relative path, folders with a slash at the end, has `without`."""
        for folder, folders, files in os.walk(source):
            within = os.path.relpath(folder, source)
            prefix = "" if within == "." else f"{within}/"
            folders[:] = [name for name in folders if not without.search(f"{prefix}{name}/")]
            for name in files:
                if not without.search(prefix + name):
                    self._files[f"{target}/{prefix}{name}"] = Path(folder, name)

    def add_python(self) -> None:
        """The Python that runs this, as `python3`, with its standard library and no packages."""
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        self.add_file(Path(sys.executable).resolve(), f"{PYTHON_HOME}/bin/{version}")
        self._links[f"{PYTHON_HOME}/bin/python3"] = version
        library = Path(sysconfig.get_path("stdlib"))
        self.add_folder(library, f"{PYTHON_HOME}/{sys.platlibdir}/{version}", _NOT_OF_PYTHON)

    def add_packages(self, *names: str) -> None:
        """Distributions of the environment that runs this, with those that they require."""
        wanted, done = list(names), set[str]()
        while wanted:
            name = wanted.pop()
            if name in done:
                continue
            done.add(name)
            found = metadata.distribution(name)
            wanted += [match[0] for one in found.requires or () if (match := _REQUIRED.match(one))]
            for file in found.files or ():
                path = file.as_posix()
                if not path.startswith("../") and not _TESTS.search(path):
                    self.add_file(Path(str(file.locate())), f"{SITE_PACKAGES}/{path}")

    def write(self, tar: Path) -> None:
        """Write what was added, and the libraries that it needs."""
        libraries = {_merged(path): Path(path) for path in self._libraries()}
        partial = tar.with_suffix(".partial")
        with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as archive:
            for name in ("usr", *(f"usr/{name}" for name in MERGED), "tmp"):
                archive.addfile(_member(name, tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755))
            for name, target in self._links.items():
                link = _member(name, tarfile.SYMTYPE, 0o777)
                link.linkname = target
                archive.addfile(link)
            for name, text in self._texts.items():
                member = _member(name, tarfile.REGTYPE, 0o644)
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
            for name, path in sorted({**libraries, **self._files}.items()):
                _add(archive, name, path)
        partial.replace(tar)

    def _libraries(self) -> Iterator[str]:
        """What the dynamic linker loads for each program and library, but what is added already."""
        known = set(self._files.values())
        for path in dict.fromkeys(_linker_says(path for path in known if _is_elf(path))):
            if Path(path).resolve() not in known:
                yield path


def _linker_says(paths: Iterable[Path]) -> list[str]:
    done = subprocess.run(["ldd", *map(str, paths)], capture_output=True, text=True, check=False)
    missing = [line.strip() for line in done.stdout.splitlines() if line.endswith("not found")]
    assert not missing, f"libraries are missing here: {missing}"
    return _LIBRARY.findall(done.stdout)


def _is_elf(path: Path) -> bool:
    if path.suffix in {".py", ".pyc"}:
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _merged(path: str) -> str:
    """Where a library is in the image. Its last name stays, since that is what programs ask for."""
    name = os.path.normpath(path).lstrip("/")
    return f"usr/{name}" if name.partition("/")[0] in MERGED else name


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = kind, mode
    return member


def _add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    """The file behind a link, readable by every user, with the time that compiled Python is checked against."""
    with path.open("rb") as file:
        stat = os.fstat(file.fileno())
        member = _member(name, tarfile.REGTYPE, 0o755 if stat.st_mode & 0o111 else 0o644)
        member.size, member.mtime = stat.st_size, int(stat.st_mtime)
        archive.addfile(member, file)
