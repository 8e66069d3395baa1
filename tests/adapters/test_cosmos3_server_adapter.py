"""Cosmos 3 by a server: what it is asked, what is refused for it, and what the client does when things go wrong."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cosmos.adapters import ADAPTERS
from cosmos.adapters.base import Evidence
from cosmos.core.digest import Digest, canonical, material
from cosmos.core.draft import Draft
from cosmos.core.ports import ROOT, document, fill
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, Run
from cosmos.core.spec import ControlSpec
from tests.adapters.drafts import SCENE, a_draft, as_run, built_in, words
from tests.makers import a_manifest, an_exit
from tests.standins.cosmos3_servers import serving, wrong_body

VLLM, NIM = "cosmos3-vllm", "cosmos3-nim"
FOLDER = "0123456789abcdef"
FILES = {**SCENE, "image": "inputs/city/image.png"}
SHARED = {"paths": {"shared": "/shared"}}


def draft_of(name: str, model: dict[str, Any] | None = None, **fields: Any) -> Draft:
    return a_draft(replace(built_in(name), **(model or {})), **fields)


def resolved(name: str, model: dict[str, Any] | None = None, **fields: Any) -> Run:
    draft = draft_of(name, model, **fields)
    return as_run(draft, ADAPTERS[name].resolve(draft, FILES))


def payload_of(run: Run) -> dict[str, Any]:
    payload = ADAPTERS[run.model.adapter].launch(run, FOLDER).documents["request.json"]
    assert isinstance(payload, dict)
    return payload


def control(*names: str, **fields: Any) -> dict[str, ControlSpec]:
    return {name: ControlSpec(weight=1.0, **fields) for name in names}


@pytest.mark.parametrize("name", [VLLM, NIM])
def test_the_built_in_models_are_in_order(name: str) -> None:
    assert ADAPTERS[name].model_problems(built_in(name)) == []
    (refusal,) = ADAPTERS[name].model_problems(replace(built_in(name), endpoint=None))
    assert refusal.path == ("endpoint",)


def test_vllm_is_sent_a_form() -> None:
    assert payload_of(resolved(VLLM, negative="cartoon", params={"mode": "image2video", "seed": 3})) == {
        "api": "vllm",
        "endpoint": "http://127.0.0.1:8000",
        "serves": "nvidia/Cosmos3-Nano",
        "form": {
            "prompt": "Heavy rain",
            "negative_prompt": "cartoon",
            "seed": "3",
            "num_inference_steps": "35",
            "guidance_scale": "6.0",
            "flow_shift": "10.0",
            "fps": "24",
            "size": "1280x720",
            "num_frames": "189",
        },
        "files": {"input_reference": f"{ROOT}/inputs/image.png"},
        "extra": {},
        "shared": None,
        "out": f"{ROOT}/outputs/{FOLDER}",
        "output": "vision.mp4",
    }
    payload = payload_of(resolved(VLLM, SHARED, controls=control("depth"), params={"max_frames": 121}))
    assert payload["extra"] == {
        "depth": {"control_path": {"file": f"{ROOT}/inputs/depth.mp4"}},
        "control_guidance": 1.5,
        "resolution": "720",
        "num_video_frames_per_chunk": 121,
        "max_frames": 121,
    }
    assert "size" not in payload["form"]


def test_nim_is_sent_json_with_the_media_in_it() -> None:
    body = payload_of(resolved(NIM, controls=control("edge", "seg"), params=dict.fromkeys(SEVERAL, 3.0)))["body"]
    assert body == {
        "model_mode": "video2video",
        "prompt": "Heavy rain",
        "input_reference": {"file": f"{ROOT}/inputs/color.mp4"},
        "seed": 0,
        "guidance_scale": 3.0,
        "num_inference_steps": 50,
        "flow_shift": 3.0,
        "resolution": "720_16_9",
        "num_frames": 121,
        "fps": 30,
        "transfer": {
            "edge": {"preset_edge_threshold": "medium"},
            "seg": {"video": {"file": f"{ROOT}/inputs/segmentation.mp4"}},
            "control_guidance": 3.0,
            "num_video_frames_per_chunk": 121,
            "num_conditional_frames": 1,
            "num_first_chunk_conditional_frames": 0,
        },
    }


SEVERAL = ("guidance", "control_guidance", "shift")


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        (VLLM, {"controls": control("depth")}, "controls: the server opens a control by its own path"),
        (VLLM, {"controls": control("edge"), "model": SHARED}, "the server is given no color video"),
        (VLLM, {"controls": control("depth", "seg"), "model": SHARED}, "it takes one control"),
        (VLLM, {"params": {"mode": "video2video"}}, "params.mode"),
        (VLLM, {"params": {"max_frames": 5}}, 'parameter "max_frames" has no effect on mode text2video'),
        (NIM, {"params": {"frames": 201}}, "params.frames: the server makes 25 to 197 frames at 720, not 201"),
        (NIM, {"params": {"frames": 21}}, "params.frames"),
        (NIM, {"params": {"guidance": 0.5}}, "params.guidance"),
        (NIM, {"text": "a" * 20_001}, "the server takes 20000 characters of text"),
        (NIM, {"params": {"keep": "last"}}, 'parameter "keep" has no effect'),
        (NIM, {"controls": {**control("edge"), "seg": ControlSpec(weight=0.5)}}, "the server has no weights"),
    ],
)
def test_what_a_server_has_no_field_for_is_refused(name: str, fields: dict[str, Any], message: str) -> None:
    found = words(ADAPTERS[name].resolve(draft_of(name, **fields), FILES).refusals)
    assert any(message in line for line in found), found


@pytest.mark.parametrize("name", [VLLM, NIM])
def test_equal_settings_are_one_digest_and_one_request(name: str) -> None:
    choices: list[dict[str, Any]] = [{}, {"frames": 186}, {"frames": 189}, {"seed": 1}, {"steps": 35}, {"fps": 25}]
    choices += [{"guidance": 6}, {"shift": 9}, {"resolution": "480"}, {"aspect_ratio": "1,1"}, {"serves": "x"}]
    choices += [{"mode": "image2video"}]
    made = []
    for params in choices:
        run = resolved(name, params=params)
        facts = material(run, dict.fromkeys(run.inputs, "0"), Digest("0"))
        made.append((canonical(facts), canonical(payload_of(run))))
    assert len({facts for facts, _ in made}) == len({asked for _, asked in made}) == len(set(made))
    assert len(set(made)) == len(choices) - 4  # the defaults, written down


def test_what_comes_out_is_known_where_it_is_published() -> None:
    video = ADAPTERS[NIM].expect(resolved(NIM, params={"frames": 120}), {})["video"]
    assert (video.frames, video.width, video.height, video.fps) == (121, 1280, 720, 24.0)
    run = resolved(NIM, controls=control("depth"))
    long = MediaFacts(frames=200, width=1280, height=720, fps=30.0)
    assert ADAPTERS[NIM].expect(run, {"depth": long}) == run.outputs
    (advice,) = ADAPTERS[NIM].advice(run, {"depth": long})
    assert advice.message == "the controls have 200 frames, and 121 are asked for"


def start(run: Run, endpoint: str, root: Path) -> subprocess.Popen[str]:
    """The client in a run directory, as a host would start it."""
    launch = ADAPTERS[run.model.adapter].launch(replace(run, model=replace(run.model, endpoint=endpoint)), FOLDER)
    marks = {ROOT: str(root)}
    (root / "outputs" / FOLDER).mkdir(parents=True)
    for path, data in launch.files.items():
        (root / path).write_bytes(data)
    for path, value in launch.documents.items():
        (root / path).write_bytes(document(path, value, marks))
    argv = [sys.executable, *fill(launch.argv[1:], marks)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def verdict(run: Run, code: int, log: str) -> tuple[Reason | None, str]:
    ended = ADAPTERS[run.model.adapter].judge(run, Evidence(exit=an_exit(code=code), log_tail=log))
    return ended.reason, ended.message


@pytest.mark.parametrize(
    ("name", "text", "serves", "reason", "posts"),
    [
        (VLLM, "BLOCKED", None, Reason.GUARDRAIL_BLOCKED, 1),
        (NIM, "BLOCKED", None, Reason.GUARDRAIL_BLOCKED, 1),
        (VLLM, "WRONG", None, Reason.BAD_SPEC, 1),
        (NIM, "WRONG", None, Reason.BAD_SPEC, 1),
        (VLLM, "LOST", None, Reason.PROGRAM_FAILED, 1),
        (NIM, "LOST", None, Reason.PROGRAM_FAILED, 1),
        (VLLM, "FAILS", None, Reason.GPU_OUT_OF_MEMORY, 1),
        (VLLM, "Heavy rain", "nvidia/Cosmos3-Super", Reason.BAD_SPEC, 0),
    ],
)
def test_what_a_server_answers_is_told_apart(
    tmp_path: Path, name: str, text: str, serves: str | None, reason: Reason, posts: int
) -> None:
    run = resolved(name, text=text, params={"serves": serves} if serves else {})
    with serving() as server:
        client = start(run, server.endpoint, tmp_path)
        log, _ = client.communicate(timeout=60)
    assert verdict(run, client.returncode, log)[0] is reason, log
    assert len(server.posts) == posts


def test_a_server_that_is_not_there_is_infrastructure(tmp_path: Path) -> None:
    with serving() as server:
        nowhere = server.endpoint
    client = start(resolved(NIM), nowhere, tmp_path)
    log, _ = client.communicate(timeout=60)
    assert verdict(resolved(NIM), client.returncode, log)[0] is Reason.SERVER_UNAVAILABLE


def test_a_run_that_is_told_to_end_takes_its_work_back(tmp_path: Path) -> None:
    with serving() as server:
        client = start(resolved(VLLM, text="SLOW"), server.endpoint, tmp_path)
        assert client.stdout is not None
        while "in_progress" not in client.stdout.readline():
            assert client.poll() is None
        written = json.loads((tmp_path / "outputs" / FOLDER / "server.json").read_text())
        client.send_signal(signal.SIGTERM)
        log, _ = client.communicate(timeout=60)
        assert (client.returncode, server.deleted) == (143, [written["id"]]), log


def test_success_needs_the_video_and_the_report() -> None:
    run = resolved(NIM, params={"frames": 25, "resolution": "256"})
    evidence = Evidence(
        exit=an_exit(code=0),
        manifest=a_manifest("vision.mp4", "server.json"),
        media={"video": MediaFacts(frames=25, width=320, height=192, fps=24.0, codec="vp9")},
        texts={"server": '{"api": "nim", "server": {"/v1/version": {"release": "2.1.0"}}}'},
    )
    adapter = ADAPTERS[NIM]
    assert adapter.judge(run, evidence).effective["server"] == {"/v1/version": {"release": "2.1.0"}}
    assert adapter.judge(run, replace(evidence, texts={})).reason is Reason.OUTPUT_INVALID
    assert adapter.judge(run, replace(evidence, manifest=())).reason is Reason.OUTPUT_MISSING
    assert adapter.progress("cosmos: queued 0%\ncosmos: in_progress 40%").percent == 40


def test_every_body_is_one_that_nim_takes() -> None:
    for fields in (
        {"params": {"mode": "image2video"}},
        {"params": {"mode": "video2video"}},
        {"controls": control("wsm"), "model": {}},
        {"controls": control("blur")},
    ):
        draft = draft_of(NIM, **fields)
        run = as_run(draft, ADAPTERS[NIM].resolve(draft, {**FILES, "wsm": "w.mp4"}))
        assert wrong_body(inlined(payload_of(run)["body"])) == ""


def inlined(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"file"}:
        return "data:video/mp4;base64,AA=="
    return {name: inlined(each) for name, each in value.items()} if isinstance(value, dict) else value
