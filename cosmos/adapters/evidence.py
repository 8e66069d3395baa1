"""How a run ended, by evidence: exit record, files, decoded frames, log. Shared by all adapters.

Success is never the exit code alone. What was written down on the host comes before what the program says in its
log, and that before its exit code, which says least. A reason that is retried by itself is given only where the
log or the signal shows that the machine, not the program, was at fault.
"""

import re
from collections.abc import Mapping

from cosmos.adapters.base import Evidence, Step, Verdict
from cosmos.adapters.signatures import Signature, failure
from cosmos.core.observed import ExitRecord
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, OutputFile

WORDS_MAX = 200
"""Longest piece of a log that goes into a message."""

_SIGNALS = {1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL", 11: "SEGV", 15: "TERM"}
_FROM_OUTSIDE = frozenset({1, 2, 9, 15})
"""Signals that a program does not send itself."""

_LACKING = {
    "missing file": Reason.MISSING_CHECKPOINT,
    "missing secret": Reason.SECRET_MISSING,
    "other commit": Reason.OTHER_COMMIT,
    "port in use": Reason.PORT_IN_USE,
}
"""How the last line of run.sh begins when something is not on the host (bash/run.sh, `preflight`)."""

FPS_SLACK = 0.01
"""Frames a second by which rates may differ and be the same rate, written differently."""

_KERNEL_FREED = "cosmos: out of memory: "
"""What run.sh says when the kernel ended a process of the run, be it the program or a child of it."""
_NO_DISK = re.compile(r"No space left on device|Disk quota exceeded", re.IGNORECASE)
_NO_GPU_MEMORY = re.compile(r"CUDA out of memory|torch\.(cuda\.)?OutOfMemoryError|CUDA_ERROR_OUT_OF_MEMORY")
_NO_MEMORY = re.compile(r"out of memory|oom[- ]kill|cannot allocate memory|MemoryError|std::bad_alloc", re.IGNORECASE)
_TORCHRUN = "ChildFailedError"
_ERROR = re.compile(r"(\[rank\d+\]: ?)?[A-Za-z_][\w.]*(Error|Exception)\b")
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")
_COUNT = re.compile(r"\bprogress (\d{1,9})/(\d{1,9})\b")
_PERCENT = re.compile(r"(?<![\d.])(\d{1,3})(?:\.\d+)? ?%")


def exit_verdict(evidence: Evidence, known: tuple[Signature, ...] = ()) -> Verdict | None:
    """Why the program did not end well, or None where it did.

    Args:
        evidence: What it left.
        known: What programs of its kind say in their logs when they fail (`signatures.FAILURES`).
    """
    record, log_tail = evidence.exit, evidence.log_tail
    return _recorded(record, log_tail) or (None if record.code == 0 else _failed(record.code, log_tail, known))


def _recorded(record: ExitRecord, log_tail: str) -> Verdict | None:
    """What run.sh wrote down. Who was told to end may end with any code, 0 too, and leave half of its output."""
    if record.stopped:
        return Verdict(reason=Reason.STOPPED, message="the run was stopped")
    if record.timed_out:
        lasted = record.ended_at - record.started_at
        return Verdict(reason=Reason.TIMEOUT, message=f"stopped after {lasted:.0f} s, the run's timeout")
    if record.stalled:
        message = _join("neither log nor outputs grew for the run's stall time", last_line(log_tail))
        return Verdict(reason=Reason.STALLED, message=message)
    if record.stage == "preflight":
        return _lacking("".join(_lines(log_tail)[-1:]))
    if record.code and record.stage == "verify":
        message = _join("an input differs from its sha256", last_line(log_tail))
        return Verdict(reason=Reason.INPUT_CORRUPT, message=message)
    if record.interrupted and not _out_of_memory(record.code, log_tail):
        message = _join("the run was told to end, and not from here", last_line(log_tail))
        return Verdict(reason=Reason.KILLED, message=message)
    return None


def _lacking(line: str) -> Verdict:
    """What run.sh did not find on the host, in its last line."""
    what, _, words = line.removeprefix("cosmos: ").partition(": ")
    return Verdict(reason=_LACKING.get(what, Reason.HOST_REFUSED), message=words or line)


def _failed(code: int, log_tail: str, known: tuple[Signature, ...]) -> Verdict:
    """What the kernel and the program say in the log; then what the exit code says."""
    last = _telling(log_tail)
    if lacking := _out_of_memory(code, log_tail):
        return Verdict(reason=Reason.HOST_OUT_OF_MEMORY, message=lacking)
    if said := failure(log_tail, known):
        return said
    if _NO_DISK.search(log_tail):
        return Verdict(reason=Reason.DISK_FULL, message=_join("the host's disk is full", last))
    if _NO_GPU_MEMORY.search(log_tail):
        return Verdict(reason=Reason.GPU_OUT_OF_MEMORY, message=_join("the GPU's memory was not enough", last))
    if code in (126, 127):
        words = "cannot be executed" if code == 126 else "is not on the host"
        return Verdict(reason=Reason.PROGRAM_NOT_FOUND, message=_join(f"the program {words}", last))
    number = _signal(code)
    if number in _FROM_OUTSIDE:
        words = f"ended by signal {_SIGNALS[number]}, which was not sent from here"
        return Verdict(reason=Reason.KILLED, message=_join(words, last))
    words = f"crashed (signal {_SIGNALS[number]})" if number in _SIGNALS else f"exit code {code}"
    return Verdict(reason=Reason.PROGRAM_FAILED, message=_join(words, last))


def output_verdict(outputs: Mapping[str, OutputFile], evidence: Evidence) -> Verdict | None:
    """What is wrong with the files, or None where each output is there and is what it must be."""
    sizes = {entry.name: entry.size for entry in evidence.manifest}
    for name, output in outputs.items():
        if output.path not in sizes and not output.required:
            continue
        if output.path not in sizes:
            found = f"the program left {', '.join(sorted(sizes)[:5])}" if sizes else "the program left no file"
            return Verdict(reason=Reason.OUTPUT_MISSING, message=f'output "{name}": no {output.path}; {found}')
        if wrong := _wrong_media(output, evidence.media.get(name)):
            return Verdict(reason=Reason.OUTPUT_INVALID, message=f'output "{name}" ({output.path}): {wrong}')
    return None


def step(log_tail: str) -> Step:
    """Progress from the last lines of a log: `progress 3/48`, or a percentage."""
    words = last_line(log_tail)
    for line in reversed(_lines(log_tail)):
        if (count := _COUNT.search(line)) and int(count[2]):
            return Step(percent=min(100, int(count[1]) * 100 // int(count[2])), words=words)
        if (percent := _PERCENT.search(line)) and int(percent[1]) <= 100:
            return Step(percent=int(percent[1]), words=words)
    return Step(words=words)


def last_line(log_tail: str) -> str:
    """The last line that says something, without terminal codes, at most WORDS_MAX characters."""
    lines = _lines(log_tail)
    return lines[-1][:WORDS_MAX] if lines else ""


def _telling(log_tail: str) -> str:
    """The last line; under torchrun the first error of a rank, which stands before many lines about its end."""
    lines = _lines(log_tail)
    if any(_TORCHRUN in line for line in lines):
        errors = (line for line in lines if _ERROR.match(line) and _TORCHRUN not in line)
        return next(errors, last_line(log_tail))[:WORDS_MAX]
    return last_line(log_tail)


def _lines(log_tail: str) -> list[str]:
    plain = _ESCAPES.sub("", log_tail)
    lines = ("".join(letter for letter in line if letter.isprintable()) for line in plain.splitlines())
    return [line.strip() for line in lines if line.strip()]


def _out_of_memory(code: int, log_tail: str) -> str:
    """How it is known that the machine's memory was not enough; empty where nothing says so."""
    last = last_line(log_tail)
    if last.startswith(_KERNEL_FREED):
        return last.removeprefix(_KERNEL_FREED)
    if _signal(code) == 9 and _NO_MEMORY.search(log_tail):
        return _join("killed for lack of memory", last)
    return ""


def _signal(code: int) -> int:
    """The signal that ended a program; 0 and less where none did."""
    return -code if code < 0 else code - 128


def _wrong_media(output: OutputFile, facts: MediaFacts | str | None) -> str:
    if not output.video:
        return ""
    if facts is None:
        return "it was not decoded"
    if isinstance(facts, str):
        return facts
    if output.frames is not None and facts.frames != output.frames:
        return f"{facts.frames} frames, and must have {output.frames}"
    found, wanted = (facts.width, facts.height), (output.width, output.height)
    if any(want is not None and have != want for have, want in zip(found, wanted, strict=True)):
        return f"{found[0]}x{found[1]} pixels, and must be {wanted[0] or 'any'}x{wanted[1] or 'any'}"
    if output.fps is not None and abs(facts.fps - output.fps) > FPS_SLACK:
        return f"{facts.fps:g} frames a second, and must have {output.fps:g}"
    return ""


def _join(words: str, last: str) -> str:
    return f"{words}: {last}" if last else words
