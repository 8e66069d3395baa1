"""What `cosmos export` prints."""

from collections.abc import Iterator
from dataclasses import asdict

from cosmos.cli.render import plural, printable
from cosmos.cli.status_page import FORMAT_VERSION
from cosmos.core.plan_text import size
from cosmos.results import Exported

SHOWN = 5


def export_lines(done: Exported) -> Iterator[str]:
    """What a script wants to go on with: the path of the manifest."""
    yield printable(str(done.folder / "manifest.jsonl"))


def export_talk(done: Exported) -> Iterator[str]:
    what = plural(done.shards, "shard") if done.shards else plural(done.files, "file")
    how = [f"{count} {word}" for count, word in _counts(done) if count]
    yield f"Exported {plural(len(done.runs), 'run')}: {what}, {size(done.size)} ({', '.join(how)})."
    if done.missing:
        yield f"{plural(len(done.missing), 'run')} chosen and without a result yet: {_some(done.missing)}"
    if done.left:
        yield f"{plural(len(done.left), 'file')} of an earlier export stay, and are no part of it: {_some(done.left)}"
    if done.held:
        yield "Specs with a problem were left out: cosmos validate names them."


def _counts(done: Exported) -> tuple[tuple[int, str], ...]:
    return (done.copied, "copied"), (done.linked, "linked"), (done.kept, "there already")


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(map(printable, names[:SHOWN]))}{more}"


def export_document(done: Exported) -> dict[str, object]:
    return {"format_version": FORMAT_VERSION, **asdict(done), "folder": str(done.folder)}
