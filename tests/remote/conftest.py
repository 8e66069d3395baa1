from pathlib import Path

import pytest

from tests.remote.site import Site
from tests.services.gpu_host import GpuHost


@pytest.fixture
def site(tmp_path: Path, gpu_host: GpuHost) -> Site:
    return Site(tmp_path / "project", toml=gpu_host.toml(), gpu_host=gpu_host)
