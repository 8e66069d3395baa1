"""What an act would do before it is done: cancel, retry, suspend, resume. Looks at the hosts, and records nothing."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

from cosmos.core.case import Policy
from cosmos.core.desired import Desired
from cosmos.core.digest import Digest, sha256_hex
from cosmos.core.plan import Plan
from cosmos.core.recorded import Recorded, Request
from cosmos.core.suspension import Scope, Suspension
from cosmos.engine.cycle import Engine
from cosmos.engine.workers import InlineWorkers
from cosmos.errors import StaleError
from cosmos.foreseen import Foreseen, Outlook
from cosmos.project import following, plans, requests
from cosmos.project.suspending import Suspending, word
from cosmos.project.wiring import Project


class Foreseeing:
    """Of one project: each method foresees what the one of the same name does.

    Args:
        project: Opens the project; called when it is first needed.
        suspending: Knows what is suspended.
    """

    def __init__(self, project: Callable[[], Project], suspending: Suspending) -> None:
        self._open = project
        self._suspending = suspending

    def cancel(self, names: Sequence[str], labels: Sequence[str] = ()) -> Foreseen:
        """Of `CosmosAPI.cancel`."""
        desired = following.acted_on(self._open())
        keys = requests.named(desired, names, labels)
        asked = requests.cancelling(self._open(), desired, keys)
        return self._foresee("cancel", desired, keys, lambda recorded: _asking(recorded, asked))

    def retry(self, names: Sequence[str], labels: Sequence[str] = ()) -> Foreseen:
        """Of `CosmosAPI.retry`, and of the apply after it."""
        project = self._open()
        desired = following.acted_on(project)
        recorded = project.records.load({want.run.id: want.digest for want in desired.runs})
        asked = requests.retrying(desired, requests.named(desired, names, labels), recorded)
        by_digest = {request.digest: request for request in asked.values()}
        return self._foresee("retry", desired, frozenset(asked), lambda recorded: _asking(recorded, by_digest))

    def suspend(
        self,
        names: Sequence[str] = (),
        labels: Sequence[str] = (),
        *,
        hosts: Sequence[str] = (),
        project: bool = False,
    ) -> Foreseen:
        """Of `Suspending.suspend`."""
        subjects = self._suspending.subjects(names, labels, hosts, project=project)
        return self._held("suspend", subjects, active=True)

    def resume(
        self,
        names: Sequence[str] = (),
        labels: Sequence[str] = (),
        *,
        hosts: Sequence[str] = (),
        project: bool = False,
    ) -> Foreseen:
        """Of `Suspending.resume`, and of the apply after it."""
        named = self._suspending.subjects(names, labels, hosts, project=project)
        return self._held("resume", self._suspending.resumable(named), active=False)

    @staticmethod
    def check(now: Foreseen, shown: str) -> None:
        """Go on only while an act would do what a person was shown, by the `digest` of what was foreseen then.

        Raises:
            StaleError: It would do something else now: a file has changed, or the runs have gone on.
        """
        if now.digest != shown:
            raise StaleError("this would do something else now; nothing was done", "look at it again")

    def _held(self, act: str, subjects: Sequence[tuple[Scope, str]], *, active: bool) -> Foreseen:
        desired = following.acted_on(self._open())
        now = self._open().world.clock.now()
        said = [Suspension(scope=scope, subject=subject, active=active, at=now) for scope, subject in subjects]
        runs = [subject for scope, subject in subjects if scope is Scope.RUN]
        keys = frozenset(runs) if len(runs) == len(subjects) else frozenset(desired.by_key())

        def suppose(recorded: Recorded) -> Recorded:
            return replace(recorded, suspensions=recorded.suspensions.having(said))

        return self._foresee(act, desired, keys, suppose, subjects=tuple(map(word, subjects)))

    def _foresee(
        self,
        act: str,
        desired: Desired,
        keys: frozenset[str],
        suppose: Callable[[Recorded], Recorded],
        subjects: Sequence[str] = (),
    ) -> Foreseen:
        project = self._open()
        project.approach()
        with closing(Engine(world=project.world, workers=InlineWorkers())) as engine:
            look = engine.look(desired)
            now = plans.not_begun(engine.plan(desired, look, Policy()))
            then = plans.not_begun(engine.plan(desired, replace(look, recorded=suppose(look.recorded)), Policy()))
        return _foreseen(act, desired, tuple(subjects) or tuple(sorted(keys)), keys, now, then)


def _asking(recorded: Recorded, asked: dict[Digest, Request]) -> Recorded:
    return replace(recorded, requests={**recorded.requests, **asked})


def _foreseen(
    act: str, desired: Desired, subjects: tuple[str, ...], keys: frozenset[str], now: Plan, then: Plan
) -> Foreseen:
    """Runs that share a result with those that are meant are affected too.

    Of hosts and the project only what is stopped must be as it was shown: there, runs go on all the time.
    """
    is_of_runs = keys.issuperset(subjects)
    digests = {want.digest for want in desired.runs if want.run.key in keys}
    before = {operation.id for operation in now.operations}
    after = {operation.id for operation in then.operations}
    outlooks = []
    for status in then.statuses:
        was = now.status_of(status.key)
        if was is not None and (status.key in keys or status.digest in digests):
            outlooks.append(Outlook(key=status.key, before=was.phase, after=status.phase, words=status.message))
    begun = tuple(
        each for each in then.operations if (each.key in keys or each.digest in digests) and each.id not in before
    )
    dropped = tuple(
        each for each in now.operations if (each.key in keys or each.digest in digests) and each.id not in after
    )
    shown = [(each.key, each.before, each.after) for each in outlooks] if is_of_runs else []
    acts = [sorted((each.id, each.cause) for each in some) for some in (begun, dropped if is_of_runs else ())]
    return Foreseen(
        act=act,
        subjects=subjects,
        outlooks=tuple(outlooks),
        begun=begun,
        dropped=dropped,
        digest=sha256_hex(repr((act, subjects, desired.fingerprint, shown, acts)).encode())[:16],
    )
