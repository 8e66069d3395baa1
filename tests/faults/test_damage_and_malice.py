"""Blobs that rot on the host, programs that leave traps, and hosts that lie about names and bytes."""

import hashlib
from pathlib import Path

import pytest

from cosmos.core.reasons import Reason
from tests.faults.estate import ON_A_GPU, Estate
from tests.remote.site import NOTHING, PROJECT, SLOW, WRITE, model, runs, until
from tests.remote.test_hostile_programs import TREE

pytestmark = pytest.mark.needs("docker", "ssh")

INPUT = b"a scene, in depth" * 1000
READS = "inputs: {file: {required: true}}"
BOTH_GPUS = "placement: {gpus: 2}\ninputs: {file: inputs/scene}"


def test_a_blob_that_rots_after_its_upload_is_not_computed_with_and_is_brought_again(estate: Estate) -> None:
    """While the second run waits for the first one's GPUs. Its container has started; its program has not."""
    sha256 = hashlib.sha256(INPUT).hexdigest()
    (estate.root / "inputs").mkdir()
    (estate.root / "inputs" / "scene").write_bytes(INPUT)
    script = f'sha256sum <"$3" >sum; {SLOW}; grep -q {sha256} sum || echo rotten >>"$1"'
    script = script.replace("sum;", "/tmp/sum;").replace(" sum ", " /tmp/sum ")
    estate.write(model(script, more=READS, args=("{inputs.file}",)), runs("one", "two", more=BOTH_GPUS))
    controller = estate.controller()
    estate.seen_running("one")
    until(lambda: len(estate.started) == 2, "the other one waits behind it")
    first, second = (launch.batch for launch in estate.started)
    blob = estate.gpu_host.workdir / PROJECT / "blobs" / sha256[:2] / sha256
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff")
    blob.chmod(0o444)
    estate.let_go("one")
    until(lambda: len(estate.started) == 3, "the other one is tried again")
    estate.let_go("two", attempt=2)
    assert controller.ended() == 0
    assert [attempt.reason for attempt in estate.attempts("two")] == [Reason.INPUT_CORRUPT, None]
    assert [launch.batch for launch in estate.started] == [first, second, second.replace("-a1", "-a2")]
    assert [estate.output(name) for name in ("one", "two")] == ["one", "two"]
    assert blob.read_bytes() == INPUT
    assert (estate.plan_text(), estate.containers()) == (NOTHING, [])
    assert "2 in sync." in estate.status_text()


def secrets_here(estate: Estate) -> list[Path]:
    """Files of the project that have the bytes of /etc/shadow."""
    shadow = Path("/etc/shadow").read_bytes()
    files = (path for path in estate.root.rglob("*") if path.is_file() and path.stat().st_size == len(shadow))
    return [path for path in files if path.read_bytes() == shadow]


def test_of_a_hostile_tree_nothing_but_the_declared_output_comes_here(estate: Estate) -> None:
    more = f"retry: {{limit: 0}}\n{ON_A_GPU}"
    estate.write(
        model(f"({TREE}); {WRITE}"),
        model(f'({TREE}); ln -s /etc/shadow "$1"', name="thief"),
        runs("one", more=ON_A_GPU),
        runs("theft", model="thief", more=more),
    )
    assert estate.controller().ended() == 3
    folder = (estate.root / "outputs" / "one" / "latest").resolve()
    assert sorted(path.name for path in folder.rglob("*")) == ["out.txt", "provenance.json", "run.log"]
    assert estate.output("one") == "one"
    assert secrets_here(estate) == []
    estate.says("theft OutOfSync Failed", "OutputMissing", "cosmos logs theft", "cosmos retry theft")
    assert (len(estate.started), estate.containers()) == (2, [])


LIES_ABOUT_NAMES = """\
#!/bin/bash
real() { PATH=${PATH#*:} find "$@"; }
if [[ $PWD == */outputs/* && "$*" == *%P* ]]; then
  real "$@"
  printf '5\\0%s\\0' ../../../../../../FOLDER/evil ../evil /etc/cron.d/evil 'a/../../evil'
else
  real "$@"
fi
"""

LIES_ABOUT_BYTES = """\
#!/bin/bash
if [[ ${!#} == */outputs/*/out.txt ]]; then printf 'bad'; exit; fi
PATH=${PATH#*:} exec cat "$@"
"""


def test_a_host_that_lies_about_names_writes_nowhere(estate: Estate) -> None:
    folder = estate.host_program("find", LIES_ABOUT_NAMES)
    estate.write(model(WRITE), runs("one", more=ON_A_GPU))
    before = sorted(folder.parent.rglob("*"))
    assert estate.controller().ended() == 0
    assert not (folder / "evil").exists()
    assert not Path("/etc/cron.d/evil").exists()
    made = [path for path in sorted(folder.parent.rglob("*")) if path not in before and "evil" in path.name]
    assert made == []
    estate.all_done("one")


def test_a_host_that_lies_about_bytes_gets_nothing_published(estate: Estate) -> None:
    estate.host_program("cat", LIES_ABOUT_BYTES)
    estate.write(model(WRITE), runs("one", more=ON_A_GPU))
    controller = estate.controller("apply", "--yes", "--timeout", "10s")
    assert controller.ended() != 0
    assert "did not arrive with the sha256" in controller.log.read_text()
    assert not (estate.root / "outputs" / "one").exists()
    estate.says("one OutOfSync Collecting", "cosmos apply goes on")
    (estate.gpu_host.gpus.path / "cat").unlink()
    estate.finish()
    estate.all_done("one")
