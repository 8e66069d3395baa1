"""GPUs that are not there: a program `nvidia-smi` for the front of a PATH, and a folder of files that it answers from.

Its answers have the shapes of the real one (driver 580, H200), checked against it. It knows `-L` and the queries
`--query-gpu` and `--query-compute-apps` with any of the fields below; like the real one it refuses others.

    gpus.set(Gpu(0), Gpu(1, memory_used=70_000))
    gpus.occupy(GpuProcess(gpu_uuid=uuid_of(1), pid=4242))
    gpus.fail()
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

UNKNOWN, UNSUPPORTED = "[N/A]", "[Not Supported]"
"""What nvidia-smi says for a value that a GPU does not tell."""

NO_DRIVER = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
    "Make sure that the latest NVIDIA driver is installed and running.\n\n"
)


def uuid_of(index: int) -> str:
    return f"GPU-{index:08x}-d128-55c0-6c43-5baf6a23ffb8"


@dataclass(frozen=True, slots=True)
class Gpu:
    """Fields as `--query-gpu` names them, with `_` for the dot. Memory in MiB, power in W."""

    index: int
    uuid: str = ""
    name: str = "NVIDIA H200"
    memory_total: int | str = 143771
    memory_used: int | str = 0
    utilization_gpu: int | str = 0
    temperature_gpu: int | str = 38
    power_draw: float | str = 116.81
    driver_version: str = "580.159.04"


@dataclass(frozen=True, slots=True)
class GpuProcess:
    gpu_uuid: str
    pid: int
    process_name: str = "/usr/bin/python3"
    used_gpu_memory: int | str = 3590


_COLUMNS: dict[str, tuple[str, str]] = {
    "memory_total": ("memory.total", " MiB"),
    "memory_used": ("memory.used", " MiB"),
    "utilization_gpu": ("utilization.gpu", " %"),
    "temperature_gpu": ("temperature.gpu", ""),
    "power_draw": ("power.draw", " W"),
    "used_gpu_memory": ("used_gpu_memory", " MiB"),
}
"""Field -> its name in a query, and the unit that follows its values. Others are called what they are."""

# In bash, which every host of ours has: it starts fast, and other users may not reach this Python.
SCRIPT = r"""#!/bin/bash
# Not the real nvidia-smi: it answers from the files of a folder, for tests on machines without GPUs.
state=STATE
case $(<"$state/mode") in
  failed) cat "$state/message"; exit 9 ;;
  hung) exec sleep 100000 ;;
esac
refuse() { printf '%s\n\n' "$2"; exit "$1"; }
file='' fields='' format=''
for word; do
  case $word in
    --query-gpu=*) file=gpus fields=${word#*=} ;;
    --query-compute-apps=*) file=processes fields=${word#*=} ;;
    --format=*) format=,${word#*=}, ;;
    -L) file=list ;;
    *) refuse 255 "ERROR: Option $word is not recognized. Please run 'nvidia-smi -h'." ;;
  esac
done
[[ $file ]] || refuse 255 'This nvidia-smi of the tests has no table.'
if [[ $file == list ]]; then cat "$state/list"; exit; fi
{
  IFS=, read -ra names; IFS=, read -ra units
  columns=() title=''
  for field in ${fields//,/ }; do
    column=''
    for i in "${!names[@]}"; do [[ ${names[i]} != "${field/used_memory/used_gpu_memory}" ]] || column=$i; done
    [[ $column ]] || refuse 2 "Field \"$field\" is not a valid field to query."
    columns+=("$column") unit=${units[column]}
    title+=", ${names[column]}${unit:+ [${unit# }]}"
  done
  mapfile -t rows
} <"$state/$file"
if [[ $file == gpus ]] && ((${#rows[@]} == 0)); then echo 'No devices were found'; exit 6; fi
[[ $format == *,noheader,* ]] || echo "${title#, }"
for row in "${rows[@]}"; do
  IFS=, read -ra values <<<"$row"
  line=''
  for column in "${columns[@]}"; do
    value=${values[column]}
    [[ $format == *,nounits,* || $value == \[* ]] || value+=${units[column]}
    line+=", $value"
  done
  echo "${line#, }"
done
"""


class FakeGpus:
    """One machine's GPUs. `path` is the folder for a PATH; every change counts for the next call of the program."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bin"
        self._state = folder / "state"
        for one in (self.path, self._state):
            one.mkdir(parents=True, exist_ok=True)
        self._write("message", NO_DRIVER)
        program = self.path / "nvidia-smi"
        program.write_text(SCRIPT.replace("STATE", f"'{self._state}'", 1))
        program.chmod(0o755)
        self.occupy()
        self.set()
        self.answer()

    def set(self, *gpus: Gpu) -> None:
        """Have these GPUs. None at all is a machine whose GPUs fell off the bus."""
        whole = [{**asdict(gpu), "uuid": gpu.uuid or uuid_of(gpu.index)} for gpu in gpus]
        self._write("gpus", _table(list(Gpu.__dataclass_fields__), whole))
        self._write("list", "".join(f"GPU {one['index']}: {one['name']} (UUID: {one['uuid']})\n" for one in whole))

    def occupy(self, *processes: GpuProcess) -> None:
        """Have these processes on the GPUs. Say in `set` how much memory they take."""
        self._write("processes", _table(list(GpuProcess.__dataclass_fields__), [asdict(one) for one in processes]))

    def fail(self, message: str = NO_DRIVER) -> None:
        """The driver is gone: exit code 9."""
        self._write("message", message)
        self._write("mode", "failed")

    def hang(self) -> None:
        self._write("mode", "hung")

    def answer(self) -> None:
        """End what `fail` or `hang` began."""
        self._write("mode", "ok")

    def uninstall(self) -> None:
        shutil.rmtree(self.path)

    def _write(self, name: str, text: str) -> None:
        """By rename: a call at this moment sees the old file or the new one."""
        new = self._state / f".{name}"
        new.write_text(text)
        new.replace(self._state / name)


def _table(fields: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    lines = [[_COLUMNS.get(field, (field, ""))[part] for field in fields] for part in (0, 1)]
    lines += [[str(row[field]) for field in fields] for row in rows]
    return "".join(",".join(line) + "\n" for line in lines)


@pytest.fixture
def gpus(tmp_path: Path) -> FakeGpus:
    """Two idle GPUs."""
    found = FakeGpus(tmp_path / "gpus")
    found.set(Gpu(0), Gpu(1))
    return found
