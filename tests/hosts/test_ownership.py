"""Whose a folder on a host is: the table of docs/recovery.md, as a look judges it and as each changing script does."""

import fcntl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cosmos.core.ports import BatchPlan
from cosmos.errors import Fenced, HostRefused, HostUnreachable
from cosmos.hosts.docker.executor import DockerExecutor
from cosmos.hosts.local import LocalTransport
from cosmos.hosts.ownership import Owner, read_owner
from cosmos.hosts.process import ProcessHost
from cosmos.hosts.run_directory import RunDirectoryHost
from tests.contracts.host_contract import until
from tests.disks import fill, small_disk
from tests.makers import a_batch_meta

HERE = Owner(database="ab12", place="m1:/home/ann/city/state.db", epoch=5, who="ann@desk", since=100.0)
SERVER = Owner(database="ab12", place="", epoch=5, who="ann@desk")
CONTAINER = Owner(database="ab12", place=":/p/state.db", epoch=5, who="root@1f")


class Folder:
    """The folder of one project on this machine."""

    def __init__(self, workdir: Path) -> None:
        self.workdir = workdir
        self.file = workdir / "demo" / "controller.json"

    def host(self, owner: Owner, *left: str) -> ProcessHost:
        """Its database was in the places `left`, and is there no more."""
        transport = LocalTransport()
        return ProcessHost(
            "gpu", transport, str(self.workdir), "demo", owner=owner, has_left=lambda place: place in left
        )

    def write(self, text: str) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(text)

    @property
    def owner(self) -> Owner | None:
        return read_owner(self.file.read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "work")


def change(host: RunDirectoryHost) -> None:
    host.release("none-a1")


OURS, LATER, ANOTHERS = "ours", "a later controller's", "another's"


@pytest.mark.parametrize(
    ("found", "owner", "verdict"),
    [
        (HERE, HERE, OURS),
        (Owner(database="ab12", place=HERE.place, epoch=4), HERE, OURS),
        (Owner(database="ab12", place=HERE.place, epoch=6), HERE, LATER),
        # another database in our place: ours was deleted and made anew
        (Owner(database="cd34", place=HERE.place, epoch=4), HERE, OURS),
        (Owner(database="cd34", place=HERE.place, epoch=6), HERE, LATER),
        # our database in another place: a copy, unless it was moved
        (Owner(database="ab12", place="m1:/old", epoch=4), HERE, ANOTHERS),
        (Owner(database="ab12", place="m1:/left", epoch=4), HERE, OURS),
        (Owner(database="ab12", place="m1:/left", epoch=6), HERE, LATER),
        (Owner(database="ab12", place="m2:/home/ann/city/state.db", epoch=4), HERE, ANOTHERS),
        (Owner(database="cd34", place="m1:/left", epoch=4), HERE, ANOTHERS),
        (Owner(database="cd34", place="m1:/other", epoch=4), HERE, ANOTHERS),
        # a server is in no place, and a container on no machine that others know
        (Owner(database="ab12", place="", epoch=4), SERVER, OURS),
        (Owner(database="cd34", place="", epoch=4), SERVER, ANOTHERS),
        (Owner(database="ab12", place=CONTAINER.place, epoch=4), CONTAINER, OURS),
        (Owner(database="cd34", place=CONTAINER.place, epoch=4), CONTAINER, ANOTHERS),
    ],
)
def test_a_look_and_a_script_judge_alike(folder: Folder, found: Owner, owner: Owner, verdict: str) -> None:
    folder.write(f"{found.line}\n")
    host = folder.host(owner, "m1:/left")
    if verdict == ANOTHERS:
        for touch in (lambda: host.observe(()), lambda: change(host)):
            with pytest.raises(HostUnreachable, match="belongs to") as caught:
                touch()
            assert caught.value.hint.endswith("cosmos hosts claim gpu")
        assert folder.owner == found
        return
    host.observe(())
    if verdict == LATER:
        with pytest.raises(Fenced, match="another cosmos acts on gpu now"):
            change(host)
        assert folder.owner == found
    else:
        change(host)
        assert folder.owner == owner


def test_a_look_writes_nothing_and_the_first_change_says_who_acts(folder: Folder) -> None:
    host = folder.host(HERE)
    host.observe(())
    assert not folder.workdir.exists()
    change(host)
    assert folder.owner == HERE


@pytest.mark.parametrize(
    "place", ["m1:/a b/\"c\"/\\d/'e'", "m1:/caf\u00e9/\u2603", "m1:/" + "long/" * 500, "m1:/$(touch x)`y`"]
)
def test_any_path_is_known_again(folder: Folder, place: str) -> None:
    """Among them one that is longer than what is written over."""
    owner = Owner(database="ab12", place=place, epoch=1)
    change(folder.host(owner))
    assert folder.owner == owner
    folder.host(owner).observe(())
    moved = folder.host(Owner(database="ab12", place="m1:/short", epoch=2), place)
    moved.observe(())
    change(moved)
    assert read_owner(folder.file.read_text().splitlines()[0]) == Owner(database="ab12", place="m1:/short", epoch=2)
    moved.observe(())


@pytest.mark.parametrize("text", ["?\n", "{}\n", '{"database":"ab12"}\n', "null\n", f"{HERE.line}x\n"])
def test_a_line_that_nobody_understands_is_anothers_until_it_is_claimed(folder: Folder, text: str) -> None:
    folder.write(text)
    host = folder.host(HERE)
    for touch in (lambda: host.observe(()), lambda: change(host)):
        with pytest.raises(HostUnreachable, match="cannot be understood"):
            touch()
    assert folder.file.read_text() == text
    host.claim(host.owner_line())
    change(host)
    assert folder.owner == HERE


@pytest.mark.parametrize("text", ["", "\n", "\0" * 512])
def test_a_file_that_came_to_nothing_is_nobodys(folder: Folder, text: str) -> None:
    """As a crash of the machine may leave one: what was under way then is over."""
    folder.write(text)
    host = folder.host(HERE)
    host.observe(())
    change(host)
    assert folder.owner == HERE


def test_a_line_of_a_later_version_with_more_fields_is_understood(folder: Folder) -> None:
    folder.write(f'{HERE.line[:-1]},"more":[1]}}\n')
    host = folder.host(HERE)
    host.observe(())
    change(host)
    assert folder.owner == HERE


def test_what_is_in_the_place_of_the_file_is_not_followed(folder: Folder, tmp_path: Path) -> None:
    folder.write("")
    folder.file.unlink()
    folder.file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostUnreachable):
        folder.host(HERE).observe(())
    with pytest.raises(HostRefused, match="it is no file"):
        change(folder.host(HERE))
    assert not (tmp_path / "elsewhere").exists()


def changes(host: RunDirectoryHost) -> Iterator[Callable[[], None]]:
    batch = BatchPlan(meta=a_batch_meta("one"), argv=("true",), image="image")
    yield lambda: host.prepare(batch)
    yield lambda: host.start(batch.meta.batch_id)
    yield lambda: host.stop(batch.meta.batch_id, 1.0)
    yield lambda: host.release(batch.meta.batch_id)


@pytest.mark.parametrize("runtime", [ProcessHost, DockerExecutor])
def test_nothing_that_changes_a_host_is_done_in_anothers_folder(
    folder: Folder, runtime: type[ProcessHost] | type[DockerExecutor]
) -> None:
    folder.write(f"{Owner(database='cd34', place='m2:/x').line}\n")
    host = runtime("gpu", LocalTransport(), str(folder.workdir), "demo", owner=HERE)
    for act in changes(host):
        with pytest.raises(HostUnreachable, match="belongs to somebody"):
            act()
    assert {path.name for path in folder.file.parent.iterdir()} == {"controller.json", "controller.lock"}


def test_of_two_that_come_first_together_one_has_the_folder(folder: Folder) -> None:
    for turn in range(5):
        one, other = (Owner(database=f"{turn}{name}", place=f"m{name}:/x", epoch=1) for name in "ab")
        won: list[Owner] = []

        def race(owner: Owner, won: list[Owner] = won) -> None:
            try:
                change(folder.host(owner))
                won.append(owner)
            except HostUnreachable:
                pass

        threads = [threading.Thread(target=race, args=(owner,)) for owner in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won == [folder.owner]
        folder.file.unlink()


def test_a_script_that_goes_on_keeps_a_later_controller_waiting(folder: Folder) -> None:
    host = folder.host(HERE)
    batch = BatchPlan(
        meta=a_batch_meta("one"), argv=("bash", "-c", "trap '' TERM; echo here; while :; do sleep 0.1; done")
    )
    host.prepare(batch)
    host.start(batch.meta.batch_id)
    until(lambda: host.read_log(batch.meta.batch_id, 0, 10) == b"here\n", "the program runs")
    root = folder.file.parent / "batches" / batch.meta.batch_id
    thread = threading.Thread(target=host.stop, args=(batch.meta.batch_id, 2.0))
    thread.start()
    until((root / "stop").exists, "it is being stopped")
    assert not (root / "exit.json").exists()
    change(folder.host(Owner(database="ab12", place=HERE.place, epoch=6)))
    assert (root / "exit.json").exists()
    thread.join()


def test_a_later_controller_waits_for_what_an_earlier_one_is_doing(folder: Folder) -> None:
    """So that nothing of the earlier one happens after the later one has begun."""
    change(folder.host(HERE))
    later = folder.host(Owner(database="ab12", place=HERE.place, epoch=6))
    with (folder.file.parent / "controller.lock").open() as script:
        fcntl.flock(script, fcntl.LOCK_SH)  # as each script of the earlier one does
        change(folder.host(HERE))  # its own scripts run beside each other
        thread = threading.Thread(target=change, args=(later,))
        thread.start()
        thread.join(1.0)
        assert thread.is_alive()
        assert folder.owner == HERE
    thread.join(30)
    assert folder.owner is not None
    assert folder.owner.epoch == 6


def test_what_was_started_does_not_keep_the_folder_locked(folder: Folder) -> None:
    host = folder.host(HERE)
    batch = BatchPlan(meta=a_batch_meta("one"), argv=("sleep", "1000"))
    host.prepare(batch)
    host.start(batch.meta.batch_id)
    later = folder.host(Owner(database="ab12", place=HERE.place, epoch=6))
    later.stop(batch.meta.batch_id, 0.0)
    assert folder.owner is not None
    assert folder.owner.epoch == 6


def test_a_claim_is_of_what_was_seen(folder: Folder) -> None:
    folder.write(f"{Owner(database='cd34', place='m2:/x').line}\n")
    host = folder.host(HERE)
    seen = host.owner_line()
    folder.write(f"{Owner(database='ef56', place='m3:/y', who='bob@lab').line}\n")
    with pytest.raises(HostUnreachable, match="belongs to bob@lab"):
        host.claim(seen)
    host.claim(host.owner_line())
    assert folder.owner == HERE


@pytest.mark.needs("mount")
def test_on_a_full_disk_a_controller_still_follows_itself(tmp_path: Path) -> None:
    """Else nothing could be released there, and the disk would stay full."""
    with small_disk(tmp_path / "disk", 2) as disk:
        folder = Folder(disk / "work")
        batch = BatchPlan(meta=a_batch_meta("one"), argv=("true",))
        host = folder.host(HERE)
        host.prepare(batch)
        fill(disk)
        later = folder.host(Owner(database="ab12", place=HERE.place, epoch=6))
        later.release(batch.meta.batch_id)
        assert folder.owner is not None
        assert folder.owner.epoch == 6
        assert list((folder.file.parent / "batches").iterdir()) == []


def test_a_folder_that_has_seen_a_later_time_is_claimed_back(folder: Folder) -> None:
    """The clock here was set back and the database made anew: nobody else is there, and a person says so."""
    folder.write(f"{Owner(database='cd34', place=HERE.place, epoch=99).line}\n")
    host = folder.host(HERE)
    with pytest.raises(Fenced) as caught:
        change(host)
    assert caught.value.hint.endswith("cosmos hosts claim gpu")
    host.claim(host.owner_line())
    change(host)
    assert folder.owner == HERE
