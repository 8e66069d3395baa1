"""Parts of a plan as plain data, for programs."""

from cosmos.core.plan import Operation, RunStatus


def status_json(status: RunStatus) -> dict[str, object]:
    """One run's standing as plain data."""
    return {
        "key": status.key,
        "id": status.run_id,
        "digest": status.digest,
        "sync": status.sync.value,
        "phase": status.phase.value,
        "cause": status.cause and status.cause.value,
        "reason": status.reason and status.reason.value,
        "message": status.message,
        "host": status.host,
        "gpus": list(status.gpus),
        "attempt": status.attempt,
        "folder": status.folder,
        "since": status.since,
        "until": status.until,
        "stuck": status.stuck,
        "takes_s": status.takes_s,
        "basis": status.basis and status.basis.value,
        "ends_at": status.ends_at,
        "file": status.at.file,
        "line": status.at.line,
    }


def operation_json(operation: Operation) -> dict[str, object]:
    """One operation as plain data."""
    return {
        "act": operation.act.value,
        "cause": operation.cause.value,
        "key": operation.key,
        "digest": operation.digest,
        "file": operation.at and operation.at.file,
        "line": operation.at and operation.at.line,
        "host": operation.host,
        "gpus": list(operation.gpus),
        "batch": operation.batch_id,
        "attempt": operation.attempt,
        "detail": operation.detail,
        "reason": operation.reason and operation.reason.value,
        "blobs": [{"sha256": blob.sha256, "size": blob.size, "path": blob.path} for blob in operation.blobs],
        "eta_s": operation.eta_s,
        "basis": operation.basis and operation.basis.value,
        "wants_gpus": operation.wants_gpus,
        "after": operation.after,
        "ready": operation.ready,
        "waits": operation.waits,
        "batch_size": operation.batch_size,
        "saves_s": operation.saves_s,
    }
