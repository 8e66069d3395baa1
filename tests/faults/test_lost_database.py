"""The database is deleted while work is under way: hosts and outputs/ say what there is."""

import pytest

from tests.faults.estate import ON_A_GPU, Estate
from tests.remote.site import SLOW, WRITE, model, runs, until

pytestmark = pytest.mark.needs("docker", "ssh")


def test_without_its_database_a_project_starts_nothing_again_and_deletes_nothing(estate: Estate) -> None:
    """One run is done, one has ended, one runs, and one waits behind it."""
    quick = (model(WRITE, name="quick"), runs("done", model="quick", more=ON_A_GPU))
    estate.write(*quick)
    estate.finish()
    (made,) = (estate.root / "outputs" / "done" / "latest").glob("out.txt")
    before = made.stat()
    estate.write(*quick, model(SLOW), runs("ended", "live", "waits", more=ON_A_GPU))
    controller = estate.running("ended", "live")
    until(lambda: len(estate.started) == 4, "the fourth stands in line")
    controller.kill()
    estate.let_go("ended")
    until((estate.batch("ended") / "exit.json").exists, "it has ended")
    for path in (estate.root / ".cosmos").glob("state.db*"):
        path.unlink()
    estate.says("done OutOfSync Succeeded", "found in outputs/done/", "found on gpu", "cosmos apply goes on")
    controller = estate.controller()
    estate.let_go("live", "waits")
    assert controller.ended() == 0
    assert (made.stat().st_ino, made.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    estate.all_done("done", "ended", "live", "waits")
