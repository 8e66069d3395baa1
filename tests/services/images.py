"""Images made without a registry: `docker import` of files of this machine.

def test_something(docker: Dockerd, images: Images) -> None:
    tag = images.load(docker, BASE)
"""

from collections.abc import Callable
from pathlib import Path

import pytest

import cosmos
from tests.services.dockerd import Dockerd
from tests.services.rootfs import MADE_BY_PYTHON, SITE_PACKAGES, Rootfs

BASE = "cosmos-test:base"
"""What a model's image has for sure: bash, coreutils, findutils, grep, sed, flock, setsid and python3."""

BARE = "cosmos-test:bare"
"""An image without bash: sh, true and sleep."""

PREVIEW = "cosmos-preview:test"
"""BASE and `python3 -m cosmos.local_ai.preview`, as images/preview/Dockerfile has it."""

MODELS = "cosmos-models:test"
"""BASE with av and numpy, in which the stand-ins of tests/standins run; each is a folder that the host mounts."""

PACKAGE = Path(cosmos.__file__).parent

COREUTILS = """\
base64 basename cat chmod chown comm cp cut date dd df dirname du env expr false head id install link ln ls md5sum
mkdir mkfifo mktemp mv nice nl nohup nproc od printf pwd readlink realpath rm rmdir seq sha256sum shuf sleep sort
split stat stdbuf sync tac tail tee test timeout touch tr true truncate uname uniq wc whoami yes
"""


def _base() -> Rootfs:
    files = Rootfs()
    files.add_programs("bash", "sh", *COREUTILS.split(), "find", "xargs", "grep", "sed", "flock", "setsid")
    files.add_python()
    return files


def _bare() -> Rootfs:
    files = Rootfs()
    files.add_programs("sh", "true", "sleep")
    return files


def _models() -> Rootfs:
    files = _base()
    files.add_packages("av", "numpy")
    return files


def _preview() -> Rootfs:
    files = _base()
    files.add_packages("av", "numpy", "opencv-python-headless", "pydantic")
    files.add_folder(PACKAGE, f"{SITE_PACKAGES}/cosmos", MADE_BY_PYTHON)
    return files


_MADE: dict[str, Callable[[], Rootfs]] = {BASE: _base, BARE: _bare, PREVIEW: _preview, MODELS: _models}


class Images:
    """Makes the tar of each image once, in a folder, and loads it into as many daemons as wanted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, daemon: Dockerd, tag: str) -> str:
        """Have the image in the daemon; its tag."""
        if daemon.docker("image", "inspect", tag, check=False).returncode:
            changes = ("CMD sh", "ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1")
            words = [word for change in changes for word in ("--change", change)]
            daemon.docker("import", *words, str(self.tar(tag)), tag)
        return tag

    def tar(self, tag: str) -> Path:
        path = self._folder / f"{tag.replace(':', '-')}.tar"
        if not path.exists():
            _MADE[tag]().write(path)
        return path


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    return Images(tmp_path_factory.mktemp("images"))
