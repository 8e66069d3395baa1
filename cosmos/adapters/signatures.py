"""What model programs say when they fail: lines of a log, and the reason that each means.

The first that matches counts, so what names a cause stands before what only wraps it (`ChildFailedError` of torchrun
says that a rank died, and the cause is above it). Collected from the models' sources and issues; a program is blamed
for nothing that it did not say.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cosmos.adapters.base import Verdict
from cosmos.core.reasons import Reason

WORDS_MAX = 200


@dataclass(frozen=True, slots=True)
class Signature:
    """A pattern of one line, what it means, and what to do where the reason's own remedy does not say it."""

    pattern: re.Pattern[str]
    reason: Reason
    advice: str = ""


def _sign(pattern: str, reason: Reason, advice: str = "") -> Signature:
    return Signature(re.compile(pattern), reason, advice)


GUARDRAIL = (
    _sign(r"GUARDRAIL BLOCKED|Guardrail blocked|Input text prompt \S+ is not safe", Reason.GUARDRAIL_BLOCKED),
    _sign(r"All prompts failed safety checks", Reason.GUARDRAIL_BLOCKED),
    _sign(
        r"VIDEOCONTENTSAFETYFILTER|Generated video \S+ is not safe",
        Reason.GUARDRAIL_BLOCKED,
        "the result was refused, not the prompt: another seed may pass",
    ),
)
"""Programs end with 0, with 1 or with an unrelated error after these."""

FAILURES = (
    *GUARDRAIL,
    _sign(r"CUDA out of memory|torch\.(cuda\.)?OutOfMemoryError|CUDA_ERROR_OUT_OF_MEMORY", Reason.GPU_OUT_OF_MEMORY),
    _sign(
        r"No available memory for the cache blocks|less than desired GPU memory utilization",
        Reason.GPU_OUT_OF_MEMORY,
        "another program holds memory of this GPU, or it is too small",
    ),
    _sign(r"No space left on device|Disk quota exceeded", Reason.DISK_FULL),
    _sign(
        r"GatedRepoError|Cannot access gated repo|403 Client Error|not in the authorized list",
        Reason.GATED_MODEL,
        "accept the licence of that repository with the account of the token",
    ),
    _sign(
        r"401 Client Error|Invalid (user )?token|Repository Not Found for url", Reason.GATED_MODEL, "replace the token"
    ),
    _sign(
        r"LocalEntryNotFoundError|Cannot find the requested files in the (disk|local) cache|OfflineModeIsEnabled",
        Reason.MISSING_CHECKPOINT,
        "the host may not download: fill its cache first, or take HF_HUB_OFFLINE away",
    ),
    _sign(
        r"(FileNotFoundError|No such file or directory).*(\.pt\b|\.safetensors|\.jit|checkpoint|Cosmos-|mean_std)",
        Reason.MISSING_CHECKPOINT,
    ),
    _sign(r"(NVIDIA )?driver on your system is too old|CUDA driver version is insufficient", Reason.GPU_UNAVAILABLE),
    _sign(
        r"No CUDA GPUs are available|Found no NVIDIA driver|CUDA error: (device|no kernel|unspecified|an illegal)",
        Reason.GPU_UNAVAILABLE,
    ),
    _sign(
        r"Sizes of tensors must match|The size of tensor a \(\d+\) must match|is not divisible by chunk_length",
        Reason.SHAPE_MISMATCH,
        "controls and video differ in size, aspect or length",
    ),
    _sign(
        r"No input frames; cannot pad|Video has only \d+ frames but needs|Expected \d+ frames",
        Reason.SHAPE_MISMATCH,
    ),
    _sign(r"fit into 32-bit index math", Reason.SHAPE_MISMATCH, "split the clip: no more than 121 frames at a time"),
    _sign(r"need at least one array to stack|torch\.cat\(\): expected a non-empty list", Reason.SHAPE_MISMATCH),
    _sign(
        r"moov atom not found|Invalid data found when processing input|Could not (open|read) video|No video stream",
        Reason.INPUT_UNREADABLE,
    ),
    _sign(
        r"Prompt length of \d+ is longer than the maximum model length",
        Reason.SHAPE_MISMATCH,
        "the scene's frames are too large for the upsampler: lower `pixels`",
    ),
    _sign(r"ValueError: Invalid video file", Reason.INPUT_UNREADABLE, "a mask must be a video in mp4"),
    _sign(
        r"Still no boxes detected|Number of regional prompts \(\d+\) must match",
        Reason.BAD_SPEC,
        "the words of a prompt or mask_prompt were found nowhere in the first frame: use others, or give a file",
    ),
    _sign(
        r"Invalid hint_key|Must have ['\"]input_video|Error validating parameters from|ValidationError"
        r"|Distilled model only supports|Invalid image extension|JSONDecodeError|unrecognized arguments"
        r"|the following arguments are required|invalid (choice|int value|float value)",
        Reason.BAD_SPEC,
        "the model does not take this: check `commit` and `image` of the model against docs/models.md",
    ),
    _sign(
        r"EADDRINUSE|Address already in use", Reason.NETWORK_FAILED, "a port was taken; another attempt uses another"
    ),
    _sign(
        r"Watchdog caught collective operation timeout|NCCL (error|timeout)|ncclSystemError|ncclRemoteError",
        Reason.NETWORK_FAILED,
    ),
    _sign(
        r"ConnectionResetError|ConnectionError: |Max retries exceeded|ReadTimeoutError"
        r"|Temporary failure in name resolution",
        Reason.NETWORK_FAILED,
        "a download failed; where the container has no network, fill the host's cache first",
    ),
    _sign(
        r"ModuleNotFoundError|ImportError|undefined symbol|cannot open shared object file",
        Reason.PROGRAM_FAILED,
        "a library of the image is missing or does not fit: check `image`",
    ),
)
"""In the order in which they are looked for."""


def failure(log: str, among: tuple[Signature, ...] = FAILURES) -> Verdict | None:
    """The first signature that a log has, with the line that has it; None where it has none."""
    lines = list(_lines(log))
    for signature in among:
        for line in lines:
            if signature.pattern.search(line):
                message = f"{_short(line)}; {signature.advice}" if signature.advice else _short(line)
                return Verdict(reason=signature.reason, message=message)
    return None


def blocked(log: str) -> Verdict | None:
    """Whether a guardrail stopped the run: asked for programs that end well and leave nothing."""
    return failure(log, GUARDRAIL)


_PREFIX = re.compile(r"^\[[^\]|]*\|[A-Z]+\|[^\]]*\]\s*|^(\[rank\d+\]:\s*)+")
"""What loguru and torchrun put before a line."""


def _lines(log: str) -> Iterator[str]:
    for line in log.splitlines():
        plain = "".join(letter for letter in line if letter.isprintable()).strip()
        if plain:
            yield plain


def _short(line: str) -> str:
    return _PREFIX.sub("", line)[:WORDS_MAX]
