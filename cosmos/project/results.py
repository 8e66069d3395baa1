"""What runs have made, as things that people take away, look for, compare and trace back."""

from collections.abc import Callable, Sequence
from pathlib import Path

from cosmos.project import exporting, reproducing, searching, sides, tracing
from cosmos.project.wiring import Project
from cosmos.results import Compared, Exported, Repeated, Reproduction, Searched, Whence


class Results:
    """Of one project.

    Args:
        project: Opens the project; called when it is first needed.
    """

    def __init__(self, project: Callable[[], Project]) -> None:
        self._open = project

    def export(
        self,
        folder: Path | str,
        targets: Sequence[str] = (),
        labels: Sequence[str] = (),
        *,
        where: str = "",
        controls: bool = False,
        link: bool = False,
        force: bool = False,
        shard: int = 0,
    ) -> Exported:
        """Put videos into a folder, with one line of JSON for each run in its `manifest.jsonl`.

        What is there with the same bytes is left, so that an export may be repeated. Files that are no part of it are
        never touched.

        Args:
            folder: Made where it is not there.
            targets: Runs of the specs, as for `plan`.
            labels: Terms, as for `plan`.
            where: Only runs for which it holds, as in `source.where` of a spec.
            controls: Also what guided them: inputs, and controls that the model computed.
            link: Hard links to the store in place of copies, where the disk allows; inputs are copied in any case.
            force: Replace what has the same name and other bytes.
            shard: So many runs into each tar file, as WebDataset reads them; 0 for plain files.

        Raises:
            RefusedError: There is nothing to give, or something is in the way.
            BusyError: Another export writes to the folder.
        """
        wish = exporting.Wish(
            targets=targets, labels=labels, where=where, controls=controls, link=link, force=force, shard=shard
        )
        return exporting.export(self._open(), Path(folder).expanduser().resolve(), wish)

    def whence(self, file: Path | str) -> Whence:
        """Where a file comes from, by its bytes: it may have any name, and be anywhere.

        Raises:
            NotFoundError: It is not there, or neither an output nor an input of this project.
        """
        return tracing.whence(self._open(), Path(file).expanduser())

    def search(self, text: str) -> Searched:
        """Prompts, runs, reviews and scenes that have all words of a text somewhere, best first.

        Args:
            text: Words; `"several words"` in quotes are one; `field:word` looks only there, with the fields kind,
                name, text, negative, label, prompt, model, param, control, note, tag, rating, input.

        Raises:
            RefusedError: There is no word in it.
        """
        return searching.search(self._open(), text)

    def compare(self, one: str, other: str) -> Compared:
        """Two runs: the settings in which they differ, how they were made, and how alike their videos look.

        Args:
            one: Name of a run; with `@` and the first digits of a digest, an earlier output of it.
            other: The same.

        Raises:
            NotFoundError: A name means no run, or a digest no output.
            RefusedError: Both mean one output.
        """
        return sides.compare(self._open(), one, other)

    def reproduce(self, name: str) -> Reproduction:
        """What of a result's record is still so, and what is not. Looks at the host that made it; runs nothing.

        Args:
            name: Name of a run; with `@` and the first digits of a digest, an earlier output of it.

        Raises:
            NotFoundError: It means no run, or no output.
            RefusedError: The run has no output yet.
        """
        return reproducing.reproduce(self._open(), name)

    def repeated(self, before: Reproduction) -> Repeated:
        """The result that counts now of the same digest, held against an earlier one: after `apply` with `rerun`.

        Raises:
            RefusedError: There is no other result.
        """
        return reproducing.repeated(self._open(), before)
