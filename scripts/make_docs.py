"""Writes the tables of docs/ that follow from the program: `python scripts/make_docs.py [--check]`.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; everything else in the pages is
written by hand. With --check nothing is written and a page that would change ends with status 1.
"""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cosmos.core import spec, spec_model, spec_review
from cosmos.core.flaw import MEANINGS, NOTES, FlawKind
from cosmos.core.plan import Act, Cause, Phase, Sync
from cosmos.core.problem import Code
from cosmos.core.reasons import REASONS
from cosmos.daemon import wording
from cosmos.project.models import built_in_models
from cosmos.settings import (
    BatchSettings,
    DaemonSettings,
    DatabaseSettings,
    GitSettings,
    NoticeKind,
    NotifySettings,
    ProjectSettings,
    UiSettings,
)
from cosmos.settings_host import HostSettings

DOCS = Path(__file__).resolve().parent.parent / "docs"
TABLE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main(arguments: list[str]) -> int:
    stale = []
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        made = TABLE.sub(lambda match: match[1] + TABLES[match[2]]() + match[3], text)
        if made != text:
            stale.append(page.name)
            if "--check" not in arguments:
                page.write_text(made, encoding="utf-8")
    if stale:
        print(f"{'stale' if '--check' in arguments else 'written'}: {', '.join(stale)}", file=sys.stderr)
    return 1 if stale and "--check" in arguments else 0


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _fields(model: type[BaseModel]) -> Callable[[], str]:
    def made() -> str:
        properties = model.model_json_schema()["properties"]
        rows = (
            (f"`{name}`", _type(properties[name]), _default(field), field.description or "")
            for name, field in model.model_fields.items()
            if name != "kind"
        )
        return _table(("field", "type", "default", "meaning"), rows)

    return made


def _type(schema: dict[str, Any]) -> str:
    """A JSON Schema in a few words: `text`, `number 0..1`, `role: path`, `list of text`."""
    if "anyOf" in schema:
        words = dict.fromkeys(_type(each) for each in schema["anyOf"] if each.get("type") != "null")
        return "scalar" if set(words) >= {"number", "integer", "text"} else " or ".join(words)
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2].removesuffix("Spec").lower()
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if schema.get("type") == "object":
        values: Any = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), {})
        return f"name: {_type(values)}" if isinstance(values, dict) and values else "mapping"
    kind = str(schema.get("type", "any"))
    word = {"string": "text", "boolean": "true or false"}.get(kind, kind)
    low, high = schema.get("minimum"), schema.get("maximum")
    return f"{word} {low:g}..{high:g}" if low is not None and high is not None else word


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value in (None, "", {}, []) or isinstance(value, BaseModel):
        return ""
    if isinstance(value, list):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _params(model: str) -> Callable[[], str]:
    def made() -> str:
        params = built_in_models()[model].params
        return _table(("parameter", "type", "default", "meaning"), (_param(*each) for each in params.items()))

    return made


def _param(name: str, param: spec_model.ParamSpec) -> tuple[str, str, str, str]:
    kind = {"str": "text", "bool": "true or false", "int": "whole number", "float": "number"}[param.type]
    if param.choices:
        kind = ", ".join(f"`{choice}`" for choice in param.choices)
    elif param.min is not None and param.max is not None:
        kind += f" {param.min:.15g}..{param.max:.15g}"
    value = str(param.default).lower() if isinstance(param.default, bool) else param.default
    default = "" if value is None else f"`{value}`"
    return f"`{name}`", kind, default, param.description


def _codes() -> str:
    return _table(("code", "about"), ((f"`{code.value}`", code.name.lower().replace("_", " ")) for code in Code))


def _reasons() -> str:
    rows = (
        (f"`{reason.value}`", info.meaning, info.fault.value, "yes" if info.retryable else "no", info.remedy)
        for reason, info in REASONS.items()
    )
    return _table(("reason", "what happened", "whose", "tried again by itself", "what to do"), rows)


def _flaws() -> str:
    rows = ((f"`{kind.value}`", "note" if kind in NOTES else "problem", MEANINGS[kind]) for kind in FlawKind)
    return _table(("kind", "level", "what it is"), rows)


def _notices() -> str:
    return _table(("kind", "when"), ((f"`{kind.value}`", wording.MEANINGS[kind]) for kind in NoticeKind))


def _words(members: Iterable[str]) -> str:
    return ", ".join(f"`{member}`" for member in members) + "\n"


TABLES: dict[str, Callable[[], str]] = {
    "prompt": _fields(spec.PromptSpec),
    "run": _fields(spec.RunSpec),
    "control": _fields(spec.ControlSpec),
    "source": _fields(spec.SourceSpec),
    "placement": _fields(spec.PlacementSpec),
    "retry": _fields(spec.RetrySpec),
    "model": _fields(spec_model.ModelSpec),
    "review": _fields(spec_review.ReviewSpec),
    "param": _fields(spec_model.ParamSpec),
    "requires": _fields(spec_model.RequiresSpec),
    "params-cosmos3": _params("cosmos3"),
    "params-cosmos3-vllm": _params("cosmos3-vllm"),
    "params-cosmos3-nim": _params("cosmos3-nim"),
    "params-cosmos-transfer2-5": _params("cosmos-transfer2-5"),
    "params-cosmos-predict2-5": _params("cosmos-predict2-5"),
    "params-cosmos-transfer1": _params("cosmos-transfer1"),
    "params-cosmos-transfer1-upscale": _params("cosmos-transfer1-upscale"),
    "region": _fields(spec.RegionSpec),
    "container": _fields(spec_model.ContainerSpec),
    "project-settings": _fields(ProjectSettings),
    "database-settings": _fields(DatabaseSettings),
    "host-settings": _fields(HostSettings),
    "git-settings": _fields(GitSettings),
    "batch-settings": _fields(BatchSettings),
    "daemon-settings": _fields(DaemonSettings),
    "notify-settings": _fields(NotifySettings),
    "ui-settings": _fields(UiSettings),
    "codes": _codes,
    "reasons": _reasons,
    "flaws": _flaws,
    "notices": _notices,
    "phases": lambda: _words(Phase),
    "syncs": lambda: _words(Sync),
    "causes": lambda: _words(Cause),
    "acts": lambda: _words(Act),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
