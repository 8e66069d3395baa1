"""A plan in a file is applied exactly as it was shown, or not at all."""

import json
from pathlib import Path

import pytest

from cosmos.core.digest import canonical, sha256_hex
from cosmos.errors import NotFoundError, RefusedError, StaleError, StorageError
from cosmos.outcome import Outcome
from tests.engine.workshop import Workshop, runs


def save(workshop: Workshop, *targets: str, rerun: bool = False, path: str = "a.plan") -> Path:
    with workshop.api() as api:
        api.review.save(api.plan(targets, rerun=rerun), workshop.root / path)
    return workshop.root / path


def apply(workshop: Workshop, path: Path) -> Outcome:
    with workshop.api() as api:
        return api.apply(api.review.saved(path), timeout_s=60)


def why_stale(workshop: Workshop, path: Path) -> str:
    with workshop.api() as api, pytest.raises(StaleError) as stale:
        api.review.saved(path)
    assert stale.value.exit_code == 4
    return stale.value.message


def test_a_saved_plan_does_what_it_says_and_nothing_else(workshop: Workshop) -> None:
    workshop.specs(runs("a", "b"))
    path = save(workshop, "a")
    workshop.specs("# other lines, the same specs\n" + runs("a", "b"))

    assert apply(workshop, path).exit_code == 0
    assert workshop.launches == ["a"]


def test_it_is_stale_once_it_was_applied_also_when_it_was_made_of_nothing(workshop: Workshop) -> None:
    workshop.specs(runs("a"))
    path = save(workshop)
    apply(workshop, path)

    assert "a needs no launch any more" in why_stale(workshop, path)
    assert workshop.launches == ["a"]


def test_it_is_stale_when_a_run_has_changed_or_gone_or_come(workshop: Workshop) -> None:
    workshop.specs(runs("a", "b"))
    path = save(workshop)
    workshop.specs(runs("a", "c").replace("word: a", "word: other"))
    said = why_stale(workshop, path)

    assert "\n  a has changed: params\n" in said
    assert "\n  b is not among the runs any more\n" in said
    assert said.endswith("\n  c is among the runs now, and was not")
    assert workshop.launches == []


def test_it_is_stale_when_only_the_way_it_is_done_has_changed(workshop: Workshop) -> None:
    workshop.specs(runs("a"))
    path = save(workshop)
    workshop.specs(runs("a", more="timeout: 1h"))

    assert "a has changed in what its output does not depend on" in why_stale(workshop, path)


def test_it_is_stale_when_a_spec_has_a_problem_now(workshop: Workshop) -> None:
    workshop.specs(runs("a", "b"))
    path = save(workshop)
    workshop.specs(runs("a", "b", more="nonsense: 1"))

    assert "a is held back now" in why_stale(workshop, path)
    assert "a" in why_stale(workshop, save_of(workshop, path, targets=["a"]))


def save_of(workshop: Workshop, path: Path, **changes: object) -> Path:
    """The same file with other content, as if it had been written so."""
    document = json.loads(path.read_text())
    document["plan"].update(changes)
    document["sha256"] = sha256_hex(canonical(document["plan"]))
    other = workshop.root / "other.plan"
    other.write_text(json.dumps(document))
    return other


def test_names_are_chosen_anew_and_a_new_member_is_told(workshop: Workshop) -> None:
    workshop.specs(runs("city-a", "other"))
    path = save(workshop, "city-*")
    workshop.specs(runs("city-a", "city-b", "other"))

    assert "city-b is among the runs now" in why_stale(workshop, path)


def test_another_host_is_another_plan(workshop: Workshop) -> None:
    workshop.specs(runs("a"))
    path = save(workshop)
    (workshop.root / "cosmos.toml").write_text('[project]\nname = "workshop"\n[hosts.other]\nslots = 2\n')

    assert "host would be other, was local" in why_stale(workshop, path)


def test_a_saved_rerun_runs_once(workshop: Workshop) -> None:
    workshop.specs(runs("a"))
    workshop.apply()
    path = save(workshop, "a", rerun=True)
    with workshop.api() as first, workshop.api() as second:
        early, late = first.review.saved(path), second.review.saved(path)
        first.apply(early, timeout_s=60)
        with pytest.raises(StaleError, match="the plan is stale"):
            second.apply(late, timeout_s=60)

    assert workshop.launches == ["a", "a"]
    assert "attempt would be 3, was 2" in why_stale(workshop, path)


def test_another_project_s_plan_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    workshop.specs(runs("a"))
    path = save_of(workshop, save(workshop), project="elsewhere")
    with workshop.api() as api, pytest.raises(RefusedError, match='of the project "elsewhere", this is "workshop"'):
        api.review.saved(path)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda text: text[: len(text) // 2], "damaged"),
        (lambda text: text.replace('"launch"', '"lunch"'), "damaged"),
        (lambda text: text.replace('"attempt": 1', '"attempt": NaN'), "damaged"),
        (lambda text: text.replace('"format_version": 1', '"format_version": 99'), "newer program"),
        (lambda text: text.replace('"format_version": 1', '"format_version": "1"'), "damaged"),
        (lambda text: "kind: Prompt\n", "not a saved plan"),
        (lambda text: "[]", "not a saved plan"),
        (lambda text: "", "not a saved plan"),
        (lambda text: "[" * 100_000, "not a saved plan"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(workshop: Workshop, harm: "object", says: str) -> None:
    assert callable(harm)
    workshop.specs(runs("a"))
    path = save(workshop)
    path.write_text(harm(path.read_text()))
    with workshop.api() as api, pytest.raises(RefusedError, match=says) as refused:
        api.review.saved(path)
    assert refused.value.hint


def test_fields_that_are_missing_are_damage(workshop: Workshop) -> None:
    workshop.specs(runs("a"))
    path = save_of(workshop, save(workshop), operations=[1])
    with workshop.api() as api, pytest.raises(RefusedError, match="damaged"):
        api.review.saved(path)


def test_only_a_saved_plan_is_overwritten(workshop: Workshop) -> None:
    workshop.specs(runs("a"))
    first = save(workshop).read_text()
    workshop.specs(runs("b"))
    assert save(workshop).read_text() != first
    with pytest.raises(RefusedError, match=r"all\.yaml is there and is no saved plan"):
        save(workshop, path="specs/all.yaml")
    with pytest.raises(StorageError, match="cannot write"):
        save(workshop, path="nowhere/a.plan")
    with workshop.api() as api, pytest.raises(NotFoundError, match="there is no file"):
        api.review.saved(workshop.root / "absent.plan")
    assert sorted(path.name for path in workshop.root.iterdir()) == [".cosmos", "a.plan", "cosmos.toml", "specs"]
