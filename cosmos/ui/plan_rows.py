"""A plan as pages show it, as JSON: pure."""

from typing import Any

from cosmos.core import plan_text
from cosmos.core.plan import Act, Operation
from cosmos.outcome import PlanView


def summary(view: PlanView) -> str:
    """The last line of `cosmos plan`."""
    return plan_text.summary(view.plan)


def operation_row(operation: Operation) -> dict[str, Any]:
    """One operation."""
    return {
        "act": "run" if operation.act is Act.LAUNCH else operation.act.value,
        "cause": operation.cause.value,
        "key": operation.key,
        "at": str(operation.at) if operation.at is not None else "",
        "host": operation.host,
        "eta": operation.eta_s,
        "basis": operation.basis.value if operation.basis is not None else "",
        "bytes": sum(blob.size for blob in operation.blobs),
        "words": operation.waits or operation.detail,
        "ready": operation.ready,
        "attempt": operation.attempt,
    }
