"""Two controllers that know of each other, and two that do not: one acts, the other changes nothing and says why."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos.core.plan import Sync
from tests.engine.controllers import begin, go_on, hasty, pause
from tests.engine.workshop import WRITE, Workshop, runs

START_LATE = """
import sys
from pathlib import Path
from cosmos.core.ports import BatchPlan
from cosmos.errors import Fenced
from tests.engine.controllers import hasty
from tests.engine.workshop import Workshop
from tests.makers import a_batch_meta

with hasty(Workshop(Path(sys.argv[1]), toml=sys.argv[2])) as api:
    project = api._project
    with project.lease.held() as hold:
        host = project.machines["local"].under(hold.epoch, hold.since)
        meta = a_batch_meta("late")
        host.prepare(BatchPlan(meta=meta, argv=("touch", str(project.settings.root / "ran"))))
        print("prepared", flush=True)
        sys.stdin.readline()
        for change in (lambda: host.start(meta.batch_id), lambda: host.release(meta.batch_id)):
            try:
                change()
            except Fenced as error:
                print(error.message, flush=True)
"""


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def slow(go: Path) -> str:
    return f"while [ ! -e {go} ]; do sleep 0.05; done; {WRITE}"


def written(root: Path) -> dict[str, int]:
    """Every file below a folder, and when it was written; not the logs of what runs."""
    return {str(path): path.stat().st_mtime_ns for path in root.rglob("*") if not path.name.startswith("run.log")}


# One database


def test_a_controller_that_was_stopped_too_long_ends_and_the_other_collects(workshop: Workshop) -> None:
    go = workshop.root / "go"
    workshop.specs(runs("one", "two", "three"), program=slow(go))
    first = begin(workshop)
    try:
        until(lambda: len(workshop.launches) == 2)
        pause(first, workshop)
        with hasty(workshop) as api:
            api.apply(api.plan(), wait=False, listener=workshop.seen.append)
        assert "has been silent for" in workshop.seen[0].waits
        go_on(first)
        said, _ = first.communicate(timeout=60)
    finally:
        first.kill()
    assert first.returncode == 4
    assert "another cosmos acts on this project now" in said
    go.touch()
    with hasty(workshop) as api:
        assert api.apply(api.plan(), timeout_s=60).exit_code == 0
    assert sorted(workshop.launches) == ["one", "three", "two"]


def test_no_script_of_a_controller_that_lost_the_lease_changes_a_host(workshop: Workshop) -> None:
    """It has looked and decided before it was stopped; what it then sends finds a later one on the host."""
    workshop.specs(runs("one"))
    first = begin(workshop, START_LATE)
    assert first.stdout is not None
    try:
        assert first.stdout.readline() == "prepared\n"
        pause(first, workshop)
        with hasty(workshop) as api, api._project.lease.held(tell=lambda words: None) as hold:
            api._project.machines["local"].under(hold.epoch, hold.since).stop("another-a1", 0.0)
        before = written(workshop.root / ".cosmos" / "work")
        go_on(first)
        said, _ = first.communicate("now\n", timeout=60)
    finally:
        first.kill()
    assert said.splitlines() == [said.splitlines()[0]] * 2
    assert "another cosmos acts on local now" in said
    assert written(workshop.root / ".cosmos" / "work") == before
    assert not (workshop.root / "ran").exists()


# Two databases


class Shared:
    """A host that several projects of one name use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workdir = folder / "work"
        self.toml = f'[hosts.local]\nslots = 2\nworkdir = "{self.workdir}"\n'

    def project(self, name: str) -> Workshop:
        return Workshop(self.folder / name, toml=self.toml)


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    return Shared(tmp_path)


def test_of_two_projects_of_one_name_the_second_changes_nothing_on_a_host(shared: Shared) -> None:
    first, second = shared.project("first"), shared.project("second")
    go = shared.folder / "go"
    for project in (first, second):
        project.specs(runs("one"), program=slow(go))
    first.apply(wait=False)
    until(lambda: bool(first.launches))
    before = written(shared.workdir)
    with second.api() as api:
        (status,) = api.plan().plan.statuses
        outcome = api.apply(api.plan(), timeout_s=20)
    assert status.sync is Sync.UNKNOWN
    assert outcome.exit_code == 6
    for words in ("belongs to", str(first.root / ".cosmos" / "state.db"), "since 20", "cosmos hosts claim local"):
        assert words in status.message
    assert (written(shared.workdir), second.launches) == (before, [])
    go.touch()
    assert first.apply().exit_code == 0
    assert first.launches == ["one"]


def test_a_host_that_is_claimed_belongs_to_who_claimed_it(shared: Shared) -> None:
    first, second = shared.project("first"), shared.project("second")
    for project in (first, second):
        project.specs(runs("one"))
    assert first.apply().exit_code == 0
    with second.api() as api:
        shown = api.machines.owner("local")
        assert not shown.is_ours
        assert str(first.root) in shown.who
        api.machines.claim(shown)
        assert api.machines.owner("local").is_ours
    assert second.apply().exit_code == 0
    first.specs(runs("one", "two"))
    assert first.apply(timeout_s=20).exit_code == 6
    assert first.launches == ["one"]


def test_a_copy_of_a_project_is_another_one(shared: Shared) -> None:
    """Its database has the same id; the one that it was copied from is still there."""
    first = shared.project("first")
    first.specs(runs("one"))
    first.apply()
    shutil.copytree(first.root, shared.folder / "second", symlinks=True)
    second = shared.project("second")
    second.specs(runs("two"))
    assert second.apply(timeout_s=20).exit_code == 6
    assert second.launches == ["one"]  # of its origin
    assert first.apply().exit_code == 0


def test_a_project_that_was_moved_goes_on_by_itself(shared: Shared) -> None:
    go = shared.folder / "go"
    first = shared.project("first")
    first.specs(runs("one"), program=slow(go))
    first.apply(wait=False)
    until(lambda: bool(first.launches))
    moved = shared.folder / "elsewhere"
    first.root.rename(moved)
    again = shared.project("elsewhere")
    go.touch()
    assert again.apply().exit_code == 0
    assert again.output("one") == "Heavy rain one"
    assert again.launches == ["one"]
    assert str(moved) in (shared.workdir / "workshop" / "controller.json").read_text()


def test_a_project_whose_database_was_deleted_goes_on_by_itself(shared: Shared) -> None:
    go = shared.folder / "go"
    first = shared.project("first")
    first.specs(runs("one"), program=slow(go))
    first.apply(wait=False)
    until(lambda: bool(first.launches))
    for path in (first.root / ".cosmos").glob("state.db*"):
        path.unlink()
    go.touch()
    assert first.apply().exit_code == 0
    assert first.launches == ["one"]


def test_an_older_copy_of_the_database_put_back_goes_on_by_itself(shared: Shared) -> None:
    first = shared.project("first")
    state = first.root / ".cosmos"
    first.specs(runs("one"))
    first.apply()
    kept = {path.name: path.read_bytes() for path in state.glob("state.db*")}
    for _ in range(3):
        first.apply()
    for path in state.glob("state.db*"):
        path.unlink()
    for name, data in kept.items():
        (state / name).write_bytes(data)
    first.specs(runs("one", "two"))
    assert first.apply().exit_code == 0
    assert sorted(first.launches) == ["one", "two"]
