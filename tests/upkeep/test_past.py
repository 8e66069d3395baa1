"""What happened, of runs that are there and of runs that are gone."""

import itertools
import time
from collections.abc import Iterator

import pytest

from cosmos.errors import NotFoundError
from cosmos.project import past
from cosmos.views import EventRow, PastRow
from tests.upkeep.shop import Shop


def history(shop: Shop, name: str) -> list[PastRow]:
    with shop.api() as api:
        return api.upkeep.history(name)


def events(shop: Shop, name: str = "", kind: str = "", since: float = 0.0) -> list[EventRow]:
    with shop.api() as api:
        return api.upkeep.events(name=name, kind=kind, since=since)


def whats(rows: list[PastRow]) -> list[str]:
    return [row.what for row in rows if row.what != "event"]


def test_the_history_of_a_run_has_its_attempts_results_and_requests_newest_last(shop: Shop) -> None:
    shop.made("bad")
    with shop.api() as api:
        api.cancel(["bad"], why="wrong camera")
        api.retry(["bad"])
    shop.apply()
    rows = history(shop, "bad")
    assert [row.at for row in rows] == sorted(row.at for row in rows)
    assert whats(rows) == ["attempt 1 failed", "cancel requested", "retry requested", "attempt 2 failed"]
    first, asked, *_ = (row for row in rows if row.what != "event")
    assert (first.host, first.reason, first.origin.commit) == ("local", "ProgramFailed", "")
    assert first.who != ""
    assert first.took_s is not None
    assert (asked.who != "", asked.words) == (True, "wrong camera")
    assert {"CancelRequested", "RetryRequested"} <= {row.reason for row in rows if row.what == "event"}


def test_a_history_goes_over_all_digests_and_survives_the_spec(shop: Shop) -> None:
    shop.made("a")
    (shop.root / "inputs" / "two").write_text("two")
    shop.ask("a", source="two")
    shop.apply()
    shop.ask("b")
    shop.apply()
    rows = history(shop, "a")
    assert whats(rows).count("result") == 2
    assert len({row.digest for row in rows if row.digest}) == 2
    assert {row.key for row in rows} == {"a"}


def test_a_history_is_found_by_key_matrix_id_digest_and_glob(shop: Shop) -> None:
    shop.made("a", "b")
    entry = next(entry for entry in shop.entries if entry.key == "a")
    for name in ("a", entry.run_id, entry.digest, entry.digest[:8], "a*"):
        assert {row.key for row in history(shop, name)} == {"a"}
    assert {row.key for row in history(shop, "*")} == {"a", "b"}


def test_what_never_was_is_an_error_with_the_nearest_name(shop: Shop) -> None:
    with pytest.raises(NotFoundError) as nothing:
        history(shop, "a")
    assert "cosmos plan" in nothing.value.hint
    shop.made("alpha")
    with pytest.raises(NotFoundError) as near:
        history(shop, "alpah")
    assert "alpha" in near.value.hint


def test_events_are_chosen_by_name_kind_and_time(shop: Shop) -> None:
    shop.made("a", "bad")
    assert {row.subject for row in events(shop)} == {"a", "bad"}
    assert {row.subject for row in events(shop, "a")} == {"a"}
    assert {(row.subject, row.kind) for row in events(shop, kind="Warning")} == {("bad", "Warning")}
    assert events(shop, since=time.time() + 60) == []
    at = [row.last_at for row in events(shop)]
    assert at == sorted(at)
    with pytest.raises(NotFoundError):
        events(shop, "absent")


def test_a_watch_shows_what_comes_once_and_what_comes_again_again(shop: Shop) -> None:
    shop.made("a")
    turns = itertools.count()
    with shop.api() as api:
        project = api._project

        def wait(_: float) -> None:
            """Between two readings: nothing, something new, the same once more."""
            turn = next(turns)
            if turn in (1, 2):
                project.records.event("Warning", "b", "Odd", "words", time.time())

        rows = past.watch(project, name="", since=0.0, kind="", wait=wait)
        before = len(events(shop))
        seen = list(itertools.islice(rows, before + 2))
        assert [(row.subject, row.count) for row in seen[before:]] == [("b", 1), ("b", 2)]
        assert len({(row.subject, row.reason, row.count) for row in seen}) == len(seen)


def test_a_watch_of_a_name_shows_nothing_else(shop: Shop) -> None:
    shop.made("a", "b")
    with shop.api() as api:
        rows: Iterator[EventRow] = api.upkeep.watch(name="b")
        count = len(events(shop, "b"))
        assert {row.subject for row in itertools.islice(rows, count)} == {"b"}


# Versions --------------------------------------------------------------------------------------------


def versions(shop: Shop, name: str) -> list[tuple[str, int, str, bool, bool]]:
    with shop.api() as api:
        rows = api.upkeep.versions(name)
    return [(row.key, row.number, row.result, row.is_made, row.is_now) for row in rows]


def test_a_version_is_a_digest_and_keeps_its_number_when_it_is_wanted_again(shop: Shop) -> None:
    (shop.root / "inputs" / "two").write_text("two")
    for source in ("one", "two", "one"):
        shop.ask("a", source=source)
        shop.apply()
    assert versions(shop, "a") == [("a", 1, "made", True, True), ("a", 2, "made", True, False)]
    shop.ask("b")
    assert versions(shop, "a") == [("a", 1, "made", True, False), ("a", 2, "made", True, False)]


def test_a_version_says_what_became_of_it(shop: Shop) -> None:
    shop.made("a", "bad")
    (shop.root / "inputs" / "two").write_text("two")
    shop.ask("a", "bad", source="two")
    assert versions(shop, "*") == [
        ("a", 1, "made", True, False),
        ("a", 2, "never ran", False, True),
        ("bad", 1, "ProgramFailed", False, False),
        ("bad", 2, "never ran", False, True),
    ]
    with shop.api() as api:
        made, new = api.upkeep.versions("a")
    assert (new.at, new.took_s) == (None, None)
    assert made.at is not None
    assert made.took_s is not None


def test_two_runs_of_one_digest_have_it_both(shop: Shop) -> None:
    shop.made("a")
    text = (shop.root / "specs" / "all.yaml").read_text()
    (shop.root / "specs" / "all.yaml").write_text(
        text + "---\n" + text.rpartition("---\n")[2].replace("name: a", "name: b")
    )
    shop.apply()
    assert versions(shop, "b") == [("b", 1, "made", True, True)]
