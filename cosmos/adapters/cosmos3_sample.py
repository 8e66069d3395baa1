"""Cosmos 3 by its framework: a run as the sample that the program reads, and how its log tells how far it is."""

import re
from collections.abc import Mapping

from cosmos.adapters.base import Step
from cosmos.adapters.cosmos3_controls import PRESET_FIELD, READS
from cosmos.adapters.cosmos3_media import HINTS, files_of, mode_of
from cosmos.adapters.evidence import last_line
from cosmos.core.ports import ROOT
from cosmos.core.run import Control, Run

FIELDS = {
    "seed": "seed",
    "steps": "num_steps",
    "guidance": "guidance",
    "shift": "shift",
    "resolution": "resolution",
    "aspect_ratio": "aspect_ratio",
    "fps": "fps",
    "frames": "num_frames",
    "quality": "video_save_quality",
    "keep": "condition_video_keep",
    "control_guidance": "control_guidance",
    "chunk": "num_video_frames_per_chunk",
    "overlap": "num_conditional_frames",
    "first_overlap": "num_first_chunk_conditional_frames",
    "max_frames": "max_frames",
    "emphasize": "emphasize_control_in_prompt",
    "share_positions": "share_vision_temporal_positions",
}
"""The program's name by parameter."""


def sample_of(run: Run, name: str) -> dict[str, object]:
    """What the program reads. It is told every setting, so that no default of another version gets in."""
    files = files_of(run)
    begins = "color" if run.controls else READS[mode_of(run)]
    frames = run.params["condition_frames"]
    said: dict[str, object] = {
        "name": name,
        "model_mode": "video2video" if run.controls else run.params["mode"],
        "prompt": run.text,
        "negative_prompt": run.negative or None,
        "vision_path": inside(files[begins]) if begins in files else None,
        "condition_frame_indexes_vision": [int(each) for each in str(frames).split(",")] if frames else None,
        **{theirs: run.params[ours] for ours, theirs in FIELDS.items()},
        **{hint: _hint(hint, control, files) for hint, control in run.controls.items()},
    }
    return {field: value for field, value in said.items() if value is not None}


def inside(name: str) -> str:
    """An input as the program sees it."""
    return f"{ROOT}/inputs/{name}"


def _hint(name: str, control: Control, files: Mapping[str, str]) -> dict[str, object]:
    said = {
        "control_path": None if control.derived else inside(files[HINTS[name]]),
        "weight": control.weight,
        PRESET_FIELD.get(name, ""): control.preset,
    }
    return {field: value for field, value in said.items() if value is not None}


_PHASES = (("Loaded ", 1), ("Saved sample args to", 8), ("Using sampler", 10))
_LOADED = 8
"""Percent from which the model is loaded: "Loaded" is said of samples, before it."""
_SAMPLING = re.compile(r"Sampling:\s*(\d{1,3})%")
_SAVED = re.compile(r"Saved (sample|transfer) outputs to")


def progress_of(log_tail: str) -> Step:
    """How far it is. A transfer in several chunks samples several times and says not how often: then no percent."""
    words, passes = last_line(log_tail), log_tail.count("Using sampler")
    if _SAVED.search(log_tail):
        return Step(percent=100, words=words, loaded=True)
    if passes > 1:
        return Step(words=words, loaded=True)
    percents = [value for mark, value in _PHASES if mark in log_tail]
    if passes:
        percents += [10 + min(100, int(found)) * 85 // 100 for found in _SAMPLING.findall(log_tail)]
    return Step(percent=max(percents, default=None), words=words, loaded=max(percents, default=0) >= _LOADED)
