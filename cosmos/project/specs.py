"""Spec files as they are written, and changes of them: shown with what follows, then saved, with a commit or not."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from threading import Lock

from cosmos.core.comparison import Difference, compare
from cosmos.core.desired import Desired
from cosmos.core.digest import sha256_hex
from cosmos.core.load import SourceFile
from cosmos.edits import Edit, FileEdit, SpecDocument, SpecFile, SpecText
from cosmos.errors import NotFoundError, RefusedError, SourceError, SpecError
from cosmos.outcome import PlanView
from cosmos.project import accepting, at_commit, editing, plans, ratings, texts, writing
from cosmos.project.editing import Found
from cosmos.project.wiring import Project


class Specs:
    """Of one project. Nothing is written but by `save`.

    Names are those of specs, as `heavy-rain`; `prompt/heavy-rain` where there is a run of this name too.

    Args:
        project: Opens the project; called when it is first needed.
    """

    def __init__(self, project: Callable[[], Project]) -> None:
        self._open = project
        self._writing = Lock()

    def find(self, name: str) -> SpecDocument:
        """One spec as it is written.

        Raises:
            NotFoundError: There is none of this name.
        """
        return self._find(name).document

    def read(self, path: str) -> SpecFile:
        """A whole spec file, whatever is wrong with it.

        Raises:
            NotFoundError: There is no such file.
        """
        data = self._data(path)
        if data is None:
            raise NotFoundError(f"there is no spec file {path}", "cosmos validate names those with problems")
        return SpecFile(path=path, text=data.decode("utf-8", "replace"), seen=sha256_hex(data))

    def _find(self, name: str) -> Found:
        return editing.find(self._open().read(), name)

    def propose(self, name: str, changes: Mapping[str | editing.Path, object], *, seen: str = "") -> Edit:
        """A spec with some fields changed, added or removed, by the smallest change of its text.

        Args:
            name: Of the spec.
            changes: Values by field: `text`, `labels.scene`, or a tuple where a key has dots itself, as
                `("matrix", "params.seed")`. `editing.REMOVE` takes the field away.
            seen: `SpecDocument.seen` of what the caller changes.

        Raises:
            RefusedError: The file has changed since, or the text cannot be changed without touching something else.
        """
        found = self._find(name)
        fields = ", ".join(editing.dotted(path) for path in changes)
        wanted = editing.changed(found.document, changes)
        editing.require_seen(found.document.path, found.file.data, seen)
        after = editing.refusing(lambda: editing.rewritten(found, wanted))
        return self._edit(f"Set {fields} of {found.title}", found.document.path, found.file.data, after)

    def write(self, path: str, text: str, *, seen: str = "") -> Edit:
        """A whole spec file with another text; a new one where there is none.

        Args:
            path: Of the file, as seen from the project.
            text: All that is to be in it.
            seen: sha256 of the file as the caller had it; empty for a new one.
        """
        path = editing.spec_path(self._open().tree.folder, path)
        before = self._data(path)
        editing.require_seen(path, before, seen, is_whole=True)
        subject = f"{'Add' if before is None else 'Edit'} {path}"
        return self._edit(subject, path, before, text.encode("utf-8", "surrogatepass"))

    def replace(self, name: str, text: str, *, seen: str = "") -> Edit:
        """A spec with another text, just as a person typed it; what that is wrong about is among the problems.

        Args:
            name: Of the spec.
            text: All of it, from `kind:` on.
            seen: `SpecDocument.seen` of what the caller changes.

        Raises:
            RefusedError: The file has changed since, or the text would change what is beside it.
        """
        found = self._find(name)
        editing.require_seen(found.document.path, found.file.data, seen)
        after = editing.refusing(lambda: texts.exchanged(found, text))
        return self._edit(f"Edit {found.title}", found.document.path, found.file.data, after)

    def add(self, text: str, *, path: str = "") -> Edit:
        """A new spec, just as a person typed it, in a file of its own or after the others of a file that is there."""
        folder = self._open().tree.folder
        spec = texts.read(text)
        path = editing.spec_path(folder, path or editing.usual_path(folder, spec.data))
        before = self._data(path)
        after = editing.refusing(lambda: texts.appended(path, before, text))
        return self._edit(f"Add {editing.title(spec.data)}", path, before, after)

    @staticmethod
    def reword(text: str, changes: Mapping[str, object]) -> SpecText:
        """The text of a spec with some fields changed, by the smallest change of it. Of no file, and not judged.

        None takes a field away, where it is there.

        Raises:
            RefusedError: It cannot be read, or not be changed so.
        """
        return texts.reworded(text, changes)

    def again(self, subject: str, edits: Sequence[FileEdit]) -> Edit:
        """A change that was shown, judged with the specs of now.

        Raises:
            RefusedError: A file is another one than it was then.
        """
        project = self._open()
        files = {file.path: file for file in project.read()}
        for edit in edits:
            there = files.get(edit.path)
            editing.require_same(edit, there.data if there is not None else None)
        return self._judged(subject, tuple(edits), files.values(), project.desire())

    def obstacle(self, edit: Edit) -> str:
        """Why an edit cannot be committed, in a sentence; empty where it can."""
        try:
            project = self._open()
            at_commit.checkout(project).require_clean(list(writing.real_paths(project.settings.root, edit.edits)))
        except (SourceError, RefusedError) as error:
            return error.message
        return ""

    def create(self, data: Mapping[str, object], *, path: str = "") -> Edit:
        """A new spec, in a file of its own or after the others of a file that is there.

        Args:
            data: Its fields, `kind` among them.
            path: The file, as seen from the project; default: one that is called like the spec.
        """
        folder = self._open().tree.folder
        path = editing.spec_path(folder, path or editing.usual_path(folder, data))
        before = self._data(path)
        after = editing.refusing(lambda: editing.appended(path, before, data))
        return self._edit(f"Add {editing.title(data)}", path, before, after)

    def remove(self, name: str, *, seen: str = "") -> Edit:
        """A spec taken away; its file too, where it is the only one in it. Outputs and reviews of its runs stay."""
        found = self._find(name)
        editing.require_seen(found.document.path, found.file.data, seen)
        after = editing.refusing(lambda: editing.without(found))
        return self._edit(f"Delete {found.title}", found.document.path, found.file.data, after)

    def rate(
        self,
        run: str,
        rating: int | None,
        *,
        note: str | None = None,
        tags: Sequence[str] | None = None,
        digest: str = "",
    ) -> Edit:
        """What a person thinks of an output, as a Review in `specs/reviews/`.

        Args:
            run: A run; it may be gone from the specs where `digest` is given.
            rating: 1 to 5; None takes the rating away.
            note: Another note; None leaves the one there is.
            tags: Other tags; None leaves those there are.
            digest: Of the output, or its first digits; default: the one that the specs ask for now.

        Raises:
            RefusedError: The run has no such output.
        """
        return self.review(run, {"rating": rating, "note": note, "tags": tags}, digest=digest)

    def review(self, run: str, fields: Mapping[str, object], *, digest: str = "") -> Edit:
        """The same for some of `rating`, `note` and `tags`; what is not among the fields stays."""
        project = self._open()
        desired = project.desire()
        about = ratings.about(project, desired, run, digest)
        said = ratings.merged(desired.reviews.of(about.key, about.digest), fields)
        subject = ratings.subject(about.key, fields)
        there = editing.find_review(project.read(), about.key, about.digest)
        if there is None and not said:
            raise RefusedError(f"{about.key} has no review", "cosmos rate RUN N makes one")
        if there is None:
            path = ratings.path(project.tree.folder, about.key)
            before = self._data(path)
            after = editing.refusing(lambda: editing.appended(path, before, ratings.document(about, said)))
            return self._edit(subject, path, before, after, now=desired)
        kept = {name: value for name, value in there.document.data.items() if name not in ratings.FIELDS}
        make = partial(editing.rewritten, there, {**kept, **said}) if said else partial(editing.without, there)
        return self._edit(subject, there.document.path, there.file.data, editing.refusing(make), now=desired)

    def accept(self, run: str, *, name: str = "", digest: str = "") -> Edit:
        """A text that a run made, as a new Prompt with the labels, negative text and inputs of the run's own prompt.

        Args:
            run: A run with an output `text`, as those of cosmos-transfer1-enhance have.
            name: Of the new prompt; default: the old one's with `-enhanced`, and a number where that is taken.
            digest: Of an earlier output, or its first digits; default: the one that the specs ask for now.

        Raises:
            RefusedError: The run has no such output yet, or a prompt has this text already.
        """
        return self.create(accepting.prompt(self._open(), run, name, digest))

    def plan(self, edit: Edit, targets: Sequence[str] = ()) -> PlanView:
        """What apply would do once an edit is saved, for all runs or some. Looks at the hosts, and records nothing."""
        project = self._open()
        project.approach()
        return plans.of(project, edit.desired, targets, [], remembered=False)[0]

    def new(self, edit: Edit) -> list[str]:
        """Keys of the runs that the specs ask for with an edit, and not yet."""
        now = self._open().desire().by_key()
        return [want.run.key for want in edit.desired.runs if want.run.key not in now]

    def save(self, edit: Edit, *, commit: bool = False, message: str = "") -> str:
        """Write an edit, and commit its files and nothing else on request.

        Returns:
            The commit; empty without one.

        Raises:
            SpecError: The specs would have new problems. Nothing was written.
            RefusedError: A file has changed since, or has changes of its own that are not committed.
            SourceError: git did not commit; the files are as they were.
        """
        self.check(edit)
        project = self._open()
        edits = [each for each in edit.edits if each.before != each.after]
        checkout = at_commit.checkout(project) if commit else None
        if checkout is not None:
            checkout.require_clean(list(writing.real_paths(project.settings.root, edit.edits)))
        if not edits:
            return ""
        with self._writing:  # two people at one page: the second finds the file changed
            return writing.write(project.settings.root, edits, checkout, message or f"{edit.subject}\n")

    @staticmethod
    def check(edit: Edit) -> None:
        """Go on only with an edit that makes no new problem.

        Raises:
            SpecError: It makes some.
        """
        if edit.problems:
            raise SpecError(edit.problems)

    def differing(self, edit: Edit) -> tuple[Difference, ...]:
        """The runs that would be new, other ones or gone with an edit. Looks at no host."""
        project = self._open()
        recorded = project.records.load({want.run.id: want.digest for want in edit.desired.runs})
        return compare(project.desire(), edit.desired, recorded.ledger, recorded.timings)[0]

    def gone(self, edit: Edit) -> list[tuple[str, str]]:
        """Keys of the runs that the specs ask for now and no more with an edit, and their phases at the last look."""
        project = self._open()
        then = edit.desired.by_key()
        keys = [want.run.key for want in project.desire().runs if want.run.key not in then]
        phases = {status.key: status.phase.value for status in project.records.board().statuses}
        return [(key, phases.get(key, "never looked at")) for key in keys if not edit.desired.holds(key)]

    def _data(self, path: str) -> bytes | None:
        return next((file.data for file in self._open().read() if file.path == path), None)

    def _edit(
        self, subject: str, path: str, before: bytes | None, after: bytes | None, *, now: Desired | None = None
    ) -> Edit:
        """With what the whole project would be like."""
        project = self._open()
        edits = (FileEdit(path=path, before=before, after=after),)
        return self._judged(subject, edits, project.read(), now or project.desire())

    def _judged(self, subject: str, edits: tuple[FileEdit, ...], files: Iterable[SourceFile], now: Desired) -> Edit:
        changed = {edit.path for edit in edits}
        others = [file for file in files if file.path not in changed]
        then = self._open().judge([*others, *(SourceFile(e.path, e.after) for e in edits if e.after is not None)])
        known = {(problem.subject, problem.message) for problem in now.problems}  # wherever they have moved to
        new = tuple(each for each in then.problems if (each.subject, each.message) not in known)
        return Edit(subject=subject, edits=edits, desired=then, problems=new)
