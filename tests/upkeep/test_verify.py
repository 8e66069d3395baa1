"""Verification of a real project: each damage is found, nothing is changed, and what can be mended is."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cosmos.core.flaw import FlawKind
from cosmos.errors import BusyError, Fenced, NotFoundError
from tests.upkeep.shop import Shop, detach, rot

BLOBS = ("out.txt", "provenance.json", "run.log")


def test_what_apply_has_made_has_no_flaw(shop: Shop) -> None:
    assert shop.verify().flaws == ()
    found = shop.made("a", "b").verify(read=True)
    assert (found.flaws, found.results, found.hosts) == ((), 2, ("local",))
    assert found.blobs == len({file.sha256 for entry in shop.entries for file in entry.manifest})
    assert found.read > 0


def remove_blob(shop: Shop) -> None:
    shop.blob().unlink()


def rot_blob(shop: Shop) -> None:
    detach(shop.published("a"))
    rot(shop.blob())


def open_blob(shop: Shop) -> None:
    shop.blob().chmod(0o644)


def delete_output(shop: Shop) -> None:
    shop.published("a").unlink()


def edit_output(shop: Shop) -> None:
    detach(shop.published("a"))
    shop.published("a").write_text("edited")


def rot_output(shop: Shop) -> None:
    detach(shop.published("a"))
    assert shop.verify().flaws == ()  # its hash is known now
    rot(shop.published("a"))


def repoint_latest(shop: Shop) -> None:
    (shop.root / "outputs/a/latest").unlink()


def rot_host_blob(shop: Shop) -> None:
    (blob,) = shop.host_blobs()
    rot(blob)


DAMAGES = [
    (remove_blob, FlawKind.BLOB_MISSING, False),
    (rot_blob, FlawKind.BLOB_DAMAGED, True),
    (open_blob, FlawKind.BLOB_WRITABLE, False),
    (delete_output, FlawKind.OUTPUT_MISSING, False),
    (edit_output, FlawKind.OUTPUT_CHANGED, False),
    (rot_output, FlawKind.OUTPUT_CHANGED, True),
    (repoint_latest, FlawKind.OUTPUT_NOT_LATEST, False),
    (rot_host_blob, FlawKind.HOST_BLOB_DAMAGED, True),
]


@pytest.mark.parametrize(("damage", "kind", "silent"), DAMAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_each_damage_is_found_unchanged_and_mended(
    shop: Shop, damage: Callable[[Shop], None], kind: FlawKind, *, silent: bool
) -> None:
    """`silent`: no time tells of it, so that only reading finds it."""
    shop.made("a")
    damage(shop)
    before = shop.files()
    assert shop.kinds() == ([] if silent else [kind])
    assert shop.kinds(read=True) == [kind]
    assert shop.files() == before

    mended = shop.verify(read=silent, fix=True)
    assert [flaw.kind for flaw, _ in mended.mended] == [kind]
    assert mended.problems == ()
    assert [kind for kind in shop.kinds(read=True) if kind is not FlawKind.SET_ASIDE] == []
    assert shop.output("a") == "one a"
    shop.apply()
    assert shop.plan_text().startswith("No changes")


def test_a_lost_store_is_made_again_from_outputs(shop: Shop) -> None:
    shop.made("a", "b")
    before = {path: data for path, (data, _) in shop.files().items() if path.startswith("outputs")}
    shop.lose_store()
    assert set(shop.kinds()) == {FlawKind.BLOB_MISSING}
    assert shop.verify(fix=True).flaws == ()
    assert shop.verify(read=True).flaws == ()
    assert {path: data for path, (data, _) in shop.files().items() if path.startswith("outputs")} == before


def test_a_damaged_blob_is_moved_aside_with_its_bytes_and_its_links_in_outputs_are_replaced(shop: Shop) -> None:
    """The published file is the same file: its damage is the blob's, and a copy elsewhere mends both."""
    shop.made("a")
    copy = shop.root / "outputs" / "a" / "copy-of-mine.txt"
    copy.write_bytes(shop.blob().read_bytes())
    rot(shop.blob())
    rotten = shop.blob().read_bytes()
    assert shop.published("a").read_bytes() == rotten

    assert FlawKind.BLOB_DAMAGED in {flaw.kind for flaw, _ in shop.verify(read=True, fix=True).mended}
    assert shop.verify(read=True, fix=True).problems == ()
    assert shop.output("a") == "one a"
    (aside,) = shop.blob().parent.glob("*.damaged-*")
    assert aside.read_bytes() == rotten
    assert copy.read_text() == "one a"


def test_without_a_copy_nothing_is_deleted_and_the_next_step_is_named(shop: Shop) -> None:
    shop.made("a")
    rot(shop.blob())
    (flaw,) = (flaw for flaw in shop.verify(read=True).flaws if flaw.kind is FlawKind.BLOB_DAMAGED)
    assert "--rerun" in flaw.remedy
    found = shop.verify(read=True, fix=True)
    assert FlawKind.BLOB_DAMAGED in {flaw.kind for flaw in found.problems}
    assert not any(flaw.fixable for flaw in found.problems)
    assert len(list(shop.blob().parent.glob("*.damaged-1"))) == 1

    shop.apply("a", rerun=True)
    assert shop.verify(read=True).problems == ()


def test_a_result_comes_back_from_a_host_that_still_has_the_run_directory(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cosmos.hosts.run_directory import RunDirectoryHost

    def keep(self: RunDirectoryHost, batch_id: str) -> None:
        """As a controller that was killed before the release."""

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectoryHost, "release", keep)
        shop.made("a")
    (batch,) = shop.batches()
    for name in ("out.txt", "run.log"):
        shop.blob(name).unlink()
        shop.published("a", name).unlink()
    kinds = shop.kinds()
    assert kinds.count(FlawKind.BLOB_MISSING) == 2
    assert FlawKind.RUN_DIRECTORY_KEPT in kinds

    mended = shop.verify(fix=True)
    assert mended.problems == ()
    assert sum("local" in how for _, how in mended.mended) == 2
    assert shop.output("a") == "one a"
    assert shop.published("a", "run.log").read_text() == "makes a\n"
    assert shop.batches() == [batch]


def test_outputs_that_no_spec_asks_for_may_be_cleared_away(shop: Shop) -> None:
    shop.made("a", "b")
    shop.ask("b")
    shop.published("a").unlink()
    assert shop.verify(read=True).flaws == ()
    shop.ask("a", "b")
    assert shop.kinds() == [FlawKind.OUTPUT_MISSING]


def test_changed_outputs_are_named_whoever_asks_for_them(shop: Shop) -> None:
    shop.made("a")
    shop.ask()
    edit_output(shop)
    assert shop.kinds() == [FlawKind.OUTPUT_CHANGED]


def test_an_edited_output_is_kept_aside_when_it_is_restored(shop: Shop) -> None:
    shop.made("a")
    edit_output(shop)
    folder = shop.published("a").parent
    shop.verify(fix=True)
    assert [path.read_text() for path in folder.glob("out.txt.*")] == ["edited"]


def test_what_is_on_hosts_and_not_in_the_records_is_named(shop: Shop) -> None:
    shop.made("a")
    folder = shop.host / "batches"
    (folder / "rs_0123456789-abcdef01-a1").mkdir(parents=True)
    (folder / "not-ours").mkdir()
    assert sorted(shop.kinds()) == [FlawKind.RUN_DIRECTORY_INCOMPLETE, FlawKind.RUN_DIRECTORY_UNREADABLE]


def test_a_kept_run_directory_of_a_failed_attempt_is_a_note(shop: Shop) -> None:
    found = shop.made("bad").verify()
    assert [flaw.kind for flaw in found.flaws] == [FlawKind.RUN_DIRECTORY_KEPT]
    assert found.problems == ()


def test_a_lost_database_and_unknown_work(shop: Shop) -> None:
    shop.made("bad")
    for path in shop.state.glob("state.db*"):
        path.unlink()
    assert shop.kinds() == [FlawKind.RUN_DIRECTORY_UNKNOWN]
    shop.apply()
    assert shop.kinds() == [FlawKind.RUN_DIRECTORY_KEPT]


def sql(shop: Shop, statement: str) -> None:
    with closing(sqlite3.connect(shop.state / "state.db")) as raw:
        raw.execute(statement)
        raw.commit()


def test_faults_of_the_database_and_results_of_a_newer_cosmos_are_named(shop: Shop) -> None:
    shop.made("a")
    sql(shop, "UPDATE ledger SET digest_schema = 99")
    sql(
        shop,
        "INSERT INTO members (batch_id, position, run_id, key, digest, run) "
        "VALUES ('gone', 0, 'rs_1', 'city', 'd', '')",
    )
    assert shop.kinds() == [FlawKind.DATABASE_DAMAGED, FlawKind.SCHEMA_UNKNOWN]
    assert len(shop.verify(fix=True).problems) == 2


def test_an_attempt_whose_work_is_gone_is_named(shop: Shop) -> None:
    shop.made("bad")
    sql(shop, "UPDATE attempts SET state = 'started', ended_at = NULL, reason = NULL")
    for batch in (shop.host / "batches").iterdir():
        batch.rename(shop.root / batch.name)
    assert shop.kinds() == [FlawKind.WORK_GONE]
    shop.configure_away()
    assert shop.kinds() == [FlawKind.HOST_NOT_CONFIGURED]


def test_a_host_that_cannot_be_looked_at_is_named_and_the_rest_is_verified(shop: Shop, tmp_path: Path) -> None:
    shop.made("a")
    shop.blob().chmod(0o644)
    batches = shop.host / "batches"
    batches.rename(tmp_path / "elsewhere")
    batches.write_text("not a folder")
    assert shop.kinds() == [FlawKind.BLOB_WRITABLE, FlawKind.HOST_UNREACHABLE]


def test_mending_waits_for_nobody_and_fights_with_nobody(shop: Shop) -> None:
    shop.made("a")
    shop.blob().chmod(0o644)
    with shop.api() as api, api._project.lease.held():
        assert shop.kinds() == [FlawKind.BLOB_WRITABLE]
        with pytest.raises(BusyError):
            shop.verify(fix=True)
    assert shop.blob().stat().st_mode & 0o200


def test_mending_ends_once_another_controller_acts(shop: Shop) -> None:
    shop.made("a")
    rot_host_blob(shop)
    shop.claimed_by_a_later_one()
    with pytest.raises(Fenced):
        shop.verify(read=True, fix=True)


def test_a_host_that_is_not_configured_is_an_error(shop: Shop) -> None:
    with shop.api() as api, pytest.raises(NotFoundError, match="nothing is called"):
        api.upkeep.verify(["absent"])
