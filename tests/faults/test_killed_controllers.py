"""A controller that is killed between two effects, or in the middle of one: the next one finds what it did.

`dying.py` dies before or after a call of one of its ports. What happens within a script on the host, or within one call
of the kernel, is cut by docker's client there, and by strace.
"""

import hashlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.estate import ON_A_GPU, Estate
from tests.remote.site import SLOW, WRITE, model, runs, until

pytestmark = pytest.mark.needs("docker", "ssh")

DYING = Path(__file__).with_name("dying.py")
GOES_ON = "No cosmos is at work here: cosmos apply goes on"

POINTS = (
    "after intend_all",
    "after put_blobs",
    "after prepare",
    "after start",
    "before started",
    "after fetch",
    "after commit",
    "before publish",
    "after publish",
    "after finished",
    "after release",
)
"""Faults 1, 3, 5, 6, 7 and 8, in the order in which one run comes by them."""

READS = "inputs: {file: {required: true}}"


def killed_at(estate: Estate, point: str) -> None:
    controller = estate.controller(*point.split(), program=(sys.executable, str(DYING), str(estate.root)))
    assert controller.ended() == -signal.SIGKILL, f"{point}: {controller.log.read_text()[-2000:]}"


def test_killed_at_every_point_of_its_work_each_run_is_launched_once(estate: Estate) -> None:
    """One run more for each point, so that each controller also has what the ones before it left."""
    estate.write(model(WRITE, more=READS, args=("{inputs.file}",)))
    (estate.root / "inputs").mkdir()
    names: list[str] = []
    for number, point in enumerate(POINTS):
        name = f"run{number}"
        names.append(name)
        (estate.root / "inputs" / name).write_text(f"scene {name}")
        more = f"{ON_A_GPU}\ninputs: {{file: inputs/{name}}}"
        (estate.root / "specs" / f"{name}.yaml").write_text(runs(name, more=more))
        killed_at(estate, point)
    estate.says(GOES_ON)
    estate.finish()
    estate.all_done(*names)
    assert GOES_ON not in estate.status_text()


CLIENT = """\
#!/bin/bash
# Docker's client. Once, after it has done VERB: the end of the controller, and of the session with its scripts.
DOCKER "$@"
code=$?
if [[ $1 == VERB ]] && rm FOLDER/armed 2>/dev/null; then
  pid=$PPID sessions=() # found first: sshd leaves with the controller
  until [[ $(<"/proc/$pid/comm") == sshd* ]]; do
    sessions+=("$pid")
    pid=$(cut -d ' ' -f 4 <"/proc/$pid/stat")
  done
  kill -KILL "$(<FOLDER/pid)"
  [[ WHAT != session ]] || kill -KILL "${sessions[@]}"
fi
exit "$code"
"""


def killed_by_docker(estate: Estate, verb: str, what: str) -> None:
    """Have docker's client on the host end the controller once it has done a verb, and, if so wanted, who called it."""
    folder = estate.host_program("docker", CLIENT.replace("VERB", verb).replace("WHAT", what))
    (folder / "armed").touch()
    controller = estate.controller()
    (folder / "pid").write_text(str(controller.pid))
    assert controller.ended() == -signal.SIGKILL


@pytest.mark.parametrize(("verb", "what"), [("create", "session"), ("create", "controller"), ("start", "session")])
def test_killed_within_the_script_that_starts_a_container(estate: Estate, verb: str, what: str) -> None:
    """A script whose controller alone dies goes on to its end: a second start finds what it did."""
    estate.write(model(SLOW), runs("one", more=ON_A_GPU))
    killed_by_docker(estate, verb, what)
    until(lambda: len(estate.containers()) == 1, "there is a container")
    (name,) = estate.containers()
    if (verb, what) == ("create", "session"):
        state = estate.inspect(name)["State"]
        assert (state["Status"], state["ExitCode"], estate.started) == ("created", 0, [])
        estate.says("one OutOfSync Starting", GOES_ON)
    else:
        until(lambda: estate.live() == [name], "it was started")
        estate.says("one OutOfSync Running", GOES_ON)
    controller = estate.controller()
    estate.seen_running("one")
    estate.let_go("one")
    assert controller.ended() == 0
    estate.all_done("one")


SIZE = 3_000_000
LARGE = f'{WRITE}; head -c {SIZE} /dev/zero >>"$1"'


def strace(call: str, how: str, path: Path) -> Sequence[str]:
    """A program that does something to another one when that calls the kernel about a path, before the call is done."""
    words = ("strace", "-f", "-qq", "-o", "/dev/null", "-P", str(path), "-e", f"trace={call}")
    return (*words, "-e", f"inject={call}:{how}")


@pytest.mark.needs("strace")
@pytest.mark.parametrize("call", ["write", "rename"])
def test_killed_within_a_download_nothing_partial_is_seen(estate: Estate, call: str) -> None:
    estate.write(model(LARGE), runs("one", more=ON_A_GPU))
    data = b"one" + bytes(SIZE)
    blob = hashlib.sha256(data).hexdigest()
    partial = estate.root / ".cosmos" / "store" / "partial" / blob
    partial.parent.mkdir(parents=True)
    partial.touch()  # strace wants to know the file
    killed = estate.controller(under=strace(call, f"signal=SIGKILL:when={3 if call == 'write' else 1}", partial))
    assert killed.ended() == -signal.SIGKILL
    assert partial.stat().st_size == SIZE + 3 or call == "write"
    assert not (estate.root / "outputs" / "one").exists()
    estate.says("one OutOfSync Collecting", GOES_ON)
    estate.finish()
    (made,) = (estate.root / "outputs" / "one" / "latest").glob("out.txt")
    assert made.read_bytes() == data
    made.unlink()
    assert (len(estate.started), estate.containers()) == (1, [])
