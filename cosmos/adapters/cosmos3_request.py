"""What the client of a Cosmos 3 server is told: the request, in the names of that server.

A file is `{"file": PATH}`: the client makes of it what the server takes, a data URL or a copy where the server sees it.
"""

from collections.abc import Mapping

from cosmos.adapters.cosmos3_controls import PRESET_FIELD, READS
from cosmos.adapters.cosmos3_media import HINTS, files_of, mode_of, size_of
from cosmos.adapters.cosmos3_sample import inside
from cosmos.core.run import Control, Run

VLLM, NIM = "vllm", "nim"


def payload_of(run: Run, api: str) -> dict[str, object]:
    """All that the client is told but where its output goes."""
    asked = _nim(run) if api == NIM else _vllm(run)
    return {"api": api, "endpoint": run.model.endpoint, "serves": run.params["serves"], **asked}


def _vllm(run: Run) -> dict[str, object]:
    """A form with texts and a file, and one field that has the JSON of all else."""
    params, files = run.params, files_of(run)
    said = {
        "prompt": run.text,
        "negative_prompt": run.negative or None,
        "seed": params["seed"],
        "num_inference_steps": params["steps"],
        "guidance_scale": params["guidance"],
        "flow_shift": params["shift"],
        "fps": params["fps"],
    }
    extra: dict[str, object] = {}
    if run.controls:
        extra = {
            **{name: {"control_path": {"file": inside(files[HINTS[name]])}} for name in run.controls},
            "control_guidance": params["control_guidance"],
            "resolution": params["resolution"],
            "num_video_frames_per_chunk": params["chunk"],
            "max_frames": params["max_frames"],
        }
    else:
        width, height = size_of(str(params["resolution"]), str(params["aspect_ratio"]))
        said |= {"size": f"{width}x{height}", "num_frames": params["frames"]}
    media = {"input_reference": inside(files["image"])} if mode_of(run) == "image2video" else {}
    form = {name: str(value) for name, value in said.items() if value is not None}
    return {"form": form, "files": media, "extra": extra, "shared": run.model.paths.get("shared")}


def _nim(run: Run) -> dict[str, object]:
    params, files = run.params, files_of(run)
    begins = "color" if run.controls else READS[mode_of(run)]
    frames = params["condition_frames"]
    said = {
        "model_mode": "video2video" if run.controls else params["mode"],
        "prompt": run.text,
        "negative_prompt": run.negative or None,
        "input_reference": {"file": inside(files[begins])} if begins in files else None,
        "seed": params["seed"],
        "guidance_scale": params["guidance"],
        "num_inference_steps": params["steps"],
        "flow_shift": params["shift"],
        "resolution": f"{params['resolution']}_{str(params['aspect_ratio']).replace(',', '_')}",
        "num_frames": params["frames"],
        "fps": params["fps"],
        "condition_frame_indexes_vision": [int(each) for each in str(frames).split(",")] if frames else None,
        "condition_video_keep": params["keep"],
        "transfer": _transfer(run, files) if run.controls else None,
    }
    return {"body": {name: value for name, value in said.items() if value is not None}}


def _transfer(run: Run, files: Mapping[str, str]) -> dict[str, object]:
    said = {
        **{name: _hint(name, control, files) for name, control in run.controls.items()},
        "control_guidance": run.params["control_guidance"],
        "num_video_frames_per_chunk": run.params["chunk"],
        "num_conditional_frames": run.params["overlap"],
        "num_first_chunk_conditional_frames": run.params["first_overlap"],
    }
    return {name: value for name, value in said.items() if value is not None}


def _hint(name: str, control: Control, files: Mapping[str, str]) -> dict[str, object]:
    if control.derived:
        return {PRESET_FIELD[name]: control.preset}
    return {"video": {"file": inside(files[HINTS[name]])}}
