"""One run spec and its members -> drafts: values of the matrix put into their fields, names looked up.

`core.expand` calls `draft_members` for each spec. A value that a matrix gives is validated as if it were
written in its field, once for all members that share it, so that thousands of members cost little more
than the distinct values.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar

from pydantic import ValidationError

from cosmos.core import explain
from cosmos.core.axes import Member, Pick
from cosmos.core.condition import Condition
from cosmos.core.digest import run_id
from cosmos.core.draft import Draft, Path
from cosmos.core.load import Loaded, Located
from cosmos.core.problem import Code, Location, Problem, quoted
from cosmos.core.references import Links, Nearest
from cosmos.core.run import Container, Model, ParamType, Placement, Requires, Source, Value
from cosmos.core.spec import ControlSpec, PlacementSpec, PromptSpec, RunSpec
from cosmos.core.spec_model import ModelSpec, RequiresSpec, size_bytes

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """Drafts of one run spec. `held` has the members that name what may be in a broken file."""

    drafts: tuple[Draft, ...] = ()
    held: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()


class Names:
    """Prompts and models by name, and what to say about names that are neither."""

    def __init__(self, loaded: Loaded, built_in: Mapping[str, ModelSpec]) -> None:
        hidden = {name for kind, name in loaded.withheld if kind == "Model"}
        self.prompts = loaded.prompts
        self.models = {
            name: model_of(spec, Location("built-in")) for name, spec in built_in.items() if name not in hidden
        }
        self.models.update({name: model_of(model.spec, model.at) for name, model in loaded.models.items()})
        self._withheld = loaded.withheld
        self._is_blind = loaded.is_blind
        self._nearest = {"Prompt": Nearest(self.prompts), "Model": Nearest(self.models)}

    def may_be_broken(self, kind: str, name: str) -> bool:
        return self._is_blind or (kind, name) in self._withheld

    def hint(self, kind: str, name: str) -> str:
        return self._nearest[kind].hint(name)


def model_of(spec: ModelSpec, at: Location) -> Model:
    """The model that a spec describes."""
    params = {
        name: ParamType(
            type=param.type,
            default=param.default,
            required="default" not in param.model_fields_set,
            minimum=param.min,
            maximum=param.max,
            choices=tuple(param.choices),
            description=param.description,
        )
        for name, param in spec.params.items()
    }
    return Model(
        name=spec.name,
        adapter=spec.adapter,
        image=spec.image,
        command=tuple(spec.command),
        outputs=spec.outputs,
        inputs={role: declared.required for role, declared in spec.inputs.items()},
        params=params,
        gpus=spec.gpus,
        commit=spec.commit,
        paths=spec.paths,
        endpoint=spec.endpoint,
        env=spec.env,
        secrets=tuple(spec.secrets),
        requires=_requires(spec.requires),
        container=Container(
            shm_bytes=size_bytes(spec.container.shm),
            memory_bytes=size_bytes(spec.container.memory),
            ipc=spec.container.ipc,
            network=spec.container.network,
        ),
        at=at,
    )


def _placement(spec: PlacementSpec, model: Model) -> Placement:
    gpus = model.gpus if spec.gpus is None else spec.gpus
    return Placement(host=spec.host, gpus=gpus, labels=spec.labels)


def _requires(spec: RequiresSpec) -> Requires:
    return Requires(
        files={path: size_bytes(size) for path, size in spec.files.items()},
        gpu_memory_bytes=size_bytes(spec.gpu_memory),
        driver=spec.driver or "",
        disk_bytes=size_bytes(spec.disk),
        ports=tuple(spec.ports),
    )


def draft_members(
    run: Located[RunSpec],
    members: Sequence[Member],
    links: Links,
    names: Names,
    project: str,
    only_if: Condition | None = None,
) -> Drafted:
    """Drafts of the members, or the problems of their fields. Matrix and links are judged elsewhere."""
    drafting = _Drafting(run, links, names, project, only_if)
    drafts = [draft for member in members if (draft := drafting.draft(member)) is not None]
    return Drafted(drafts=tuple(drafts), held=frozenset(drafting.held), problems=tuple(drafting.problems))


class _Drafting:
    """Makes the drafts of one run spec. What members share is made once."""

    def __init__(
        self, run: Located[RunSpec], links: Links, names: Names, project: str, only_if: Condition | None
    ) -> None:
        spec = run.spec
        self.problems: set[Problem] = set()
        self.held: set[str] = set()
        self._run = run
        self._links = links
        self._names = names
        self._project = project
        self._known: dict[tuple[Pick, ...], RunSpec | None] = {}
        self._params = _values(spec)
        self._named = frozenset(spec.inputs if isinstance(spec.inputs, dict) else ())
        self._only_if = only_if
        self._source = None
        if spec.source is not None and links.source is not None:
            self._source = Source(key=links.source, output=spec.source.output, role=spec.source.role)

    def draft(self, member: Member) -> Draft | None:
        """The draft of one member, or None when a field has a problem or names what is not known."""
        prompt_name, model_name = self._run.spec.prompt, self._run.spec.model
        params, controls = self._params, self._run.spec.controls
        places: dict[str, Path] = {"prompt": ("prompt",), "model": ("model",)}
        for picks in _by_field(member.picks):
            fields = self._fields(picks)
            if fields is None:
                return None
            field = picks[0].target[0]
            places[field] = picks[0].at
            params = {**params, **_values(fields)} if field == "params" else params
            controls = {**controls, **fields.controls} if field == "controls" else controls
            prompt_name = fields.prompt if field == "prompt" else prompt_name
            model_name = fields.model if field == "model" else model_name
        model = self._look_up(member, "Model", model_name, self._names.models, places["model"])
        prompt = None
        if prompt_name is not None:
            prompt = self._look_up(member, "Prompt", prompt_name, self._names.prompts, places["prompt"])
        if model is None or (prompt is None and prompt_name is not None):
            return None
        return self._make(member, model, prompt.spec if prompt else None, params, controls)

    def _make(
        self,
        member: Member,
        model: Model,
        prompt: PromptSpec | None,
        params: Mapping[str, Value],
        controls: Mapping[str, ControlSpec],
    ) -> Draft:
        spec, source = self._run.spec, self._source
        if spec.source is not None and member.source:
            source = Source(key=member.source, output=spec.source.output, role=spec.source.role)
        inputs = (prompt.inputs if prompt else None, spec.inputs)
        return Draft(
            key=member.key,
            id=run_id(self._project, member.key),
            name=spec.name,
            at=self._run.at,
            locate=partial(_locate, self._run.locate, member.picks) if member.picks else self._run.locate,
            model=model,
            prompt=prompt.name if prompt else None,
            text=prompt.text if prompt else "",
            negative=prompt.negative if prompt else "",
            inputs=tuple(each for each in inputs if each is not None),
            named=self._named,
            controls=controls,
            regions=tuple(spec.regions),
            params=params,
            source=source,
            only_if=self._only_if,
            needs=self._links.needs,
            placement=_placement(spec.placement, model),
            priority=spec.priority,
            retry_limit=spec.retry.limit,
            retry_on=tuple(spec.retry.on),
            timeout_s=spec.timeout,
            stall_s=spec.stall,
            suspend=spec.suspend,
            labels={**prompt.labels, **spec.labels} if prompt and prompt.labels else spec.labels,
            axes={pick.label: pick.text for pick in member.picks},
        )

    def _fields(self, picks: tuple[Pick, ...]) -> RunSpec | None:
        """A spec with the values of these picks, which are about one field; None when it refuses them."""
        if picks not in self._known:
            data = self._as_written(picks)
            try:
                self._known[picks] = RunSpec.model_validate(data)
            except ValidationError as error:
                self._known[picks] = None
                at = partial(_locate, self._run.locate, picks)
                self.problems.update(explain.problems(error, RunSpec, data, at, at, self._subject))
        return self._known[picks]

    @cached_property
    def _unvaried(self) -> dict[str, object]:
        """The spec without what axes vary. Most specs have no matrix, and need none of it."""
        return {**dict(self._run.spec), "matrix": None, "params": {}, "controls": {}}

    def _as_written(self, picks: tuple[Pick, ...]) -> dict[str, object]:
        """The spec with one field as the matrix has it, which is all that can be wrong with it."""
        spec, first = self._run.spec, picks[0]
        data = self._unvaried.copy()
        if first.target[0] == "controls":
            role = first.target[1]
            own = spec.controls[role].model_dump() if role in spec.controls else {}
            data["controls"] = {role: {**own, **{pick.target[2]: pick.value for pick in picks}}}
        elif first.target[0] == "params":
            data["params"] = {first.target[1]: first.value}
        else:
            data[first.target[0]] = first.value
        return data

    def _look_up(self, member: Member, kind: str, name: str, known: Mapping[str, T], at: Path) -> T | None:
        found = known.get(name)
        if found is None and self._names.may_be_broken(kind, name):
            self.held.add(member.key)
        elif found is None:
            hint = self._names.hint(kind, name)
            message = f"no {kind.lower()} {quoted(name)}"
            self.problems.add(Problem(self._run.locate(at), Code.DANGLING, message, self._subject, hint))
        return found

    @property
    def _subject(self) -> str:
        return f"run {quoted(self._run.spec.name)}"


def _by_field(picks: Iterable[Pick]) -> Iterable[tuple[Pick, ...]]:
    """Picks that set the same parameter or control together; weight and preset are two axes of one."""
    groups: dict[tuple[str, ...], tuple[Pick, ...]] = {}
    for pick in picks:
        field = pick.target[:2]
        groups[field] = (*groups.get(field, ()), pick)
    return groups.values()


def _values(spec: RunSpec) -> dict[str, Value]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in spec.params.items()}


def _locate(locate: Callable[[Path], Location], picks: tuple[Pick, ...], path: Path) -> Location:
    """Place of a field: where the matrix gives its value, that value."""
    for pick in picks:
        is_inside = path[: len(pick.target)] == pick.target
        if is_inside or (len(path) == 2 and pick.target[:2] == path):
            return locate(pick.at)
    return locate(path)
