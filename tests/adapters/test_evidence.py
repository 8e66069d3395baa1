"""How a run ended, by its exit record, its files, their frames and its log."""

import pytest

from cosmos.adapters.base import Evidence, Step
from cosmos.adapters.evidence import WORDS_MAX, exit_verdict, last_line, output_verdict, step
from cosmos.core.observed import ExitRecord
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, OutputFile
from tests.makers import a_manifest, an_exit

GOOD = MediaFacts(frames=48, width=640, height=352, fps=24.0)


VERIFY = an_exit(1, stage="verify")
NO_DISK = "OSError: [Errno 28] No space left on device"
OOM = "cosmos: out of memory: the kernel ended a process to free some"
STALLED = an_exit(143, stalled=True)
TOLD = an_exit(1, interrupted=True)
NO_GPU_MEMORY = "torch.OutOfMemoryError: CUDA out of memory."


TORCHRUN = """\
[rank1]: Traceback (most recent call last):
[rank1]: ValueError: bad
[rank0]: RuntimeError: a peer is gone
Traceback (most recent call last):
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
====
transfer.py FAILED
====
"""


@pytest.mark.parametrize(
    ("record", "log", "reason", "message"),
    [
        (an_exit(1), "Traceback\nValueError: bad\n\n", Reason.PROGRAM_FAILED, "exit code 1: ValueError: bad"),
        (an_exit(1), "", Reason.PROGRAM_FAILED, "exit code 1"),
        (an_exit(1), TORCHRUN, Reason.PROGRAM_FAILED, "exit code 1: [rank1]: ValueError: bad"),
        (an_exit(1), "torch.x.ChildFailedError: \n====", Reason.PROGRAM_FAILED, "exit code 1: ===="),
        (an_exit(143, stopped=True), "bye", Reason.STOPPED, "the run was stopped"),
        (an_exit(0, stopped=True), "", Reason.STOPPED, "the run was stopped"),
        (an_exit(143, timed_out=True), "", Reason.TIMEOUT, "stopped after 50 s, the run's timeout"),
        (STALLED, "step 3", Reason.STALLED, "neither log nor outputs grew for the run's stall time: step 3"),
        (VERIFY, "a.mp4: FAILED", Reason.INPUT_CORRUPT, "an input differs from its sha256: a.mp4: FAILED"),
        (
            an_exit(127),
            "sh: x: not found",
            Reason.PROGRAM_NOT_FOUND,
            "the program is not on the host: sh: x: not found",
        ),
        (an_exit(126), "", Reason.PROGRAM_NOT_FOUND, "the program cannot be executed"),
        (an_exit(1), NO_DISK, Reason.DISK_FULL, f"the host's disk is full: {NO_DISK}"),
        (an_exit(1), NO_GPU_MEMORY, Reason.GPU_OUT_OF_MEMORY, f"the GPU's memory was not enough: {NO_GPU_MEMORY}"),
        (an_exit(137), "x\nKilled", Reason.KILLED, "ended by signal KILL, which was not sent from here: Killed"),
        (an_exit(137), "oom-kill: pid 7", Reason.HOST_OUT_OF_MEMORY, "killed for lack of memory: oom-kill: pid 7"),
        (an_exit(-9), "MemoryError", Reason.HOST_OUT_OF_MEMORY, "killed for lack of memory: MemoryError"),
        (an_exit(1), "MemoryError", Reason.PROGRAM_FAILED, "exit code 1: MemoryError"),
        (an_exit(143), "", Reason.KILLED, "ended by signal TERM, which was not sent from here"),
        (an_exit(130), "", Reason.KILLED, "ended by signal INT, which was not sent from here"),
        (an_exit(139), "", Reason.PROGRAM_FAILED, "crashed (signal SEGV)"),
        (an_exit(134), "std::bad_alloc", Reason.PROGRAM_FAILED, "crashed (signal ABRT): std::bad_alloc"),
        (an_exit(255), "", Reason.PROGRAM_FAILED, "exit code 255"),
        (TOLD, "bye", Reason.KILLED, "the run was told to end, and not from here: bye"),
        (an_exit(0, interrupted=True), "", Reason.KILLED, "the run was told to end, and not from here"),
        (an_exit(1, interrupted=True, stopped=True), "", Reason.STOPPED, "the run was stopped"),
        (an_exit(1, interrupted=True), OOM, Reason.HOST_OUT_OF_MEMORY, "the kernel ended a process to free some"),
        (an_exit(127), OOM, Reason.HOST_OUT_OF_MEMORY, "the kernel ended a process to free some"),
        (an_exit(137), NO_DISK, Reason.DISK_FULL, f"the host's disk is full: {NO_DISK}"),
    ],
)
def test_an_end_that_was_not_good_has_its_reason(record: ExitRecord, log: str, reason: Reason, message: str) -> None:
    verdict = exit_verdict(Evidence(exit=record, log_tail=log))
    assert verdict is not None
    assert (verdict.reason, verdict.message) == (reason, message)


def test_a_good_end_is_no_verdict_whatever_the_log_says() -> None:
    assert (
        exit_verdict(Evidence(exit=an_exit(0), log_tail="CUDA out of memory; retrying\nNo space left on device"))
        is None
    )


OUTPUTS = {
    "video": OutputFile(path="video.mp4", frames=48, width=640, height=352),
    "notes": OutputFile(path="notes.txt", video=False),
}


def test_outputs_that_are_there_and_decode_are_no_verdict() -> None:
    assert (
        output_verdict(
            OUTPUTS, Evidence(exit=an_exit(0), manifest=a_manifest("video.mp4", "notes.txt"), media={"video": GOOD})
        )
        is None
    )


def test_an_output_that_is_not_there_is_missing_and_what_is_there_is_named() -> None:
    verdict = output_verdict(
        OUTPUTS, Evidence(exit=an_exit(0), manifest=a_manifest("video.mp4"), media={"video": GOOD})
    )
    assert verdict is not None
    assert verdict.reason is Reason.OUTPUT_MISSING
    assert verdict.message == 'output "notes": no notes.txt; the program left video.mp4'


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        ("is cut short: its end is missing", "is cut short: its end is missing"),
        (None, "it was not decoded"),
        (MediaFacts(frames=47, width=640, height=352, fps=24.0), "47 frames, and must have 48"),
        (MediaFacts(frames=48, width=320, height=352, fps=24.0), "320x352 pixels, and must be 640x352"),
        (MediaFacts(frames=48, width=640, height=350, fps=24.0), "640x350 pixels, and must be 640x352"),
    ],
)
def test_an_output_that_is_not_what_it_must_be_is_invalid(found: MediaFacts | str | None, wrong: str) -> None:
    media = {} if found is None else {"video": found}
    verdict = output_verdict(
        OUTPUTS, Evidence(exit=an_exit(0), manifest=a_manifest("video.mp4", "notes.txt"), media=media)
    )
    assert verdict is not None
    assert verdict.reason is Reason.OUTPUT_INVALID
    assert verdict.message == f'output "video" (video.mp4): {wrong}'


def test_an_output_of_unknown_length_is_good_at_any() -> None:
    outputs = {"video": OutputFile(path="video.mp4")}
    assert (
        output_verdict(outputs, Evidence(exit=an_exit(0), manifest=a_manifest("video.mp4"), media={"video": GOOD}))
        is None
    )


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("", Step()),
        ("loading\n", Step(words="loading")),
        ("progress 1/4\nprogress 2/4\n", Step(percent=50, words="progress 2/4")),
        ("progress 2/4\nwriting\n", Step(percent=50, words="writing")),
        ("progress 0/0\n", Step(words="progress 0/0")),
        ("progress 9/4\n", Step(percent=100, words="progress 9/4")),
        ("10%|#   | 4/35\r57%|###  | 20/35", Step(percent=57, words="57%|###  | 20/35")),
        ("size 1280%\n", Step(words="size 1280%")),
        ("frame 99.5 %\n", Step(percent=99, words="frame 99.5 %")),
    ],
)
def test_progress_is_read_from_the_last_line_that_has_some(log: str, expected: Step) -> None:
    assert step(log) == expected


def test_words_of_a_log_carry_no_terminal_codes_and_are_short() -> None:
    log = "first\n\x1b[31mred\x1b[0m\x07 \x1b]0;title\x07text" + "." * 999 + "\n  \n"
    assert last_line(log) == ("red text" + "." * 999)[:WORDS_MAX]
