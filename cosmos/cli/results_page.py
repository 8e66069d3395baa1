"""What `cosmos export` and `cosmos whence` print."""

from collections.abc import Iterator
from dataclasses import asdict

from cosmos.cli.render import Screen, cut, local_time, one_line, plural, printable, timestamp
from cosmos.cli.status_page import FORMAT_VERSION
from cosmos.core.digest import SHORT
from cosmos.core.plan_text import size
from cosmos.results import Exported, MadeBy, Whence

SHOWN = 5
READERS = 10


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


def whence_lines(found: Whence, screen: Screen) -> Iterator[str]:
    yield printable(f"{found.path}: {size(found.size)}, sha256 {found.sha256}")
    for made in found.made_by:
        yield from _made_by(made, screen)
    if not found.made_by:
        yield "It is no output of a run."
    for read in found.read_by[:READERS]:
        where = printable(read.path) if read.path else "no more: the specs ask for something else"
        yield f"{screen.paint('input', 'bold')} {read.role} of {printable(read.key)}  ({where})"
    if len(found.read_by) > READERS:
        yield f"  and of {len(found.read_by) - READERS} more"
    if not found.read_by:
        yield "It is no input of a run."


def _made_by(made: MadeBy, screen: Screen) -> Iterator[str]:
    yield f"{screen.paint('output', 'bold')} {printable(made.role)} of {screen.paint(printable(made.key), 'bold')}"
    run = made.provenance.get("run")
    text = one_line(str(run.get("text") or "")) if isinstance(run, dict) else ""
    if text:
        yield cut(f"  prompt    {text}", screen.width)
    host = f" on {made.host}" if made.host else ""
    yield f"  made      {local_time(made.finished_at)}{printable(host)}, attempt {made.attempt}"
    if made.origin.commit:
        by = f" by {made.origin.author}" if made.origin.author else ""
        yield cut(printable(f"  commit    {made.origin.commit[:SHORT]}{by}"), screen.width)
    yield printable(f"  file      outputs/{made.folder}/{made.name}")
    yield f"  digest    {made.digest[:SHORT]}: {_standing(made)}"
    if made.rating is not None:
        yield f"  rating    {made.rating}"


def _standing(made: MadeBy) -> str:
    if not made.wanted:
        return "the specs have no such run now"
    if made.wanted == made.digest:
        return "what the specs ask for now"
    return f"the specs ask for {made.wanted[:SHORT]} now (cosmos history {printable(made.key)})"


def whence_document(found: Whence) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "path": found.path,
        "sha256": found.sha256,
        "size": found.size,
        "made_by": [_made_document(made) for made in found.made_by],
        "read_by": [asdict(read) for read in found.read_by],
    }


def _made_document(made: MadeBy) -> dict[str, object]:
    return {
        "run": made.key,
        "id": made.run_id,
        "digest": made.digest,
        "role": made.role,
        "file": f"outputs/{made.folder}/{made.name}",
        "finished_at": timestamp(made.finished_at),
        "attempt": made.attempt,
        "host": made.host,
        "commit": made.origin.commit,
        "author": made.origin.author,
        "is_now": made.digest == made.wanted,
        "wanted": made.wanted or None,
        "rating": made.rating,
        "provenance": made.provenance,
    }
