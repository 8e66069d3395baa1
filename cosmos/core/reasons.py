"""Why a run is where it is. One table: reason -> retried by itself?, whose fault, what to do.

Plans, status, events, logs and the documentation use these words and no others.
"""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    USER = "user"  # the spec or the inputs
    MODEL = "model"  # the program that ran
    INFRA = "infra"  # machine, network, disk


class Reason(StrEnum):
    """Name of a failure, as shown to people and stored."""

    PROGRAM_FAILED = "ProgramFailed"
    PROGRAM_NOT_FOUND = "ProgramNotFound"
    OUTPUT_MISSING = "OutputMissing"
    OUTPUT_INVALID = "OutputInvalid"
    TIMEOUT = "Timeout"
    STALLED = "Stalled"
    STOPPED = "Stopped"
    INPUT_CORRUPT = "InputCorrupt"
    KILLED = "Killed"
    PROCESS_LOST = "ProcessLost"
    HOST_REBOOTED = "HostRebooted"
    RUN_DIRECTORY_LOST = "RunDirectoryLost"
    ASSUMED_LOST = "AssumedLost"
    DISK_FULL = "DiskFull"
    HOST_REFUSED = "HostRefused"
    BAD_SPEC = "BadSpec"
    GPU_OUT_OF_MEMORY = "GpuOutOfMemory"
    HOST_OUT_OF_MEMORY = "HostOutOfMemory"
    IMAGE_MISSING = "ImageMissing"
    MISSING_CHECKPOINT = "MissingCheckpoint"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a name
    OTHER_COMMIT = "OtherCommit"
    PORT_IN_USE = "PortInUse"
    GATED_MODEL = "GatedModel"
    GUARDRAIL_BLOCKED = "GuardrailBlocked"
    SHAPE_MISMATCH = "ShapeMismatch"
    INPUT_UNREADABLE = "InputUnreadable"
    SERVER_UNAVAILABLE = "ServerUnavailable"
    NETWORK_FAILED = "NetworkFailed"
    DOCKER_UNAVAILABLE = "DockerUnavailable"
    GPU_UNAVAILABLE = "GpuUnavailable"


@dataclass(frozen=True, slots=True)
class ReasonInfo:
    """`retryable`: another attempt may succeed with nothing changed."""

    retryable: bool
    fault: Fault
    meaning: str
    remedy: str


REASONS: dict[Reason, ReasonInfo] = {
    Reason.PROGRAM_FAILED: ReasonInfo(
        False, Fault.MODEL, "the program ended with an error", "read the log: cosmos logs NAME"
    ),
    Reason.PROGRAM_NOT_FOUND: ReasonInfo(
        False,
        Fault.USER,
        "the model's program is not on the host",
        "install it there, or correct the model's command",
    ),
    Reason.OUTPUT_MISSING: ReasonInfo(
        False,
        Fault.MODEL,
        "the program ended well but a declared output is not there",
        "compare the model's outputs with what the program writes: cosmos logs NAME",
    ),
    Reason.OUTPUT_INVALID: ReasonInfo(
        False,
        Fault.MODEL,
        "an output does not decode, or has other frames or another size than it must",
        "read the log: cosmos logs NAME",
    ),
    Reason.TIMEOUT: ReasonInfo(
        False,
        Fault.USER,
        "the run took longer than its timeout",
        "raise `timeout` in the spec, or make the run smaller",
    ),
    Reason.STALLED: ReasonInfo(
        True,
        Fault.MODEL,
        "neither log nor outputs grew for as long as `stall` allows",
        "read the log: cosmos logs NAME; raise `stall` in the spec where the program is silent for long",
    ),
    Reason.STOPPED: ReasonInfo(
        False, Fault.USER, "the run was stopped on request", "cosmos retry NAME starts it again"
    ),
    Reason.INPUT_CORRUPT: ReasonInfo(
        True,
        Fault.INFRA,
        "an input on the host no longer matches its sha256",
        "find out what changes files on the host; the input is uploaded again",
    ),
    Reason.KILLED: ReasonInfo(
        True,
        Fault.INFRA,
        "something other than cosmos ended the program",
        "find out who or what stops work on the host",
    ),
    Reason.PROCESS_LOST: ReasonInfo(
        True,
        Fault.INFRA,
        "the process ended without an exit record (killed, or out of memory)",
        "see the host's log",
    ),
    Reason.HOST_REBOOTED: ReasonInfo(
        True, Fault.INFRA, "the host restarted during the run", "find out why it restarts"
    ),
    Reason.RUN_DIRECTORY_LOST: ReasonInfo(
        True, Fault.INFRA, "the run directory is gone from the host", "find out what removed it"
    ),
    Reason.ASSUMED_LOST: ReasonInfo(
        True,
        Fault.INFRA,
        "a person gave up work on a host that could not be looked at",
        "if the host comes back with the work alive, that is stopped",
    ),
    Reason.DISK_FULL: ReasonInfo(True, Fault.INFRA, "a disk is full", "free space on the host, or in .cosmos"),
    Reason.HOST_REFUSED: ReasonInfo(
        True, Fault.INFRA, "the host could not start the run", "read the message; see docs/operations.md"
    ),
    Reason.BAD_SPEC: ReasonInfo(False, Fault.USER, "the spec cannot be run", "correct the spec"),
    Reason.GPU_OUT_OF_MEMORY: ReasonInfo(
        False, Fault.USER, "the GPU's memory was not enough", "use a larger GPU, or fewer frames"
    ),
    Reason.HOST_OUT_OF_MEMORY: ReasonInfo(
        True,
        Fault.INFRA,
        "the kernel ended the program to free memory",
        "run fewer at once: lower `slots` of the host; or raise `container.memory` of the model",
    ),
    Reason.IMAGE_MISSING: ReasonInfo(
        False,
        Fault.USER,
        "the model's image is not on the host",
        "bring it there: cosmos hosts pull HOST; or correct the model's `image`",
    ),
    Reason.MISSING_CHECKPOINT: ReasonInfo(
        False,
        Fault.USER,
        "a file of the model is not on the host, or not whole",
        "download it there (docs/models.md), and correct `paths` of the model and `mounts` of the host",
    ),
    Reason.SECRET_MISSING: ReasonInfo(
        False,
        Fault.USER,
        "the host has not the secret that the model needs",
        "write it into a file there, and name that under hosts.NAME.secrets",
    ),
    Reason.OTHER_COMMIT: ReasonInfo(
        False,
        Fault.USER,
        "the model's code on the host is at another commit than its spec says",
        "check out that commit there, or correct `commit` of the model",
    ),
    Reason.PORT_IN_USE: ReasonInfo(
        True,
        Fault.INFRA,
        "something on the host listens on a port that the program needs",
        "see on the host who does: ss -ltnp; end that, or give the model another port",
    ),
    Reason.GATED_MODEL: ReasonInfo(
        False,
        Fault.USER,
        "the host's token may not read a model that it must download",
        "accept its licence on its page with the account of the token, or replace the token",
    ),
    Reason.GUARDRAIL_BLOCKED: ReasonInfo(
        False,
        Fault.USER,
        "the model's guardrail refused the prompt or the result",
        "rewrite the prompt; where the result was refused, another seed may pass",
    ),
    Reason.SHAPE_MISMATCH: ReasonInfo(
        False,
        Fault.USER,
        "inputs do not fit each other or the model: frames, sizes, length",
        "bring them to one size and length: see docs/models.md",
    ),
    Reason.INPUT_UNREADABLE: ReasonInfo(
        False, Fault.USER, "the model cannot read an input", "encode it as H.264 in mp4: see docs/models.md"
    ),
    Reason.SERVER_UNAVAILABLE: ReasonInfo(
        True, Fault.INFRA, "the model's server does not answer", "see on the host whether it runs, and its log"
    ),
    Reason.NETWORK_FAILED: ReasonInfo(
        True, Fault.INFRA, "processes of the run, or a download, lost their connection", "see the log and the network"
    ),
    Reason.DOCKER_UNAVAILABLE: ReasonInfo(
        True, Fault.INFRA, "Docker on the host does not answer", "see on the host: systemctl status docker"
    ),
    Reason.GPU_UNAVAILABLE: ReasonInfo(
        True, Fault.INFRA, "the GPU cannot be used", "see on the host: nvidia-smi; a driver that hangs needs a restart"
    ),
}


LISTABLE = tuple(
    reason
    for reason, info in REASONS.items()
    if info.fault is not Fault.INFRA and reason not in (Reason.STOPPED, Reason.BAD_SPEC)
)
"""What a spec may list to be tried again: nobody's wish, and not tried again anyway."""

LISTED = tuple(reason for reason in LISTABLE if REASONS[reason].retryable)
"""What is tried again where the spec lists nothing."""


def is_infra(reason: Reason) -> bool:
    """Machine, network or disk failed, so the run itself is not to blame."""
    return REASONS[reason].fault is Fault.INFRA
