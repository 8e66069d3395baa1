"""The published samples of the two programs, field by field, as strict as their own parsers.

A field of a sample that is not known is an error. Within a control of Transfer an unknown field is ignored: that is a
trap of the real parser, and `validate(..., traps=False)` makes an error of it.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Check = Callable[[Any], bool]
REQUIRED = object()

DEFAULT_NEGATIVE = "the built-in negative text"
PRESETS = ("very_low", "low", "medium", "high", "very_high")
RESOLUTIONS = ("256", "480", "480p", "512", "720", "720p", "720robocasa", "1024", "1080")


def _int(low: float = -math.inf, high: float = math.inf) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _number(low: float, high: float) -> Check:
    return lambda value: type(value) in (int, float) and low <= value <= high


def _text(value: Any) -> bool:
    return type(value) is str


def _flag(value: Any) -> bool:
    return type(value) is bool


def _one_of(*choices: Any) -> Check:
    return lambda value: value in choices


def _file(value: Any) -> bool:
    """Relative paths are those of the sample's folder, which the program has made its own."""
    return type(value) is str and Path(value).is_file()


def _noise(value: Any) -> bool:
    return type(value) is str and 0 <= float(value) <= 200


def _labels(value: Any) -> bool:
    return type(value) is list and bool(value) and all(type(each) is int for each in value)


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


_CONTROL = {
    "control_path": (_or_none(_file), None),
    "control_weight": (_number(0, 1), 1.0),
    "mask_path": (_or_none(_file), None),
    "mask_prompt": (_or_none(_text), None),
}
CONTROLS: Mapping[str, Mapping[str, tuple[Check, Any]]] = {
    "edge": {**_CONTROL, "preset_edge_threshold": (_one_of(*PRESETS), "medium")},
    "vis": {**_CONTROL, "preset_blur_strength": (_one_of(*PRESETS), "medium")},
    "depth": _CONTROL,
    "seg": {**_CONTROL, "control_prompt": (_or_none(_text), None)},
}

_COMMON = {"name": (_text, REQUIRED), "prompt": (_text, REQUIRED), "negative_prompt": (_text, DEFAULT_NEGATIVE)}
TRANSFER: Mapping[str, tuple[Check, Any]] = {
    **_COMMON,
    "seed": (_int(), 2025),
    "guidance": (_int(0, 7), 3),
    "video_path": (_file, REQUIRED),
    "max_frames": (_or_none(_int(1)), None),
    "context_frame_index": (_or_none(_int(1)), None),
    "image_context_path": (_or_none(_file), None),
    "num_conditional_frames": (_one_of(0, 1, 2), 1),
    "resolution": (_one_of(*RESOLUTIONS), "720"),
    "sigma_max": (_or_none(_noise), None),
    "num_video_frames_per_chunk": (_int(1), 93),
    "num_steps": (_int(1), 35),
    "show_control_condition": (_flag, False),
    "show_input": (_flag, False),
    "keep_input_resolution": (_flag, True),
    "guided_generation_mask": (_or_none(_file), None),
    "guided_generation_step_threshold": (_int(), 25),
    "guided_generation_foreground_labels": (_or_none(_labels), None),
}
PREDICT: Mapping[str, tuple[Check, Any]] = {
    **_COMMON,
    "seed": (_int(), 0),
    "guidance": (_int(0, 7), 7),
    "inference_type": (_one_of("text2world", "image2world", "video2world"), REQUIRED),
    "input_path": (_or_none(_file), None),
    "resolution": (_text, "none"),
    "num_output_frames": (_int(1), 77),
    "num_steps": (_int(1), 35),
    "enable_autoregressive": (_flag, False),
    "chunk_size": (_int(), 77),
    "chunk_overlap": (_int(), 1),
}


def validate(sample: Mapping[str, Any], program: str, *, traps: bool = True) -> tuple[dict[str, Any], list[str]]:
    """The sample with every default, and what the real parser would say of it.

    Args:
        sample: What was written.
        program: transfer or predict.
        traps: Let pass what the real program ignores.
    """
    fields = TRANSFER if program == "transfer" else PREDICT
    controls = CONTROLS if program == "transfer" else {}
    full, errors = _checked({key: value for key, value in sample.items() if key not in controls}, fields, "")
    for name, allowed in controls.items():
        given = sample.get(name)
        if given is None:
            full[name] = None
            continue
        if traps:
            given = {key: value for key, value in given.items() if key in allowed}
        full[name], wrong = _checked(given, allowed, f"{name}.")
        errors += wrong
    return full, errors or (_transfer_rules(full) if program == "transfer" else _predict_rules(full))


def _checked(
    given: Mapping[str, Any], fields: Mapping[str, tuple[Check, Any]], at: str
) -> tuple[dict[str, Any], list[str]]:
    errors = [f"{at}{key}\n  Extra inputs are not permitted" for key in given if key not in fields]
    full = {}
    for key, (check, default) in fields.items():
        if key in given:
            full[key] = given[key]
            if not check(given[key]):
                errors.append(f"{at}{key}\n  Input is not valid: {given[key]!r}")
        elif default is REQUIRED:
            errors.append(f"{at}{key}\n  Field required")
        else:
            full[key] = default
    return full, errors


def _transfer_rules(sample: Mapping[str, Any]) -> list[str]:
    hints = [name for name in CONTROLS if sample[name] is not None]
    if not hints:
        return ["No controls provided, please provide at least one control key"]
    if "vis" in hints and sample["image_context_path"]:
        return ["vis control and image_context_path are both used to transfer style"]
    return []


def _predict_rules(sample: Mapping[str, Any]) -> list[str]:
    if sample["inference_type"] == "text2world":
        return []
    if sample["input_path"] is None:
        return [f"input_path is required for inference type {sample['inference_type']}"]
    if Path(sample["input_path"]).suffix not in (".png", ".jpg", ".jpeg", ".webp", ".mp4"):
        return [f"input_path has unsupported file extension '{Path(sample['input_path']).suffix}'"]
    return []
