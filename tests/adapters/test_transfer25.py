"""Cosmos-Transfer2.5: what it takes and refuses, and that all it takes reaches the sample that its program reads."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos.adapters import ADAPTERS
from cosmos.adapters.base import Adapter, Launch
from cosmos.core.digest import canonical, material
from cosmos.core.ports import ROOT, document
from cosmos.core.run import Control, MediaFacts, OutputFile, Placement, Run, Source
from cosmos.core.spec import ControlSpec
from tests.adapters.drafts import SCENE, VIDEO, a_draft, as_run, built_in, words
from tests.standins.cosmos25.arguments import TRANSFER, validate

ADAPTER: Adapter = ADAPTERS["cosmos-transfer2.5"]
MODEL = built_in("cosmos-transfer2-5")
FOLDER = "0123456789abcdef"
ONE = Placement(gpus=1)
LONG = replace(VIDEO, frames=93)
EDGE = {"edge": ControlSpec(weight=1)}


def drafted(**fields: Any) -> Any:
    return a_draft(MODEL, **{"placement": ONE, "controls": EDGE, **fields})


def resolved(available: dict[str, str] | None = None, **fields: Any) -> Run:
    draft = drafted(**fields)
    run = as_run(draft, ADAPTER.resolve(draft, SCENE if available is None else available))
    return replace(run, placement=draft.placement)


def refusals(available: dict[str, str] | None = None, **fields: Any) -> list[str]:
    return words(ADAPTER.resolve(drafted(**fields), SCENE if available is None else available).refusals)


def sample(run: Run) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(
        document("s", ADAPTER.launch(run, FOLDER).documents["sample.json"], {ROOT: ""})
    )
    return written


def test_the_built_in_model_is_in_order() -> None:
    assert ADAPTER.model_problems(MODEL) == []


def test_the_program_is_started_in_its_repository_with_absolute_paths() -> None:
    launch = ADAPTER.launch(resolved(), FOLDER)
    assert launch == Launch(
        argv=(
            *("python", "examples/inference.py", "-i", f"{ROOT}/sample.json", "-o", f"{ROOT}/outputs/{FOLDER}"),
            "--model=edge",
        ),
        inputs={"color.mp4": "color"},
        documents=launch.documents,
        env={"COSMOS_VERBOSE": "1", "HF_HOME": "/cache/huggingface", "UV_CACHE_DIR": "/cache/uv"},
        folder="/workspace",
        needed={"/workspace/examples/inference.py": 1},
    )


def test_several_gpus_have_a_process_each_and_a_port_of_their_own() -> None:
    run = resolved(placement=Placement(gpus=4))
    ports = {ADAPTER.launch(run, folder).argv[2] for folder in (FOLDER, "1123456789abcdef")}
    assert ADAPTER.launch(run, FOLDER).argv[:2] == ("torchrun", "--nproc_per_node=4")
    assert len(ports) == 2
    assert all(20_000 <= int(port.removeprefix("--master_port=")) < 30_000 for port in ports)


def test_programs_can_be_in_a_folder_of_their_own() -> None:
    run = replace(resolved(), model=replace(MODEL, paths={"repo": "/r", "bin": "/venv/bin"}))
    assert ADAPTER.launch(run, FOLDER).argv[0] == "/venv/bin/python"
    assert "HF_HOME" not in ADAPTER.launch(run, FOLDER).env


def test_the_distilled_model_is_an_experimental_checkpoint() -> None:
    run = resolved(params={"distilled": True, "offload_guardrail_models": True})
    launch = ADAPTER.launch(run, FOLDER)
    assert launch.argv[-2:] == ("--model=edge/distilled", "--offload-guardrail-models")
    assert launch.env["COSMOS_EXPERIMENTAL_CHECKPOINTS"] == "1"
    assert sample(run)["num_steps"] == 4
    assert "guidance" not in sample(run)
    assert resolved(params={"distilled": True, "steps": 8}).params["steps"] == 8


FULL: dict[str, Any] = {
    "available": {**SCENE, "guided": "inputs/city/who.npz", "context": "inputs/style.PNG"},
    "text": "Heavy {root} rain \u96e8",
    "negative": "cartoon",
    "controls": {
        "edge": ControlSpec(weight=0.5, preset="high", mask="inputs/city/sky.mp4"),
        "depth": ControlSpec(weight=0.75, mask_prompt="road"),
        "seg": ControlSpec(weight=0.25, input="inputs/other/masks.mp4"),
    },
    "params": {
        **{"seed": 7, "guidance": 5, "steps": 10, "sigma_max": 80, "resolution": "480", "max_frames": 24, "overlap": 2},
        **{"keep_input_resolution": False, "guided_steps": 20, "guided_labels": "4,01,4"},
    },
}


def test_every_field_reaches_the_sample() -> None:
    assert sample(resolved(**FULL)) == {
        "name": "video",
        "prompt": "Heavy {root} rain \u96e8",
        "negative_prompt": "cartoon",
        "video_path": "/inputs/color.mp4",
        "image_context_path": "/inputs/context.png",
        "guided_generation_mask": "/inputs/guided.npz",
        "seed": 7,
        "guidance": 5,
        "num_steps": 10,
        "sigma_max": "80.0",
        "resolution": "480",
        "max_frames": 24,
        "num_conditional_frames": 2,
        "keep_input_resolution": False,
        "guided_generation_step_threshold": 20,
        "guided_generation_foreground_labels": [1, 4],
        "edge": {"control_weight": 0.5, "preset_edge_threshold": "high", "mask_path": "/inputs/edge_mask.mp4"},
        "depth": {"control_weight": 0.75, "control_path": "/inputs/depth.mp4", "mask_prompt": "road"},
        "seg": {"control_weight": 0.25, "control_path": "/inputs/segmentation.mp4"},
    }


def test_every_field_of_the_program_but_three_can_be_set() -> None:
    """Chunks of another length than the network's, and pictures side by side in one video, are left out."""
    said = sample(resolved(**FULL)).keys() | sample(resolved(params={"context_frame": 3})).keys()
    assert TRANSFER.keys() - said == {"num_video_frames_per_chunk", "show_control_condition", "show_input"}


WEIGHTS = st.integers(min_value=0, max_value=100).map(lambda percent: percent / 100)
TEXTS = st.none() | st.sampled_from(["car", "road . tree"])


def controls(draw: st.DrawFn) -> dict[str, ControlSpec]:
    made = {}
    for name in sorted(draw(st.sets(st.sampled_from(["edge", "vis", "depth", "seg"]), min_size=1))):
        fields: dict[str, Any] = {"weight": draw(WEIGHTS)}
        if name in ("edge", "vis"):
            fields["preset"] = draw(st.sampled_from([None, "low", "medium"]))
        if name == "seg":
            fields["prompt"] = draw(TEXTS)
        fields["mask_prompt"] = draw(TEXTS)
        if fields["mask_prompt"] is None:
            fields["mask"] = draw(st.sampled_from([None, "inputs/city/sky.mp4"]))
        made[name] = ControlSpec(**fields)
    return made


@st.composite
def runs(draw: st.DrawFn) -> Run:
    return resolved(
        {"color": "inputs/city/color.mp4", **draw(st.sampled_from([{}, {"depth": "inputs/city/depth.mp4"}]))},
        text=draw(st.text(alphabet="ab\n{}\u96e8", min_size=1)),
        negative=draw(st.sampled_from(["", "cartoon"])),
        controls=controls(draw),
        params=draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "seed": st.integers(0, 2),
                    "guidance": st.integers(0, 7),
                    "sigma_max": st.sampled_from([None, 80, 80.0]),
                    "overlap": st.integers(0, 2),
                    "context_frame": st.sampled_from([None, 3]),
                    "resolution": st.sampled_from(["480", "720"]),
                },
            )
        ),
    )


def made_of(run: Run) -> bytes:
    return canonical(material(run, run.inputs, None))


def started(run: Run) -> tuple[Any, ...]:
    launch = ADAPTER.launch(run, FOLDER)
    files = {name: run.inputs[role] for name, role in launch.inputs.items()}
    return launch.argv, canonical(launch.documents["sample.json"]), launch.env, files


@given(runs(), runs())
def test_two_runs_share_a_sample_exactly_when_they_share_what_a_digest_is_made_of(one: Run, other: Run) -> None:
    assert (started(one) == started(other)) == (made_of(one) == made_of(other))


CHANGES: list[dict[str, Any]] = [
    {"controls": {"seg": ControlSpec(weight=1, prompt="car")}},
    {"controls": {"seg": ControlSpec(weight=1, prompt="road")}},
    {"controls": {"seg": ControlSpec(weight=1, mask_prompt="car")}},
    {"controls": {"seg": ControlSpec(weight=0.9)}},
    {"text": "Snow"},
    {"negative": "cartoon"},
    *({"params": {name: value}} for name, value in [("seed", 1), ("guidance", 1), ("steps", 1), ("sigma_max", 1)]),
    *({"params": {name: 2}} for name in ("max_frames", "overlap", "context_frame")),
    {"params": {"resolution": "480"}},
    {"params": {"keep_input_resolution": False}},
    {"params": {"offload_guardrail_models": True}},
]


def test_each_field_alone_makes_another_start_and_another_run() -> None:
    seg: dict[str, Any] = {"available": {"color": "c.mp4"}, "controls": {"seg": ControlSpec(weight=1)}}
    every = [resolved(**seg), *(resolved(**{**seg, **change}) for change in CHANGES)]
    assert len({str(started(run)) for run in every}) == len({made_of(run) for run in every}) == len(every)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "inputs").mkdir()
    names = ("color.mp4", "depth.mp4", "segmentation.mp4", "context.png", "guided.npz")
    for name in (*names, *(f"{control}_mask.mp4" for control in ("edge", "vis", "depth", "seg"))):
        (folder / "inputs" / name).touch()
    return folder


@given(run=runs() | st.just(resolved(**FULL)))
def test_the_published_schema_takes_every_sample_and_ignores_nothing_of_it(run: Run, files: Path) -> None:
    written = document("s", ADAPTER.launch(run, FOLDER).documents["sample.json"], {ROOT: str(files)})
    assert validate(json.loads(written), "transfer", traps=False)[1] == []


def test_weights_above_one_in_sum_are_the_run_of_the_scaled_ones() -> None:
    def pair(weight: float, **more: Any) -> Run:
        return resolved(controls={"edge": ControlSpec(weight=weight, **more), "depth": ControlSpec(weight=weight)})

    assert made_of(pair(1)) == made_of(pair(0.5))
    assert made_of(pair(1, mask_prompt="car")) != made_of(pair(0.5, mask_prompt="car"))  # there the sum is by place


def test_what_does_not_count_makes_no_other_run() -> None:
    """Settings of a mask that is not there, and of what the distilled model has built in."""
    assert resolved().params["guided_steps"] is None
    bare, named = resolved(), resolved(controls={"edge": ControlSpec(weight=1, preset="medium")})
    assert bare.controls == named.controls == {"edge": Control(weight=1, preset="medium", derived=True)}
    assert resolved(params={"distilled": True}).params["guidance"] is None


def test_another_runs_output_can_be_the_scene() -> None:
    run = resolved({}, source=Source(key="other", role="color", file="out.mp4"))
    assert sample(run)["video_path"] == "/inputs/color.mp4"
    assert ADAPTER.check(run, {}) == []
    assert ADAPTER.expect(run, {}) == run.outputs
    assert ADAPTER.work(run, {}) is None


def test_runs_share_a_load_of_the_model_only_with_the_same_controls() -> None:
    one, other = resolved(), resolved(controls={"edge": ControlSpec(weight=0.3)}, text="Snow", params={"seed": 3})
    assert ADAPTER.group(one) == ADAPTER.group(other)
    both = resolved(controls={**EDGE, "depth": ControlSpec(weight=0)})
    assert ADAPTER.group(one) != ADAPTER.group(both)
    assert ADAPTER.group(one) != ADAPTER.group(resolved(params={"distilled": True}))


STYLE = {**SCENE, "context": "inputs/style.png"}
GUIDED = {**SCENE, "guided": "inputs/city/who.mp4"}


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"available": {}}, 'inputs: needs an input "color"'),
        ({"controls": {}}, "controls: the model needs a control"),
        ({"text": ""}, "prompt: the model needs a prompt"),
        ({"placement": Placement(gpus=0)}, "placement.gpus: the model needs a GPU"),
        (
            {"controls": {**EDGE, "blur": ControlSpec(weight=1)}},
            'controls.blur: the model takes no control "blur" (it takes depth, edge, seg, vis)',
        ),
        (
            {"controls": {"edge": ControlSpec(weight=1, preset="hihg")}},
            'controls.edge.preset: control "edge" has no preset "hihg" (did you mean "high"?)',
        ),
        (
            {"controls": {"edge": ControlSpec(weight=1, preset="high", input="e.mp4")}},
            'controls.edge.preset: control "edge" comes from a file, so a preset has no effect',
        ),
        (
            {"controls": {"depth": ControlSpec(weight=1, preset="high")}},
            'controls.depth.preset: control "depth" has no presets',
        ),
        (
            {"controls": {"seg": ControlSpec(weight=1, prompt="car")}},
            'controls.seg.prompt: control "seg" comes from a file, so a prompt has no effect',
        ),
        (
            {"controls": {"depth": ControlSpec(weight=1, prompt="car")}},
            'controls.depth.prompt: the model takes no prompt of control "depth"',
        ),
        (
            {"controls": {"edge": ControlSpec(weight=1, weights="w.pt")}},
            'controls.edge.weights: the model takes no weights of control "edge"',
        ),
        (
            {"controls": {"edge": ControlSpec(weight=1, mask="m.mp4", mask_prompt="car")}},
            'controls.edge.mask_prompt: control "edge" has a mask and a mask_prompt',
        ),
        (
            {"controls": {"edge": ControlSpec(weight=1, mask="m.png")}},
            'controls.edge.mask: the model cannot read m.png as "edge_mask"',
        ),
        (
            {"available": {**SCENE, "color": "inputs/city.m4v"}},
            'inputs.color: the model cannot read inputs/city.m4v as "color"',
        ),
        (
            {"available": {**SCENE, "context": "style.webp"}},
            'inputs.context: the model cannot read style.webp as "context" (it takes .png, .jpg, .jpeg)',
        ),
        ({"available": STYLE, "controls": {"vis": ControlSpec(weight=1)}}, "controls.vis: control vis and a picture"),
        (
            {"available": STYLE, "params": {"context_frame": 3}},
            'params.context_frame: parameter "context_frame" has no effect beside an input `context`',
        ),
        (
            {"params": {"guided_steps": 3}},
            'params.guided_steps: parameter "guided_steps" has no effect without an input `guided`',
        ),
        (
            {"available": GUIDED, "params": {"guided_labels": "1"}},
            'params.guided_labels: parameter "guided_labels" has no effect on a video',
        ),
        (
            {"available": {**SCENE, "guided": "who.npz"}, "params": {"guided_labels": "1;2"}},
            "params.guided_labels: guided_labels must be numbers with commas between",
        ),
        (
            {"controls": {"depth": ControlSpec(weight=1)}, "params": {"distilled": True}},
            "params.distilled: the distilled model takes exactly one control, edge",
        ),
        (
            {"negative": "cartoon", "params": {"distilled": True}},
            'prompt: the distilled model takes no negative text, and prompt "rain" has one',
        ),
        (
            {"params": {"distilled": True, "guidance": 3}},
            'params.guidance: parameter "guidance" has no effect on the distilled model',
        ),
        ({"params": {"guidance": 2.5}}, 'params.guidance: parameter "guidance" must be a whole number from 0 to 7'),
        ({"params": {"guidance": 8}}, 'params.guidance: parameter "guidance" must be a whole number from 0 to 7'),
        ({"params": {"resolution": "700"}}, 'params.resolution: parameter "resolution" must be one of "256"'),
        (
            {"named": frozenset({"depth"})},
            'inputs.depth: input "depth" is not used, because control "depth" is off (add `depth` to controls)',
        ),
        (
            {"named": frozenset({"depth"}), "controls": {"depth": ControlSpec(weight=1, input="d.mp4")}},
            'inputs.depth: input "depth" is given twice, by `inputs` and by `controls.depth`',
        ),
        (
            {"source": Source(key="a", role="depth")},
            'source.role: input "depth" is not used, because control "depth" is off',
        ),
    ],
)
def test_what_would_have_no_effect_or_cannot_work_is_refused(fields: dict[str, Any], refusal: str) -> None:
    [only] = refusals(**fields)
    assert only.startswith(refusal)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"command": ("x",)}, "command: adapter cosmos-transfer2.5 takes no command of a model"),
        ({"paths": {"repo": "/r", "checkpoints": "/c"}}, 'paths.checkpoints: the model takes no path "checkpoints"'),
        ({"paths": {}}, 'paths: adapter cosmos-transfer2.5 needs a path "repo"'),
        (
            {"params": {**MODEL.params, "step": MODEL.params["steps"]}},
            'params.step: the model takes no parameter "step"',
        ),
    ],
)
def test_a_model_spec_that_does_not_fit_the_program_is_refused(change: dict[str, Any], problem: str) -> None:
    [only] = words(list(ADAPTER.model_problems(replace(MODEL, **change))))
    assert only.startswith(problem)


def check(color: MediaFacts, depth: MediaFacts | None = None, **fields: Any) -> list[str]:
    run = resolved(**{"controls": {"depth": ControlSpec(weight=1)}, **fields})
    media = {"color": color, "depth": depth or color}
    return words(list(ADAPTER.check(run, {role: media[role] for role in run.inputs})))


def test_inputs_that_fit_each_other_are_not_refused() -> None:
    assert check(VIDEO) == []
    assert check(VIDEO, replace(VIDEO, width=1280, height=704)) == []
    assert check(VIDEO, replace(VIDEO, frames=24), params={"max_frames": 24}) == []


@pytest.mark.parametrize(
    ("color", "depth", "fields", "refusal"),
    [
        ({}, {"frames": 47}, {}, "controls.depth: inputs/city/depth.mp4 has 47 frames, inputs/city/color.mp4 has 48"),
        (
            {},
            {"width": 352},
            {},
            "controls.depth: inputs/city/depth.mp4 is 352x352 (1:1), inputs/city/color.mp4 is 640",
        ),
        (
            {},
            {"fps": 23.976},
            {},
            "controls.depth: inputs/city/depth.mp4 has 23.976 frames a second, inputs/city/color",
        ),
        (
            {},
            {},
            {"params": {"max_frames": 49}},
            "params.max_frames: max_frames is 49, and inputs/city/color.mp4 has 48",
        ),
        ({}, {}, {"params": {"context_frame": 48}}, "params.context_frame: context_frame is 48, and inputs/city/color"),
        ({"frames": 1}, {"frames": 1}, {}, "inputs.color: inputs/city/color.mp4 has one frame"),
        ({"frames": 5001}, {"frames": 5001}, {}, "inputs.color: inputs/city/color.mp4 has 5001 frames"),
        (
            {},
            {},
            {"controls": EDGE, "params": {"distilled": True}},
            "params.distilled: the distilled model makes exactly 93 frames, and this would be 48 (render 93 frames)",
        ),
        (
            {"frames": 121},
            {},
            {"controls": EDGE, "params": {"distilled": True}},
            "params.distilled: the distilled model makes exactly 93 frames, and this would be 121 (set `max_frames",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_their_numbers(
    color: dict[str, Any], depth: dict[str, Any], fields: dict[str, Any], refusal: str
) -> None:
    [only] = check(replace(VIDEO, **color), replace(VIDEO, **depth), **fields)
    assert only.startswith(refusal)


def test_a_mask_must_fit_too_and_is_refused_in_its_own_field() -> None:
    run = resolved(controls={"seg": ControlSpec(weight=1, mask="m.mp4")})
    [refusal] = ADAPTER.check(run, {"color": VIDEO, "seg_mask": replace(VIDEO, frames=3)})
    assert refusal.path == ("controls", "seg", "mask")


@pytest.mark.parametrize(
    ("params", "color", "facts"),
    [
        ({}, VIDEO, (48, 640, 352, 24)),
        ({"max_frames": 12}, replace(VIDEO, fps=29.97), (12, 640, 352, 29)),
        ({}, replace(VIDEO, width=641), (48, 640, 352, 24)),
        ({"keep_input_resolution": False}, VIDEO, (48, 1280, 704, 24)),
        ({"keep_input_resolution": False, "resolution": "480p"}, replace(VIDEO, height=480), (48, 640, 480, 24)),
        ({"keep_input_resolution": False}, MediaFacts(frames=48, width=700, height=1280, fps=24), (48, 704, 1280, 24)),
    ],
)
def test_frames_size_and_rate_of_the_result_are_known(
    params: dict[str, Any], color: MediaFacts, facts: tuple[int, int, int, int]
) -> None:
    frames, width, height, fps = facts
    outputs = ADAPTER.expect(resolved(params=params), {"color": color})
    expected = {"frames": frames, "width": width, "height": height, "fps": float(fps)}
    assert outputs["video"] == OutputFile(path="video.mp4", **expected)  # type: ignore[arg-type]
    assert outputs["control_edge"] == OutputFile(path="video_control_edge.mp4", required=False, **expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("frames", "params", "chunks", "advice"),
    [
        (93, {}, 1, []),
        (94, {}, 2, ["94 frames take 2 passes of 93; 93 frames take 1"]),
        (121, {}, 2, ["121 frames take 2 passes of 93; 93 frames take 1"]),
        (185, {}, 2, []),
        (186, {}, 3, ["186 frames take 3 passes of 93; 185 frames take 2"]),
        (186, {"overlap": 0}, 2, []),
        (241, {"max_frames": 93}, 1, []),
        (48, {}, 1, ["48 frames are mirrored to 93, which take as long as 93 would"]),
    ],
)
def test_cost_is_in_passes_and_cliffs_are_told(
    frames: int, params: dict[str, Any], chunks: int, advice: list[str]
) -> None:
    run, media = resolved(params=params), {"color": replace(VIDEO, frames=frames)}
    work = ADAPTER.work(run, media)
    assert work is not None
    assert work.chunks == chunks
    assert [each.message for each in ADAPTER.advice(run, media)] == advice


def test_a_rate_that_is_cut_is_told() -> None:
    [advice] = ADAPTER.advice(resolved(), {"color": replace(LONG, fps=30000 / 1001)})
    assert advice.message == "29.97 frames a second become 29: the result plays slower"


def test_published_times_are_given_for_what_was_measured_and_nothing_else() -> None:
    def seconds(**fields: Any) -> float | None:
        work = ADAPTER.work(resolved(**fields), {"color": LONG})
        assert work is not None
        return work.seconds

    assert seconds() == 502.6
    assert seconds(placement=Placement(gpus=8)) == 92.5
    assert seconds(params={"distilled": True}) == 64.5
    assert seconds(params={"steps": 10}) is None
    assert seconds(params={"resolution": "480"}) is None
    assert seconds(controls={"depth": ControlSpec(weight=1)}) is None
