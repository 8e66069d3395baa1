"""What model programs say when they fail, each in the words of the program, and the reason that it means."""

import pytest

from cosmos.adapters.base import Evidence
from cosmos.adapters.evidence import exit_verdict
from cosmos.adapters.signatures import FAILURES, blocked, failure
from cosmos.core.reasons import Reason
from tests.makers import an_exit

TORCHRUN = """\
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
/workspace/cosmos_transfer1/diffusion/inference/transfer.py FAILED
"""
SAID = [
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 71.00 GiB", Reason.GPU_OUT_OF_MEMORY),
    ("OSError: [Errno 28] No space left on device", Reason.DISK_FULL),
    ("huggingface_hub.errors.GatedRepoError: 403 Client Error.", Reason.GATED_MODEL),
    ("requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url", Reason.GATED_MODEL),
    ("huggingface_hub.errors.LocalEntryNotFoundError: Cannot find", Reason.MISSING_CHECKPOINT),
    (
        "FileNotFoundError: [Errno 2] No such file or directory: 'checkpoints/nvidia/Cosmos-Guardrail1'",
        Reason.MISSING_CHECKPOINT,
    ),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/c/base_model.pt'", Reason.MISSING_CHECKPOINT),
    ("RuntimeError: The NVIDIA driver on your system is too old (found version 12020).", Reason.GPU_UNAVAILABLE),
    ("RuntimeError: No CUDA GPUs are available", Reason.GPU_UNAVAILABLE),
    ("RuntimeError: Sizes of tensors must match except in dimension 1. Expected size 9", Reason.SHAPE_MISMATCH),
    ("RuntimeError: The size of tensor a (88) must match the size of tensor b (120)", Reason.SHAPE_MISMATCH),
    ("Temporal dimension 24 is not divisible by chunk_length 121", Reason.SHAPE_MISMATCH),
    (
        "ValueError: No input frames; cannot pad. Verify that video frame counts match.",
        Reason.SHAPE_MISMATCH,
    ),
    ("ValueError: Video has only 3 frames but needs at least 5", Reason.SHAPE_MISMATCH),
    ("RuntimeError: input tensor must fit into 32-bit index math", Reason.SHAPE_MISMATCH),
    ("[mov,mp4,m4a @ 0x55] moov atom not found", Reason.INPUT_UNREADABLE),
    ("ValueError: Invalid video file: /cosmos/inputs/region_1.mp4", Reason.INPUT_UNREADABLE),
    ("Still no boxes detected. Consider adjusting the prompt or using box/points mode.", Reason.BAD_SPEC),
    ("ValueError: Number of regional prompts (2) must match total number of region definitions (1)", Reason.BAD_SPEC),
    ("ValueError: Prompt length of 4699 is longer than the maximum model length of 4096.", Reason.SHAPE_MISMATCH),
    ("ValueError: Invalid hint_key: dept. Must be one of ['vis', 'seg']", Reason.BAD_SPEC),
    ("ValueError: Must have 'input_video' specified if sigma_max < 80", Reason.BAD_SPEC),
    ("Error validating parameters from '/cosmos/spec.json' at line 1", Reason.BAD_SPEC),
    ("json.decoder.JSONDecodeError: Expecting value: line 2 column 1 (char 1)", Reason.BAD_SPEC),
    ("transfer.py: error: unrecognized arguments: --sed 5", Reason.BAD_SPEC),
    ("[07-01 10:00:00|CRITICAL|a.py:1:f] GUARDRAIL BLOCKED: BLOCKLIST word", Reason.GUARDRAIL_BLOCKED),
    ("Guardrail blocked generation. Prompt: a city", Reason.GUARDRAIL_BLOCKED),
    ("Guardrail blocked prompt '/cosmos/outputs/x'", Reason.GUARDRAIL_BLOCKED),
    ("Generated video 0 is not safe", Reason.GUARDRAIL_BLOCKED),
    ("All prompts failed safety checks", Reason.GUARDRAIL_BLOCKED),
    ("ValueError: No available memory for the cache blocks.", Reason.GPU_OUT_OF_MEMORY),
    ("torch.cat(): expected a non-empty list of Tensors", Reason.SHAPE_MISMATCH),
    ("torch.distributed.DistNetworkError: failed to listen on 29500: EADDRINUSE", Reason.NETWORK_FAILED),
    ("[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=8)", Reason.NETWORK_FAILED),
    ("urllib3.exceptions.MaxRetryError: Max retries exceeded with url: /api/models", Reason.NETWORK_FAILED),
    ("ImportError: libxcb.so.1: cannot open shared object file: No such file", Reason.PROGRAM_FAILED),
]


@pytest.mark.parametrize(("line", "reason"), SAID)
def test_what_a_program_says_means_one_reason_also_behind_a_wrapper(line: str, reason: Reason) -> None:
    log = f"loading\n[rank0]: {line}\n{TORCHRUN}"
    verdict = exit_verdict(Evidence(exit=an_exit(1), log_tail=log), FAILURES)
    assert verdict is not None
    assert verdict.reason is reason
    assert line.removeprefix("[07-01 10:00:00|CRITICAL|a.py:1:f] ")[:100] in verdict.message


def test_every_signature_is_met_by_a_line_of_a_program() -> None:
    met = {next(one for one in FAILURES if one.pattern.search(line)) for line, _ in SAID}
    assert [one.pattern.pattern for one in FAILURES if one not in met] == []


def test_the_cause_counts_and_not_what_follows_from_it() -> None:
    log = "GUARDRAIL BLOCKED: LLAMAGUARD3\nTypeError: cannot unpack non-iterable NoneType object\n" + TORCHRUN
    found = failure(log)
    assert found is not None
    assert found.reason is Reason.GUARDRAIL_BLOCKED


def test_a_block_is_found_in_a_log_whose_program_ended_well_and_other_words_are_none() -> None:
    assert blocked("ok\nGuardrail blocked generation. Prompt: x") is not None
    assert blocked("CUDA out of memory, retrying") is None


def test_a_program_that_nothing_is_known_of_is_judged_by_its_last_line_alone() -> None:
    verdict = exit_verdict(Evidence(exit=an_exit(1), log_tail="ConnectionError: x\nValueError: bad"))
    assert verdict is not None
    assert (verdict.reason, verdict.message) == (Reason.PROGRAM_FAILED, "exit code 1: ValueError: bad")
