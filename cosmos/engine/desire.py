"""From spec files to desired runs: load, expand, resolve by adapter, check inputs, digest.

Everything that is wrong is found in one pass and named with its place. A run with a problem, and
every run that depends on it, is held: it keeps what it has and stops nobody else.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from cosmos.adapters.base import Adapter
from cosmos.adapters.fields import is_video
from cosmos.core.condition import ConditionError, facts
from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import Digest, digest_of, material
from cosmos.core.draft import Draft, Path, Refusal, Resolution
from cosmos.core.estimate import Work
from cosmos.core.expand import expand
from cosmos.core.files import FileFact, Inputs
from cosmos.core.load import Loaded, SourceFile, load
from cosmos.core.matrix import MEMBERS_MAX
from cosmos.core.placement import HostConfig
from cosmos.core.plan import Blob
from cosmos.core.problem import Code, Location, Problem, did_you_mean, quoted
from cosmos.core.reviews import Review, Reviews
from cosmos.core.run import MediaFacts, OutputFile, Run
from cosmos.core.spec_model import ModelSpec
from cosmos.engine.digesting import Digesting
from cosmos.engine.foreseen import as_if_made, foreseen, run_of
from cosmos.engine.groups import Groups
from cosmos.errors import StorageError


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a project offers to its specs, besides the files."""

    project: str
    built_in: Mapping[str, ModelSpec]
    adapters: Mapping[str, Adapter]
    inputs: Inputs
    hosts: tuple[HostConfig, ...] = ()
    max_runs: int = MEMBERS_MAX


def desire(files: Iterable[SourceFile], around: Surroundings) -> Desired:
    """Everything that the specs ask for, and everything that is wrong with them."""
    files = tuple(files)
    loaded = load(files)
    expanded = expand(loaded, around.built_in, around.project, around.max_runs)
    resolving = _Resolving(loaded, around)
    candidates = {draft.key: draft for draft in expanded.drafts if draft.only_if is not None}
    settled = (draft for draft in expanded.drafts if draft.only_if is None)
    runs = {draft.key: run for draft in settled if (run := resolving.run(draft)) is not None}
    found = Digesting(resolving, runs, candidates)
    found.digest()
    wants = found.done
    problems = {*loaded.problems, *expanded.problems, *resolving.problems}
    held = frozenset(expanded.held | ({draft.key for draft in expanded.drafts} - wants.keys() - found.dropped))
    warnings = set(resolving.warnings)
    if not loaded.is_blind:
        warnings.update(_of_nothing(loaded.reviews, wants.keys() | found.dropped, held), found.choosing_none())
    return Desired(
        runs=tuple(wants[key] for key in sorted(wants)),
        problems=tuple(sorted(problems)),
        held=held,
        is_blind=loaded.is_blind,
        files=len(files),
        specs=len(loaded.prompts) + len(loaded.runs) + len(loaded.models) + len(loaded.reviews),
        reviews=loaded.reviews,
        warnings=tuple(sorted(warnings)),
    )


def _of_nothing(reviews: Reviews, known: Collection[str], held: frozenset[str]) -> Iterator[Problem]:
    """Reviews of runs that no spec has, and none that cannot be judged now; one warning for the runs of one spec."""
    gone: dict[str, list[Review]] = {}
    for key, found in reviews.by_run.items():
        name = key.partition("/")[0]
        if key not in known and key not in held and name not in held:
            gone.setdefault(name, []).extend(found)
    for found in gone.values():
        more = f", nor those of {len(found) - 1} others" if len(found) > 1 else ""
        subject = f"review of {quoted(found[0].run, 200)}"
        hint = "they count again when the specs have it; else remove them"
        yield Problem(found[0].at, Code.REVIEW_OF_NOTHING, f"no spec has this run{more}", subject, hint)


class _Resolving:
    """Turns drafts into runs, gathering problems. Facts about files are asked for once each."""

    def __init__(self, loaded: Loaded, around: Surroundings) -> None:
        self._loaded = loaded
        self._around = around
        self._facts: dict[str, FileFact | StorageError] = {}
        self._folders: dict[str, Mapping[str, str] | StorageError] = {}
        self._models: dict[str, bool] = {}
        self._work: dict[str, Work | None] = {}
        self._groups = Groups(around.adapters)
        self._readers: dict[str, tuple[Draft, Mapping[str, MediaFacts]]] = {}
        self.problems: set[Problem] = set()
        self.warnings: set[Problem] = set()

    def run(self, draft: Draft) -> Run | None:
        adapter = self._adapter(draft)
        available = self._available(draft)
        if adapter is None or available is None or not self._has_host(draft):
            return None
        resolution = adapter.resolve(draft, available)
        if resolution.refusals:
            self._refuse(draft, resolution.refusals, Code.REFUSED_BY_MODEL)
            return None
        media = self._media(draft, resolution)
        if media is None:
            return None
        run = run_of(draft, resolution, adapter.version)
        if run.source is not None:
            self._readers[run.key] = (draft, media)
        return self._judged(draft, run, run, media)

    def _judged(self, draft: Draft, run: Run, seen: Run, media: Mapping[str, MediaFacts]) -> Run | None:
        """The run with what is known of its outputs, if `seen`, which is what its adapter is shown, fits together."""
        adapter = self._around.adapters[run.model.adapter]
        mismatches = adapter.check(seen, media)
        self._refuse(draft, mismatches, Code.MISMATCH)
        if mismatches:
            return None
        self.warnings.update(self._as_problems(draft, adapter.advice(seen, media), Code.ADVICE))
        self._work[run.key] = adapter.work(seen, media)
        outputs = adapter.expect(seen, media)
        return run if outputs is run.outputs else replace(run, outputs=outputs)

    def _foreseeing(self, run: Run, made: OutputFile) -> Run | None:
        """The run, judged by what is known of the video that it will read."""
        draft, media = self._readers[run.key]
        known = foreseen(made)
        if known is None or run.source is None:
            return run
        return self._judged(draft, run, as_if_made(run), {**media, run.source.role: known})

    def holds(self, draft: Draft, upstream: DesiredRun) -> bool | None:
        """Whether the condition of a candidate holds of the run that it reads; None where it cannot be judged."""
        if draft.only_if is None:
            return True
        try:
            return draft.only_if.holds(facts(upstream.run, upstream.review))
        except ConditionError as error:
            at = draft.locate(("source", "where"))
            self._add(draft, at, Code.WRONG_VALUE, f"source: where {error.message}", error.hint)
            return None

    def not_chosen(self, run: Run) -> None:
        """It names a run that another spec makes only where a condition holds, which it does not."""
        key = run.source.key if run.source is not None else ""
        message = f'there is no run "{key}" now: where of "{key.partition("/")[0]}" does not hold of what it reads'
        self.problems.add(
            Problem(run.at, Code.DANGLING, message, f'run "{run.name}"', "rate that, or name another run")
        )

    def want(self, run: Run, done: Mapping[str, DesiredRun]) -> DesiredRun | None:
        """The run with its digest, or None when its source has no such output."""
        source_digest: Digest | None = None
        if run.source is not None:
            upstream = done[run.source.key]
            source_digest = upstream.digest
            output = upstream.run.outputs.get(run.source.output)
            if output is None:
                hint = did_you_mean(run.source.output, upstream.run.outputs) or "its outputs: " + ", ".join(
                    sorted(upstream.run.outputs)
                )
                message = f'run "{run.source.key}" has no output "{run.source.output}"'
                self.problems.add(Problem(run.at, Code.DANGLING, message, f'run "{run.name}"', hint))
                return None
            known = self._foreseeing(replace(run, source=replace(run.source, file=output.path)), output)
            if known is None:
                return None
            run = known
        blobs = {role: self._blob(path) for role, path in run.inputs.items()}
        made_of = material(run, {role: blob.sha256 for role, blob in blobs.items()}, source_digest)
        digest = digest_of(made_of)
        return DesiredRun(
            run=run,
            digest=digest,
            material=made_of,
            blobs=blobs,
            source_digest=source_digest,
            review=self._loaded.reviews.of(run.key, digest),
            work=self._work.get(run.key),
            group=self._groups.of(run),
        )

    def _adapter(self, draft: Draft) -> Adapter | None:
        model = draft.model
        adapter = self._around.adapters.get(model.adapter)
        located = self._loaded.models.get(model.name)
        if model.name not in self._models:
            refusals = [Refusal(path=("adapter",), message=f'there is no adapter "{model.adapter}"')]
            if adapter is not None:
                refusals = list(adapter.model_problems(model))
            elif near := did_you_mean(model.adapter, self._around.adapters):
                refusals = [replace(refusals[0], hint=near)]
            for refusal in refusals:
                at = located.locate(refusal.path) if located else model.at
                subject = f'model "{model.name}"'
                self.problems.add(Problem(at, Code.REFUSED_BY_MODEL, refusal.message, subject, refusal.hint))
            self._models[model.name] = not refusals
        return adapter if self._models[model.name] else None

    def _available(self, draft: Draft) -> Mapping[str, str] | None:
        """Files by role; what the run says replaces what the prompt says, role by role."""
        available: dict[str, str] = {}
        for index, inputs in enumerate(draft.inputs):
            found = inputs if isinstance(inputs, Mapping) else self._roles(inputs)
            if isinstance(found, StorageError):
                self._add(draft, self._input_place(draft, index), Code.NO_INPUT, found.message, found.hint)
                return None
            available.update(found)
        return available

    def _roles(self, folder: str) -> Mapping[str, str] | StorageError:
        if folder not in self._folders:
            try:
                self._folders[folder] = self._around.inputs.roles(folder)
            except StorageError as error:
                self._folders[folder] = error
        return self._folders[folder]

    def _has_host(self, draft: Draft) -> bool:
        wanted = draft.placement.host
        if wanted == "any":
            return True
        names = {host.name for host in self._around.hosts}
        if wanted in names:
            return True
        hint = did_you_mean(wanted, names) or f"cosmos.toml has: {', '.join(sorted(names))}"
        at = draft.locate(("placement", "host"))
        self._add(draft, at, Code.DANGLING, f'there is no host "{wanted}"', hint)
        return False

    def _media(self, draft: Draft, resolution: Resolution) -> Mapping[str, MediaFacts] | None:
        media: dict[str, MediaFacts] = {}
        complete = True
        for role, path in resolution.inputs.items():
            fact = self._fact(path)
            at = self._place_of(draft, ("inputs", role))
            if isinstance(fact, StorageError):
                self._add(draft, at, Code.NO_INPUT, f"input {role}: {fact.message}", fact.hint)
                complete = False
            elif fact.media is not None:
                media[role] = fact.media
            elif is_video(path):
                self._add(draft, at, Code.BAD_INPUT, f"input {role}: {path}: {fact.media_error}", "render it again")
                complete = False
        return media if complete else None

    def _fact(self, path: str) -> FileFact | StorageError:
        if path not in self._facts:
            try:
                self._facts[path] = self._around.inputs.fact(path, decode=is_video(path))
            except StorageError as error:
                self._facts[path] = error
        return self._facts[path]

    def _blob(self, path: str) -> Blob:
        fact = self._fact(path)
        assert isinstance(fact, FileFact)  # noqa: S101 - run() has refused every other
        return Blob(sha256=fact.sha256, size=fact.size, path=path)

    def _refuse(self, draft: Draft, refusals: Iterable[Refusal], code: Code) -> None:
        self.problems.update(self._as_problems(draft, refusals, code))

    def _as_problems(self, draft: Draft, refusals: Iterable[Refusal], code: Code) -> Iterator[Problem]:
        for refusal in refusals:
            is_made = draft.source is not None and refusal.path == ("inputs", draft.source.role)
            at = self._place_of(draft, ("source", "run") if is_made else refusal.path)
            yield Problem(at, code, refusal.message, f'run "{draft.name}"', refusal.hint)

    def _place_of(self, draft: Draft, path: Path) -> Location:
        """Where to correct a field; for inputs that the run does not name itself, in the prompt."""
        prompt = self._loaded.prompts.get(draft.prompt or "")
        own = self._loaded.runs.get(draft.name)
        inherits = own is None or getattr(own.spec, "inputs", None) is None
        if path[:1] == ("inputs",) and prompt is not None and inherits:
            return prompt.locate(path)
        return draft.locate(path)

    def _input_place(self, draft: Draft, index: int) -> Location:
        prompt = self._loaded.prompts.get(draft.prompt or "")
        from_prompt = prompt is not None and getattr(prompt.spec, "inputs", None) is not None and index == 0
        return prompt.locate(("inputs",)) if prompt is not None and from_prompt else draft.locate(("inputs",))

    def _add(self, draft: Draft, at: Location, code: Code, message: str, hint: str = "") -> None:
        self.problems.add(Problem(at, code, message, f'run "{draft.name}"', hint))
