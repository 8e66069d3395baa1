"""A result held against the present: inputs, image, code, checkpoints, arguments, GPU, versions."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from cosmos.core.case import published_folder
from cosmos.core.desired import Desired
from cosmos.core.digest import SHORT, Digest, member_folder
from cosmos.core.observed import Reachable
from cosmos.core.recorded import LedgerEntry
from cosmos.core.run import Model, Run
from cosmos.engine.looks import HostLooks
from cosmos.errors import RefusedError, StorageError
from cosmos.project import samples, sides
from cosmos.project.wiring import Project, versions
from cosmos.results import Check, Match, Repeated, Reproduction


def reproduce(project: Project, name: str) -> Reproduction:
    """What is still as it was when a result was made.

    Raises:
        RefusedError: There is no such result.
    """
    desired = project.desire()
    key, digest = sides.meant(project, desired, name)
    entry = next(iter(project.records.results([digest])), None)
    if entry is None:
        raise RefusedError(f"{key} has no output yet", f"cosmos apply {key} makes it")
    run = sides.recorded(project, entry, key)
    record = samples.provenance(project, entry)
    want = desired.by_key().get(key)
    return Reproduction(
        key=key,
        digest=digest,
        attempt=entry.attempt,
        checks=tuple(_checks(project, desired, _Past(key, digest, entry, run, record))),
        is_wanted=want is not None and want.digest == digest,
        files=sides.videos(project, run, entry),
    )


def repeated(project: Project, before: Reproduction) -> Repeated:
    """The result of now beside the one before.

    Raises:
        RefusedError: It is the same one.
    """
    entry = next(iter(project.records.results([Digest(before.digest)])), None)
    if entry is None or entry.attempt == before.attempt:
        raise RefusedError(f"{before.key} was not made again", "cosmos status has where it is")
    files = sides.videos(project, sides.recorded(project, entry, before.key), entry)
    names = [role for role in before.files if role in files]
    equal = tuple(role for role in names if files[role] == before.files[role])
    return Repeated(
        attempt=entry.attempt,
        folder=published_folder(before.key, entry),
        equal=equal,
        videos={role: sides.alike(before.files[role], files[role]) for role in names if role not in equal},
    )


class _Past:
    """A result, and the run that it is of, as they were recorded."""

    def __init__(self, key: str, digest: Digest, entry: LedgerEntry, run: Run, record: Mapping[str, Any]) -> None:
        self.key, self.digest, self.entry, self.run, self.record = key, digest, entry, run, record

    @property
    def machine(self) -> Mapping[str, Any]:
        found = self.record.get("machine")
        return found if isinstance(found, Mapping) else {}


def _checks(project: Project, desired: Desired, past: _Past) -> Iterator[Check]:
    yield _specs(desired, past)
    yield from _files(project, past)
    yield from _inputs(project, desired, past)
    yield _arguments(project, past)
    yield from _model(project, past)
    yield from _host(project, past)
    yield _versions(past)


def _same(about: str, words: str) -> Check:
    return Check(about=about, match=Match.SAME, words=words)


def _differs(about: str, words: str) -> Check:
    return Check(about=about, match=Match.DIFFERS, words=words)


def _unknown(about: str, words: str) -> Check:
    return Check(about=about, match=Match.UNKNOWN, words=words)


def _specs(desired: Desired, past: _Past) -> Check:
    want = desired.by_key().get(past.key)
    if want is None:
        return _differs("specs", f"no spec has this run now; cosmos history {past.key}, then cosmos rollback")
    if want.digest != past.digest:
        words = f"they ask for {want.digest[:SHORT]} now; cosmos rollback {past.key} {past.digest[:SHORT]} goes back"
        return _differs("specs", words)
    return _same("specs", f"they ask for just this output, {past.digest[:SHORT]}")


def _files(project: Project, past: _Past) -> Iterator[Check]:
    """Read again, as this is what a repetition is held against."""
    wrong = [(file, flaw) for file in past.entry.manifest if (flaw := project.stock.flaw(file, read=True)) is not None]
    for file, (_, words) in wrong:
        yield _differs("result", f"{file.name} {words}; cosmos verify --fix")
    if not wrong:
        yield _same("result", f"its {len(past.entry.manifest)} files are whole")


def _inputs(project: Project, desired: Desired, past: _Past) -> Iterator[Check]:
    known = _input_hashes(project, desired, past)
    for role, path in sorted(past.run.inputs.items()):
        about = f"input {role}"
        try:
            now = project.inputs.fact(path, decode=False).sha256
        except StorageError as error:
            yield _differs(about, error.message)
            continue
        if role not in known:
            yield _unknown(about, f"{path}: its bytes of then are not recorded any more")
        elif known[role] != now:
            yield _differs(about, f"{path} had {known[role][:SHORT]}, and has {now[:SHORT]}")
        else:
            yield _same(about, f"{path} ({now[:SHORT]})")
    if past.run.source is not None:
        yield _source(project, desired, past)


def _input_hashes(project: Project, desired: Desired, past: _Past) -> Mapping[str, str]:
    want = desired.by_key().get(past.key)
    if want is not None and want.digest == past.digest:
        return {role: blob.sha256 for role, blob in want.blobs.items()}
    made_of = dict(project.records.materials().values()).get(past.digest, {})
    found = made_of.get("inputs")
    return found if isinstance(found, dict) else {}


def _source(project: Project, desired: Desired, past: _Past) -> Check:
    source = past.run.source
    assert source is not None  # noqa: S101 - asked by the caller
    made_of = dict(project.records.materials().values()).get(past.digest, {}).get("source")
    digest = str(made_of.get("digest", "")) if isinstance(made_of, dict) else ""
    if not digest:
        return _unknown("source", f"which output of {source.key} it read is not recorded any more")
    if not project.records.results([Digest(digest)]):
        return _differs("source", f"output {digest[:SHORT]} of {source.key} is not there any more")
    return _same("source", f"output {digest[:SHORT]} of {source.key} is there")


def _arguments(project: Project, past: _Past) -> Check:
    adapter = project.world.adapters.get(past.run.model.adapter)
    if adapter is None:
        return _differs("arguments", f"this cosmos has no adapter {past.run.model.adapter}")
    if adapter.version != past.run.adapter_version:
        words = f"adapter {past.run.model.adapter} was version {past.run.adapter_version}, and is {adapter.version}"
        return _differs("arguments", words)
    now = [word.replace("\0", "") for word in adapter.launch(past.run, member_folder(past.digest)).argv]
    then = past.record.get("argv")
    if then is None:
        return _unknown("arguments", "they are not recorded")
    if then != now:
        return _differs("arguments", "the program would be started with other words; provenance.json has those of then")
    return _same("arguments", f"the same {len(now)} words")


def _model(project: Project, past: _Past) -> Iterator[Check]:
    model = past.run.model
    if model.image is not None:
        yield _image(model, past)
    if model.commit is not None:
        yield _same("code", f"the run asks for commit {model.commit[:12]}, and is not started on another")
    if model.paths:
        now = project.surroundings.built_in.get(model.name)
        paths = dict(now.paths) if now is not None else {}
        if paths and paths != dict(model.paths):
            yield _differs("folders", f"model {model.name} has other paths in cosmos.toml now")
        yield _unknown("checkpoints", f"files below {', '.join(model.paths.values())} were not hashed")


def _image(model: Model, past: _Past) -> Check:
    used = str(past.machine.get("image_id", ""))[:19]
    if model.image is not None and "@sha256:" in model.image:
        return _same("image", f"named by its digest: {model.image}")
    words = f"{model.image} is a tag, which can be moved; {used or 'no id'} was used. Name it with @sha256:..."
    return _unknown("image", words)


def _host(project: Project, past: _Past) -> Iterator[Check]:
    name = str(past.record.get("host", ""))
    host = project.world.hosts.get(name)
    if host is None:
        yield _differs("host", f"{name or 'it'} is not in the configuration")
        return
    with closing(HostLooks({name: host}, project.world.clock)) as looks:
        view = looks.all(())[name]
    if not isinstance(view, Reachable):
        yield _unknown("host", f"{name} cannot be looked at: {view.why}")
        return
    yield _same("host", name)
    gpus = past.machine.get("gpus", ())
    then = sorted(str(gpu.get("name", "")) for gpu in gpus)
    if not then:
        yield _same("GPU", "none was used")
        return
    now = [gpu.name for gpu in view.gpus]
    lacking = [gpu for gpu in then if gpu not in now]
    yield _differs("GPU", f"{name} has no {lacking[0]} now") if lacking else _same("GPU", ", ".join(then))
    driver = str(past.machine.get("driver", ""))
    same = driver == view.driver
    yield _same("driver", driver) if same else _differs("driver", f"it was {driver or 'unknown'}, and is {view.driver}")


def _versions(past: _Past) -> Check:
    then, now = past.record.get("versions"), versions()
    if not isinstance(then, Mapping):
        return _unknown("versions", "they are not recorded")
    other = [f"{name} {then.get(name)} -> {now.get(name)}" for name in sorted(then) if then.get(name) != now.get(name)]
    return _differs("versions", ", ".join(other)) if other else _same("versions", "of cosmos and its libraries")
