"""Controls, inputs and file names of a draft: the pieces that adapters share besides `params`.

Functions return what the model will get and the refusals, never one at the price of the other, so that a
person sees all problems of a spec at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from pathlib import PurePosixPath

from cosmos.adapters.evidence import FPS_SLACK
from cosmos.core.draft import Draft, Path, Refusal
from cosmos.core.problem import did_you_mean
from cosmos.core.run import MediaFacts, Model, Run
from cosmos.core.spec import ControlSpec

PLACES = 9
"""Decimals of a control weight that count: far below what a model resolves, far above rounding errors."""

RESERVED = frozenset({"run.log", "provenance.json", "thumbnail.jpg"})
"""Names that stand beside the outputs once they are published."""

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"})


def normalised(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights as a model applies them: a sum above 1 is scaled to 1. A weight of 0 stays, and is shown as 0.

    Counts with the decimals that a person wrote, so that equal proportions never differ by a rounding error.
    """
    written = {role: Fraction(repr(float(weight))) for role, weight in weights.items()}
    total = sum(written.values())
    slack = Fraction(len(weights), 10**PLACES)  # what rounding may add: normalising twice changes nothing
    scale = total if total > 1 + slack else 1
    return {role: float(round(weight / scale, PLACES)) for role, weight in written.items()}


def inputs_for(
    draft: Draft, available: Mapping[str, str], takes: Mapping[str, bool]
) -> tuple[dict[str, str], list[Refusal]]:
    """Files by role, of the roles that the model takes.

    A scene may offer more than a model reads; what the run itself names must be read. Another run's
    output takes its role in place of the scene's file, and has no path.

    Args:
        draft: The run as written.
        available: Files by role that prompt and run offer.
        takes: Roles of the model; True where required.
    """
    refusals = [unknown("input", role, ("inputs", role), takes) for role in sorted(draft.named - takes.keys())]
    files = {role: available[role] for role in takes if role in available}
    made = None if draft.source is None else draft.source.role
    if made is not None:
        files.pop(made, None)
        if made not in takes:
            refusals.append(unknown("input", made, ("source", "role"), takes))
        if made in draft.named:
            message = f'input "{made}" is given twice, by `inputs` and by `source`'
            refusals.append(Refusal(path=("inputs", made), message=message, hint="keep one of them"))
    refusals += [missing(role) for role, needed in takes.items() if needed and role not in {*files, made}]
    return files, refusals


def missing(role: str, path: Path = ("inputs",)) -> Refusal:
    """Refusal of a run whose model needs an input that nothing offers."""
    hint = f"put {role}.mp4 into the folder of inputs, or name a file: `inputs: {{{role}: path}}`"
    return Refusal(path=path, message=f'needs an input "{role}"', hint=hint)


def unknown(what: str, name: str, path: Path, known: Iterable[str]) -> Refusal:
    """Refusal of a name that the model does not have, with the nearest one that it has."""
    names = sorted(known)
    has = f"it takes {', '.join(names)}" if names else f"it takes no {what} at all"
    return Refusal(path=path, message=f'the model takes no {what} "{name}"', hint=did_you_mean(name, names) or has)


def unread(draft: Draft, controls: Mapping[str, str], read: Iterable[str], own: Iterable[str]) -> Iterator[Refusal]:
    """Refusals of inputs that the run names, and that no control would look at or that are named twice.

    Args:
        draft: The run as written.
        controls: Input role by control.
        read: Roles that the run will read.
        own: Roles whose files its controls name.
    """
    control, off = {role: name for name, role in controls.items()}, set(controls.values()) - set(read)
    for role in sorted(draft.named & off):
        yield _of_no_control(role, control[role], ("inputs", role))
    for role in sorted(draft.named & set(own)):
        message = f'input "{role}" is given twice, by `inputs` and by `controls.{control[role]}`'
        yield Refusal(path=("inputs", role), message=message, hint="keep one of them")
    if draft.source is not None and draft.source.role in off:
        yield _of_no_control(draft.source.role, control[draft.source.role], ("source", "role"))


def _of_no_control(role: str, control: str, path: Path) -> Refusal:
    message = f'input "{role}" is not used, because control "{control}" is off'
    return Refusal(path=path, message=message, hint=f"add `{control}` to controls")


def control_refusals(name: str, spec: ControlSpec, takes: Iterable[str] = ()) -> Iterator[Refusal]:
    """Refusals of what a control may say in a spec, and this model is not told: prompt, weights, mask, mask_prompt."""
    for field in sorted({"prompt", "weights", "mask", "mask_prompt"} - set(takes)):
        if getattr(spec, field) is not None:
            message = f'the model takes no {field} of control "{name}"'
            yield Refusal(path=("controls", name, field), message=message, hint="take the line away")


def region_refusals(draft: Draft) -> Iterator[Refusal]:
    """Refusals of the regions of a run whose model knows none."""
    if draft.regions:
        yield Refusal(path=("regions",), message="the model takes no regions", hint="put it into the prompt")


def model_refusals(
    model: Model, own: Iterable[str] = (), paths: Iterable[str] = (), needs: Iterable[str] = ()
) -> Iterator[Refusal]:
    """Refusals of fields of a Model spec that the adapter would not look at, or does not do without.

    Args:
        model: The model.
        own: Fields among command, inputs, outputs, endpoint that the adapter does not take.
        paths: Names of the paths that it takes.
        needs: Those of them that must be there.
    """
    for field in own:
        if getattr(model, field):
            message = f"adapter {model.adapter} takes no {field} of a model"
            yield Refusal(path=(field,), message=message, hint="take the line away")
    known = sorted(paths)
    for name in sorted(model.paths.keys() - set(known)):
        yield unknown("path", name, ("paths", name), known)
    for name in sorted(set(needs) - model.paths.keys()):
        hint = f"add `paths: {{{name}: /FOLDER}}`, as the program sees it"
        yield Refusal(path=("paths",), message=f'adapter {model.adapter} needs a path "{name}"', hint=hint)
    if model.commit is not None and "repo" not in model.paths:
        message = "a commit is that of a folder on the host, and `paths.repo` names none"
        yield Refusal(path=("commit",), message=message, hint="add `paths: {repo: /FOLDER}`, or take the line away")


def differences(one: MediaFacts, other: MediaFacts, paths: tuple[str, str]) -> Iterator[str]:
    """In what two videos differ that must have one length, size and rate; `paths` are theirs."""
    ours, theirs = paths
    if other.frames != one.frames:
        yield f"{theirs} has {other.frames} frames, {ours} has {one.frames}"
    if (other.width, other.height) != (one.width, one.height):
        yield f"{theirs} is {other.width}x{other.height}, {ours} is {one.width}x{one.height}"
    if abs(other.fps - one.fps) > FPS_SLACK:
        yield f"{theirs} has {other.fps:g} frames a second, {ours} has {one.fps:g}"


def path_of(run: Run, role: str) -> str:
    """The file of a role: the run's own, or the one that its source makes."""
    made = run.source.file if run.source else ""
    return run.inputs.get(role, made)


def file_name(role: str, path: str) -> str:
    """Name of an input below `inputs/` of the run directory: the role, with the suffix of its file."""
    suffix = PurePosixPath(path).suffix.lower()
    return role + (suffix if suffix[1:].isascii() and suffix[1:].isalnum() else "")


@lru_cache(maxsize=1024)
def is_video(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in VIDEO_SUFFIXES
