"""What every `Records` keeps, whatever database is below it.

A subclass gives the fixture `records`, empty. Each test is one promise of `core.ports.Records`.
"""

import threading
from dataclasses import replace

import pytest

from cosmos.core.digest import Digest, Material
from cosmos.core.estimate import LAST, Work
from cosmos.core.observed import origin
from cosmos.core.ports import Records
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, AttemptState, Recorded, Verb
from cosmos.errors import StateError
from tests.makers import (
    NOW,
    a_batch_id,
    a_batch_meta,
    a_digest,
    a_ledger_entry,
    a_manifest,
    a_material,
    a_request,
    a_timing,
    an_attempt,
)


class RecordsContract:
    """Inherit, and give the fixture `records`."""

    # Claims

    def test_an_intent_is_found_as_it_was_written(self, records: Records) -> None:
        attempt = intended("city", gpus=("0", "GPU-5b8c"), model="preview")
        assert claim(records, attempt)
        assert records.load({}).attempts == {attempt.digest: (attempt,)}

    def test_an_open_attempt_holds_its_digest(self, records: Records) -> None:
        first = intended("city", number=1)
        assert claim(records, first)
        assert not claim(records, intended("city", number=2))
        assert records.load({}).attempts == {first.digest: (first,)}

    def test_a_refused_claim_leaves_nothing(self, records: Records) -> None:
        claim(records, intended("city", number=1), a_material(params={"seed": 1}))
        second = intended("city", number=2)
        assert not claim(records, second, a_material(params={"seed": 2}))
        assert records.meta(second.batch_id) is None
        assert previous_of(records, second) == a_material(params={"seed": 1})

    def test_another_digest_is_free(self, records: Records) -> None:
        assert claim(records, intended("city"))
        assert claim(records, intended("lake"))

    def test_a_number_is_used_once(self, records: Records) -> None:
        first = intended("city")
        claim(records, first)
        records.failed(first.batch_id, Reason.PROCESS_LOST, "", NOW, cancelled=False)
        assert not claim(records, first)

    @pytest.mark.parametrize("how", ["failed", "cancelled", "finished"])
    def test_a_closed_attempt_frees_its_digest(self, records: Records, how: str) -> None:
        claim(records, intended("city"))
        if how == "finished":
            records.finished(a_ledger_entry("city"), NOW)
        else:
            records.failed(a_batch_id("city"), Reason.STOPPED, "", NOW, cancelled=how == "cancelled")
        assert claim(records, intended("city", number=2))

    def test_an_attempt_cannot_begin_closed(self, records: Records) -> None:
        with pytest.raises(ValueError, match="begins open"):
            claim(records, an_attempt("city", state=AttemptState.FAILED))

    def test_of_many_threads_one_gets_the_digest(self, records: Records) -> None:
        ready = threading.Barrier(8)
        won: list[int] = []

        def race(number: int) -> None:
            ready.wait()
            if claim(records, intended("city", number=number)):
                won.append(number)

        threads = [threading.Thread(target=race, args=(number,)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        (attempt,) = records.load({}).attempts[a_digest("city")]
        assert attempt.number == won[0]

    def test_the_meta_of_a_batch_is_found_as_it_was_written(self, records: Records) -> None:
        meta = a_batch_meta("city", owner="ann", origin=origin("3fa9c1d2-dirty", "Ann <ann@example.com>", NOW))
        member = replace(meta.members[0], run='{"key":"city"}', work=Work(chunks=3, shape="720p"))
        other = replace(member, run_id="rs_0000000000", key="lake", digest=a_digest("lake"))
        meta = replace(meta, members=(member, other))
        assert records.intend(intended("city"), {}, meta)
        assert records.meta(meta.batch_id) == meta

    def test_members_of_one_batch_are_claimed_one_by_one(self, records: Records) -> None:
        meta = a_batch_meta("city")
        lake = replace(intended("lake"), batch_id=meta.batch_id)
        assert records.intend(intended("city"), {}, meta)
        assert records.intend(lake, {}, meta)
        records.started(meta.batch_id, NOW)
        states = {attempt.state for tried in records.load({}).attempts.values() for attempt in tried}
        assert states == {AttemptState.STARTED}

    # The life of an attempt

    def test_a_started_attempt_says_when(self, records: Records) -> None:
        claim(records, intended("city"))
        records.started(a_batch_id("city"), NOW)
        assert only(records).state is AttemptState.STARTED
        assert only(records).started_at == NOW

    def test_starting_twice_keeps_the_first_time(self, records: Records) -> None:
        claim(records, intended("city"))
        records.started(a_batch_id("city"), NOW)
        records.started(a_batch_id("city"), NOW + 60)
        assert only(records).started_at == NOW

    def test_a_late_start_does_not_open_a_closed_attempt(self, records: Records) -> None:
        claim(records, intended("city"))
        records.failed(a_batch_id("city"), Reason.TIMEOUT, "", NOW, cancelled=False)
        records.started(a_batch_id("city"), NOW + 60)
        assert only(records).state is AttemptState.FAILED
        assert only(records).started_at is None

    def test_a_failure_says_why_and_when(self, records: Records) -> None:
        claim(records, intended("city"))
        records.failed(a_batch_id("city"), Reason.DISK_FULL, "no space left", NOW, cancelled=False)
        closed = only(records)
        assert (closed.state, closed.reason, closed.message, closed.ended_at) == (
            AttemptState.FAILED,
            Reason.DISK_FULL,
            "no space left",
            NOW,
        )

    def test_a_cancelled_attempt_is_not_a_failed_one(self, records: Records) -> None:
        claim(records, intended("city"))
        records.failed(a_batch_id("city"), Reason.STOPPED, "", NOW, cancelled=True)
        assert only(records).state is AttemptState.CANCELLED

    def test_a_late_failure_changes_no_result(self, records: Records) -> None:
        claim(records, intended("city"))
        records.finished(a_ledger_entry("city"), NOW)
        records.failed(a_batch_id("city"), Reason.PROCESS_LOST, "gone", NOW + 60, cancelled=False)
        assert only(records).state is AttemptState.SUCCEEDED
        assert only(records).reason is None

    def test_the_first_failure_stands(self, records: Records) -> None:
        claim(records, intended("city"))
        records.failed(a_batch_id("city"), Reason.STOPPED, "by ann", NOW, cancelled=True)
        records.failed(a_batch_id("city"), Reason.PROCESS_LOST, "gone", NOW + 60, cancelled=False)
        assert (only(records).state, only(records).message) == (AttemptState.CANCELLED, "by ann")

    @pytest.mark.parametrize("act", ["started", "failed", "finished"])
    def test_nothing_is_recorded_about_a_batch_that_was_not_intended(self, records: Records, act: str) -> None:
        acts = {
            "started": lambda: records.started(a_batch_id("city"), NOW),
            "failed": lambda: records.failed(a_batch_id("city"), Reason.TIMEOUT, "", NOW, cancelled=False),
            "finished": lambda: records.finished(a_ledger_entry("city"), NOW),
        }
        with pytest.raises(StateError, match="not recorded"):
            acts[act]()
        assert records.load({"rs": a_digest("city")}) == Recorded()

    def test_a_released_batch_stays_released(self, records: Records) -> None:
        claim(records, intended("city"))
        records.finished(a_ledger_entry("city"), NOW)
        records.released(a_batch_id("city"))
        records.released(a_batch_id("city"))
        assert only(records).released

    def test_an_open_batch_is_not_released(self, records: Records) -> None:
        claim(records, intended("city"))
        with pytest.raises(StateError, match="is open"):
            records.released(a_batch_id("city"))
        assert not only(records).released

    def test_releasing_what_was_never_recorded_does_nothing(self, records: Records) -> None:
        records.released("rs_ffffffffff-00000000-a1")
        assert records.load({}) == Recorded()

    # The ledger

    def test_a_result_is_found_as_it_was_written(self, records: Records) -> None:
        claim(records, intended("city"))
        entry = a_ledger_entry("city", manifest=a_manifest("run.log", "sub/frame 1.png", "video.mp4"))
        records.finished(entry, NOW)
        assert records.load({"rs": entry.digest}).ledger == {entry.digest: entry}
        assert only(records).state is AttemptState.SUCCEEDED
        assert only(records).ended_at == NOW

    def test_finishing_twice_is_finishing_once(self, records: Records) -> None:
        claim(records, intended("city"))
        entry = a_ledger_entry("city")
        records.finished(entry, NOW)
        records.finished(replace(entry, folder="elsewhere"), NOW + 60)
        assert records.load({"rs": entry.digest}).ledger == {entry.digest: entry}
        assert only(records).ended_at == NOW

    def test_a_result_of_a_failed_attempt_is_refused(self, records: Records) -> None:
        claim(records, intended("city"))
        records.failed(a_batch_id("city"), Reason.TIMEOUT, "", NOW, cancelled=False)
        with pytest.raises(StateError, match="recorded as failed"):
            records.finished(a_ledger_entry("city"), NOW)
        assert records.load({"rs": a_digest("city")}).ledger == {}

    def test_a_second_result_takes_the_place_of_the_first(self, records: Records) -> None:
        for number in (1, 2):
            claim(records, intended("city", number=number))
            records.finished(a_ledger_entry("city", number=number), NOW + number)
        assert records.load({"rs": a_digest("city")}).ledger[a_digest("city")].attempt == 2

    def test_an_earlier_result_never_takes_the_place_of_a_later_one(self, records: Records) -> None:
        for number in (1, 2):
            claim(records, intended("city", number=number))
            records.finished(a_ledger_entry("city", number=number), NOW + number)
        records.finished(a_ledger_entry("city", number=1), NOW + 3)
        assert records.load({"rs": a_digest("city")}).ledger[a_digest("city")].attempt == 2

    # What is loaded

    def test_only_what_is_wanted_or_still_on_a_host_is_loaded(self, records: Records) -> None:
        for key in ("wanted", "released", "on-host", "open"):
            claim(records, intended(key))
            if key != "open":
                records.finished(a_ledger_entry(key), NOW)
        records.released(a_batch_id("wanted"))
        records.released(a_batch_id("released"))
        loaded = records.load({"rs": a_digest("wanted")})
        assert loaded.attempts.keys() == {a_digest("wanted"), a_digest("on-host"), a_digest("open")}
        assert loaded.ledger.keys() == {a_digest("wanted"), a_digest("on-host")}

    def test_every_attempt_of_a_loaded_digest_is_there_oldest_first(self, records: Records) -> None:
        for number in range(1, 13):
            claim(records, intended("city", number=number))
            records.failed(a_batch_id("city", number=number), Reason.PROCESS_LOST, "", NOW, cancelled=False)
            if number < 12:
                records.released(a_batch_id("city", number=number))
        assert [attempt.number for attempt in records.load({}).attempts[a_digest("city")]] == list(range(1, 13))

    def test_a_changed_run_shows_what_it_was_made_of(self, records: Records) -> None:
        attempt = intended("city")
        material = a_material(params={"seed": 1, "sizes": [1, 2.5], "name": None})
        claim(records, attempt, material)
        assert records.load({attempt.run_id: attempt.digest}).previous == {}
        assert previous_of(records, attempt) == material

    def test_what_a_run_was_last_made_of_is_what_counts(self, records: Records) -> None:
        first, second = intended("city"), intended("city", a_digest("city, edited"))
        claim(records, first, a_material(params={"seed": 1}))
        claim(records, second, a_material(params={"seed": 2}))
        assert previous_of(records, second) == a_material(params={"seed": 2})

    def test_adopted_work_of_unknown_material_keeps_what_was_known(self, records: Records) -> None:
        claim(records, intended("city"), a_material(params={"seed": 1}))
        claim(records, intended("city", a_digest("found")), {})
        assert previous_of(records, intended("city")) == a_material(params={"seed": 1})

    def test_the_newest_timings_of_each_kind_are_found_newest_first(self, records: Records) -> None:
        slow = [a_timing("slow", gpu="H100", shape="720", chunks=2, load_s=90.0, run_s=n) for n in range(LAST + 3)]
        others = [a_timing("slow", gpu="A10", shape="720"), a_timing("slow", gpu="H100", shape="480"), a_timing()]
        for number, timing in enumerate([*slow, *others]):
            claim(records, intended(f"k{number}"))
            records.finished(a_ledger_entry(f"k{number}"), NOW + number, timing)
            records.finished(a_ledger_entry(f"k{number}"), NOW + number, replace(timing, run_s=0.5))
        assert records.load({}).timings == (*others[::-1], *slow[:2:-1])

    def test_what_a_published_result_took_is_learned_from(self, records: Records) -> None:
        entry = a_ledger_entry("city")
        assert records.intend(intended("city"), {}, a_batch_meta("city"), entry, a_timing())
        assert records.load({}).timings == (a_timing(),)

    # Requests

    def test_the_newest_request_of_a_digest_counts_whatever_the_clocks_say(self, records: Records) -> None:
        records.request(a_request(Verb.CANCEL, at=NOW, by="ann", why="too slow"))
        records.request(a_request(Verb.RETRY, at=NOW - 3600, by="bob"))
        newest = records.load({"rs": a_digest("city")}).requests
        assert newest == {a_digest("city"): a_request(Verb.RETRY, at=NOW - 3600, by="bob")}

    def test_the_same_verb_may_be_asked_again_after_another(self, records: Records) -> None:
        for verb in (Verb.CANCEL, Verb.RETRY, Verb.CANCEL):
            records.request(a_request(verb))
        assert records.load({"rs": a_digest("city")}).requests[a_digest("city")].verb is Verb.CANCEL

    def test_a_request_in_place_of_another_does_not_hide_what_was_asked_since(self, records: Records) -> None:
        """A controller answers a word of loss; meanwhile a person has cancelled."""
        lost, answer = a_request(Verb.ASSUME_LOST), a_request(Verb.RETRY)
        records.request(lost)
        records.request(answer, instead_of=lost)
        assert records.load({"rs": a_digest("city")}).requests[a_digest("city")] == answer
        records.request(a_request(Verb.CANCEL))
        records.request(answer, instead_of=lost)
        assert records.load({"rs": a_digest("city")}).requests[a_digest("city")].verb is Verb.CANCEL

    def test_a_request_for_a_run_that_never_ran_is_kept(self, records: Records) -> None:
        records.request(a_request(Verb.CANCEL, after=0))
        assert records.load({"rs": a_digest("city")}).requests[a_digest("city")].after == 0

    # Words from elsewhere

    @pytest.mark.parametrize(
        ("words", "kept"),
        [
            ("half \ud800 surrogate", "half ? surrogate"),
            ("NUL \0 byte", "NUL ? byte"),
            ("line\nbreak", "line\nbreak"),
            ("caf\u00e9 \U0001f327", "caf\u00e9 \U0001f327"),
            ("x" * 100_000, "x" * 2000),
        ],
    )
    def test_any_words_of_a_program_can_be_recorded(self, records: Records, words: str, kept: str) -> None:
        claim(records, intended("city"))
        records.failed(a_batch_id("city"), Reason.PROGRAM_FAILED, words, NOW, cancelled=False)
        records.event("Warning", "city", "ProgramFailed", words, NOW)
        assert only(records).message == kept


def intended(key: str, digest: Digest | None = None, number: int = 1, **fields: object) -> Attempt:
    return an_attempt(key, digest, number, AttemptState.INTENDED, **fields)


def claim(records: Records, attempt: Attempt, material: Material | None = None) -> bool:
    meta = a_batch_meta(attempt.key, attempt.digest, attempt.number)
    return records.intend(attempt, a_material() if material is None else material, meta)


def only(records: Records) -> Attempt:
    """The one attempt of the digest of `city`."""
    (attempt,) = records.load({"rs": a_digest("city")}).attempts[a_digest("city")]
    return attempt


def previous_of(records: Records, attempt: Attempt) -> Material:
    return records.load({attempt.run_id: a_digest("something else")}).previous[attempt.run_id]
