"""What is published about the spec file of Cosmos-Transfer1: flags of `transfer.py`, and fields of its controls.

`problems` is stricter than the program, which swallows a name that it does not know and a value of another type: a
payload that is good here means what it says there.
"""

from typing import Any

TEXT, WHOLE, NUMBER, YES = "text", "whole", "number", "yes"

FLAGS = {
    **dict.fromkeys(("prompt", "negative_prompt", "input_video_path", "blur_strength", "canny_threshold"), TEXT),
    **dict.fromkeys(("controlnet_specs", "checkpoint_dir", "tokenizer_dir", "batch_input_path"), TEXT),
    **dict.fromkeys(("video_save_name", "video_save_folder"), TEXT),
    **dict.fromkeys(("num_input_frames", "batch_size", "num_steps", "fps", "seed", "num_gpus"), WHOLE),
    **dict.fromkeys(("sigma_max", "guidance"), NUMBER),
    **dict.fromkeys(("offload_diffusion_transformer", "offload_text_encoder_model", "offload_guardrail_models"), YES),
    **dict.fromkeys(("offload_prompt_upsampler", "upsample_prompt", "use_distilled", "save_input_noise"), YES),
    **dict.fromkeys(("is_av_sample", "benchmark"), YES),
}
STRENGTHS = ("very_low", "low", "medium", "high", "very_high")
HINTS = ("vis", "seg", "edge", "depth", "keypoint", "upscale", "hdmap", "lidar")
FIELDS = {
    "control_weight": (float, int, str),
    "input_control": (str,),
    "input_control_prompt": (str,),
    "control_weight_prompt": (str,),
    "ckpt_path": (str,),
}
FOR_SEG = ("input_control_prompt", "control_weight_prompt")
TYPES = {TEXT: (str,), WHOLE: (int,), NUMBER: (float, int), YES: (bool,)}


def problems(spec: dict[str, Any]) -> list[str]:
    """What the program would drop, misunderstand, or die of."""
    found = []
    for name, value in spec.items():
        if name in HINTS:
            found += [f"{name}: {wrong}" for wrong in _of_control(name, value, spec)]
        elif name == "regional_prompts":
            found += [f"region {index}: {wrong}" for index, each in enumerate(value) for wrong in _of_region(each)]
        elif name not in FLAGS:
            found.append(f"{name}: is swallowed")
        elif not isinstance(value, TYPES[FLAGS[name]]) or (isinstance(value, bool) and FLAGS[name] != YES):
            found.append(f"{name}: {value!r} is no {FLAGS[name]}")
    if not set(spec) & set(HINTS):
        found.append("no control")
    if not spec.get("input_video_path") and spec.get("sigma_max", 70.0) < 80:
        found.append("no input video")
    if spec.get("negative_prompt") == "":
        found.append("an empty negative prompt ends it")
    return found


def _of_control(hint: str, control: Any, spec: dict[str, Any]) -> list[str]:
    if not isinstance(control, dict):
        return ["is no control"]
    found = [f"{name}: is swallowed" for name in control if name not in FIELDS]
    found += [f"{name}: is for seg" for name in FOR_SEG if name in control and hint != "seg"]
    found += [
        f"{name}: {value!r}" for name, value in control.items() if not isinstance(value, FIELDS.get(name, object))
    ]
    weight = control.get("control_weight")
    if weight is None or (isinstance(weight, str) and not weight.endswith(".pt")):
        found.append(f"control_weight: {weight!r}")
    if isinstance(weight, float | int) and weight < 0:
        found.append("control_weight: is negative")
    if "input_control_prompt" in control and "input_control" in control:
        found.append("input_control_prompt: has no effect")
    if hint != "upscale" and "input_control" not in control and not spec.get("input_video_path"):
        found.append("nothing to compute it from")
    return found


def _of_region(region: dict[str, Any]) -> list[str]:
    found = [
        f"{name}: is swallowed" for name in region if name not in ("prompt", "mask_prompt", "region_definitions_path")
    ]
    if not region.get("prompt") or ("mask_prompt" in region) == ("region_definitions_path" in region):
        found.append("needs a prompt and one place")
    where = region.get("region_definitions_path")
    if (
        where is not None
        and not isinstance(where, str)
        and (len(where) != 4 or not all(0 <= each <= 1 for each in where))
    ):
        found.append(f"{where!r}")
    return found
