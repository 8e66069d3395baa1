"""The samples that Cosmos 3's framework takes, written anew from cosmos-framework 5eee9ed (args.py); it is no model.

Unknown fields are refused as there; so are values out of range, and settings of a transfer without a control.
"""

import os
from collections.abc import Callable
from pathlib import Path

Check = Callable[[object], bool]


def _int(low: int, high: int = 2**40) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _float(low: float, high: float) -> Check:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _one_of(*values: str) -> Check:
    return lambda value: value in values


def _text(value: object) -> bool:
    return isinstance(value, str)


def _bool(value: object) -> bool:
    return isinstance(value, bool)


def _file(value: object) -> bool:
    return isinstance(value, str) and (not os.environ.get("CHECK_FILES") or Path(value).is_file())


def _indexes(value: object) -> bool:
    return isinstance(value, list) and all(_int(0)(each) for each in value)


EDGE = ("very_low", "low", "medium", "high", "very_high")
HINTS: dict[str, dict[str, Check]] = {
    "edge": {"control_path": _file, "weight": _float(0, 1e9), "preset_edge_threshold": _one_of(*EDGE)},
    "blur": {"control_path": _file, "weight": _float(0, 1e9), "preset_blur_strength": _one_of("none", *EDGE)},
    **{name: {"control_path": _file, "weight": _float(0, 1e9)} for name in ("depth", "seg", "wsm")},
}
TRANSFER: dict[str, Check] = {
    "num_video_frames_per_chunk": _int(1),
    "num_conditional_frames": _int(0),
    "max_frames": _int(1),
    "num_first_chunk_conditional_frames": _int(0),
    "share_vision_temporal_positions": _bool,
    "emphasize_control_in_prompt": _bool,
}
FIELDS: dict[str, Check] = {
    "name": _text,
    "model_mode": _one_of("text2image", "text2video", "image2video", "video2video"),
    "prompt": _text,
    "negative_prompt": _text,
    "seed": _int(-(2**63), 2**63),
    "num_steps": _int(1),
    "guidance": _float(0, 7),
    "shift": _float(-1e9, 1e9),
    "vision_path": _file,
    "condition_frame_indexes_vision": _indexes,
    "condition_video_keep": _one_of("first", "last"),
    "resolution": _one_of("256", "480", "720", "768"),
    "aspect_ratio": _one_of("1,1", "4,3", "3,4", "16,9", "9,16"),
    "fps": _int(1),
    "num_frames": _int(1),
    "video_save_quality": _int(0, 10),
    "control_guidance": _float(0, 10),
    **TRANSFER,
}


def problems(sample: dict[str, object]) -> list[str]:
    """What pydantic would say of it, in its words."""
    found = [f"{name}: Extra inputs are not permitted" for name in sample if name not in {*FIELDS, *HINTS}]
    found += [f"{name}: Input should be valid" for name in FIELDS if name in sample and not FIELDS[name](sample[name])]
    hints = {name: sample[name] for name in HINTS if name in sample}
    for name, hint in hints.items():
        if not isinstance(hint, dict):
            found.append(f"{name}: Input should be a valid dictionary")
            continue
        found += [f"{name}.{field}: Extra inputs are not permitted" for field in hint if field not in HINTS[name]]
        found += [
            f"{name}.{at}: Input should be valid" for at in HINTS[name] if at in hint and not HINTS[name][at](hint[at])
        ]
        if "control_path" not in hint and ("vision_path" not in sample or name not in ("edge", "blur")):
            found.append(f"{name}: transfer inference requires 'vision_path' or a pre-computed 'control_path'")
    if not hints and (sample.keys() & TRANSFER.keys() or sample.get("control_guidance", 1.0) != 1.0):
        found.append("Value error, transfer inference requires at least one control hint")
    if sample.get("num_first_chunk_conditional_frames") and "vision_path" not in sample:
        found.append("num_first_chunk_conditional_frames > 0 requires 'vision_path'")
    suffix = {"image2video": (".png", ".jpg", ".jpeg", ".webp"), "video2video": (".mp4",)}
    ends = suffix.get(str(sample.get("model_mode")), ())
    if "vision_path" in sample and not str(sample["vision_path"]).lower().endswith(ends or "\0"):
        found.append("Invalid vision extension")
    return found
