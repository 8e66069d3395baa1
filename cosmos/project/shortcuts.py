"""Specs from a few words: a prompt, runs of prompts, a larger version. `cosmos.specs.save` writes them, not this."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cosmos.core import splicing
from cosmos.core.load import Loaded, load
from cosmos.core.select import one
from cosmos.edits import Edit
from cosmos.errors import NotFoundError, RefusedError
from cosmos.project import editing, naming, plans
from cosmos.project.specs import Specs
from cosmos.project.wiring import Project

MODEL = "cosmos-transfer1"
UPSCALER = "cosmos-transfer1-upscale"
WEIGHTS = {"vis": 0.25, "edge": 0.25, "depth": 0.25, "seg": 0.25}
"""What controls count where nothing is said, for models that are guided by all four."""

NAME_MAX = 50


class Shortcuts:
    """Of one project.

    Args:
        project: Opens the project; called when it is first needed.
        specs: What makes edits.
    """

    def __init__(self, project: Callable[[], Project], specs: Callable[[], Specs]) -> None:
        self._open = project
        self._specs = specs

    def prompt(
        self,
        text: str,
        scene: Path | str,
        *,
        name: str = "",
        negative: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> Edit:
        """A new Prompt.

        Args:
            text: What to make.
            scene: The folder of its inputs, in the project; `city` means `inputs/city`, too.
            name: Default: made from the words of the text that other prompts do not have.
            negative: What to keep away from.
            labels: Words for filters.
        """
        loaded = self._loaded()
        if not text.strip():
            raise RefusedError("a prompt needs a text", 'as in: cosmos create prompt "Heavy rain" inputs/city')
        others = [located.spec.text for located in loaded.prompts.values()]
        fields: dict[str, object] = {
            "kind": "Prompt",
            "name": name or naming.name_of(text, others, loaded.prompts),
            "labels": dict(labels or {}),
            "text": text.strip(),
            "negative": negative,
            "inputs": self._scene(scene),
        }
        return self._specs().create({field: value for field, value in fields.items() if value not in ("", {})})

    def runs(
        self,
        prompts: Sequence[str],
        *,
        model: str = MODEL,
        weights: Mapping[str, float] | None = None,
        values: Mapping[str, object] | None = None,
        name: str = "",
    ) -> Edit:
        """A new Run of a prompt; with several, one spec with a run for each.

        Args:
            prompts: Names of prompts.
            model: Name of a model.
            weights: What each control counts, 0 for not at all; default: a quarter each, where the model takes these.
            values: Values by field, as `params.seed` or `placement.gpus`; lists below `matrix.` make more runs.
            name: Default: made from the prompt's.

        Raises:
            NotFoundError: There is no such prompt.
        """
        loaded = self._loaded()
        names = [self._prompt(loaded, prompt) for prompt in dict.fromkeys(prompts)]
        if not names:
            raise RefusedError("no prompt is named", "cosmos list prompts shows them")
        if weights is None:
            weights = WEIGHTS if self._takes_weights(loaded, model) else {}
        data: dict[str, object] = {
            "kind": "Run",
            "name": name or naming.unique(_short(names[0] if len(names) == 1 else f"{names[0]}-and-more"), loaded.runs),
            "prompt": names[0],
            "model": model,
        }
        if said := {role: weight for role, weight in weights.items() if weight}:
            data["controls"] = said
        if len(names) > 1:
            data["matrix"] = {"prompt": names}
        return self._specs().create(editing.with_values(data, values or {}))

    def upscale(
        self, what: str, *, model: str = UPSCALER, values: Mapping[str, object] | None = None, name: str = ""
    ) -> Edit:
        """A new Run that makes a video larger.

        Args:
            what: Name of a run, or a video file in the project.
            model: The upscaler.
            values: Values by field.
            name: Default: made from the run's, or the file's.
        """
        data: dict[str, object] = {"kind": "Run", "name": "", "model": model}
        file = Path(what).expanduser()
        if file.is_file():
            data["inputs"] = {"video": self._inside(file)}
            base = file.stem
        else:
            desired = self._open().desire()
            with plans.among_runs(desired, [what]):
                base = one(plans.named(desired), what)
            data["source"] = {"run": base}
        words = naming.unique(f"{_short(base)}-4k", self._loaded().runs)
        return self._specs().create(editing.with_values({**data, "name": name or words}, values or {}))

    @staticmethod
    def values(words: Sequence[str]) -> dict[str, object]:
        """`params.seed=3` as a value by field; what follows the sign is read as in a spec.

        Raises:
            RefusedError: It is none.
        """
        found: dict[str, object] = {}
        for word in words:
            path, sign, text = word.partition("=")
            if not (sign and path.strip()):
                raise RefusedError(f'"{word}" sets nothing', "as in params.seed=3")
            try:
                (piece,) = splicing.pieces("--set", f"value: {text}\n".encode("utf-8", "replace"))
            except (splicing.SpliceError, ValueError):
                raise RefusedError(f'"{text}" is no value', "a text with : or # in it is in quotes") from None
            data = piece.data
            found[path.strip()] = data.get("value") if isinstance(data, dict) else None
        return found

    # What there is -------------------------------------------------------------------------------

    def _loaded(self) -> Loaded:
        return load(self._open().read())

    def _prompt(self, loaded: Loaded, name: str) -> str:
        name = name.removeprefix("prompt/")
        if name not in loaded.prompts:
            words = ", ".join(loaded.prompts) or "there is none yet: cosmos create prompt"
            raise NotFoundError(f'no prompt is called "{name}"', f"the prompts are: {words}")
        return name

    def _takes_weights(self, loaded: Loaded, model: str) -> bool:
        """Whether the model is one of those that are guided by all four controls."""
        own = loaded.models.get(model)
        spec = own.spec if own is not None else self._open().surroundings.built_in.get(model)
        return spec is not None and spec.adapter in ("cosmos-transfer1", "cosmos-transfer2.5", "preview")

    def _scene(self, scene: Path | str) -> str:
        root = self._open().settings.root
        named = root / "inputs" / scene
        path = Path(scene).expanduser()
        if not path.exists() and named.is_dir():
            path = named
        if not path.is_dir():
            raise NotFoundError(f"there is no folder {scene}", "cosmos inputs lists scenes; cosmos prepare makes one")
        return self._inside(path)

    def _inside(self, path: Path) -> str:
        root = self._open().settings.root.resolve()
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(root) or real == root:
            raise RefusedError(f"{path} is not in the project", f"put it below {root / 'inputs'}")
        return real.relative_to(root).as_posix()


def _short(base: str) -> str:
    """As names are: small letters, digits and dashes."""
    letters = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in base.lower())
    return "-".join(part for part in letters[:NAME_MAX].split("-") if part) or "run"
