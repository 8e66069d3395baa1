"""Ranges, axes that go together, and samples: which members they make, and which stay when a spec grows."""

import pytest

from cosmos.core.sampling import draw, size, steps
from cosmos.core.spec_matrix import RangeSpec
from tests.core.spec_files import expanded, loaded, run, said

BASE = "params: {seed: 1}\ncontrols: {edge: 0.5}"


def keys(matrix: str) -> list[str]:
    found = expanded(run("r", f"matrix: {matrix}", BASE))
    assert not found.problems, said(found.problems)
    return [draft.key.removeprefix("r/") for draft in found.drafts]


def sample(count: int, seed: int = 7, more: str = "") -> str:
    axes = "{params.seed: {min: 0, max: 99}, controls.edge: {min: 0.1, max: 0.9}, params.size: [s, m]}"
    return f"{{{more}sample: {{count: {count}, seed: {seed}, axes: {axes}}}}}"


MATRICES = [
    ("{params.seed: {min: 1, max: 3}}", ["seed-1", "seed-2", "seed-3"]),
    ("{controls.edge: {min: 0.1, max: 0.5, step: 0.2}}", ["edge-0.1", "edge-0.3", "edge-0.5"]),
    ("{params.x: {min: 0, max: 1, step: 0.4}}", ["x-0", "x-0.4", "x-0.8"]),
    ("{zip: {params.a: [1, 2], params.b: [x, x]}}", ["a-1_b-x", "a-2_b-x"]),
    ("{zip: {params.b: [1, 2], params.a: {min: 8, max: 9}}}", ["a-8_b-1", "a-9_b-2"]),
    (
        "{params.b: [1, 2], zip: {params.a: [1, 2], params.c: [3, 4]}}",
        ["a-1_b-1_c-3", "a-2_b-1_c-4", "a-1_b-2_c-3", "a-2_b-2_c-4"],
    ),
    (
        "{params.b: [1, 2], zip: {params.a: [1, 2], params.c: [3, 4]}, exclude: [{params.a: 1, params.b: 2}]}",
        ["a-1_b-1_c-3", "a-2_b-1_c-4", "a-2_b-2_c-4"],
    ),
    (
        "{zip: {params.a: [1, 2], params.c: [3, 4]}, include: [{params.a: 9}]}",
        ["a-1_c-3", "a-2_c-4", "a-9"],
    ),
    ("{sample: {count: 1, axes: {params.a: [1]}}}", ["a-1"]),
]


@pytest.mark.parametrize(("matrix", "expected"), MATRICES)
def test_a_matrix_has_these_members(matrix: str, expected: list[str]) -> None:
    assert keys(matrix) == expected


def test_values_of_rows_are_in_their_fields_and_are_found_there() -> None:
    found = expanded(run("r", "matrix: {zip: {params.seed: [4, 5], controls.edge: [0.2, 0.3]}}", BASE))
    second = found.drafts[1]
    assert (second.params["seed"], second.controls["edge"].weight) == (5, 0.3)
    assert str(second.locate(("params", "seed"))) == "a.yaml:5:33"
    drawn = expanded(run("r", f"matrix: {sample(3)}", BASE)).drafts
    assert len({(draft.params["seed"], draft.controls["edge"].weight) for draft in drawn}) == 3
    assert all(0.1 <= draft.controls["edge"].weight <= 0.9 for draft in drawn)


def test_a_sample_is_the_same_everywhere_and_only_grows() -> None:
    assert keys(sample(2)) == ["edge-0.84_seed-72_size-s", "edge-0.629_seed-86_size-m"]  # golden: never change it
    assert keys(sample(20))[:8] == keys(sample(8))
    assert not set(keys(sample(8))) & set(keys(sample(8, seed=8)))
    assert len(set(keys(sample(8, more="params.b: [1, 2], ")))) == 16


def test_draws_fill_their_range() -> None:
    drawn = [draw(1, "params.x", number, RangeSpec(min=0, max=9)) for number in range(400)]
    assert set(drawn) == set(range(10))
    assert all(drawn.count(value) > 15 for value in range(10))
    assert draw(1, "a", 0, RangeSpec(min=2.5, max=2.5)) == 2.5
    assert size(RangeSpec(min=0, max=1, step=0.1)) == 11
    assert steps(RangeSpec(min=0.1, max=0.3, step=0.1)) == [0.1, 0.2, 0.3]


REFUSED = [
    ("{params.a: {min: 2, max: 1}}", 'a.yaml:5:20: error[E014] run "r": matrix.params.a must have max above min'),
    ("{params.a: {min: 1, max: 2, step: 0}}", "matrix.params.a must have a step above 0"),
    ("{params.a: {min: 0.5, max: 1}}", 'axis "params.a" has no steps (give it a step'),
    ("{params.a: {min: 0, max: 99999}}", 'axis "params.a" has more than 10000 values'),
    ("{params.a: {min: 0, max: 1, by: 1}}", 'unknown field "by" in matrix.params.a'),
    ("{zip: {params.a: [1, 2]}}", "matrix: zip needs two axes or more"),
    ("{zip: {params.a: [1, 2], params.b: [1]}}", "zip needs lists of one length: params.a has 2, params.b has 1"),
    ("{zip: {params.a: [1, 1], params.b: [2, 2]}}", "zip has the same values twice"),
    ("{params.a: [1], zip: {params.a: [1, 2], params.b: [1, 2]}}", 'axis "params.a" sets what another axis sets'),
    ("{zip: {a: [1, 2], params.b: [1, 2]}}", '"a" cannot be an axis'),
    ("{sample: {count: 3, axes: {params.a: [1, 2]}}}", "sample finds 2 different combinations, fewer than 3"),
    ("{sample: {count: 3, axes: {params.a: []}}}", 'axis "params.a" has no values'),
    ("{params.a: [1], sample: {count: 1, axes: {params.a: [1]}}}", 'axis "params.a" sets what another axis sets'),
    ("{sample: {count: 3, axes: {}}}", "matrix.sample.axes"),
    ("{sample: {count: 0, axes: {params.a: [1]}}}", "matrix.sample.count must be at least 1"),
    ("{sample: {count: 10000, axes: {params.a: {min: 0, max: 99999}}}, params.b: [1, 2]}", "makes 20000 runs"),
]


@pytest.mark.parametrize(("matrix", "words"), REFUSED)
def test_a_mistake_is_said_at_its_place(matrix: str, words: str) -> None:
    spec = run("r", f"matrix: {matrix}", BASE)
    problems = loaded(spec).problems or expanded(spec).problems
    assert any(words in line for line in said(problems)), said(problems)
    assert all(problem.at.line == 5 for problem in problems)
