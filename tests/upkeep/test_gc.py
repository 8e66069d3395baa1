"""Clearing away in a real project: what goes, and above all what stays."""

from pathlib import Path

import pytest

from cosmos.core import garbage
from cosmos.core.garbage import Kind
from cosmos.core.plan import Phase
from cosmos.errors import BusyError, Fenced
from tests.upkeep.shop import Shop, detach


@pytest.fixture
def shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """What nobody uses need not be ten minutes old."""
    monkeypatch.setattr(garbage, "GRACE_S", 0.0)
    return shop


def listed(shop: Shop, **scope: bool) -> list[tuple[Kind, str]]:
    return [(each.kind, each.place) for each in shop.garbage(**scope).garbage]


def test_what_apply_has_made_is_no_garbage(shop: Shop) -> None:
    shop.made("a", "b")
    before = shop.files()
    assert listed(shop, store=True, hosts=True) == []
    assert shop.garbage(yes=True, store=True, hosts=True).garbage == ()
    assert shop.files() == before


def test_nothing_is_removed_without_yes(shop: Shop) -> None:
    shop.made("a", "bad", "worse")
    shop.ask()
    before = shop.files()
    found = shop.garbage(store=True, hosts=True)
    assert {each.kind for each in found.garbage} == {Kind.RUN_DIRECTORY, Kind.BLOB, Kind.LOG}
    assert not found.done
    assert shop.files() == before


def test_outputs_of_failed_attempts_leave_the_store(shop: Shop) -> None:
    shop.made("a", "worse")
    kept = {path for path in shop.files() if path.startswith(".cosmos/store")}
    found = shop.garbage(yes=True, store=True)
    assert [(each.kind, each.size) for each in found.garbage if each.place == "store"] == [(Kind.BLOB, 9)]
    assert len(kept - shop.files().keys()) == 1
    assert shop.verify(read=True).problems == ()
    assert listed(shop, store=True) == []


def test_results_that_no_spec_asks_for_stay_and_come_back_without_a_launch(shop: Shop) -> None:
    shop.made("a")
    shop.ask("b")
    shop.apply()
    shop.published("a").unlink()
    shop.garbage(yes=True, store=True, hosts=True)
    shop.ask("a", "b")
    shop.apply()
    assert shop.output("a") == "one a"
    assert shop.verify(read=True).problems == ()


@pytest.mark.parametrize("way", ["linked", "copied"])
def test_a_blob_that_outputs_still_have_stays(shop: Shop, way: str) -> None:
    """The outputs of an earlier attempt, which the ledger has replaced."""
    shop.made("a")
    mine = shop.root / "outputs" / "mine.txt"
    (loose,) = shop.made("a", "worse").garbage(store=True).garbage[:1]
    blob = shop.state / "store" / loose.name[:2] / loose.name
    mine.hardlink_to(blob)
    if way == "copied":
        detach(mine)
    assert Kind.BLOB not in {kind for kind, _ in listed(shop, store=True)}
    mine.unlink()
    assert (Kind.BLOB, "store") in listed(shop, store=True)


def test_inputs_on_hosts_go_when_no_spec_names_them_or_their_runs_are_finished(shop: Shop) -> None:
    shop.made("a")
    (blob,) = shop.host_blobs()
    assert listed(shop, hosts=True) == []
    assert listed(shop, hosts=True, finished=True) == [(Kind.BLOB, "local")]
    shop.ask()
    assert shop.garbage(yes=True, hosts=True).garbage[0].name == blob.name
    assert shop.host_blobs() == []

    shop.ask("b")  # it is uploaded again when it is needed again
    shop.apply()
    assert shop.output("b") == "one b"
    assert shop.host_blobs() == [blob]


def test_inputs_of_what_is_not_done_stay_on_hosts(shop: Shop) -> None:
    shop.made("a", "bad")
    assert [kind for kind, _ in listed(shop, hosts=True, finished=True)] == [Kind.RUN_DIRECTORY]
    shop.garbage(yes=True, hosts=True, finished=True)
    assert len(shop.host_blobs()) == 1


def test_while_a_spec_is_broken_blobs_stay_on_hosts_and_logs_here(shop: Shop) -> None:
    shop.made("a", "bad")
    shop.garbage(yes=True, hosts=True)
    (shop.root / "specs" / "all.yaml").write_text("kind: Run\nname: a\nmodel: absent\n")
    found = shop.garbage(store=True, hosts=True, finished=True)
    assert found.garbage == ()
    assert len(found.held) == 2
    assert all("cosmos validate" in words for words in found.held)


def test_kept_run_directories_of_failed_attempts_go_and_their_records_say_so(shop: Shop) -> None:
    shop.made("bad")
    (batch,) = shop.batches()
    assert [each.name for each in shop.garbage(yes=True, hosts=True).garbage] == [batch]
    assert shop.batches() == []
    assert shop.kinds() == []
    assert shop.apply().statuses[0].phase is Phase.FAILED


def test_what_lives_stays(shop: Shop) -> None:
    specs = shop.root / "specs" / "all.yaml"
    shop.ask("a")
    specs.write_text(specs.read_text().replace("(cat", f"until [ -e {shop.root}/go ]; do sleep 0.05; done; (cat"))
    shop.apply(wait=False)
    (batch,) = shop.batches()
    specs.write_text("")  # and nothing asks for it
    found = shop.garbage(yes=True, store=True, hosts=True, finished=True)
    assert found.garbage == ()
    assert shop.batches() == [batch]
    assert len(shop.host_blobs()) == 1
    (shop.root / "go").touch()
    with shop.api() as api:
        api.wait()
    assert shop.entries[0].key == "a"


def test_work_that_the_database_does_not_know_stays_and_is_named(shop: Shop) -> None:
    shop.made("bad")
    for path in shop.state.glob("state.db*"):
        path.unlink()
    found = shop.garbage(yes=True, hosts=True, finished=True)
    assert found.garbage == ()
    assert "does not know" in found.held[0]
    assert len(shop.batches()) == 1


def test_with_a_new_database_the_store_stays(shop: Shop) -> None:
    shop.made("a", "worse")
    for path in shop.state.glob("state.db*"):
        path.unlink()
    before = {path for path in shop.files() if path.startswith(".cosmos/store")}
    found = shop.garbage(yes=True, store=True)
    assert "no result at all" in found.held[0]
    assert {path for path in shop.files() if path.startswith(".cosmos/store")} == before


def test_what_was_cut_off_goes_and_what_others_put_there_stays(shop: Shop) -> None:
    shop.made("a")
    ours = [
        shop.host / "batches" / ".gone-rs_0123456789-abcdef01-a1" / "run.log",
        shop.host / "batches" / "rs_0123456789-abcdef01-a2" / "run.sh",
        shop.host / "blobs" / ".part" / "1-2",
        shop.state / "store" / "partial" / ("ab" * 32),
    ]
    others = [
        shop.host / "batches" / "Mine" / "file",
        shop.host / "batches" / "mine" / "file",
        shop.host / "blobs" / "ab" / "notes",
        shop.host.parent / "another-project" / "blobs" / "ab" / ("ab" * 32),
        shop.state / "store" / "ab" / "notes",
        shop.state / "logs" / "mine.log",
        shop.state / "notes",
    ]
    for path in (*ours, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    found = shop.garbage(yes=True, store=True, hosts=True)
    assert found.failed == ()
    assert [path for path in ours if path.exists()] == []
    assert [path for path in others if not path.exists()] == []
    assert [words.partition(":")[0] for words in found.held] == ["mine on local"]


def test_the_log_of_the_newest_attempt_stays_while_a_spec_asks_for_its_run(shop: Shop) -> None:
    shop.made("bad")
    (log,) = (shop.state / "logs").glob("*.log")
    assert listed(shop, store=True) == []
    with shop.api() as api:
        api.retry(["bad"])
    shop.apply()
    assert [each.name for each in shop.garbage(yes=True, store=True).garbage] == [log.stem]
    with shop.api() as api:
        assert b"".join(api.logs("bad")) == b"makes bad\n"


def test_a_host_that_cannot_be_looked_at_is_skipped_and_named(shop: Shop, tmp_path: Path) -> None:
    shop.made("a", "worse")
    shop.ask()
    batches = shop.host / "batches"
    batches.rename(tmp_path / "elsewhere")
    batches.write_text("not a folder")
    found = shop.garbage(yes=True, store=True, hosts=True)
    assert len(found.away) == 1
    assert "no folder" in found.away[0]
    assert {each.place for each in found.garbage} == {"store", "logs"}
    assert len(shop.host_blobs()) == 1


def test_nothing_is_removed_beside_another_controller(shop: Shop) -> None:
    shop.made("bad")
    with shop.api() as api, api._project.lease.held(), pytest.raises(BusyError):
        shop.garbage(yes=True, hosts=True)
    assert len(shop.batches()) == 1


def test_it_ends_once_another_controller_acts(shop: Shop) -> None:
    shop.made("bad")
    shop.claimed_by_a_later_one()
    with pytest.raises(Fenced):
        shop.garbage(yes=True, hosts=True, store=True)
    assert len(shop.batches()) == 1


def test_a_blob_that_is_cleared_between_the_look_and_the_preparation_is_uploaded_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a controller on another machine, which has another lease."""
    from cosmos.core.ports import BatchPlan
    from cosmos.hosts.run_directory import RunDirectoryHost

    prepare = RunDirectoryHost.prepare
    cleared: list[str] = []

    def clear_first(self: RunDirectoryHost, batch: BatchPlan) -> None:
        if not cleared:
            cleared.extend(self.discard(unused=list(self.stored().blobs), idle_s=0))
        prepare(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectoryHost, "prepare", clear_first)
        shop.made("a")
    assert len(cleared) == 1
    assert shop.output("a") == "one a"
    assert len(shop.entries) == 1
