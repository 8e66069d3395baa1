"""Containers that are not ours, that are gone, and that are ours although the database does not know them."""

import pytest

from cosmos.core.plan import Act
from cosmos.core.reasons import Reason
from cosmos.core.recorded import AttemptState
from tests.remote.site import NOTHING, SLOW, WRITE, Site, model, runs, until
from tests.services.images import BASE

pytestmark = pytest.mark.needs("docker", "ssh")


def test_a_foreign_container_with_our_name_is_left_alone_and_named(site: Site) -> None:
    site.write(model(WRITE), runs("one"))
    with site.api() as api:
        (launch,) = (operation for operation in api.plan().plan.operations if operation.act is Act.LAUNCH)
    name = f"cosmos-{launch.batch_id}"
    site.docker.docker("run", "--detach", "--network", "none", "--name", name, BASE, "sleep", "1000")
    before = site.inspect(name)["State"]
    assert site.apply(timeout_s=3).exit_code != 0
    (trouble,) = site.seen[-1].troubles
    assert f"the container {name} is not of this project" in trouble
    assert "remove it" in trouble
    assert site.inspect(name)["State"] == before

    site.docker.docker("rm", "--force", name)
    assert site.apply().exit_code == 0
    assert site.starts.names == [name]


@pytest.mark.parametrize("ended", [True, False])
def test_a_container_removed_by_hand_costs_a_run_only_when_it_had_not_ended(site: Site, ended: bool) -> None:
    site.write(model(SLOW), runs("one"))
    site.start("one")
    if ended:
        site.let_go("one")
        until((site.batch("one") / "exit.json").exists, "it has ended")
    site.docker.docker("rm", "--force", *site.containers())
    with site.applying() as outcomes:
        if not ended:
            site.seen_running("one", attempt=2)
            site.let_go("one", attempt=2)
    assert outcomes[0].exit_code == 0
    states = [(attempt.state, attempt.reason) for attempt in site.attempts("one")]
    lost = [] if ended else [(AttemptState.FAILED, Reason.PROCESS_LOST)]
    assert states == [*lost, (AttemptState.SUCCEEDED, None)]
    assert len(site.starts.names) == len(states)


def test_a_fresh_database_adopts_what_runs_and_what_has_ended(site: Site) -> None:
    site.write(model(SLOW), runs("a", "b", "c", more="placement: {gpus: 1}"))
    site.start("a", "b")
    until(lambda: len(site.starts.names) == 3, "the third stands in line")
    site.let_go("a")
    until((site.batch("a") / "exit.json").exists, "the first has ended")
    for path in (site.root / ".cosmos").glob("state.db*"):
        path.unlink()
    text = site.plan_text()
    assert [f"> adopt {name}   orphaned" in text for name in ("a", "b", "c")] == [True] * 3
    site.let_go("b", "c")
    assert site.apply().exit_code == 0
    assert [site.output(name) for name in ("a", "b", "c")] == ["a", "b", "c"]
    assert len(site.starts.names) == 3
    assert (site.plan_text(), site.containers()) == (NOTHING, [])
