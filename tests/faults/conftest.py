from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.estate import Estate
from tests.services.gpu_host import GpuHost


@pytest.fixture
def estate(tmp_path: Path, gpu_host: GpuHost) -> Iterator[Estate]:
    estate = Estate(tmp_path / "project", toml=gpu_host.toml(), gpu_host=gpu_host)
    yield estate
    estate.close()
