"""Models that come with cosmos, with what cosmos.toml says otherwise about them: `[models.NAME]`.

So that an image or a folder of checkpoints is set without a copy of the whole Model spec.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from pydantic import ValidationError

from cosmos.core.load import SourceFile, load
from cosmos.core.problem import did_you_mean
from cosmos.core.spec_model import ModelSpec
from cosmos.errors import ConfigError

_FIXED = ("kind", "name", "adapter")


def built_in_models(changes: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, ModelSpec]:
    """Models that come with cosmos, by name.

    Args:
        changes: Fields that are other here, by model; tables are merged key by key.

    Raises:
        ConfigError: There is no such model, or no such field, or a field cannot have such a value.
    """
    models = dict(_shipped())
    for name, fields in (changes or {}).items():
        if name not in models:
            hint = did_you_mean(name, models) or f"they are {', '.join(sorted(models))}; your own are changed in specs/"
            raise ConfigError(f"cosmos.toml: models.{name}: no model of that name comes with cosmos", hint)
        models[name] = _changed(models[name], fields)
    return models


def _changed(model: ModelSpec, fields: Mapping[str, Any]) -> ModelSpec:
    fixed = [field for field in _FIXED if field in fields]
    if fixed:
        hint = "write a Model spec of your own in place of it"
        raise ConfigError(f"cosmos.toml: models.{model.name}.{fixed[0]} cannot be changed", hint)
    try:
        return ModelSpec.model_validate(_merged(model.model_dump(exclude_unset=True), fields))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"] if part != "[key]")
        what = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        hint = "docs/models.md has the fields of a Model"
        raise ConfigError(f"cosmos.toml: models.{model.name}.{where}: {what}", hint) from None


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        known = merged.get(key)
        merged[key] = _merged(known, value) if isinstance(known, dict) and isinstance(value, Mapping) else value
    return merged


@cache
def _shipped() -> Mapping[str, ModelSpec]:
    folder = resources.files("cosmos.models")
    files = (entry for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    loaded = load(SourceFile(f"cosmos/models/{entry.name}", entry.read_bytes()) for entry in files)
    return {name: located.spec for name, located in loaded.models.items() if isinstance(located.spec, ModelSpec)}
