"""What Prometheus reads: the values of the newest pass, and counts of what happened between passes."""

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_of
from prometheus_client.parser import text_string_to_metric_families

from cosmos.core.plan import Phase
from cosmos.core.problem import Code, Location, Problem
from cosmos.core.reasons import Reason
from cosmos.daemon.metrics import Metrics
from tests.daemon.told import a_host, a_pass, a_status
from tests.makers import NOW, a_digest

Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("1.2.3")


def samples(metrics: Metrics) -> Samples:
    """By name and values of labels (in the order of their names), as a Prometheus reads them."""
    kind, text = metrics.page("")
    assert kind.startswith("text/plain; version=0.0.4")
    found = [sample for family in text_string_to_metric_families(text.decode()) for sample in family.samples]
    made = {(sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value for sample in found}
    assert len(made) == len(found)
    return made


def names(found: Samples) -> set[str]:
    return {name for name, _ in found if name.startswith("cosmos_")}


def ended(found: Samples) -> dict[tuple[str, str], float]:
    """Runs that ended, by result and reason; what is zero is left out."""
    counts = {labels: value for (name, labels), value in found.items() if name == "cosmos_run_ended_total" and value}
    return {(result, reason): value for (reason, result), value in counts.items()}


def test_before_the_first_pass_nothing_is_claimed(metrics: Metrics) -> None:
    found = samples(metrics)
    assert found["cosmos_build_info", ("1.2.3",)] == 1
    assert found["cosmos_reconcile_failures_total", ()] == 0
    assert not names(found) & {"cosmos_runs", "cosmos_spec_problems", "cosmos_source_held_back"}
    assert "cosmos_last_successful_reconcile_timestamp_seconds" not in names(found)


def test_the_newest_pass_is_what_is_shown(metrics: Metrics) -> None:
    problem = Problem(Location("specs/a.yaml"), Code.SYNTAX, "no YAML")
    runs = [a_status("one", Phase.RUNNING), a_status("two", Phase.RUNNING), a_status("bad", Phase.FAILED, stuck=True)]
    hosts = (
        a_host("near", gaps=4, idle_median_s=0.5, idle_worst_s=7.0, closed="three runs failed"),
        a_host("far", reachable=False),
    )
    metrics.passed(
        a_pass(
            *runs, revision="abc", held_back="not signed", hosts=hosts, problems=(problem,), troubles=("x",), moved=77
        )
    )

    found = samples(metrics)
    counts = {labels[0]: value for (name, labels), value in found.items() if name == "cosmos_runs"}
    assert counts == {phase.value: {"Running": 2, "Failed": 1}.get(phase.value, 0) for phase in Phase}
    assert found["cosmos_runs_stuck", ()] == 1
    assert found["cosmos_host_up", ("near",)] == 1
    assert found["cosmos_host_up", ("far",)] == 0
    assert found["cosmos_host_closed", ("near",)] == 1
    assert found["cosmos_host_closed", ("far",)] == 0
    assert found["cosmos_gpu_idle_seconds", ("near", "median")] == 0.5
    assert found["cosmos_gpu_idle_seconds", ("near", "worst")] == 7.0
    assert ("cosmos_gpu_idle_seconds", ("far", "median")) not in found
    assert found["cosmos_transferred_bytes_total", ()] == 77
    assert found["cosmos_spec_problems", ()] == 1
    assert found["cosmos_reconcile_troubles", ()] == 1
    assert found["cosmos_source_info", ("abc",)] == 1
    assert found["cosmos_source_held_back", ()] == 1
    assert found["cosmos_last_successful_reconcile_timestamp_seconds", ()] == NOW


def test_what_is_gone_is_not_shown_any_more(metrics: Metrics) -> None:
    metrics.passed(a_pass(revision="abc", hosts=(a_host("old", gaps=1),)))
    metrics.passed(a_pass(revision="def", hosts=(a_host("new"),)))
    found = samples(metrics)
    labels = [
        labels for (name, labels) in found if name.startswith(("cosmos_host", "cosmos_gpu", "cosmos_source_info"))
    ]
    assert {word for values in labels for word in values} == {"new", "def"}


def test_passes_are_timed_and_failures_counted(metrics: Metrics) -> None:
    for took_s in (0.2, 0.2, 40):
        metrics.passed(a_pass(took_s=took_s))
    metrics.failed()
    found = samples(metrics)
    assert found["cosmos_reconcile_duration_seconds_count", ()] == 3
    assert found["cosmos_reconcile_duration_seconds_sum", ()] == pytest.approx(40.4)
    assert found["cosmos_reconcile_duration_seconds_bucket", ("0.25",)] == 2
    assert found["cosmos_reconcile_failures_total", ()] == 1


def test_an_end_is_counted_when_it_is_seen_to_happen(metrics: Metrics) -> None:
    """Not those of before the daemon began, nor results that were there when a spec asked for them."""
    old = [a_status("old", Phase.SUCCEEDED), a_status("broken", Phase.FAILED, reason=Reason.TIMEOUT)]
    metrics.passed(
        a_pass(*old, a_status("a", Phase.RUNNING), a_status("b", Phase.STARTING), a_status("c", Phase.QUEUED))
    )
    assert ended(samples(metrics)) == {}
    done = [
        a_status("a", Phase.SUCCEEDED),
        a_status("b", Phase.FAILED, reason=Reason.GPU_OUT_OF_MEMORY),
        a_status("c", Phase.CANCELLED),
        a_status("asked for just now", Phase.SUCCEEDED),
    ]
    metrics.passed(a_pass(*old, *done))
    expected = {("succeeded", ""): 1.0, ("failed", "GpuOutOfMemory"): 1.0, ("cancelled", ""): 1.0}
    assert ended(samples(metrics)) == expected
    metrics.passed(a_pass(*old, *done))
    assert ended(samples(metrics)) == expected


def test_a_run_that_runs_again_ends_again_and_one_that_went_back_does_not(metrics: Metrics) -> None:
    steps = [Phase.RUNNING, Phase.FAILED, Phase.WAITING, Phase.RUNNING, Phase.FAILED, Phase.SUSPENDED, Phase.FAILED]
    for phase in steps:
        metrics.passed(a_pass(a_status("one", phase, reason=Reason.KILLED)))
    assert ended(samples(metrics)) == {("failed", "Killed"): 2.0}
    metrics.passed(a_pass(a_status("one", Phase.RUNNING)))
    metrics.passed(a_pass(a_status("one", Phase.SUCCEEDED, digest=a_digest("an earlier spec"))))
    assert ended(samples(metrics)) == {("failed", "Killed"): 2.0}


def test_while_another_one_acts_only_that_one_speaks_of_runs(metrics: Metrics) -> None:
    metrics.passed(a_pass(a_status("one", Phase.RUNNING)))
    metrics.stands_by()
    assert "cosmos_runs" not in names(samples(metrics))
    metrics.passed(a_pass(a_status("one", Phase.SUCCEEDED)))
    assert ended(samples(metrics)) == {}


def test_every_end_there_can_be_has_a_series_from_the_start(metrics: Metrics) -> None:
    """An alert on an increase does not see the first one of a series that it makes."""
    before = samples(metrics)
    for reason in Reason:
        metrics.passed(a_pass(a_status("one", Phase.RUNNING)))
        metrics.passed(a_pass(a_status("one", Phase.FAILED, reason=reason)))
    metrics.hook(accepted=True)
    metrics.hook(accepted=False)
    after = samples(metrics)
    counted = ("cosmos_run_ended_total", "cosmos_hook_requests_total")
    assert {key for key in before if key[0] in counted} == {key for key in after if key[0] in counted}
    assert len(ended(after)) == len(Reason)
    assert after["cosmos_hook_requests_total", ("accepted",)] == after["cosmos_hook_requests_total", ("refused",)] == 1


def test_a_thousand_runs_make_no_more_series_than_one(metrics: Metrics) -> None:
    metrics.passed(a_pass(a_status("one", Phase.RUNNING)))
    before = samples(metrics).keys()
    for phase in (Phase.RUNNING, Phase.SUCCEEDED):
        metrics.passed(a_pass(*(a_status(f"run-{number}", phase) for number in range(1000))))
    assert samples(metrics).keys() == before
    assert ended(samples(metrics)) == {("succeeded", ""): 1000.0}


def test_openmetrics_is_spoken_to_those_who_ask_for_it(metrics: Metrics) -> None:
    metrics.passed(a_pass(a_status("one", Phase.RUNNING), moved=5))
    kind, text = metrics.page("application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5")
    assert kind.startswith("application/openmetrics-text")
    families = {family.name for family in openmetrics_of(text.decode())}  # type: ignore[no-untyped-call]
    assert {"cosmos_runs", "cosmos_transferred_bytes", "cosmos_reconcile_duration_seconds"} <= families


def test_the_process_itself_is_measured(metrics: Metrics) -> None:
    assert {"process_resident_memory_bytes", "process_open_fds"} <= {name for name, _ in samples(metrics)}
