"""Suspended runs, hosts and projects, and hosts that rest: what starts and what does not."""

import threading

import pytest

from cosmos.core.plan import Phase
from cosmos.core.recorded import AttemptState
from cosmos.errors import NotFoundError, RefusedError
from cosmos.outcome import Outcome
from tests.cli.console import wait_until
from tests.engine.test_failures import attempts
from tests.engine.test_given_up import use_hosts
from tests.engine.workshop import WRITE, Workshop, runs


def phases(outcome: Outcome) -> dict[str, Phase]:
    return {status.key: status.phase for status in outcome.statuses}


def test_a_suspended_run_starts_after_its_resume_and_not_before(workshop: Workshop) -> None:
    workshop.specs(runs("one", "two"))
    with workshop.api() as api:
        assert api.suspending.suspend(["one"], why="wrong camera") == ["one"]
    outcome = workshop.apply()
    assert phases(outcome) == {"one": Phase.SUSPENDED, "two": Phase.SUCCEEDED}
    assert "(wrong camera); cosmos resume one ends it" in outcome.statuses[0].message
    with workshop.api() as api:
        assert api.suspending.resume(["one"]) == ["one"]
    assert workshop.apply().exit_code == 0
    assert workshop.launches == ["two", "one"]


def test_while_the_project_is_suspended_nothing_starts_and_what_runs_goes_on(workshop: Workshop) -> None:
    go = workshop.root / "go"
    workshop.specs(runs("one", "two", more="placement: {host: local}"), program=_slow(workshop))
    workshop.apply("one", wait=False)
    wait_until(lambda: workshop.launches == ["one"])
    with workshop.api() as api:
        assert api.suspending.suspend(project=True) == ["project"]
    go.touch()
    assert phases(workshop.apply()) == {"one": Phase.SUCCEEDED, "two": Phase.SUSPENDED}
    with workshop.api() as api:
        with pytest.raises(RefusedError) as refused:
            api.suspending.resume(["two"])
        assert "cosmos resume --project" in refused.value.hint
        assert api.suspending.resume(project=True) == ["project"]
    assert workshop.apply().exit_code == 0


def test_nothing_is_placed_on_a_suspended_host(workshop: Workshop) -> None:
    use_hosts(workshop, "a", "b")
    workshop.specs(runs("one", "two", "three"))
    with workshop.api() as api:
        assert api.suspending.suspend(hosts=["a"], why="new driver") == ["host a"]
        rows = {row.name: row.closure for row in api.hosts()}
    assert rows["a"] is not None
    assert (rows["a"].word, rows["b"]) == ("Suspended", None)
    assert workshop.apply().exit_code == 0
    assert {attempt.host for key in ("one", "two", "three") for attempt in attempts(workshop, key)} == {"b"}


def test_a_suspend_reaches_a_controller_that_is_at_work(workshop: Workshop) -> None:
    """Rows in the database: the one that acts holds the lock, and reads them in its next pass."""
    workshop.toml = "[hosts.local]\nslots = 1\n"
    workshop.__post_init__()
    workshop.specs(runs("one", "two"), program=_slow(workshop))

    def suspend_then_let_go() -> None:
        wait_until(lambda: bool(workshop.launches))
        with workshop.api() as api:
            api.suspending.suspend(["*"])
        (workshop.root / "go").touch()

    threading.Thread(target=suspend_then_let_go, daemon=True).start()
    outcome = workshop.apply()
    assert sorted(phases(outcome).values()) == [Phase.SUCCEEDED, Phase.SUSPENDED]
    assert len(workshop.launches) == 1


def test_a_host_on_which_runs_fail_rests_and_a_person_ends_that(workshop: Workshop) -> None:
    fails = f"[ -e {workshop.root}/go ] || kill -9 $$; {WRITE}"
    workshop.specs(runs("one", "two", "three", more="retry: {limit: 0}"), program=fails)
    workshop.apply()
    assert all(attempts(workshop, key)[-1].state is AttemptState.FAILED for key in ("one", "two", "three"))
    (workshop.root / "go").touch()
    with workshop.api() as api:
        api.retry(["*"])
        (row,) = api.hosts()
        assert row.closure is not None
        assert row.closure.word == "Resting"
        (status, *_) = api.plan().plan.statuses
        assert status.message.startswith("local rests until ")
        assert api.suspending.resume(hosts=["local"]) == ["host local"]
    assert workshop.apply().exit_code == 0


def test_what_nobody_suspended_cannot_be_resumed(workshop: Workshop) -> None:
    workshop.specs(runs("one", more="suspend: true"))
    with workshop.api() as api:
        with pytest.raises(RefusedError) as refused:
            api.suspending.resume(["one"])
        assert "`suspend: true`: specs/all.yaml:" in refused.value.hint
        with pytest.raises(RefusedError, match="none of these is suspended"):
            api.suspending.resume(hosts=["local"])
        with pytest.raises(NotFoundError, match='nothing is called "lokal"'):
            api.suspending.suspend(hosts=["lokal"])
        with pytest.raises(RefusedError, match="nothing is named"):
            api.suspending.suspend()


def _slow(workshop: Workshop) -> str:
    return f"while [ ! -e {workshop.root}/go ]; do sleep 0.05; done; {WRITE}"
