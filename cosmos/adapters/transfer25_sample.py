"""The sample of Cosmos-Transfer2.5: a run as the JSON that its program reads."""

from collections.abc import Mapping

from cosmos.adapters.common25 import NAME, files_of, inside
from cosmos.core.run import Control, Run

CONTROLS = {"edge": "edge", "vis": "vis", "depth": "depth", "seg": "segmentation"}
"""Input role by control."""
PRESET_FIELD = {"edge": "preset_edge_threshold", "vis": "preset_blur_strength"}
"""What the program calls the strength of a control that it computes, where that has one."""


def sample_of(run: Run) -> dict[str, object]:
    """What the program reads. What is not said is not there: it has the program's own default."""
    params, files = run.params, files_of(run)
    labels, sigma = params["guided_labels"], params["sigma_max"]
    said = {
        "name": NAME,
        "prompt": run.text,
        "negative_prompt": run.negative or None,
        "video_path": inside(files["color"]),
        "image_context_path": inside(files["context"]) if "context" in files else None,
        "guided_generation_mask": inside(files["guided"]) if "guided" in files else None,
        "seed": params["seed"],
        "guidance": params["guidance"],
        "num_steps": params["steps"],
        "sigma_max": None if sigma is None else repr(sigma),
        "resolution": params["resolution"],
        "max_frames": params["max_frames"],
        "num_conditional_frames": params["overlap"],
        "context_frame_index": params["context_frame"],
        "keep_input_resolution": params["keep_input_resolution"],
        "guided_generation_step_threshold": params["guided_steps"],
        "guided_generation_foreground_labels": [int(each) for each in str(labels).split(",")] if labels else None,
        **{name: _control(name, control, files) for name, control in run.controls.items()},
    }
    return {name: value for name, value in said.items() if value is not None}


def _control(name: str, control: Control, files: Mapping[str, str]) -> dict[str, object]:
    role, mask = CONTROLS[name], f"{name}_mask"
    said = {
        "control_weight": control.weight,
        "control_path": inside(files[role]) if role in files else None,
        "mask_path": inside(files[mask]) if mask in files else None,
        "mask_prompt": control.mask_prompt,
        "control_prompt": control.prompt,
        PRESET_FIELD.get(name, ""): control.preset,
    }
    return {field: value for field, value in said.items() if value is not None}
