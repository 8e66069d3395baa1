"""The preview model: what it takes and refuses, and that all it takes reaches its payload."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cosmos.adapters import ADAPTERS
from cosmos.adapters.base import Adapter, Evidence
from cosmos.adapters.preview import CONTROLS, DERIVED, PAYLOAD, PRESETS
from cosmos.core.digest import canonical, material
from cosmos.core.ports import PYTHON, ROOT
from cosmos.core.reasons import Reason
from cosmos.core.run import Control, MediaFacts, OutputFile, ParamType, Run, Source
from cosmos.core.spec import ControlSpec
from cosmos.local_ai.preview import Payload
from tests.adapters.drafts import SCENE, VIDEO, a_draft, as_run, built_in, words
from tests.makers import a_manifest, an_exit

ADAPTER: Adapter = ADAPTERS["preview"]
FOLDER = "0123456789abcdef"
ALL = {"vis": 0.1, "edge": 0.2, "depth": 0.3, "seg": 0.4}


def specs(**weights: float) -> dict[str, ControlSpec]:
    return {name: ControlSpec(weight=weight) for name, weight in weights.items()}


def resolved(available: dict[str, str] | None = None, **fields: Any) -> Run:
    draft = a_draft(built_in("preview"), **fields)
    return as_run(draft, ADAPTER.resolve(draft, SCENE if available is None else available))


def refusals(available: dict[str, str] | None = None, **fields: Any) -> list[str]:
    draft = a_draft(built_in("preview"), **fields)
    return words(ADAPTER.resolve(draft, SCENE if available is None else available).refusals)


def payload(run: Run) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(ADAPTER.launch(run, FOLDER).files[PAYLOAD])
    return written


def test_the_built_in_model_is_in_order() -> None:
    assert ADAPTER.model_problems(built_in("preview")) == []


def test_the_program_is_started_with_the_hosts_python_and_its_payload() -> None:
    launch = ADAPTER.launch(resolved(controls=specs(**ALL)), FOLDER)
    assert launch.argv == (PYTHON, "-m", "cosmos.local_ai.preview", "--payload", f"{ROOT}/payload.json")
    assert launch.inputs == {"color.mp4": "color", "depth.mp4": "depth", "segmentation.mp4": "segmentation"}


def test_every_field_reaches_the_payload() -> None:
    run = resolved(
        text="Heavy {root} rain \u96e8",
        negative="cartoon",
        controls={**specs(depth=0.3, seg=0.4, vis=0.1), "edge": ControlSpec(weight=0.2, preset="high")},
        params={"seed": 7, "frames": 12, "height": 100},
    )
    assert payload(run) == {
        "text": "Heavy {root} rain \u96e8",
        "negative": "cartoon",
        "params": {"seed": 7, "frames": 12, "height": 100},
        "color": "inputs/color.mp4",
        "controls": [
            {"name": "vis", "weight": 0.1, "preset": "medium", "input": None},
            {"name": "edge", "weight": 0.2, "preset": "high", "input": None},
            {"name": "depth", "weight": 0.3, "preset": None, "input": "inputs/depth.mp4"},
            {"name": "seg", "weight": 0.4, "preset": None, "input": "inputs/segmentation.mp4"},
        ],
        "outputs": {
            "video": f"outputs/{FOLDER}/preview.mp4",
            **{name: f"outputs/{FOLDER}/{name}.mp4" for name in ALL},
        },
    }


WEIGHTS = st.integers(min_value=0, max_value=100).map(lambda percent: percent / 100)
COMPUTED = st.builds(ControlSpec, weight=WEIGHTS, preset=st.none() | st.sampled_from(PRESETS))
RUNS = st.builds(
    resolved,
    available=st.sampled_from([SCENE, {**SCENE, "color": "inputs/city/color.mov"}]),
    text=st.text(alphabet="ab\n{}\u96e8", min_size=1),
    negative=st.text(alphabet="ab"),
    controls=st.fixed_dictionaries(
        {},
        optional={name: COMPUTED if name in DERIVED else st.builds(ControlSpec, weight=WEIGHTS) for name in CONTROLS},
    ),
    params=st.fixed_dictionaries({}, optional={"seed": st.integers(0, 3), "frames": st.integers(0, 3)}),
)


def made_of(run: Run) -> bytes:
    return canonical(material(run, run.inputs, None))


@given(RUNS, RUNS)
def test_two_runs_share_a_payload_exactly_when_they_share_what_a_digest_is_made_of(one: Run, other: Run) -> None:
    is_same_work = made_of(one) == made_of(other)
    assert (ADAPTER.launch(one, FOLDER) == ADAPTER.launch(other, FOLDER)) == is_same_work


@given(RUNS)
def test_the_program_understands_every_payload(run: Run) -> None:
    understood = TypeAdapter(Payload).validate_json(ADAPTER.launch(run, FOLDER).files[PAYLOAD])
    assert json.loads(TypeAdapter(Payload).dump_json(understood)) == payload(run)


def test_weights_above_one_in_sum_are_the_run_of_the_scaled_ones() -> None:
    once, scaled = resolved(controls=specs(edge=1, depth=1)), resolved(controls=specs(edge=0.5, depth=0.5))
    assert once.controls == scaled.controls
    assert made_of(once) == made_of(scaled)


def test_a_computed_control_without_a_preset_is_the_medium_one() -> None:
    bare = resolved(controls=specs(edge=0.5))
    named = resolved(controls={"edge": ControlSpec(weight=0.5, preset="medium")})
    assert bare.controls == named.controls == {"edge": Control(weight=0.5, preset="medium", derived=True)}


def test_a_control_of_weight_zero_is_still_made() -> None:
    run = resolved(controls=specs(edge=0))
    assert run.controls["edge"].weight == 0
    assert "edge" in run.outputs


def test_a_file_in_the_scene_is_used_in_place_of_computing() -> None:
    run = resolved({**SCENE, "edge": "inputs/city/edge.mp4"}, controls=specs(edge=0.5))
    assert run.controls == {"edge": Control(weight=0.5)}
    assert run.inputs == {"color": "inputs/city/color.mp4", "edge": "inputs/city/edge.mp4"}
    assert payload(run)["controls"][0]["input"] == "inputs/edge.mp4"


def test_a_file_in_a_control_is_used_in_place_of_the_scenes() -> None:
    run = resolved(controls={"seg": ControlSpec(weight=0.5, input="inputs/other/masks.mp4")})
    assert run.inputs["segmentation"] == "inputs/other/masks.mp4"


def test_inputs_of_controls_that_are_off_are_not_read() -> None:
    assert resolved(controls=specs(depth=0.5)).inputs.keys() == {"color", "depth"}


def test_another_runs_output_can_be_the_scene() -> None:
    run = resolved({}, source=Source(key="other", role="color", file="preview.mp4"), controls=specs(edge=0.5))
    assert ADAPTER.launch(run, FOLDER).inputs == {"color.mp4": "color"}
    assert ADAPTER.check(run, {}) == ()
    assert ADAPTER.expect(run, {}) == run.outputs


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"available": {}}, 'inputs: needs an input "color"'),
        (
            {"available": {"color": "c.mp4"}, "controls": specs(depth=0.5)},
            'controls.depth: control "depth" needs depth.mp4 from a renderer',
        ),
        (
            {"available": {"color": "c.mp4"}, "controls": specs(seg=0.5)},
            'controls.seg: control "seg" needs segmentation.mp4 from a renderer',
        ),
        ({"controls": specs(edgy=0.5)}, 'controls.edgy: the model takes no control "edgy" (did you mean "edge"?)'),
        (
            {"controls": {"edge": ControlSpec(weight=0.5, preset="hihg")}},
            'controls.edge.preset: control "edge" has no preset "hihg" (did you mean "high"?)',
        ),
        (
            {"controls": {"depth": ControlSpec(weight=0.5, preset="high")}},
            'controls.depth.preset: control "depth" is not computed, so it has no presets',
        ),
        (
            {"controls": {"edge": ControlSpec(weight=0.5, preset="high", input="e.mp4")}},
            'controls.edge.preset: control "edge" comes from a file, so a preset has no effect',
        ),
        ({"params": {"sede": 1}}, 'params.sede: the model takes no parameter "sede" (did you mean "seed"?)'),
        (
            {"params": {"height": 10}},
            'params.height: parameter "height" must be a whole number from 64 to 1080, not 10',
        ),
        (
            {"named": frozenset({"depth"})},
            'inputs.depth: input "depth" is not used, because control "depth" is off (add `depth` to controls)',
        ),
        ({"named": frozenset({"colour"})}, 'inputs.colour: the model takes no input "colour" (did you mean "color"?)'),
        (
            {
                "named": frozenset({"segmentation"}),
                "controls": {"seg": ControlSpec(weight=0.5, input="inputs/other.mp4")},
            },
            'inputs.segmentation: input "segmentation" is given twice, by `inputs` and by `controls.seg`',
        ),
        (
            {"source": Source(key="a", role="depth")},
            'source.role: input "depth" is not used, because control "depth" is off (add `depth` to controls)',
        ),
        (
            {
                "source": Source(key="a", role="depth"),
                "controls": {"depth": ControlSpec(weight=0.5, input="inputs/d.mp4")},
            },
            'inputs.depth: input "depth" is given twice, by `inputs` and by `source` (keep one of them)',
        ),
    ],
)
def test_what_would_have_no_effect_or_cannot_work_is_refused(fields: dict[str, Any], refusal: str) -> None:
    [only] = refusals(**fields)
    assert only.startswith(refusal)


def test_every_problem_of_a_run_is_reported_at_once() -> None:
    assert len(refusals({}, controls=specs(depth=0.5, edgy=0.5), params={"sede": 1})) == 4


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"command": ("x",)}, "command: adapter preview takes no command of a model (take the line away)"),
        ({"inputs": {"a": True}}, "inputs: adapter preview takes no inputs of a model (take the line away)"),
        ({"outputs": {"a": "b"}}, "outputs: adapter preview takes no outputs of a model (take the line away)"),
    ],
)
def test_a_model_spec_that_says_what_the_preview_does_not_read_is_refused(change: dict[str, Any], problem: str) -> None:
    assert words(list(ADAPTER.model_problems(replace(built_in("preview"), **change)))) == [problem]


def test_a_model_spec_may_name_an_image_that_has_the_program() -> None:
    assert list(ADAPTER.model_problems(replace(built_in("preview"), image="cosmos-preview"))) == []


def test_a_model_spec_must_declare_the_programs_parameters_and_no_others() -> None:
    declared = dict(built_in("preview").params)
    del declared["seed"]
    declared["frames"] = ParamType(type="float", default=0, required=False)
    declared["sede"] = ParamType(type="int", default=0, required=False)
    assert words(list(ADAPTER.model_problems(replace(built_in("preview"), params=declared)))) == [
        'params.sede: the model takes no parameter "sede" (did you mean "seed"?)',
        'params: parameter "seed" (int) is not declared',
        'params.frames.type: "frames" must be of type int',
    ]


def check(other: MediaFacts) -> list[str]:
    run = resolved(controls=specs(depth=0.5))
    return [refusal.message for refusal in ADAPTER.check(run, {"color": VIDEO, "depth": other})]


def test_inputs_that_fit_each_other_are_not_refused() -> None:
    assert check(VIDEO) == []
    assert check(replace(VIDEO, fps=24.005)) == []


def test_inputs_that_differ_are_refused_with_both_files_and_numbers() -> None:
    depth, color = "inputs/city/depth.mp4", "inputs/city/color.mp4"
    assert check(replace(VIDEO, frames=47)) == [f"{depth} has 47 frames, {color} has 48"]
    assert check(replace(VIDEO, width=320)) == [f"{depth} is 320x352, {color} is 640x352"]
    assert check(replace(VIDEO, fps=23.976)) == [f"{depth} has 23.976 frames a second, {color} has 24"]
    assert len(check(MediaFacts(frames=1, width=2, height=2, fps=1))) == 3


def test_a_scene_of_odd_size_is_refused() -> None:
    [refusal] = ADAPTER.check(resolved(), {"color": replace(VIDEO, width=641)})
    assert refusal.message == "inputs/city/color.mp4 is 641x352; H.264 needs even numbers"


@pytest.mark.parametrize(("cap", "frames"), [(0, 48), (12, 12), (100, 48)])
def test_outputs_are_expected_as_long_as_the_scene_or_the_cap(cap: int, frames: int) -> None:
    run = resolved(controls=specs(edge=0.5), params={"frames": cap})
    assert ADAPTER.expect(run, {"color": VIDEO}) == {
        "video": OutputFile(path="preview.mp4", frames=frames),
        "edge": OutputFile(path="edge.mp4", frames=frames, width=640, height=352),
    }


@pytest.mark.parametrize(
    ("video", "edge", "reason"),
    [
        (VIDEO, VIDEO, None),
        (VIDEO, replace(VIDEO, frames=47), Reason.OUTPUT_INVALID),
        (replace(VIDEO, black=True), VIDEO, Reason.OUTPUT_INVALID),
        (VIDEO, replace(VIDEO, black=True), None),
        ("does not decode", VIDEO, Reason.OUTPUT_INVALID),
    ],
)
def test_success_needs_pictures_in_equal_number(
    video: MediaFacts | str, edge: MediaFacts, reason: Reason | None
) -> None:
    run = resolved(controls=specs(edge=0.5))
    manifest = a_manifest("edge.mp4", "preview.mp4")
    evidence = Evidence(exit=an_exit(0), manifest=manifest, media={"video": video, "edge": edge})
    assert ADAPTER.judge(run, evidence).reason is reason


def test_an_error_of_the_program_is_the_message_of_the_failure() -> None:
    log = "progress 3/48\nerror: inputs/depth.mp4: is cut short: its end is missing\n"
    verdict = ADAPTER.judge(resolved(), Evidence(exit=an_exit(1), log_tail=log))
    assert verdict.message == "exit code 1: error: inputs/depth.mp4: is cut short: its end is missing"


def test_progress_is_that_of_the_program() -> None:
    assert ADAPTER.progress("progress 11/48\nprogress 12/48\n").percent == 25
