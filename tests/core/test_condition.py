"""Conditions: what holds, what is not there, and what may not be written at all."""

from dataclasses import replace

import pytest

from cosmos.core.condition import ConditionError, condition, facts
from cosmos.core.problem import Location
from cosmos.core.reviews import Review
from cosmos.core.run import Control
from tests.makers import a_run

RUN = replace(
    a_run("city/seed-1"),
    name="city",
    prompt="rain",
    labels={"scene": "city", "a.b": "x"},
    params={"seed": 1, "items": 3, "size": None},
    controls={"edge": Control(weight=0.5)},
)
REVIEW = Review(run="city/seed-1", digest="aaaaaaaa", rating=4, note="wet", tags=("hero", "4k"), at=Location("a"))

HOLDS = [
    "rating >= 4",
    "rating == 4 and not rating > 4",
    "3 < rating <= 4",
    "'hero' in tags and 'reject' not in tags",
    "rating in [4, 5]",
    "labels.scene == 'city'",
    "labels['a.b'] == 'x'",
    "labels.none_such != 'city'",
    "labels.none_such == none",
    "params.seed == 1 and params.items == 3",
    "params.size == null",
    "controls.edge >= 0.5 or false",
    "prompt == 'rain' and name == 'city' and key == 'city/seed-1'",
    "'we' in note",
    "model != 'other'",
    " rating > 3 ",
]
HOLDS_NOT = [
    "rating < 4",
    "labels.none_such == 'city'",
    "params.none_such > 1",
    "params.none_such < 1",
    "controls.vis >= 0",
    "rating > 3 and false",
    "'reject' in tags",
    "-rating > 0",
]


@pytest.mark.parametrize("text", HOLDS)
def test_it_holds(text: str) -> None:
    assert condition(text).holds(facts(RUN, REVIEW)) is True


@pytest.mark.parametrize("text", HOLDS_NOT)
def test_it_does_not_hold(text: str) -> None:
    assert condition(text).holds(facts(RUN, REVIEW)) is False


@pytest.mark.parametrize("text", ["rating >= 4", "rating <= 2", "rating != none", "'hero' in tags", "note == 'wet'"])
def test_of_what_nobody_has_rated_nothing_holds(text: str) -> None:
    assert condition(text).holds(facts(RUN, None)) is False


REFUSED = [
    ("ratng >= 4", 'knows no "ratng" at letter 1', 'did you mean "rating"?'),
    ("rating >= four", 'knows no "four" at letter 11', "a text is in quotes"),
    ("rating >= ", "cannot be read", "as in: rating >= 4"),
    ("rating = 4", "cannot be read at letter", "as in: rating >= 4"),
    ("len(tags) > 1", "has something at letter 1 that cannot stand in a condition", ""),
    ("rating.real == 4", "has something at letter 1 that has no fields", "only controls, labels, params"),
    ("labels.a.b == 'x'", "has something at letter 1 that has no fields", "labels['my.label']"),
    ("labels[key] == 'x'", "that has no fields", ""),
    ("tags[0] == 'x'", "that has no fields", ""),
    ("2 ** 99 > 1", "cannot stand in a condition", ""),
    ("rating * 9 > 1", "cannot stand in a condition", ""),
    ("[x for x in tags]", "cannot stand in a condition", ""),
    ("(lambda: 1)()", "cannot stand in a condition", ""),
    ("rating if note else 1", "cannot stand in a condition", ""),
    ("f'{note}' == ''", "cannot stand in a condition", ""),
    ("note == b'x'", "cannot stand in a condition", ""),
    ("__import__('os')", "cannot stand in a condition", ""),
    ("not " * 30 + "rating", "nested too deep", ""),
    ("not " * 3000 + "rating", "longer than", ""),
    ("rating > 1\x00", "cannot be read", ""),
    ("", "cannot be read", ""),
]


@pytest.mark.parametrize(("text", "words", "hint"), REFUSED)
def test_anything_else_is_refused(text: str, words: str, hint: str) -> None:
    with pytest.raises(ConditionError) as refused:
        condition(text)
    assert words in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize("text", ["rating >= '4'", "note > 3", "3 in note", "-note == 1", "1 in rating"])
def test_values_that_cannot_be_compared_are_no_answer(text: str) -> None:
    with pytest.raises(ConditionError, match="cannot be judged"):
        condition(text).holds(facts(RUN, REVIEW))


def test_a_method_of_a_mapping_is_out_of_reach() -> None:
    """`params.items` is the parameter of this name, and `labels.keys` nothing at all."""
    assert condition("labels.keys == none and labels.__class__ == none").holds(facts(RUN, REVIEW))
