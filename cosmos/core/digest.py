"""Identity: canonical bytes, digests and the ids derived from names.

Nothing here is random, so a restarted or second controller derives the same names and finds
the same work. `NOT_IN_DIGEST` is the one list of what a digest leaves out.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NewType

from cosmos.core.run import Control, Run

Digest = NewType("Digest", str)
"""64 hex digits: the sha256 of everything that determines a run's output."""

Material = dict[str, object]
"""What a digest is made of, as plain data with the facets as top-level keys."""

DIGEST_SCHEMA = 1
"""Raised when the material changes shape; ledger rows keep the version that made them."""

FACETS = ("model", "prompt", "inputs", "controls", "params", "source")
"""Top-level keys of the material, in the order in which a cause is looked for."""

NOT_IN_DIGEST = frozenset(
    {"key", "id", "name", "at", "prompt", "labels", "axes", "needs", "placement", "priority", "retry_limit"}
    | {"retry_on", "timeout_s", "stall_s", "suspend", "outputs"}
    | {
        "model.name",
        "model.inputs",
        "model.params",
        "model.gpus",
        "model.paths",
        "model.endpoint",
        "model.secrets",
        "model.requires",
        "model.container",
        "model.at",
        "control.derived",
        "source.key",
        "source.file",
    }
)
"""Fields of `Run`, and of the values in it, that do not change the bytes of its output.

`prompt` is the prompt's name; its text is in. `outputs` and `control.derived` follow from what is in.
Of an input the bytes are in, not the path; of a source its digest, not its key or file.
"""

SHORT = 8
"""Hex digits shown to people and used in paths below a run's own key."""


def canonical(value: object) -> bytes:
    """JSON bytes, equal for equal values: sorted keys, ASCII, no spaces, no NaN. A dataclass is its fields."""
    return _CANONICAL.encode(value).encode("ascii")


def plain(value: Any) -> Mapping[str, object]:
    """What JSON encoders ask about a value that is none of theirs."""
    if isinstance(value, Mapping):
        return dict(value)
    return {field.name: getattr(value, field.name) for field in fields(value)}


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, default=plain)
"""Made once: `json.dumps` makes one for each call, and a plan makes three calls a run."""


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def material(run: Run, input_sha256: Mapping[str, str], source_digest: Digest | None) -> Material:
    """Everything that determines the output of `run`.

    Args:
        run: A resolved run; its controls and params are as the model normalised them.
        input_sha256: sha256 by role, for each role in `run.inputs`.
        source_digest: Digest of the run named by `run.source`, if it has one.
    """
    return {
        "schema": DIGEST_SCHEMA,
        "model": _model(run),
        "prompt": {"text": run.text, "negative": run.negative, **_regions(run)},
        "inputs": {role: input_sha256[role] for role in run.inputs},
        "controls": {role: _control(control) for role, control in run.controls.items()},
        # lists, as JSON has them: a stored material is compared with a new one
        "params": {name: list(value) if isinstance(value, tuple) else value for name, value in run.params.items()},
        "source": None
        if run.source is None
        else {"digest": source_digest, "output": run.source.output, "role": run.source.role},
    }


def _model(run: Run) -> dict[str, object]:
    model = run.model
    made: dict[str, object] = {
        "adapter": model.adapter,
        "adapter_version": run.adapter_version,
        "image": model.image,
        "command": list(model.command),
        "env": dict(model.env),
        "outputs": dict(model.outputs),
    }
    return made if model.commit is None else {**made, "commit": model.commit}


def _control(control: Control) -> dict[str, object]:
    """What is not said is not there, so that a field that is new changes no digest."""
    said = {"prompt": control.prompt, "mask_prompt": control.mask_prompt}
    words = {name: value for name, value in said.items() if value is not None}
    return {"weight": control.weight, "preset": control.preset, **words}


def _regions(run: Run) -> dict[str, object]:
    regions = [
        {"text": region.text, "box": list(region.box), "mask_prompt": region.mask_prompt, "role": region.role}
        for region in run.regions
    ]
    return {"regions": regions} if regions else {}


def digest_of(made_of: Material) -> Digest:
    return Digest(sha256_hex(canonical(made_of)))


def changed(old: Material, new: Material) -> tuple[str, tuple[str, ...]]:
    """The first facet that differs, and the names within it that do.

    Returns:
        ("", ()) when nothing differs but the schema version.
    """
    for facet in FACETS:
        before, after = old.get(facet), new.get(facet)
        if canonical(before) != canonical(after):
            return facet, _differing(before, after)
    return "", ()


def fields_changed(old: Material, new: Material) -> tuple[tuple[str, object, object], ...]:
    """Every field that differs, as `params.steps`, with what it was and is."""
    found: list[tuple[str, object, object]] = []
    for facet in FACETS:
        before, after = old.get(facet), new.get(facet)
        names = _differing(before, after)
        if names and isinstance(before, Mapping) and isinstance(after, Mapping):
            found += [(f"{facet}.{name}", before.get(name), after.get(name)) for name in names]
        elif canonical(before) != canonical(after):
            found.append((facet, before, after))
    return tuple(found)


def _differing(before: object, after: object) -> tuple[str, ...]:
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return ()
    names = sorted(before.keys() | after.keys())
    return tuple(name for name in names if canonical(before.get(name)) != canonical(after.get(name)))


def run_id(project: str, key: str) -> str:
    """Id of a run, `rs_` and ten hex digits; it depends on nothing but project and key."""
    return f"rs_{sha256_hex(canonical([project, key]))[:10]}"


def prompt_id(project: str, name: str) -> str:
    """Id of a prompt, `ps_` and ten hex digits."""
    return f"ps_{sha256_hex(canonical([project, name]))[:10]}"


def batch_id(member_id: str, digest: Digest, attempt: int) -> str:
    """Name of the run directory and, with a prefix, of the container: the idempotency key of a launch."""
    return f"{member_id}-{digest[:SHORT]}-a{attempt}"


def member_folder(digest: Digest) -> str:
    """Folder of one member below a batch's `outputs/`; the same for single and grouped runs."""
    return digest[:16]
