"""ConfigManager: cosmos.toml and COSMOS_ variables -> one frozen Settings.

A project is a folder with a `cosmos.toml`, or with a `specs/` folder and the defaults below. Every key
has an environment override: COSMOS_ and the key's path in upper case, parts joined by two underscores
(`hosts.gpu.slots` is COSMOS_HOSTS__GPU__SLOTS). Lists are written as JSON there.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cosmos.errors import ConfigError
from cosmos.settings import File, Settings
from cosmos.settings_host import WrongKeysError

FILE = "cosmos.toml"
PREFIX = "COSMOS_"
NOT_SETTINGS = frozenset({"COSMOS_PROJECT_DIR", "COSMOS_MUST_RUN", "COSMOS_HOOK_SECRET", "COSMOS_UI_PASSWORD"})
"""Variables with our prefix that are read elsewhere."""


class ConfigManager:
    """Finds a project and reads its configuration.

    Args:
        start: Where to look; parents are tried too. Default: COSMOS_PROJECT_DIR, else the current folder.
        environment: Variables; default: the process's own.
    """

    def __init__(self, start: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        named = start or Path(self._environment.get("COSMOS_PROJECT_DIR") or Path.cwd())
        self._start = named.expanduser().resolve()

    def settings(self) -> Settings:
        """Read and check everything.

        Raises:
            ConfigError: No project here, a file that is not TOML, or a key that is unknown or wrong.
        """
        root = self.find()
        data = self._read(root / FILE)
        for path, value in self._overrides():
            _put(data, path, value)
        try:
            file = File.model_validate(data)
        except ValidationError as error:
            raise ConfigError(_explain(error), f"see docs/configuration.md, then correct {root / FILE}") from None
        return _settings(root, file)

    def find(self) -> Path:
        """The project's folder: the nearest with a cosmos.toml, else the nearest with a specs folder."""
        around = (self._start, *self._start.parents)
        for marker in (FILE, "specs"):
            for folder in around:
                found = folder / marker
                if found.is_file() if marker == FILE else found.is_dir():
                    return folder
        raise ConfigError(
            f"{self._start} is not a cosmos project: no {FILE} and no specs/ here or above",
            "make one with `cosmos init`, or name one with -C DIR",
        )

    def _read(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            return {}
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise ConfigError(f"{path}: {error}", "correct the file; docs/configuration.md has a sample") from None

    def _overrides(self) -> list[tuple[list[str], Any]]:
        found = []
        for name, text in sorted(self._environment.items()):
            if name.startswith(PREFIX) and name not in NOT_SETTINGS:
                path = name.removeprefix(PREFIX).lower().split("__")
                found.append((path, _value(text)))
        return found


def _value(text: str) -> Any:
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return {"true": True, "false": False}.get(text.lower(), text)


def _put(data: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        data = data.setdefault(part, {})
        if not isinstance(data, dict):
            raise ConfigError(f"COSMOS_{'__'.join(path).upper()}: `{part}` is not a table", "see docs/configuration.md")
    data[path[-1]] = value


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"])
        if isinstance(wrong := item.get("ctx", {}).get("error"), WrongKeysError):
            lines += [f"{FILE}: {where}.{key}: {words}" for key, words in wrong.found]
            continue
        what = "unknown key" if item["type"] == "extra_forbidden" else item["msg"]
        lines.append(f"{FILE}: {where}: {what}")
    return "\n".join(lines)


def _settings(root: Path, file: File) -> Settings:
    state = root / file.project.state
    return Settings(
        root=root,
        name=file.project.name or _name_of(root),
        specs=root / file.project.specs,
        outputs=root / file.project.outputs,
        state=state,
        max_runs=file.project.max_runs,
        max_gpu_hours=file.project.max_gpu_hours,
        database_url=file.database.url or f"sqlite:///{state / 'state.db'}",
        hosts=file.hosts,
        models=file.models,
        git=file.git,
        daemon=file.daemon,
        notify=file.notify,
        ui=file.ui,
    )


def _name_of(root: Path) -> str:
    letters = (letter if letter.isascii() and letter.isalnum() else "-" for letter in root.name.lower())
    return "".join(letters).strip("-")[:63].strip("-") or "project"
