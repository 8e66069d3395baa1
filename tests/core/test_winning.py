"""Which settings win, by tables."""

from dataclasses import replace

from cosmos.core.desired import Desired
from cosmos.core.gallery import Item, items
from cosmos.core.run import Control
from cosmos.core.winning import VALUES, winning
from tests.core.test_gallery import review, want


def run(key: str, rating: int | None, **changes: object) -> Item:
    changes.setdefault("prompt", "rain")
    wanted = want(key, **changes)
    said = review(key, rating) if rating is not None else None
    return items(Desired(runs=(replace(wanted, review=said),)), [])[0]


def test_the_best_value_of_each_setting_is_told_and_what_matters_most_comes_first() -> None:
    found = winning(
        run(f"r{number}", rating, params={"steps": steps, "seed": number}, controls={"edge": Control(weight=edge)})
        for number, (rating, steps, edge) in enumerate(
            [(5, 35, 0.2), (4, 35, 0.8), (1, 10, 0.2), (2, 10, 0.8), (None, 10, 0.8), (None, 99, 0.2)]
        )
    )
    assert [(one.name, one.spread) for one in found] == [
        ("params.steps", 3.0), ("controls.edge", 0.0), ("params.seed", 4.0),
    ]  # fmt: skip
    assert [(one.value, one.mean, one.rated, one.runs) for one in found[0].values] == [
        ("35", 4.5, 2, 2), ("10", 1.5, 2, 3), ("99", None, 0, 1),
    ]  # fmt: skip


def test_what_always_differs_together_is_told_once_by_what_people_set() -> None:
    found = winning(
        run(name, rating, prompt=name, text=f"It is {name}", inputs={"color": f"in/{name}.mp4"})
        for name, rating in (("rain", 4), ("snow", 2))
    )
    assert [one.name for one in found] == ["prompt"]


def test_without_ratings_or_differences_nothing_wins() -> None:
    assert winning([run("a", None, params={"seed": 1}), run("b", None, params={"seed": 2})]) == ()
    assert winning([run("a", 5), run("b", 4)]) == ()
    assert winning([]) == ()


def test_of_many_values_those_with_ratings_are_told() -> None:
    (found,) = winning(run(f"r{seed}", 3 if seed > 90 else None, params={"seed": seed}) for seed in range(100))
    assert (len(found.values), found.more) == (VALUES, 100 - VALUES)
    assert {value.value for value in found.values if value.rated} == {str(seed) for seed in range(91, 100)}
