"""The arithmetic of attempts: whether another one is made after a failure, and when.

Failures of the infrastructure are no fault of the run and do not use up its own limit; they have one of
their own, so that a run that no machine can bear ends some day. All times are the controller's.
"""

from dataclasses import dataclass

from cosmos.core.case import Case, launch_cause
from cosmos.core.digest import sha256_hex
from cosmos.core.plan import Cause
from cosmos.core.reasons import Reason, is_infra
from cosmos.core.recorded import Attempt, AttemptState

INFRA_LIMIT = 6
"""Failures of the infrastructure that park a run, when their attempts began within INFRA_WINDOW_S of the last."""
INFRA_WINDOW_S = 86400.0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many failures count together with the last one, and how many of them are the end."""

    count: int
    most: int

    @property
    def is_full(self) -> bool:
        return self.count >= self.most


def tally(case: Case) -> Tally:
    """Of a run that has failed. Each kind of failure has its own count."""
    last, run = case.failures[-1], case.want.run
    if last.state is not AttemptState.FAILED or last.reason is None or run.retry_limit == 0:
        return Tally(1, 1)
    if is_infra(last.reason):
        begun = last.intended_at - INFRA_WINDOW_S
        return Tally(sum(_is_infra(each) and each.intended_at >= begun for each in case.failures), INFRA_LIMIT)
    if last.reason not in run.retry_on:
        return Tally(1, 1)
    return Tally(sum(each.reason in run.retry_on for each in case.failures), run.retry_limit + 1)


def _is_infra(attempt: Attempt) -> bool:
    return attempt.state is AttemptState.FAILED and attempt.reason is not None and is_infra(attempt.reason)


def is_exhausted(case: Case) -> bool:
    """No further attempt is made: the last failure is not one that another attempt may mend, or there were too many."""
    return bool(case.failures) and tally(case).is_full


def why_ended(case: Case) -> str:
    """One sentence about a run that is exhausted."""
    last, failures = case.failures[-1], len(case.failures)
    words = last.message or "failed"
    if failures == 1:
        return words
    parked = last.reason is not None and is_infra(last.reason) and tally(case) == Tally(INFRA_LIMIT, INFRA_LIMIT)
    hours = f", {INFRA_LIMIT} of them failed by the infrastructure within {INFRA_WINDOW_S / 3600:.0f} h"
    return f"{words} after {failures} attempts{hours if parked else ''}"


def backoff_s(case: Case) -> float:
    """Exponential with full jitter, which is derived from the digest, so that equal plans stay equal."""
    tries = len(case.failures)
    full = min(case.policy.backoff_cap_s, case.policy.backoff_base_s * 2.0 ** (tally(case).count - 1))
    share = int(sha256_hex(f"{case.want.digest}{tries}".encode())[:8], 16) / 0xFFFFFFFF
    return full * share


def due_at(case: Case) -> float | None:
    """When the next attempt may start, while that is in the future.

    An end further ahead than the pause itself was told by a clock that is wrong, and asks for none.
    """
    if not case.failures:
        return None
    pause = backoff_s(case)
    ended = case.failures[-1].ended_at or 0.0
    return ended + pause if case.now - pause < ended <= case.now + pause else None


def why_launch(case: Case) -> tuple[Cause, str]:
    """Why the next attempt is made, and the detail that a person wants to see."""
    if not case.failures:
        return launch_cause(case)
    found, reason = tally(case), case.failures[-1].reason
    words = (reason or Reason.PROGRAM_FAILED).value
    return Cause.ATTEMPT_FAILED, f"{words}; attempt {found.count + 1} of {found.most}"
