"""The nvidia-smi of the tests answers as the real one does: each text below is one of its answers."""

import subprocess

import pytest

from tests.services.gpus import NO_DRIVER, UNKNOWN, FakeGpus, Gpu, GpuProcess, uuid_of

APPS = "--query-compute-apps=gpu_uuid,pid,process_name,used_gpu_memory"


def ask(gpus: FakeGpus, *words: str, timeout: float = 10) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [gpus.path / "nvidia-smi", *words], capture_output=True, text=True, timeout=timeout, check=False
    )


def test_gpus_are_listed_with_the_fields_that_were_asked_for(gpus: FakeGpus) -> None:
    gpus.set(Gpu(0, memory_used=3599, power_draw=121.76), Gpu(1, name="Tesla K80", utilization_gpu=UNKNOWN))
    query = "--query-gpu=index,name,memory.total,memory.used,utilization.gpu,temperature.gpu,power.draw,driver_version"
    assert ask(gpus, query, "--format=csv,noheader,nounits").stdout == (
        "0, NVIDIA H200, 143771, 3599, 0, 38, 121.76, 580.159.04\n"
        "1, Tesla K80, 143771, 0, [N/A], 38, 116.81, 580.159.04\n"
    )
    assert ask(gpus, "--format=csv", "--query-gpu=utilization.gpu,uuid,memory.used").stdout == (
        "utilization.gpu [%], uuid, memory.used [MiB]\n"
        f"0 %, {uuid_of(0)}, 3599 MiB\n"
        f"[N/A], {uuid_of(1)}, 0 MiB\n"
    )  # fmt: skip
    assert ask(gpus, "-L").stdout.splitlines()[1] == f"GPU 1: Tesla K80 (UUID: {uuid_of(1)})"


def test_processes_are_listed(gpus: FakeGpus) -> None:
    assert ask(gpus, APPS, "--format=csv,noheader,nounits").stdout == ""
    gpus.occupy(GpuProcess(uuid_of(1), 4242, "python3"))
    assert ask(gpus, APPS, "--format=csv,noheader,nounits").stdout == f"{uuid_of(1)}, 4242, python3, 3590\n"
    assert ask(gpus, "--query-compute-apps=used_memory,pid", "--format=csv").stdout == (
        "used_gpu_memory [MiB], pid\n3590 MiB, 4242\n"
    )


def test_it_fails_as_the_real_one(gpus: FakeGpus) -> None:
    done = ask(gpus, "--query-gpu=bogus,index", "--format=csv")
    assert (done.returncode, done.stdout) == (2, 'Field "bogus" is not a valid field to query.\n\n')
    done = ask(gpus, "--bogus")
    assert (done.returncode, done.stdout[:35]) == (255, "ERROR: Option --bogus is not recogn")
    gpus.set()
    done = ask(gpus, "--query-gpu=index", "--format=csv")
    assert (done.returncode, done.stdout) == (6, "No devices were found\n")
    gpus.fail()
    done = ask(gpus, APPS, "--format=csv")
    assert (done.returncode, done.stdout) == (9, NO_DRIVER)
    gpus.hang()
    with pytest.raises(subprocess.TimeoutExpired):
        ask(gpus, APPS, timeout=0.2)
    gpus.answer()
    assert ask(gpus, APPS).returncode == 0
