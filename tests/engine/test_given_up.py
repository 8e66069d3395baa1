"""Work on a host that is away, given up by a person; and the host that comes back with it alive."""

from pathlib import Path

import pytest

from cosmos.core.plan import Phase
from cosmos.core.reasons import Reason
from cosmos.core.recorded import AttemptState
from cosmos.errors import RefusedError
from tests.cli.console import wait_until
from tests.engine.test_failures import attempts
from tests.engine.workshop import WRITE, Workshop, runs


def use_hosts(workshop: Workshop, *names: str) -> None:
    hosts = "".join(f'[hosts.{name}]\nworkdir = "{workshop.root}/{name}"\nslots = 2\n' for name in names)
    (workshop.root / "cosmos.toml").write_text(f'[project]\nname = "workshop"\n{hosts}')


def batches(workshop: Workshop, host: str) -> list[str]:
    return sorted(path.name for path in (workshop.root / host / "workshop" / "batches").glob("rs_*"))


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def stranded(workshop: Workshop) -> Workshop:
    """Run `one` computes on host `a` until the file `go` is there; `a` has left the configuration, `b` is there."""
    program = f"echo $$ >> {workshop.root}/pids; while [ ! -e {workshop.root}/go ]; do sleep 0.05; done; {WRITE}"
    use_hosts(workshop, "a")
    workshop.specs(runs("one"), program=program)
    workshop.apply(wait=False)
    wait_until(lambda: len(pids(workshop)) == 1)
    use_hosts(workshop, "b")
    return workshop


def pids(workshop: Workshop) -> list[int]:
    path = workshop.root / "pids"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def give_up(workshop: Workshop) -> list[str]:
    with workshop.api() as api:
        return api.retry(["one"], why="sold", assume_lost=True)


def test_what_a_person_gives_up_is_tried_elsewhere_and_the_ghost_is_stopped(stranded: Workshop) -> None:
    assert stranded.apply().exit_code == 6
    assert give_up(stranded) == ["one"]
    stranded.apply(wait=False)
    wait_until(lambda: len(pids(stranded)) == 2)
    first, second = attempts(stranded)
    assert (first.host, first.state, first.reason) == ("a", AttemptState.FAILED, Reason.ASSUMED_LOST)
    assert (second.host, second.number) == ("b", 2)
    assert first.message.endswith(": sold")
    ghost, alive = pids(stranded)
    assert is_alive(ghost)

    use_hosts(stranded, "a", "b")
    stranded.apply(wait=False)
    assert (is_alive(ghost), is_alive(alive)) == (False, True)
    assert batches(stranded, "a") == [first.batch_id], "nothing of what it made is removed before there is a result"
    (stranded.root / "go").touch()
    assert stranded.apply().exit_code == 0
    assert (batches(stranded, "a"), batches(stranded, "b")) == ([], [])
    assert (stranded.root / ".cosmos" / "logs" / f"{first.batch_id}.log").exists()
    assert stranded.output("one") == "Heavy rain one"
    assert stranded.launches == ["one", "one"]


def test_the_ghost_is_stopped_before_anything_else_starts_for_its_digest(stranded: Workshop) -> None:
    with stranded.api() as api:
        api.suspending.suspend(["one"])
    give_up(stranded)
    assert stranded.apply().statuses[0].phase is Phase.SUSPENDED
    assert [attempt.reason for attempt in attempts(stranded)] == [Reason.ASSUMED_LOST]
    with stranded.api() as api:
        api.suspending.resume(["one"])
    use_hosts(stranded, "a", "b")
    (ghost,) = pids(stranded)
    assert stranded.plan_text().splitlines() == [
        "x stop one   lost   a",
        "Plan: 1 to stop; 0 unchanged.",
    ]
    stranded.apply(wait=False)
    wait_until(lambda: len(pids(stranded)) == 2)
    assert not is_alive(ghost)
    (stranded.root / "go").touch()
    assert stranded.apply().exit_code == 0


def test_where_the_host_answers_there_is_proof_and_nothing_is_given_up(stranded: Workshop) -> None:
    use_hosts(stranded, "a", "b")
    with pytest.raises(RefusedError, match="one: a answers, so what became of attempt 1 can be seen"):
        give_up(stranded)
    (stranded.root / "go").touch()
    assert stranded.apply().exit_code == 0
    assert stranded.launches == ["one"]


def test_a_word_about_a_host_that_answered_since_is_void(stranded: Workshop) -> None:
    """Else a slow look, much later, would give up work that is alive."""
    give_up(stranded)
    use_hosts(stranded, "a", "b")
    stranded.apply(wait=False)
    use_hosts(stranded, "b")
    assert stranded.apply().exit_code == 6
    assert [attempt.reason for attempt in attempts(stranded)] == [None]
    use_hosts(stranded, "a", "b")
    (stranded.root / "go").touch()
    assert stranded.apply().exit_code == 0
    assert stranded.launches == ["one"]


def test_what_has_no_work_anywhere_cannot_be_given_up(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    with pytest.raises(RefusedError, match="none of these runs has work on a host that cannot be looked at"):
        give_up(workshop)
