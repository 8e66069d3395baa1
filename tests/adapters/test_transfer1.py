"""Cosmos-Transfer1: what it takes and refuses, that all it takes reaches its spec file, and when a result counts."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos.adapters import ADAPTERS
from cosmos.adapters.base import Adapter, Evidence, Launch, Sharing
from cosmos.core.digest import canonical, material
from cosmos.core.ports import PYTHON, ROOT
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, Placement, Run, Source
from cosmos.core.spec import ControlSpec, RegionSpec
from tests.adapters.drafts import a_draft, as_run, built_in, words
from tests.makers import a_manifest, an_exit
from tests.standins.transfer1.cosmos_transfer1.diffusion.inference.published import problems

NAME = "cosmos-transfer1"
ADAPTER: Adapter = ADAPTERS[NAME]
FOLDER = "0123456789abcdef"
ROLES = ("color", "vis", "edge", "depth", "segmentation", "keypoint")
SCENE = {role: f"inputs/city/{role}.mp4" for role in ROLES}
BARE = {"color": SCENE["color"]}
ONE_GPU = Placement(gpus=1)
FULL = MediaFacts(frames=121, width=1280, height=704, fps=24.0)
WEIGHTS = "nvidia/Cosmos-Transfer1-7B"


def control(weight: float = 0.5, **fields: Any) -> ControlSpec:
    return ControlSpec(weight=weight, **fields)


def resolved(available: dict[str, str] | None = None, **fields: Any) -> Run:
    draft = a_draft(built_in(NAME), **{"placement": ONE_GPU, "controls": {"edge": control()}, **fields})
    return as_run(draft, ADAPTER.resolve(draft, SCENE if available is None else available))


def refusals(available: dict[str, str] | None = None, **fields: Any) -> list[str]:
    draft = a_draft(built_in(NAME), **{"placement": ONE_GPU, "controls": {"edge": control()}, **fields})
    return words(ADAPTER.resolve(draft, SCENE if available is None else available).refusals)


def payload(run: Run) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(canonical(ADAPTER.launch(run, FOLDER).documents["spec.json"]))
    return written


def test_the_built_in_model_is_in_order() -> None:
    assert list(ADAPTER.model_problems(built_in(NAME))) == []


def test_it_is_started_in_the_folder_of_its_code_with_all_settings_in_its_spec_file() -> None:
    launch = ADAPTER.launch(resolved(), FOLDER)
    assert launch.argv == (
        *(PYTHON, "cosmos_transfer1/diffusion/inference/transfer.py"),
        *("--controlnet_specs", f"{ROOT}/spec.json"),
    )
    assert (launch.folder, launch.env) == ("/workspace", {"PYTHONPATH": "/workspace"})
    assert {path for path, size in launch.needed.items() if size > 10 << 20} == {
        f"/workspace/checkpoints/{WEIGHTS}/base_model.pt",
        f"/workspace/checkpoints/{WEIGHTS}/edge_control.pt",
    }


def test_with_several_gpus_each_has_a_process_and_the_rendezvous_takes_a_free_port() -> None:
    run = resolved(placement=Placement(gpus=4))
    start = (PYTHON, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=4")
    assert ADAPTER.launch(run, FOLDER).argv[:5] == start
    assert payload(run)["num_gpus"] == 4


def test_every_field_reaches_the_spec_file() -> None:
    run = resolved(
        {**BARE, "edge": "e.mp4"},
        text='Heavy "rain" \u96e8',
        negative="cartoon",
        controls={
            "vis": control(0.25, preset="high"),
            "edge": control(1.0, weights="w.pt"),
            "depth": control(0.3, input="d.mp4"),
            "seg": control(0.75, prompt="car . tree", mask_prompt="car"),
        },
        regions=(
            RegionSpec(text="snow", box=[0.0, 0.0, 0.5, 1.0]),
            RegionSpec(text="sun", mask="m.mp4"),
            RegionSpec(text="fog", mask_prompt="tree"),
        ),
        params={
            **{"seed": 7, "steps": 20, "guidance": 4, "sigma_max": 60, "fps": 30, "derive": True},
            **{"offload_diffusion_transformer": True, "offload_guardrail_models": True},
        },
    )
    inputs = f"{ROOT}/inputs"
    assert payload(run) == {
        "prompt": 'Heavy "rain" \u96e8',
        "negative_prompt": "cartoon",
        "input_video_path": f"{inputs}/color.mp4",
        "blur_strength": "high",
        "vis": {"control_weight": 0.25},
        "edge": {"control_weight": f"{inputs}/edge_weights.pt", "input_control": f"{inputs}/edge.mp4"},
        "depth": {"control_weight": 0.3, "input_control": f"{inputs}/depth.mp4"},
        "seg": {"control_weight": 0.75, "input_control_prompt": "car . tree", "control_weight_prompt": "car"},
        "regional_prompts": [
            {"prompt": "snow", "region_definitions_path": [0.0, 0.0, 0.5, 1.0]},
            {"prompt": "sun", "region_definitions_path": f"{inputs}/region_2.mp4"},
            {"prompt": "fog", "mask_prompt": "tree"},
        ],
        **{"seed": 7, "num_steps": 20, "guidance": 4.0, "sigma_max": 60.0, "fps": 30, "num_gpus": 1},
        "offload_diffusion_transformer": True,
        "offload_text_encoder_model": False,
        "offload_guardrail_models": True,
        "checkpoint_dir": "/workspace/checkpoints",
        "video_save_folder": f"{ROOT}/outputs/{FOLDER}",
        "video_save_name": "video",
    }
    assert run.inputs == {
        **{"color": SCENE["color"], "edge": "e.mp4", "depth": "d.mp4"},
        **{"edge_weights": "w.pt", "region_2": "m.mp4"},
    }
    assert {name: out.path for name, out in run.outputs.items() if not out.required} == {
        "vis": "vis_input_control_0.mp4",
        "seg": "seg_input_control_0.mp4",
    }


def test_the_distilled_model_is_told_of_no_sampling_and_needs_its_own_network_alone() -> None:
    run = resolved(controls={"edge": control(1.0)}, params={"distilled": True})
    spec = payload(run)
    assert spec["use_distilled"] is True
    assert [run.params[name] for name in ("steps", "guidance", "sigma_max")] == [None, None, None]
    assert spec.keys().isdisjoint({"num_steps", "guidance", "sigma_max"})
    assert [path for path in ADAPTER.launch(run, FOLDER).needed if WEIGHTS in path] == [
        f"/workspace/checkpoints/{WEIGHTS}/edge_control_distilled.pt"
    ]


MANY = st.integers(min_value=0, max_value=4).map(lambda quarters: quarters / 4)
SPECS = {
    "vis": st.builds(control, MANY, preset=st.none() | st.sampled_from(["medium", "high"])),
    "edge": st.builds(control, MANY) | st.builds(control, st.just(1.0), weights=st.sampled_from(["a.pt", "b.pt"])),
    "depth": st.builds(control, MANY, input=st.none() | st.sampled_from(["d.mp4", "e.mp4"])),
    "seg": st.builds(
        control, MANY, prompt=st.none() | st.just("car"), mask_prompt=st.none() | st.sampled_from(["car", "tree"])
    ),
}
REGIONS = st.builds(RegionSpec, text=st.sampled_from("ab"), box=st.just([0.0, 0.0, 0.5, 1.0])) | st.builds(
    RegionSpec, text=st.sampled_from("ab"), mask=st.sampled_from(["m.mp4", "n.mp4"])
)
SAMPLED = st.builds(
    resolved,
    available=st.sampled_from([BARE, {"color": "other.mp4"}]),
    text=st.sampled_from(["a", "b"]),
    negative=st.sampled_from(["", "cartoon"]),
    controls=st.fixed_dictionaries({}, optional=SPECS).filter(bool),
    regions=st.lists(REGIONS, max_size=2).map(tuple),
    params=st.fixed_dictionaries(
        {"derive": st.just(True)},
        optional={
            "seed": st.integers(1, 2),
            "steps": st.integers(34, 35),
            "guidance": st.sampled_from([5, 5.0, 6.5]),
            "sigma_max": st.sampled_from([70, 80]),
            "fps": st.sampled_from([24, 30]),
            "offload_text_encoder_model": st.booleans(),
        },
    ),
)
DISTILLED = st.builds(
    resolved,
    text=st.sampled_from(["a", "b"]),
    controls=st.builds(control, MANY).map(lambda edge: {"edge": edge}),
    params=st.fixed_dictionaries({"distilled": st.just(True), "derive": st.booleans()}),
)
RUNS = SAMPLED | DISTILLED


def sent(run: Run) -> tuple[Launch, dict[str, str]]:
    """What the program gets: its files and arguments, and what is in its inputs."""
    return ADAPTER.launch(run, FOLDER), dict(run.inputs)


@given(RUNS, RUNS)
def test_two_runs_share_what_is_sent_exactly_when_they_share_what_a_digest_is_made_of(one: Run, other: Run) -> None:
    is_same_work = canonical(material(one, one.inputs, None)) == canonical(material(other, other.inputs, None))
    assert (sent(one) == sent(other)) == is_same_work


@given(RUNS)
def test_the_program_understands_every_spec_file_and_drops_nothing_of_it(run: Run) -> None:
    assert problems(payload(run)) == []


def test_weights_above_one_in_sum_are_the_run_of_the_scaled_ones_unless_one_differs_by_place() -> None:
    once = resolved(controls={"edge": control(1), "depth": control(1)})
    assert once.controls == resolved(controls={"edge": control(0.5), "depth": control(0.5)}).controls
    placed = resolved(controls={"edge": control(1), "depth": control(1, weights="w.pt")})
    assert [each.weight for each in placed.controls.values()] == [1, 1]


def test_without_a_colour_video_it_starts_from_noise_if_every_control_has_a_file() -> None:
    files = {role: path for role, path in SCENE.items() if role != "color"}
    run = resolved(files, params={"sigma_max": 80.0})
    assert "input_video_path" not in payload(run)
    assert problems(payload(run)) == []
    (missing,) = refusals(files, params={"sigma_max": 79.0})
    assert missing.startswith('inputs: needs an input "color"')
    noise = {"sigma_max": 80.0}
    assert refusals({}, params=noise, controls={"depth": control()}) == [missing]
    assert refusals(files, params=noise, controls={"seg": control(mask_prompt="car")}) == [missing]
    assert refusals(files, params=noise, regions=(RegionSpec(text="a", mask_prompt="car"),)) == [missing]


EDGE_BY_CHANCE = 'controls.edge: control "edge" needs edge.mp4: the program would compute it with a strength drawn'
DISTILL = {"distilled": True}


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"available": BARE}, EDGE_BY_CHANCE),
        ({"text": ""}, "prompt: the model needs a prompt"),
        ({"controls": {}}, "controls: Cosmos-Transfer1 needs a control"),
        ({"placement": Placement()}, "placement.gpus: Cosmos-Transfer1 needs a GPU"),
        ({"controls": {"edgy": control()}}, 'controls.edgy: the model takes no control "edgy" (did you mean "edge"?)'),
        ({"controls": {"lidar": control()}}, 'controls.lidar: control "lidar" is one of the driving model'),
        ({"controls": {"upscale": control()}}, 'controls.upscale: the model takes no control "upscale" (use the'),
        ({"available": BARE, "controls": {"keypoint": control()}}, 'controls.keypoint: control "keypoint" needs a'),
        ({"controls": {"edge": control(preset="high")}}, 'controls.edge.preset: control "edge" comes from a file'),
        ({"controls": {"seg": control(prompt="car")}}, 'controls.seg.prompt: control "seg" comes from a file'),
        ({"controls": {"depth": control(prompt="car")}}, "controls.depth.prompt: the model takes no prompt of control"),
        (
            {"controls": {"edge": control(mask_prompt="car")}},
            'controls.edge.mask_prompt: the model takes no mask_prompt of control "edge"',
        ),
        ({"controls": {"seg": control(mask="m.mp4")}}, 'controls.seg.mask: the model takes no mask of control "seg"'),
        ({"controls": {"edge": control(1, weights="w.npy")}}, "controls.edge.weights: w.npy is no file of weights"),
        ({"controls": {"edge": control(0.4, weights="w.pt")}}, "controls.edge.weight: control"),
        (
            {"controls": {"seg": control(1, weights="w.pt", mask_prompt="car")}},
            'controls.seg.mask_prompt: control "seg" has weights and mask_prompt',
        ),
        (
            {"available": BARE, "controls": {"edge": control(preset="high")}, "params": {"derive": True}},
            'controls.edge.preset: the program looks at no preset of control "edge" (`cosmos prepare`',
        ),
        (
            {"available": BARE, "controls": {"vis": control(preset="hihg")}, "params": {"derive": True}},
            'controls.vis.preset: control "vis" has no preset "hihg" (did you mean "high"?)',
        ),
        (
            {"available": BARE, "controls": {"seg": control(prompt="car " * 129)}},
            "controls.seg.prompt: the program looks for the first 128 words",
        ),
        ({"controls": {"edge": control(input="e.mov")}}, "controls.edge.input: input edge is e.mov; Cosmos-Transfer1"),
        ({"available": {**SCENE, "color": "c.mkv"}}, "inputs.color: input color is c.mkv; Cosmos-Transfer1 reads"),
        ({"named": frozenset({"depth"})}, 'inputs.depth: input "depth" is not used, because control "depth" is off'),
        ({"named": frozenset({"seg_weights"})}, 'inputs.seg_weights: the model takes no input "seg_weights"'),
        ({"source": Source(key="a", role="depth")}, 'source.role: input "depth" is not used'),
        ({"regions": (RegionSpec(text="a"),)}, "regions.0: a region has no place"),
        (
            {"regions": (RegionSpec(text="a", box=[0, 0, 1, 1], mask_prompt="car"),)},
            "regions.0: region 1 says by mask_prompt and box where it is",
        ),
        ({"regions": (RegionSpec(text="a", box=[0.5, 0, 0.5, 1]),)}, "regions.0.box: the box of region 1 is empty"),
        ({"regions": (RegionSpec(text="a", mask="m.png"),)}, "regions.0.mask: input region_1 is m.png"),
        (
            {"params": {"upsample_prompt": True}},
            'params.upsample_prompt: the model takes no parameter "upsample_prompt"',
        ),
        ({"params": {"seed": 2**32}}, 'params.seed: parameter "seed" must be a whole number from 0 to 4294967295'),
        ({"params": {"guidance": 0.5}}, 'params.guidance: parameter "guidance" must be a number from 1 to 15'),
        ({"params": {**DISTILL, "steps": 35}}, 'params.steps: the distilled model makes one step, so "steps" has no'),
        (
            {"params": DISTILL, "controls": {"depth": control()}},
            "controls: the distilled model takes control edge alone",
        ),
        ({"params": DISTILL, "negative": "cartoon"}, "prompt: the distilled model takes no negative text"),
        (
            {"params": DISTILL, "regions": (RegionSpec(text="a", box=[0, 0, 1, 1]),)},
            "regions: the distilled model takes no",
        ),
    ],
)
def test_what_the_program_would_drop_or_die_of_is_refused(fields: dict[str, Any], refusal: str) -> None:
    [only] = refusals(**fields)
    assert only.startswith(refusal)


def test_a_random_derivation_can_be_accepted() -> None:
    run = resolved(BARE, params={"derive": True})
    assert payload(run)["edge"] == {"control_weight": 0.5}
    (advice,) = ADAPTER.advice(run, {"color": FULL})
    assert advice.message == 'control "edge" is computed with a strength drawn at random'


def facts(frames: int = 121, width: int = 1280, height: int = 704, fps: float = 24.0) -> MediaFacts:
    return MediaFacts(frames=frames, width=width, height=height, fps=fps)


REGION = {"regions": (RegionSpec(text="a", mask="m.mp4"),)}
BOX = {"regions": (RegionSpec(text="a", box=[0, 0, 0.5, 1]),)}
WORDS = {"regions": (RegionSpec(text="a", mask_prompt="car"),)}
PLACED = {"controls": {"edge": control(1, weights="w.pt")}}
MASKED = {"controls": {"seg": control(mask_prompt="car")}}


@pytest.mark.parametrize(
    ("fields", "media", "refusal"),
    [
        ({}, {"color": facts(), "edge": facts()}, ""),
        ({}, {"color": facts(640, 640, 352), "edge": facts(640, 1920, 1080)}, ""),
        ({}, {"color": facts(1)}, "inputs.color: inputs/city/color.mp4 has 1 frame, and Cosmos-Transfer1 needs 2"),
        (
            {},
            {"color": facts(5001)},
            "inputs.color: inputs/city/color.mp4 has 5001 frames; Cosmos-Transfer1 reads 5000",
        ),
        (
            {},
            {"color": facts(fps=30)},
            "inputs.color: inputs/city/color.mp4 has 30 frames a second, and the result would",
        ),
        ({"params": {"fps": 30}}, {"color": facts(fps=29.97), "edge": facts(fps=29.97)}, ""),
        ({}, {"color": facts(), "edge": facts(120)}, "controls.edge: inputs/city/edge.mp4 has 120 frames,"),
        ({}, {"color": facts(), "edge": facts(width=704)}, "controls.edge: inputs/city/edge.mp4 is 704x704 and"),
        ({}, {"color": facts(), "edge": facts(fps=25)}, "controls.edge: inputs/city/edge.mp4 has 25 frames a second,"),
        (
            PLACED,
            {"color": facts(122), "edge": facts(122)},
            "controls.edge.weights: weights of a control counts for 121",
        ),
        (MASKED, {"color": facts(241)}, "controls.seg.mask_prompt: mask_prompt of a control counts for 121 frames"),
        (PLACED, {"color": facts(), "edge": facts()}, ""),
        (
            BOX,
            {"color": facts(704, 704, 704)},
            "regions: regions are there for 1280x704 alone, and this is computed in 960",
        ),
        (BOX, {"color": facts(241)}, ""),
        (REGION, {"color": facts(), "region_1": facts()}, ""),
        (REGION, {"color": facts(), "region_1": facts(120)}, "regions.0.mask: a region by mask needs 121 frames"),
        (REGION, {"color": facts(), "region_1": facts(121, 640, 352)}, "regions.0.mask: a region by mask needs 121"),
        (
            WORDS,
            {"color": facts(121, 1920, 1080)},
            "regions.0.mask_prompt: a region by mask_prompt needs 121 frames of",
        ),
        (WORDS, {"color": facts()}, ""),
    ],
)
def test_videos_that_do_not_fit_are_refused(fields: dict[str, Any], media: dict[str, MediaFacts], refusal: str) -> None:
    found = words(list(ADAPTER.check(resolved(**fields), media)))
    assert len(found) == bool(refusal)
    assert "".join(found).startswith(refusal)


@pytest.mark.parametrize(
    ("media", "advice"),
    [
        (facts(), ""),
        (facts(241), ""),
        (facts(240), ""),
        (facts(122), "has 122 frames, which take 2 clips of 121 (121 frames take 1: trim it by 1)"),
        (facts(250), "has 250 frames, which take 3 clips of 121 (241 frames take 2: trim it by 9)"),
        (facts(48), "has 48 frames; fewer than 121 cost as much as 121, and give noisy results (render 121 frames)"),
        (facts(fps=23.976), "has 23.976 frames a second, and the result 24: it takes whole numbers"),
        (facts(width=1920, height=1080), ""),
        (facts(width=1000), "is 1000x704, and is stretched to 960x704"),
    ],
)
def test_what_costs_more_than_is_meant_is_said(media: MediaFacts, advice: str) -> None:
    said = words(list(ADAPTER.advice(resolved(), {"color": media})))
    assert len(said) == bool(advice)
    assert advice in "".join(said)


@pytest.mark.parametrize(
    ("media", "chunks", "size"),
    [
        (facts(2, 640, 352), 1, (1280, 704)),
        (facts(121, 1440, 1080), 1, (960, 704)),
        (facts(122, 500, 500), 2, (960, 960)),
        (facts(241, 720, 1280), 2, (704, 1280)),
        (facts(242, 900, 1200), 3, (704, 960)),
    ],
)
def test_the_result_has_every_frame_in_the_size_of_the_nearest_shape(
    media: MediaFacts, chunks: int, size: tuple[int, int]
) -> None:
    run = resolved()
    video = ADAPTER.expect(run, {"color": media})["video"]
    assert (video.frames, video.width, video.height, video.fps) == (media.frames, *size, 24.0)
    work = ADAPTER.work(run, {"color": media})
    assert work is not None
    assert (work.chunks, work.shape) == (chunks, f"{size[0]}x{size[1]}, 35 steps, 1 control, 1 GPU")


def test_of_what_another_run_makes_nothing_is_known_beforehand() -> None:
    run = resolved({}, source=Source(key="a", role="color", file="video.mp4"), controls={"depth": control()})
    assert ADAPTER.launch(run, FOLDER).inputs == {"color.mp4": "color"}
    assert (list(ADAPTER.check(run, {})), ADAPTER.expect(run, {}), ADAPTER.work(run, {})) == ([], run.outputs, None)


def test_runs_that_differ_in_prompt_files_and_weights_alone_may_share_a_process() -> None:
    one = resolved()
    same = resolved({**SCENE, "edge": "other.mp4"}, text="Snow", controls={"edge": control(0.7)})
    assert ADAPTER.group(one) == ADAPTER.group(same)
    for fields in ({"params": {"seed": 2}}, {"negative": "cartoon"}, {"controls": {"depth": control()}}, BOX):
        assert ADAPTER.group(resolved(**fields)) != ADAPTER.group(one)


@pytest.mark.parametrize(
    ("scene", "fields"),
    [
        (SCENE, BOX),
        (BARE, {"params": {"derive": True}}),
        ({"depth": "d.mp4"}, {"params": {"sigma_max": 80.0}, "controls": {"depth": control()}}),
    ],
    ids=["regions", "a control by chance", "no video"],
)
def test_what_a_process_would_make_otherwise_after_another_run_shares_with_none(
    scene: dict[str, str], fields: dict[str, Any]
) -> None:
    assert ADAPTER.group(resolved(scene, **fields)) is None


def test_several_runs_are_lines_of_one_process_and_each_has_all_that_it_would_have_alone() -> None:
    first = resolved()
    second = resolved({**SCENE, "edge": "other.mp4"}, text="Snow", controls={"edge": control(0.7)})
    assert isinstance(ADAPTER, Sharing)
    shared = ADAPTER.launch_together({"aa": first, "bb": second})
    spec, lines = shared.launch.documents["spec.json"], shared.launch.documents["runs.jsonl"]
    assert isinstance(spec, dict)
    assert isinstance(lines, list)
    for folder, run, line in zip(("aa", "bb"), (first, second), lines, strict=True):
        alone = ADAPTER.launch(run, folder).documents["spec.json"]
        assert isinstance(alone, dict)
        said = {**spec, **{name: {**spec[name], **told} for name, told in line["control_overrides"].items()}}
        said |= {"prompt": line["prompt"], "input_video_path": line["visual_input"]}
        as_alone = json.loads(json.dumps(said).replace(f"/inputs/{folder}/", "/inputs/"))
        where = {"video_save_folder", "video_save_name", "batch_input_path", "batch_size"}
        assert {key: value for key, value in as_alone.items() if key not in where} == {
            key: value for key, value in alone.items() if key not in where
        }
    assert spec["batch_size"] == 1
    names = [(folder, role) for folder in ("aa", "bb") for role in ("color", "edge")]
    assert shared.inputs == {f"{folder}/{role}.mp4": (folder, role) for folder, role in names}
    assert {folder: place.folder for folder, place in shared.places.items()} == {"aa": "video_0", "bb": "video_1"}


BLOCKED = """\
[11-27 10:00:00|CRITICAL|a/b.py:1:f] GUARDRAIL BLOCKED: LLAMAGUARD3: Prompt blocked by Llama Guard 3.
[11-27 10:00:00|CRITICAL|a/b.py:1:f] Guardrail blocked generation for entire batch.
TypeError: cannot unpack non-iterable NoneType object
"""
UNSAFE = "[11-27 10:00:00|CRITICAL|a/b.py:1:f] Generated video 1 is not safe\nTypeError: cannot unpack\n"
GOOD = replace(FULL, frames=3)


@pytest.mark.parametrize(
    ("code", "log", "found", "reason"),
    [
        (0, "", {}, None),
        (0, "", {"video": replace(GOOD, black=True)}, Reason.OUTPUT_INVALID),
        (0, "", {"video": replace(GOOD, frames=2)}, Reason.OUTPUT_INVALID),
        (0, "", {"video": replace(GOOD, width=640)}, Reason.OUTPUT_INVALID),
        (0, "", {"video": "does not decode"}, Reason.OUTPUT_INVALID),
        (0, "", {"text": "Snow"}, Reason.OUTPUT_INVALID),
        (0, "", {"files": ("depth_input_control_0.mp4",)}, Reason.OUTPUT_MISSING),
        (0, BLOCKED, {"files": ()}, Reason.GUARDRAIL_BLOCKED),
        (1, BLOCKED, {"files": ()}, Reason.GUARDRAIL_BLOCKED),
        (1, UNSAFE, {}, Reason.GUARDRAIL_BLOCKED),
        (1, "torch.OutOfMemoryError: CUDA out of memory.", {}, Reason.GPU_OUT_OF_MEMORY),
        (1, "FileNotFoundError: [Errno 2] No such file: '/c/Cosmos-Guardrail1/x'", {}, Reason.MISSING_CHECKPOINT),
        (1, "RuntimeError: Sizes of tensors must match except in dimension 1.", {}, Reason.SHAPE_MISMATCH),
        (1, "ValueError: Must have 'input_video' specified if sigma_max < 80", {}, Reason.BAD_SPEC),
        (1, "Still no boxes detected. Consider adjusting the prompt or using box", {}, Reason.BAD_SPEC),
        (1, "ValueError: Number of regional prompts (2) must match total number", {}, Reason.BAD_SPEC),
        (1, "ValueError: Invalid video file: /cosmos/inputs/region_1.mp4", {}, Reason.INPUT_UNREADABLE),
        (1, "Watchdog caught collective operation timeout", {}, Reason.NETWORK_FAILED),
        (1, "KeyError: 'x'", {}, Reason.PROGRAM_FAILED),
        (137, "", {}, Reason.KILLED),
    ],
)
def test_a_result_counts_by_its_files_and_a_failure_by_what_the_program_said(
    code: int, log: str, found: dict[str, Any], reason: Reason | None
) -> None:
    run = resolved()
    run = replace(run, outputs=ADAPTER.expect(run, {"color": GOOD}))
    evidence = Evidence(
        exit=an_exit(code),
        manifest=a_manifest(*found.get("files", ("video.mp4", "video.txt"))),
        media={"video": found.get("video", GOOD)},
        texts={"prompt": found.get("text", "Heavy rain")},
        log_tail=log,
    )
    assert ADAPTER.judge(run, evidence).reason is reason


def test_the_settings_that_the_program_says_it_ran_with_are_kept() -> None:
    log = '[11-27 10:00:00|INFO|t.py:1:p] final args: {\n  "seed": 7,\n  "checkpoint_dir": "/w"\n}\nmore'
    evidence = Evidence(
        exit=an_exit(),
        manifest=a_manifest("video.mp4", "video.txt"),
        media={"video": GOOD},
        texts={"prompt": "Heavy rain"},
        log_tail=log,
    )
    assert ADAPTER.judge(resolved(), evidence).effective == {"seed": 7, "prompt": "Heavy rain"}
    cut = replace(evidence, log_tail=log[:50])
    assert ADAPTER.judge(resolved(), cut).effective == {"prompt": "Heavy rain"}


def said(words: str) -> str:
    return f"[11-27 10:00:00|INFO|cosmos_transfer1/diffusion/inference/a.py:1:f] {words}\n"


CLIP = [
    said("Starting latent encoding"),
    said("Starting diffusion sampling"),
    said("Completed diffusion sampling"),
    said("Starting VAE decode"),
    said("Completed VAE decode"),
]
LOG = [
    said("running preprocessor"),
    "frame loading (JPEG): 100%|##########| 12/12 [00:00<00:00]\n",
    said("Running guardrail checks on all prompts"),
    said("Starting T5 compute"),
    said("Completed T5 compute"),
    said("Run generation"),
    "\r  0%|          | 0/2 [00:00<?, ?it/s]",
    *CLIP,
    "\r 50%|#####     | 1/2 [03:00<03:00, 180.0s/it]",
    *CLIP,
    "\r100%|##########| 2/2 [06:00<00:00, 180.0s/it]\n",
    said("Finish generation"),
    said("Run guardrail on generated videos"),
    said("Saved video to /o/video.mp4"),
    said("Saved prompt to /o/video.txt"),
]


@pytest.mark.parametrize("kept", [10**6, 900], ids=["the whole log", "the end of it"])
def test_progress_only_grows(kept: int) -> None:
    steps = [ADAPTER.progress("".join(LOG[: count + 1])[-kept:]) for count in range(len(LOG))]
    percents = [step.percent for step in steps]
    assert percents == sorted(percents, key=lambda percent: percent or 0)
    assert (percents[0], percents[9], percents[14], percents[-1]) == (2, 46, 54, 99)
    assert steps[14].words == "Starting diffusion sampling (clip 2 of 2)"


def test_a_log_that_says_nothing_of_it_has_no_percent() -> None:
    assert ADAPTER.progress("Loading checkpoint shards:  50%").percent is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"command": ("x",)}, "command: adapter cosmos-transfer1 takes no command of a model (take the line away)"),
        (
            {"paths": {"repo": "/workspace"}},
            'paths: adapter cosmos-transfer1 needs a path "checkpoints" (add `paths: {checkpoints: /FOLDER}`, as the '
            "program sees it)",
        ),
    ],
)
def test_a_model_spec_must_say_where_its_things_are_and_nothing_in_vain(change: dict[str, Any], problem: str) -> None:
    assert words(list(ADAPTER.model_problems(replace(built_in(NAME), **change)))) == [problem]
