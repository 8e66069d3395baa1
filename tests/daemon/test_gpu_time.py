"""GPU time that is not to be exceeded: a daemon holds, apply refuses, and both say why."""

from pathlib import Path

import pytest

from tests.cli.console import Console, wait_until
from tests.daemon.daemons import daemon, end
from tests.engine.workshop import runs
from tests.services.gpus import FakeGpus, Gpu

ON_GPU = "placement: {gpus: 1}"


@pytest.fixture
def toml() -> str:
    return 'max_gpu_hours = 0.5\n[hosts.local]\nslots = 2\n[daemon]\nresync = "3s"\n'


def test_what_may_take_too_long_is_not_started(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smi = FakeGpus(tmp_path / "smi")
    smi.set(Gpu(0), Gpu(1))
    monkeypatch.setenv("PATH", str(smi.path), prepend=":")
    console.specs(runs("one", "two", more=ON_GPU))
    process = daemon(console)
    wait_until(lambda: (note := console.daemon()) is not None and note.held_back != "")
    shown = console.cosmos("status").stdout
    refused = console.cosmos("apply", "--yes")
    assert "! 2 runs are held back: it may be more than the 0.5 GPU hours that are allowed" in shown
    assert (refused.returncode, console.launches) == (1, [])
    assert "nothing was started: it may be more than the 0.5 GPU hours" in refused.stderr
    assert "nothing tells how long one, two will take" in refused.stderr

    console.specs(runs("one", "two", more=f"{ON_GPU}\ntimeout: 10m"))
    wait_until(lambda: console.is_made("one") and console.is_made("two"))
    end(process)

    console.specs(runs("one", "two", "three", more=ON_GPU))
    refused = console.cosmos("apply", "--yes", "--max-gpu-hours", "0")
    assert " learned\n" in refused.stdout
    assert (refused.returncode, "is more than the 0 GPU hours" in refused.stderr) == (1, True)
    assert console.cosmos("apply", "--yes", "--max-gpu-hours", "nan").returncode == 64
    assert sorted(console.launches) == ["one", "two"]
    assert console.cosmos("apply", "--yes").returncode == 0
    assert console.is_made("three")
