"""Runs as they are looked through: one item a run, filtered, sorted and cut into pages. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.plan import Phase, RunStatus, Sync
from cosmos.core.reviews import Review
from cosmos.core.run import Run

PAGE = 60
"""Runs of a page: a screen or three of pictures."""

DAY_S = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A run with where it stands. `want` is None for one that only the last look knew; `words` is what search reads."""

    key: str
    status: RunStatus
    want: DesiredRun | None = None
    words: str = ""

    @property
    def sweep(self) -> str:
        return self.key.partition("/")[0]

    @property
    def run(self) -> Run | None:
        return self.want.run if self.want is not None else None

    @property
    def model(self) -> str:
        return self.run.model.name if self.run is not None else ""

    @property
    def prompt(self) -> str:
        return (self.run.prompt or "") if self.run is not None else ""

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self.run.inputs.values()) if self.run is not None else ()

    @property
    def labels(self) -> Mapping[str, str]:
        return self.run.labels if self.run is not None else {}

    @property
    def review(self) -> Review | None:
        """Of the output that the specs ask for now."""
        return self.want.review if self.want is not None else None

    @property
    def rating(self) -> int | None:
        return self.review.rating if self.review is not None else None

    @property
    def tags(self) -> tuple[str, ...]:
        return self.review.tags if self.review is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for. Empty fields ask for nothing; `label` is `name=value` or `name`, `days` counts back.

    `rating` is one of `RATINGS`: `5`, `4+` for four and more, `2-` for two and less, `rated`, `unrated`.
    """

    text: str = ""
    state: str = ""
    """A phase, or `OutOfSync` and its like."""
    model: str = ""
    prompt: str = ""
    label: str = ""
    input: str = ""
    sweep: str = ""
    rating: str = ""
    tag: str = ""
    days: float = 0.0
    sort: str = "key"
    descending: bool = False
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One page of the items that match, and how many match in all; `states` counts them by phase, the state aside."""

    items: tuple[Item, ...]
    total: int
    page: int
    pages: int
    states: Mapping[str, int] = field(default_factory=dict)
    before: str = ""
    """Key of the item before this page; empty at the first."""
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What filters can be set to, each sorted."""

    models: tuple[str, ...]
    prompts: tuple[str, ...]
    labels: tuple[str, ...]
    inputs: tuple[str, ...]
    sweeps: tuple[str, ...]
    tags: tuple[str, ...]


def next_first(item: Item) -> tuple[int, str]:
    """Sorts runs that wait as `core.reconcile` gives out places."""
    return -(item.run.priority if item.run is not None else 0), item.key


def items(desired: Desired, statuses: Iterable[RunStatus]) -> tuple[Item, ...]:
    """Every run that the specs ask for or the last look knew, by key."""
    wanted = desired.by_key()
    known = {status.key: status for status in statuses}
    return tuple(_item(key, wanted.get(key), known.get(key)) for key in sorted(wanted.keys() | known.keys()))


def _item(key: str, want: DesiredRun | None, status: RunStatus | None) -> Item:
    if status is None:
        assert want is not None  # noqa: S101 - the key is of one of the two
        status = RunStatus(
            key=key,
            run_id=want.run.id,
            digest=want.digest,
            sync=Sync.OUT_OF_SYNC,
            phase=Phase.PENDING,
            at=want.run.at,
            message="not looked at yet",
        )
    return Item(key=key, status=status, want=want, words=_words(key, want, status))


def _words(key: str, want: DesiredRun | None, status: RunStatus) -> str:
    if want is None:
        return key.lower()
    run = want.run
    labels = (f"{name}={value}" for name, value in run.labels.items())
    said = (want.review.note, *want.review.tags) if want.review is not None else ()
    return "\n".join(
        (key, run.id, want.digest, run.prompt or "", run.text, run.model.name, status.host, *labels, *said)
    ).lower()  # fmt: skip


def find(everything: Sequence[Item], query: Query, now: float, size: int = PAGE) -> Found:
    """The page that a query asks for; the last one when there are fewer."""
    fit = [item for item in everything if _fits(item, query, now)]
    states = Counter(item.status.phase.value for item in fit)
    if query.state:
        fit = [item for item in fit if query.state in (item.status.phase.value, item.status.sync.value)]
    fit.sort(key=_SORTS.get(query.sort, _SORTS["key"]), reverse=query.descending)
    pages = max(1, -(-len(fit) // size))
    page = min(max(1, query.page), pages)
    start = (page - 1) * size
    return Found(
        items=tuple(fit[start : start + size]),
        total=len(fit),
        page=page,
        pages=pages,
        states=dict(states),
        before=fit[start - 1].key if start else "",
        after=fit[start + size].key if start + size < len(fit) else "",
    )


def _fits(item: Item, query: Query, now: float) -> bool:
    name, is_pair, value = query.label.partition("=")
    return (
        (not query.sweep or item.sweep == query.sweep)
        and (not query.model or item.model == query.model)
        and (not query.prompt or item.prompt == query.prompt)
        and (not query.label or (item.labels.get(name) == value if is_pair else name in item.labels))
        and (not query.input or any(path.startswith(query.input) for path in item.inputs))
        and (not query.tag or query.tag in item.tags)
        and (not query.rating or _RATED[query.rating](item.rating))
        and (not query.days or (item.status.since is not None and item.status.since >= now - query.days * DAY_S))
        and all(word in item.words for word in query.text.lower().split())
    )


_RATED: Mapping[str, Callable[[int | None], bool]] = {
    "5": lambda rating: rating == 5,
    "4+": lambda rating: rating is not None and rating >= 4,
    "3+": lambda rating: rating is not None and rating >= 3,
    "2-": lambda rating: rating is not None and rating <= 2,
    "rated": lambda rating: rating is not None,
    "unrated": lambda rating: rating is None,
}

RATINGS = tuple(_RATED)

_SORTS: Mapping[str, Callable[[Item], Any]] = {
    "key": lambda item: item.key,
    "state": lambda item: (item.status.phase.value, item.key),
    "model": lambda item: (item.model, item.key),
    "prompt": lambda item: (item.prompt, item.key),
    "date": lambda item: (item.status.since or 0.0, item.key),
    "rating": lambda item: (item.rating or 0, item.key),
}

SORTS = tuple(_SORTS)


def choices(everything: Iterable[Item]) -> Choices:
    """What there is to choose from."""
    listed = list(everything)
    return Choices(
        models=_sorted(item.model for item in listed),
        prompts=_sorted(item.prompt for item in listed),
        labels=_sorted(f"{name}={value}" for item in listed for name, value in item.labels.items()),
        inputs=_sorted(path.rpartition("/")[0] for item in listed for path in item.inputs),
        sweeps=_sorted(item.sweep for item in listed),
        tags=_sorted(tag for item in listed for tag in item.tags),
    )


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values) - {""}))


def differing(runs: Sequence[Run]) -> dict[str, tuple[str, ...]]:
    """The settings in which some runs differ: name -> the value of each, in their order; `-` where one has none."""
    tables = [settings(run) for run in runs]
    names = sorted({name for table in tables for name in table})
    columns = {name: tuple(table.get(name, "-") for table in tables) for name in names}
    return {name: values for name, values in columns.items() if len(set(values)) > 1}


def settings(run: Run) -> dict[str, str]:
    """What can differ between two runs, by name."""
    found = {"model": run.model.name, "prompt": run.prompt or "-", "text": run.text, "negative": run.negative}
    found.update((f"params.{name}", str(value)) for name, value in run.params.items())
    for name, control in run.controls.items():
        found[f"controls.{name}"] = f"{control.weight:g}" + (f" ({control.preset})" if control.preset else "")
    found.update((f"inputs.{role}", path) for role, path in run.inputs.items())
    if run.source is not None:
        found["source"] = run.source.key
    return found
