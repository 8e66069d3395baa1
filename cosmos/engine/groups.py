"""Which runs may share one load of their model, as a word that they have in common. Used by `engine.desire`."""

from collections.abc import Mapping
from dataclasses import replace

from cosmos.adapters.base import Adapter, Sharing
from cosmos.core.digest import canonical, sha256_hex
from cosmos.core.problem import Location
from cosmos.core.run import Run


class Groups:
    """For the runs of one reading of the specs, in which a name means one model."""

    def __init__(self, adapters: Mapping[str, Adapter]) -> None:
        self._adapters = adapters
        self._models: dict[str, str] = {}
        """Hashes by name: a model is hashed once, and not for each of thousands of runs."""

    def of(self, run: Run) -> str:
        """Empty for a run that goes alone."""
        adapter, model = self._adapters[run.model.adapter], run.model
        alike = adapter.group(run) if isinstance(adapter, Sharing) else None
        if alike is None:
            return ""
        if model.name not in self._models:
            self._models[model.name] = sha256_hex(canonical(replace(model, at=Location("built-in"))))
        return sha256_hex(canonical([self._models[model.name], alike, run.placement.gpus, run.stall_s]))
