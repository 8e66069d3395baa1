"""What `cosmos list` prints: one table and one JSON form for each kind of thing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from cosmos.api import CosmosAPI
from cosmos.cli import host_page
from cosmos.cli.render import Screen, table
from cosmos.cli.status_page import FORMAT_VERSION, STYLES
from cosmos.core.plan import Phase
from cosmos.core.run import Model, ParamType
from cosmos.core.select import Named, among_hosts, select
from cosmos.errors import RefusedError
from cosmos.prompts import PromptRow
from cosmos.views import Mean, ModelRow, RunRow, SweepRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Things of one kind. The last column of a row may be cut on a terminal.

    `below` are tables of their parts, `remarks` what is said under all.
    """

    kind: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    items: Sequence[dict[str, object]] = ()
    spare: Sequence[str] = ()
    below: Sequence["Listing"] = ()
    remarks: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        return [row[0] for row in self.rows if row[0]]


def lines(listing: Listing, screen: Screen) -> list[str]:
    if not listing.rows:
        return [f"no {listing.kind}"]
    found = table(screen, listing.heads, listing.rows, spare=listing.spare, styles=STYLES)
    for part in listing.below:
        found += ["", *lines(part, screen)]
    return [*found, "", *listing.remarks] if listing.remarks else found


def document(listing: Listing) -> dict[str, object]:
    return {"format_version": FORMAT_VERSION, listing.kind: list(listing.items)}


def runs(cosmos: CosmosAPI, names: Sequence[str], labels: Sequence[str], where: str = "") -> Listing:
    found = cosmos.runs(names, labels, where=where)
    listing = Listing(
        kind="runs",
        heads=("NAME", "ID", "PHASE", "MODEL", "PROMPT", "FILE", "LABELS"),
        rows=[
            (row.key, row.id, row.phase.value, row.model, row.prompt or "-", row.at.short, pairs(row.labels))
            for row in found
        ],
        items=[_run(row) for row in found],
        spare=("ID", "FILE", "PROMPT"),
    )
    return _with_ratings(listing, 3, [_rating(row) for row in found])


def _with_ratings(listing: Listing, position: int, ratings: Sequence[str]) -> Listing:
    """A column more, once anybody has rated anything."""
    if all(rating == "-" for rating in ratings):
        return listing
    heads, rows = listing.heads, listing.rows
    return replace(
        listing,
        heads=(*heads[:position], "RATING", *heads[position:]),
        rows=[(*row[:position], rating, *row[position:]) for row, rating in zip(rows, ratings, strict=True)],
    )


def _rating(row: RunRow) -> str:
    """`4 hero`, a dash where nobody has said anything."""
    return " ".join([*([str(row.rating)] if row.rating else []), *row.tags]) or "-"


def _run(row: RunRow) -> dict[str, object]:
    return {
        "key": row.key,
        "id": row.id,
        "digest": row.digest,
        "phase": row.phase.value,
        "model": row.model,
        "prompt": row.prompt,
        "labels": dict(row.labels),
        "rating": row.rating,
        "note": row.note,
        "tags": list(row.tags),
        "file": row.at.file,
        "line": row.at.line,
    }


def prompts(cosmos: CosmosAPI, names: Sequence[str], labels: Sequence[str]) -> Listing:
    rows = cosmos.prompts()
    things = [Named(key=row.name, others=(row.id,), labels=row.labels) for row in rows]
    chosen = select(things, names, labels, kind="prompts")
    found = [row for row in rows if row.name in chosen]
    listing = Listing(
        kind="prompts",
        heads=("NAME", "ID", "RUNS", "INPUTS", "FILE", "TEXT"),
        rows=[(row.name, row.id, str(row.runs), row.inputs or "-", row.at.short, row.text) for row in found],
        items=[prompt_document(row) for row in found],
        spare=("ID", "FILE"),
    )
    return _with_ratings(listing, 3, [mean(row) for row in found])


def mean(row: PromptRow) -> str:
    return _of(Mean(rating=row.rating, rated=row.rated, runs=row.runs))


def prompt_document(row: PromptRow) -> dict[str, object]:
    return {
        "name": row.name,
        "id": row.id,
        "text": row.text,
        "negative": row.negative,
        "inputs": row.inputs,
        "labels": dict(row.labels),
        "runs": row.runs,
        "rating": row.rating,
        "rated": row.rated,
        "file": row.at.file,
        "line": row.at.line,
    }


def models(cosmos: CosmosAPI, names: Sequence[str], labels: Sequence[str]) -> Listing:
    rows = cosmos.models()
    chosen = select([Named(key=row.name) for row in rows], names, labels, kind="models")
    found = [row for row in rows if row.name in chosen]
    return Listing(
        kind="models",
        heads=("NAME", "ADAPTER", "FROM", "RUNS", "PARAMETERS"),
        rows=[
            (
                row.name,
                row.model.adapter,
                "built-in" if row.built_in else row.model.at.short,
                str(row.runs),
                ", ".join(_parameter(name, kind) for name, kind in sorted(row.model.params.items())) or "-",
            )
            for row in found
        ],
        items=[model_document(row) for row in found],
    )


def _parameter(name: str, kind: ParamType) -> str:
    if kind.required:
        return f"{name} (required)"
    value = str(kind.default).lower() if isinstance(kind.default, bool) else kind.default
    return name if value is None else f"{name}={value}"


def model_document(row: ModelRow) -> dict[str, object]:
    model: Model = row.model
    return {
        "name": row.name,
        "adapter": model.adapter,
        "built_in": row.built_in,
        "image": model.image,
        "command": list(model.command),
        "inputs": dict(model.inputs),
        "outputs": dict(model.outputs),
        "params": {name: _param_document(kind) for name, kind in sorted(model.params.items())},
        "runs": row.runs,
        "file": model.at.file,
        "line": model.at.line,
    }


def _param_document(kind: ParamType) -> dict[str, object]:
    return {
        "type": kind.type,
        "default": kind.default,
        "required": kind.required,
        "min": kind.minimum,
        "max": kind.maximum,
        "choices": list(kind.choices),
        "description": kind.description,
    }


def sweeps(cosmos: CosmosAPI, names: Sequence[str], labels: Sequence[str]) -> Listing:
    """Progress of each, and the settings that are liked best."""
    rows = cosmos.sweeps.rows()
    if labels:
        raise RefusedError("sweeps are not chosen by label", "cosmos list runs -l TERM lists their runs")
    chosen = select([Named(key=row.name) for row in rows], names, kind="sweeps")
    found = [row for row in rows if row.name in chosen]
    return Listing(
        kind="sweeps",
        heads=("NAME", "RUNS", "DONE", "FAILED", "FILE", "RATING", "BEST"),
        rows=[
            (
                row.name,
                str(row.runs),
                str(row.phases.get(Phase.SUCCEEDED, 0)),
                str(row.phases.get(Phase.FAILED, 0)),
                row.at.short,
                _of(row.mean),
                ", ".join(_best(row)) or "-",
            )
            for row in found
        ],
        items=[_sweep(row) for row in found],
        spare=("FILE",),
    )


def _of(mean: Mean) -> str:
    """`4.3 of 6`: the mean rating, and how many are rated."""
    return "-" if mean.rating is None else f"{mean.rating:.1f} of {mean.rated}"


def _best(row: SweepRow) -> Iterator[str]:
    """`edge-0.6 (4.5)`: of each axis the value that is liked best, where one is."""
    for axis, means in sorted(row.axes.items()):
        rated = {value: mean.rating for value, mean in means.items() if mean.rating is not None}
        best = max(rated, key=lambda value: rated[value], default="")
        if len(set(rated.values())) > 1:
            yield f"{axis}-{best} ({rated[best]:.1f})"


def _sweep(row: SweepRow) -> dict[str, object]:
    return {
        "name": row.name,
        "runs": row.runs,
        "phases": {phase.value: count for phase, count in row.phases.items()},
        "rating": row.mean.rating,
        "rated": row.mean.rated,
        "axes": {axis: {value: asdict(mean) for value, mean in means.items()} for axis, means in row.axes.items()},
        "file": row.at.file,
        "line": row.at.line,
    }


def hosts(cosmos: CosmosAPI, names: Sequence[str], labels: Sequence[str]) -> Listing:
    rows = cosmos.hosts()
    things = [Named(key=row.name, labels=row.labels) for row in rows]
    with among_hosts(things):
        chosen = select(things, names, labels)
    found = [row for row in rows if row.name in chosen]
    gpus = Listing(
        kind="GPUs",
        heads=host_page.GPU_HEADS,
        rows=[cells for row in found for cells in host_page.gpu_cells(row)],
        spare=host_page.GPU_SPARE,
    )
    return Listing(
        kind="hosts",
        heads=host_page.HEADS,
        rows=[host_page.cells(row) for row in found],
        items=[host_page.document(row) for row in found],
        spare=host_page.SPARE,
        below=[gpus] if gpus.rows else [],
        remarks=host_page.remarks(found),
    )


def pairs(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items())) or "-"


Lister = Callable[[CosmosAPI, Sequence[str], Sequence[str]], Listing]

LISTS: Mapping[str, Lister] = {"runs": runs, "prompts": prompts, "models": models, "hosts": hosts, "sweeps": sweeps}
