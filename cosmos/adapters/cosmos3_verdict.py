"""How a run ended whose video a server made: by the last words of the client and what it fetched."""

import json
import re

from cosmos.adapters.base import Evidence, Verdict
from cosmos.adapters.evidence import exit_verdict, output_verdict
from cosmos.adapters.signatures import FAILURES, Signature
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, Run

ENDS = (
    Signature(re.compile(r"^cosmos: server unavailable: "), Reason.SERVER_UNAVAILABLE),
    Signature(re.compile(r"^cosmos: guardrail blocked: "), Reason.GUARDRAIL_BLOCKED),
    Signature(re.compile(r"^cosmos: request refused: "), Reason.BAD_SPEC),
    Signature(
        re.compile(r"^cosmos: answer lost: "),
        Reason.PROGRAM_FAILED,  # never tried again by itself: the server may be at work on it
        "look at the server's log first; `cosmos retry NAME` asks it once more",
    ),
)
"""Last lines of the client (programs/cosmos3_client.py)."""


def verdict_of(run: Run, evidence: Evidence) -> Verdict:
    failed = exit_verdict(evidence, (*ENDS, *FAILURES)) or output_verdict(run.outputs, evidence)
    if failed:
        return failed
    video = evidence.media.get("video")
    if isinstance(video, MediaFacts) and video.black:
        return Verdict(reason=Reason.OUTPUT_INVALID, message='output "video" is black in every frame')
    report = _report(evidence.texts.get("server", ""))
    if report is None:
        message = "the client did not end in order: server.json is not there, or is not JSON"
        return Verdict(reason=Reason.OUTPUT_INVALID, message=message)
    return Verdict(effective=report)


def _report(text: str) -> dict[str, object] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
