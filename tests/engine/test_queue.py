"""The queue as people see it, and what acts on it would do before they are done."""

import threading
from collections.abc import Callable

import pytest

from cosmos.core.plan import Act, Phase
from cosmos.errors import BusyError, CosmosError, NotFoundError, RefusedError, StaleError
from cosmos.foreseen import Foreseen
from cosmos.project.foreseeing import Foreseeing
from cosmos.queue import SimplifiedQueueService
from tests.cli.console import wait_until
from tests.engine.workshop import WRITE, Workshop, runs

SWEEP = "---\nkind: Run\nname: many\nprompt: rain\nmodel: echo\nmatrix: {params.word: [a, b]}\n"


def keys(items: object) -> list[str]:
    return [item.key for item in items]  # type: ignore[attr-defined]


def test_the_order_is_that_of_priorities_and_moving_to_the_front_is_an_edit(workshop: Workshop) -> None:
    late, off = runs("late", more="# mine\nsuspend: false"), runs("off", more="suspend: true")
    workshop.specs(runs("early", more="priority: 60") + late + off + SWEEP)
    with workshop.api() as api:
        queue = SimplifiedQueueService(api)
        assert keys(queue.view().waiting) == ["early", "late", "many/word-a", "many/word-b", "off"]
        api.plan()
        view = queue.view()
        assert (keys(view.waiting), keys(view.held)) == (["early", "late", "many/word-a", "many/word-b"], ["off"])
        assert (view.position("late"), view.position("off"), view.is_paused) == (2, None, False)

        edit = queue.move_to_front("many/word-b")
        assert [line for line in edit.diff if line.startswith(("+", "-"))][2:] == ["+priority: 61"]
        api.specs.save(edit)
        assert keys(queue.view().waiting) == ["many/word-a", "many/word-b", "early", "late"]
        with pytest.raises(RefusedError, match="nothing waits before many"):
            queue.move_to_front("many/word-a")
        api.specs.save(queue.prioritise("early", 100))
        with pytest.raises(RefusedError, match="early has the highest priority"):
            queue.move_to_front("late")
        with pytest.raises(RefusedError, match="101 is no priority"):
            queue.prioritise("late", 101)
        with pytest.raises(NotFoundError, match="gone"):
            queue.move_to_front("gone")
        assert "# mine\nsuspend: false" in (workshop.root / "specs" / "all.yaml").read_text()
        planned = [operation.key for operation in api.plan().plan.operations if operation.act is Act.LAUNCH]
        assert planned == keys(queue.view().waiting) == ["early", "many/word-a", "many/word-b", "late"]


def test_two_that_claim_at_once_start_each_run_once(workshop: Workshop) -> None:
    workshop.specs(runs("one", "two", "three", "four"))
    said: list[CosmosError] = []

    def claim() -> None:
        with workshop.api() as api:
            try:
                SimplifiedQueueService(api).claim()
            except BusyError as error:
                said.append(error)

    threads = [threading.Thread(target=claim) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(said) < len(threads)
    assert workshop.apply().exit_code == 0
    assert sorted(workshop.launches) == ["four", "one", "three", "two"]


def test_what_is_foreseen_is_what_happens(workshop: Workshop) -> None:
    go = workshop.root / "go"
    slow = f"while [ ! -e {go} ]; do sleep 0.02; done; {WRITE}"
    workshop.specs(runs("one", "two", more="placement: {host: local}"), program=slow)
    workshop.apply("one", wait=False)
    wait_until(lambda: workshop.launches == ["one"])
    with workshop.api() as api:
        queue = SimplifiedQueueService(api)
        with pytest.raises(RefusedError, match="none of these runs has failed"):
            api.foreseeing.retry(["*"])
        shown = queue.foresee_cancel(["one", "two"])
        assert [(each.key, each.after) for each in shown.outlooks] == [("one", Phase.RUNNING), ("two", Phase.CANCELLED)]
        assert [operation.act for operation in shown.begun] == [Act.STOP]
        assert [(operation.key, operation.act) for operation in shown.dropped] == [("two", Act.LAUNCH)]
        Foreseeing.check(queue.foresee_cancel(["one", "two"]), shown.digest)
        file = workshop.root / "specs" / "all.yaml"
        before = file.read_text()
        file.write_text(before + "---\nkind: Prompt\nname: new\ntext: new\n")
        with pytest.raises(StaleError, match="something else now"):
            Foreseeing.check(queue.foresee_cancel(["one", "two"]), shown.digest)
        file.write_text(before)

        outcome = queue.cancel(["one", "two"])
        assert {status.key: status.phase for status in outcome.statuses} == dict.fromkeys(
            ("one", "two"), Phase.CANCELLED
        )
        again = api.foreseeing.retry(["*"])
        assert [(each.before, each.after) for each in again.changes] == [(Phase.CANCELLED, Phase.PENDING)] * 2
        assert {operation.act for operation in again.begun} == {Act.LAUNCH}
        assert api.retry(["*"]) == ["one", "two"]
        go.touch()
    assert workshop.apply().exit_code == 0


def test_a_pause_is_foreseen_and_seen(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    with workshop.api() as api:
        api.plan()
        queue = SimplifiedQueueService(api)
        cases: list[tuple[Callable[[], Foreseen], list[tuple[Phase, Phase]]]] = [
            (lambda: api.foreseeing.suspend(project=True), [(Phase.PENDING, Phase.SUSPENDED)]),
            (lambda: api.foreseeing.suspend(["one"]), [(Phase.PENDING, Phase.SUSPENDED)]),
            (lambda: api.foreseeing.suspend(hosts=["local"]), [(Phase.PENDING, Phase.QUEUED)]),
        ]
        for ask, changes in cases:
            found = ask()
            assert [(each.before, each.after) for each in found.changes] == changes, found.subjects
        with pytest.raises(RefusedError, match="none of these is suspended"):
            api.foreseeing.resume(project=True)
        assert queue.pause(why="dinner") == ["project"]
        assert queue.view().is_paused
        after = api.foreseeing.resume(project=True)
        assert [(each.before, each.after) for each in after.changes] == [(Phase.SUSPENDED, Phase.PENDING)]
        assert [operation.act for operation in after.begun] == [Act.LAUNCH]
        assert queue.go_on() == ["project"]
        assert queue.pause(hosts=["local"]) == ["host local"]
        assert list(queue.view().suspensions.hosts) == ["local"]
        assert queue.go_on(hosts=["local"]) == ["host local"]
        assert not queue.view().suspensions.hosts
    assert workshop.launches == []


def test_what_shares_the_result_of_a_run_that_nobody_starts_has_not_begun(workshop: Workshop) -> None:
    workshop.specs(runs("one") + runs("one").replace("name: one", "name: twin"))
    with workshop.api() as api:
        api.plan()
        queue = SimplifiedQueueService(api)
        assert keys(queue.view().waiting) == ["one", "twin"]
        shown = queue.foresee_cancel(["twin"])  # and who shares it is cancelled too
        assert [(each.key, each.after) for each in shown.changes] == [(key, Phase.CANCELLED) for key in ("one", "twin")]
        assert [operation.key for operation in shown.dropped] == ["one"]
