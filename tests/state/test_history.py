"""What happened and what was asked, as people read it."""

import pytest

from cosmos.core.plan import Phase, Plan, RunStatus, Sync
from cosmos.core.problem import Location
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, AttemptState, Verb
from cosmos.state.history import Event
from cosmos.state.records import SqlRecords
from tests.makers import (
    NOW,
    a_batch_id,
    a_batch_meta,
    a_digest,
    a_ledger_entry,
    a_request,
    an_attempt,
)
from tests.state.both import ON_BOTH

pytestmark = ON_BOTH

DAY = 86400.0


def test_the_same_words_about_the_same_subject_are_counted(records: SqlRecords) -> None:
    for minute in range(3):
        records.event("Warning", "lambda", "HostUnreachable", "timed out", NOW + 60 * minute)
    assert records.events() == (
        Event(
            kind="Warning",
            subject="lambda",
            reason="HostUnreachable",
            message="timed out",
            count=3,
            first_at=NOW,
            last_at=NOW + 120,
        ),
    )


@pytest.mark.parametrize("field", range(4))
def test_other_words_are_another_event(records: SqlRecords, field: int) -> None:
    words = ["Warning", "lambda", "HostUnreachable", "timed out"]
    records.event(words[0], words[1], words[2], words[3], NOW)
    words[field] += "!"
    records.event(words[0], words[1], words[2], words[3], NOW)
    assert [event.count for event in records.events()] == [1, 1]


def test_events_come_newest_first_and_can_be_narrowed(records: SqlRecords) -> None:
    for number, kind in enumerate(["Normal", "Warning", "Normal"]):
        records.event(kind, f"run-{number}", "R", "m", NOW + number)
    assert subjects(records.events()) == ["run-2", "run-1", "run-0"]
    assert subjects(records.events(kind="Normal")) == ["run-2", "run-0"]
    assert subjects(records.events(since=NOW + 1)) == ["run-2", "run-1"]
    assert subjects(records.events(limit=1)) == ["run-2"]


def test_the_history_of_a_run_has_its_members_and_no_namesakes(records: SqlRecords) -> None:
    named = ["city", "city/seed-1", "city-2", "cit", "c_ty/seed-1", "city/seed-2"]
    for number, subject in enumerate(named):
        records.event("Normal", subject, "R", "m", NOW + number)
    assert subjects(records.history("city")) == ["city", "city/seed-1", "city/seed-2"]
    assert subjects(records.history("city", limit=2)) == ["city/seed-1", "city/seed-2"]
    assert subjects(records.history("c_ty")) == ["c_ty/seed-1"]
    assert subjects(records.history("%")) == []


def test_old_events_are_forgotten(records: SqlRecords) -> None:
    records.event("Normal", "old", "R", "m", NOW - 31 * DAY)
    records.event("Normal", "recent", "R", "m", NOW - 29 * DAY)
    records.save_statuses(Plan(), NOW)
    assert subjects(records.events()) == ["recent"]


def test_the_newest_attempts_with_gpus_are_found_for_each_host(records: SqlRecords) -> None:
    for number, host in enumerate(["a", "b", "a", "a"]):
        attempt = an_attempt(f"run-{number}", host=host, gpus=("GPU-0", "GPU-1"), intended_at=NOW + number)
        records.intend(attempt, {}, a_batch_meta(attempt.key))
    cpu = an_attempt("cpu", host="a", intended_at=NOW + 9)
    records.intend(cpu, {}, a_batch_meta("cpu"))
    found = records.gpu_attempts(per_host=2)
    assert [(attempt.key, attempt.host) for attempt in found] == [("run-1", "b"), ("run-2", "a"), ("run-3", "a")]
    assert found[0].gpus == ("GPU-0", "GPU-1")
    assert records.gpu_attempts() == tuple(sorted(records.gpu_attempts(), key=lambda attempt: attempt.intended_at))


def test_what_was_noted_can_be_read_again(records: SqlRecords) -> None:
    assert records.noted("hosts") == ""
    records.note("hosts", "[]")
    records.note("hosts", "[1]")
    assert records.noted("hosts") == "[1]"


def test_attempts_of_a_run_are_those_of_all_its_digests(records: SqlRecords) -> None:
    first = try_and_fail(records, "city", "first", NOW - 20)
    second = try_and_fail(records, "city", "second", NOW - 10)
    try_and_fail(records, "lake", "third", NOW)
    assert [attempt.digest for attempt in records.attempts_of(first.run_id)] == [first.digest, second.digest]


def test_results_of_a_run_come_newest_first(records: SqlRecords) -> None:
    for word, at in (("first", NOW - 20), ("second", NOW - 10)):
        digest = a_digest(word)
        attempt = an_attempt("city", digest, state=AttemptState.INTENDED)
        records.intend(attempt, {}, a_batch_meta("city", digest))
        records.finished(a_ledger_entry("city", digest, finished_at=at), at)
    found = records.ledger_of(an_attempt("city").run_id)
    assert [entry.digest for entry in found] == [a_digest("second"), a_digest("first")]
    assert found[0] == a_ledger_entry("city", a_digest("second"), finished_at=NOW - 10)


def test_requests_come_oldest_first_and_asking_twice_is_asking_once(records: SqlRecords) -> None:
    for verb in (Verb.CANCEL, Verb.CANCEL, Verb.RETRY, Verb.CANCEL):
        records.request(a_request(verb))
    records.request(a_request(Verb.RERUN, key="lake"))
    asked = records.requests_of([a_digest("city")])
    assert [request.verb for request in asked] == [Verb.CANCEL, Verb.RETRY, Verb.CANCEL]


def test_a_key_is_found_by_what_it_begins_with(records: SqlRecords) -> None:
    save(records, "city/seed-1", "city/seed-2", "c_ty")
    assert records.find_keys("city") == ("city/seed-1", "city/seed-2")
    assert records.find_keys("city/seed-2") == ("city/seed-2",)
    assert records.find_keys("id of city/seed-1") == ("city/seed-1",)
    assert records.find_keys(a_digest("city/seed-2")[:8]) == ("city/seed-2",)
    assert records.find_keys("c_") == ("c_ty",)
    assert records.find_keys("", limit=2) == ("c_ty", "city/seed-1")
    assert records.find_keys("lake") == ()


def test_an_exact_key_is_the_only_answer(records: SqlRecords) -> None:
    save(records, "city", "city/seed-1")
    assert records.find_keys("city") == ("city",)


def subjects(events: tuple[Event, ...]) -> list[str]:
    return [event.subject for event in events]


def try_and_fail(records: SqlRecords, key: str, word: str, at: float) -> Attempt:
    digest = a_digest(word)
    attempt = an_attempt(key, digest, state=AttemptState.INTENDED, intended_at=at)
    assert records.intend(attempt, {}, a_batch_meta(key, digest))
    records.failed(a_batch_id(key, digest), Reason.TIMEOUT, "", at + 1, cancelled=False)
    return attempt


def save(records: SqlRecords, *keys: str) -> None:
    statuses = [
        RunStatus(
            key=key,
            run_id=f"id of {key}",
            digest=a_digest(key),
            sync=Sync.SYNCED,
            phase=Phase.SUCCEEDED,
            at=Location("specs/city.yaml"),
        )
        for key in keys
    ]
    records.save_statuses(Plan(statuses=tuple(statuses)), NOW)
