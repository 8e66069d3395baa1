"""What Cosmos 3's program says at its end about the sample that it was given."""

import json
from collections.abc import Mapping

from cosmos.adapters.base import Evidence, Verdict
from cosmos.adapters.evidence import exit_verdict, output_verdict
from cosmos.adapters.signatures import FAILURES, blocked, failure
from cosmos.core.ports import ROOT
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, Run

REPORT = "sample_outputs.json"
WORDS_MAX = 200


def verdict_of(run: Run, evidence: Evidence, told: Mapping[str, object]) -> Verdict:
    """How a run ended; `told` is the sample that the program was given, whatever its name."""
    report = _report(evidence.texts.get("report", ""))
    failed = exit_verdict(evidence, FAILURES) or _said(report, evidence.log_tail)
    failed = failed or output_verdict(run.outputs, evidence)
    if failed or report is None:
        return failed or Verdict()
    args = report["args"]
    for name, value in told.items():
        if name != "name" and (found := _differs(args.get(name), value)):
            message = f"the program ran with another {name} than it was told: {found}"
            return Verdict(reason=Reason.OUTPUT_INVALID, message=message)
    video = evidence.media.get("video")
    if isinstance(video, MediaFacts) and video.black:
        return Verdict(reason=Reason.OUTPUT_INVALID, message='output "video" is black in every frame')
    return Verdict(effective={name: value for name, value in args.items() if value is not None})


def _report(text: str) -> dict[str, dict[str, object]] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("args"), dict) else None


def _said(report: Mapping[str, object] | None, log_tail: str) -> Verdict | None:
    """What the program says of a sample that it gave up, with whatever exit code."""
    if report is None:
        said = failure(log_tail)
        lacks = f"the program ended without {REPORT}, which says how the sample ended"
        return said or Verdict(reason=Reason.OUTPUT_MISSING, message=lacks)
    if report.get("status") == "success":
        return None
    message = str(report.get("message") or report.get("status"))
    text = f"{message}\n{report.get('stack_trace') or ''}"
    return blocked(text) or failure(text) or Verdict(reason=Reason.PROGRAM_FAILED, message=message[:WORDS_MAX])


def _differs(found: object, told: object) -> str:
    """What the program ran with in place of what it was told, "" for the same. Names of files do not count."""
    if isinstance(told, str) and ROOT in told:
        return ""
    if isinstance(told, Mapping):
        inner = found if isinstance(found, Mapping) else {}
        return next((words for name, value in told.items() if (words := _differs(inner.get(name), value))), "")
    return "" if found == told else f"{json.dumps(found)[:60]}, not {json.dumps(told)[:60]}"
