"""What a spec says against what a model declares: types, ranges, weights, inputs."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cosmos.adapters.fields import PLACES, file_name, inputs_for, normalised
from cosmos.adapters.params import param_problems, typed_params
from cosmos.core.digest import canonical
from cosmos.core.run import ParamType, Source, Value
from tests.adapters.drafts import SCENE, a_command_model, a_draft, words

DECLARED = {
    "steps": ParamType(type="int", minimum=1, maximum=100),
    "guidance": ParamType(type="float", default=5, required=False, minimum=1, maximum=15),
    "mode": ParamType(type="str", default="fast", required=False, choices=("fast", "slow")),
    "loop": ParamType(type="bool", default=False, required=False),
}


def typed(**given: Value) -> tuple[Mapping[str, Value], list[str]]:
    params, refusals = typed_params(DECLARED, given)
    return params, words(refusals)


def test_params_come_out_complete_and_typed() -> None:
    params, refusals = typed(steps=35)
    assert refusals == []
    assert params == {"steps": 35, "guidance": 5.0, "mode": "fast", "loop": False}
    assert isinstance(params["guidance"], float)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({}, 'params: parameter "steps" is missing: a whole number from 1 to 100 (write `params: {steps: ...}`)'),
        ({"stepps": 3, "steps": 3}, 'params.stepps: the model takes no parameter "stepps" (did you mean "steps"?)'),
        ({"steps": True}, 'params.steps: parameter "steps" must be a whole number from 1 to 100, not true'),
        ({"steps": 35.0}, 'params.steps: parameter "steps" must be a whole number from 1 to 100, not 35.0'),
        ({"steps": "35"}, 'params.steps: parameter "steps" must be a whole number from 1 to 100, not "35"'),
        ({"steps": 0}, 'params.steps: parameter "steps" must be a whole number from 1 to 100, not 0'),
        ({"steps": 101}, 'params.steps: parameter "steps" must be a whole number from 1 to 100, not 101'),
        ({"steps": (1, 2)}, 'params.steps: parameter "steps" takes one value, not a list'),
        ({"steps": None}, 'params.steps: parameter "steps" has no value; leave the line out to get the default'),
        (
            {"steps": 1, "guidance": True},
            'params.guidance: parameter "guidance" must be a number from 1 to 15, not true',
        ),
        (
            {"steps": 1, "guidance": math.nan},
            'params.guidance: parameter "guidance" must be a finite number, not nan',
        ),
        (
            {"steps": 1, "guidance": 2**53 + 1},
            'params.guidance: parameter "guidance" is too large for a number with decimals',
        ),
        (
            {"steps": 1, "mode": "slowly"},
            'params.mode: parameter "mode" must be one of "fast", "slow", not "slowly"; did you mean "slow"?',
        ),
        ({"steps": 1, "loop": 1}, 'params.loop: parameter "loop" must be true or false, not 1'),
    ],
)
def test_a_wrong_value_is_refused_where_it_stands(given: dict[str, Value], refusal: str) -> None:
    assert typed(**given)[1] == [refusal]


def test_bounds_are_inclusive() -> None:
    assert typed(steps=1, guidance=15)[1] == []
    assert typed(steps=100, guidance=1)[1] == []


def test_every_problem_is_reported_at_once() -> None:
    assert len(typed(stepps=3, guidance="5", loop=1)[1]) == 4


@pytest.mark.parametrize("text", ["a\0b", "\0{root}", "\ud800"])
def test_text_that_no_program_can_be_given_is_refused(text: str) -> None:
    params = {"name": ParamType(type="str")}
    assert words(typed_params(params, {"name": text})[1]) == [
        'params.name: parameter "name" contains NUL or half of a surrogate pair, which no program can be given'
    ]


@given(st.integers(min_value=1, max_value=15))
def test_a_whole_number_and_its_float_are_one_digest(number: int) -> None:
    whole, decimal = typed(steps=1, guidance=number)[0], typed(steps=1, guidance=float(number))[0]
    assert canonical(dict(whole)) == canonical(dict(decimal))


def test_minus_zero_is_zero() -> None:
    params, _ = typed_params({"shift": ParamType(type="float")}, {"shift": -0.0})
    assert canonical(params) == b'{"shift":0.0}'


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        (
            ParamType(type="int", default=0, required=False, minimum=1),
            'params.n.default: parameter "n": default must be a whole number from 1, not 0',
        ),
        (
            ParamType(type="int", choices=(1, "two")),
            'params.n.choices: parameter "n": choice must be a whole number, not "two"',
        ),
        (ParamType(type="float", minimum=2, maximum=1), 'params.n.min: parameter "n": min is above max'),
        (
            ParamType(type="bool", default=1, required=False),
            'params.n.default: parameter "n": default must be true or false, not 1',
        ),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(kind: ParamType, refusal: str) -> None:
    assert words(param_problems({"n": kind})) == [refusal]


def test_a_declaration_in_order_has_no_problems() -> None:
    assert param_problems(DECLARED) == []


def test_weights_above_one_in_sum_are_scaled_as_the_model_would() -> None:
    weights = normalised({"vis": 0.1, "edge": 1.0, "depth": 0.65, "seg": 0.25})
    assert weights == {"vis": 0.05, "edge": 0.5, "depth": 0.325, "seg": 0.125}


def test_weights_up_to_one_in_sum_stay() -> None:
    assert normalised({"vis": 0.7, "edge": 0.2, "depth": 0.1}) == {"vis": 0.7, "edge": 0.2, "depth": 0.1}
    assert normalised({"vis": 0.25}) == {"vis": 0.25}


def test_a_weight_of_zero_stays_and_has_no_sign() -> None:
    assert canonical(normalised({"vis": -0.0, "edge": 1.0})) == b'{"edge":1.0,"vis":0.0}'


@given(
    st.lists(st.integers(min_value=500, max_value=999), min_size=3, max_size=6), st.integers(min_value=1, max_value=9)
)
def test_equal_proportions_above_one_are_equal_weights(parts: list[int], factor: int) -> None:
    once = {str(index): part / 1000 for index, part in enumerate(parts)}
    more = {str(index): part * factor / 1000 for index, part in enumerate(parts)}
    assert normalised(once) == normalised(more)


@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(min_value=0, max_value=1), max_size=6))
@example(dict.fromkeys("abcdef", 1.0))
@example({"a": 1.0, "b": 5e-10, "c": 5.1e-10})
def test_normalising_twice_changes_nothing(weights: dict[str, float]) -> None:
    once = normalised(weights)
    assert normalised(once) == once
    assert sum(once.values()) <= 1 + len(once) * 10**-PLACES


MODEL = a_command_model(inputs={"video": True, "mask": False})


def test_a_scene_may_offer_more_than_the_model_reads() -> None:
    files, refusals = inputs_for(a_draft(MODEL), {**SCENE, "video": "inputs/a.mp4"}, MODEL.inputs)
    assert (files, refusals) == ({"video": "inputs/a.mp4"}, [])


def test_an_input_that_the_run_names_must_be_one_of_the_models() -> None:
    draft = a_draft(MODEL, named=frozenset({"vidoe", "video"}))
    _, refusals = inputs_for(draft, {"video": "a.mp4", "vidoe": "b.mp4"}, MODEL.inputs)
    assert words(refusals) == ['inputs.vidoe: the model takes no input "vidoe" (did you mean "video"?)']


def test_a_missing_input_is_refused_with_both_ways_to_give_it() -> None:
    _, refusals = inputs_for(a_draft(MODEL), {"mask": "inputs/mask.png"}, MODEL.inputs)
    hint = "put video.mp4 into the folder of inputs, or name a file: `inputs: {video: path}`"
    assert words(refusals) == [f'inputs: needs an input "video" ({hint})']


def test_another_runs_output_takes_its_role_from_the_scene() -> None:
    draft = a_draft(MODEL, source=Source(key="other", role="video"))
    assert inputs_for(draft, {"video": "inputs/a.mp4"}, MODEL.inputs) == ({}, [])


def test_another_runs_output_must_have_a_role_of_the_model() -> None:
    draft = a_draft(MODEL, source=Source(key="other", role="videos"))
    _, refusals = inputs_for(draft, {"video": "inputs/a.mp4"}, MODEL.inputs)
    assert words(refusals) == ['source.role: the model takes no input "videos" (did you mean "video"?)']


def test_an_input_from_the_run_and_from_its_source_is_refused() -> None:
    draft = a_draft(MODEL, named=frozenset({"video"}), source=Source(key="other", role="video"))
    _, refusals = inputs_for(draft, {"video": "inputs/a.mp4"}, MODEL.inputs)
    assert words(refusals) == [
        'inputs.video: input "video" is given twice, by `inputs` and by `source` (keep one of them)'
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("inputs/city/color.MP4", "video.mp4"),
        ("inputs/weights.tar.gz", "video.gz"),
        ("inputs/no suffix", "video"),
        ("inputs/odd.m p4", "video"),
        ("inputs/trailing.", "video"),
        ("", "video"),
    ],
)
def test_an_input_is_named_by_its_role_and_keeps_its_suffix(path: str, name: str) -> None:
    assert file_name("video", path) == name
