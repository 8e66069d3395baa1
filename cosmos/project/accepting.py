"""A text that a run made, as a Prompt: what `accept` proposes. A person reads it before GPU time is spent on it."""

from itertools import count

from cosmos.core.load import load
from cosmos.core.recorded import LedgerEntry
from cosmos.core.spec import PromptSpec
from cosmos.errors import RefusedError, StorageError
from cosmos.project import ratings
from cosmos.project.wiring import Project

OUTPUT = "text"
FROM = "enhanced-from"
"""Label of a prompt that was accepted: the prompt that it was made from."""

TEXT_LIMIT = 256 << 10


def prompt(project: Project, run: str, name: str, digest: str) -> dict[str, object]:
    """The fields of the new Prompt.

    Raises:
        RefusedError: The run made no text, or a prompt has it already.
    """
    desired = project.desire()
    about = ratings.about(project, desired, run, digest)
    want = desired.by_key().get(about.key)
    prompts = {spec_name: located.spec for spec_name, located in load(project.read()).prompts.items()}
    old = prompts.get(want.run.prompt or "") if want is not None else None
    if want is None or old is None:
        hint = "take the spec of the run and its prompt back: cosmos history NAME, cosmos rollback NAME"
        raise RefusedError(
            f"{about.key} has no prompt in the specs, whose labels and inputs the new one would get", hint
        )
    output = want.run.outputs.get(OUTPUT)
    if output is None:
        has = ", ".join(sorted(want.run.outputs))
        raise RefusedError(
            f'{about.key} has no output "{OUTPUT}", only {has}', "name a run of cosmos-transfer1-enhance"
        )
    entry = project.records.load({about.key: about.digest}).ledger[about.digest]  # type: ignore[dict-item,index]
    text = _text(project, entry, output.path, about.key)
    same = [known for known, spec in prompts.items() if spec.text.strip() == text]
    if same:
        raise RefusedError(f'prompt "{same[0]}" has this text already', "nothing is left to accept")
    return _fields(old, name or _name(old.name, prompts), text)


def _fields(old: PromptSpec, name: str, text: str) -> dict[str, object]:
    fields: dict[str, object] = {
        "kind": "Prompt",
        "name": name,
        "labels": {**old.labels, FROM: old.name},
        "text": text,
        "negative": old.negative,
        "inputs": old.inputs,
    }
    return {field: value for field, value in fields.items() if value not in ("", None)}


def _name(old: str, taken: dict[str, PromptSpec]) -> str:
    """`rain-enhanced`, `rain-enhanced-2`, ...: names have 63 letters at most."""
    base = f"{old[:50].rstrip('-')}-enhanced"
    return base if base not in taken else next(each for n in count(2) if (each := f"{base}-{n}") not in taken)


def _text(project: Project, entry: LedgerEntry, path: str, key: str) -> str:
    sha256 = next((file.sha256 for file in entry.manifest if file.name == path), "")
    blob = project.world.store.path(sha256)
    try:
        with blob.open("rb") as file:
            return file.read(TEXT_LIMIT).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"the text of {key} cannot be read: {error}", "cosmos verify --fix brings it back") from None
