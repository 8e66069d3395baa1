"""Which files of a render are which: sequences of pictures, and videos, by the words in their names."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from cosmos.errors import RefusedError

WORDS: Mapping[str, tuple[str, ...]] = {
    "color": ("color", "colour", "beauty", "rgb", "rgba", "combined"),
    "depth": ("depth", "zdepth", "pz", "z"),
    "segmentation": ("segmentation", "segmentations", "seg", "semantic", "mask", "masks", "matte", "id", "ids"),
    "edge": ("edge", "edges", "canny"),
    "vis": ("vis",),
}
"""By role, the words that name it in a file's name or, failing that, in the name of a folder above it."""

PICTURES = (".png",)
VIDEOS = (".mp4", ".mov", ".mkv", ".webm")
OTHERS = (".exr", ".jpg", ".jpeg", ".tif", ".tiff", ".tga", ".bmp", ".dpx", ".webp")
"""Pictures that are not read."""

FILES_MAX = 100_000
GAPS_SHOWN = 5

_ROLES = {word: role for role, words in WORDS.items() for word in words}
_NUMBERED = re.compile("(.*?)([0-9]{1,9})", re.DOTALL)
_WORD = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Files that become one video. `name` is `beauty.####.png`, `first` the number of its first frame (0: a video)."""

    name: str
    files: tuple[Path, ...]
    first: int = 0

    @property
    def is_video(self) -> bool:
        return self.files[0].suffix.lower() in VIDEOS


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Sources by role, the names of what has none, and whether the colour is only what was left."""

    sources: Mapping[str, Source]
    left_out: tuple[str, ...]
    is_color_guessed: bool = False


def find(paths: Sequence[Path]) -> Found:
    """Look through folders, and all below them.

    Raises:
        RefusedError: There is no colour, two for one role, or frames are missing; names all of it.
        OSError: A folder cannot be read.
    """
    problems: list[str] = []
    chosen: dict[str, list[_Sequence]] = {}
    nameless = []
    for each in _grouped(paths):
        roles = each.roles()
        if len(roles) > 1:
            problems.append(f"{each.name} may be {' or '.join(roles)}: its name has words for both")
        elif not roles or each.is_single_picture:
            nameless.append(each)
        else:
            chosen.setdefault(roles[0], []).append(each)
    readable = [each for each in nameless if not each.is_foreign and not each.is_single_picture]
    is_guessed = "color" not in chosen and len(readable) == 1
    if is_guessed:
        nameless.remove(readable[0])
        chosen["color"] = readable
    sources: dict[str, Source] = {}
    for role in [role for role in WORDS if role in chosen]:
        one = _one(role, chosen[role], nameless, problems)
        if one is not None:
            problems += one.gaps(role)
            sources[role] = one.source()
    left_out = tuple(each.name for each in nameless)
    if "color" not in chosen and not problems:
        problems = [_no_color(paths, chosen, left_out)]
    refuse(problems, "correct the files, or name only the folders that belong to the scene")
    _require_same_numbers(sources)
    return Found(sources=sources, left_out=left_out, is_color_guessed=is_guessed)


def refuse(problems: Sequence[str], hint: str) -> None:
    """Go on only where there are none.

    Raises:
        RefusedError: Names all.
    """
    if problems:
        raise RefusedError("\n  ".join(dict.fromkeys(problems)), hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sequence:
    """Files whose paths differ in their last number only; a video is one of its own.

    `above` are the names of the folders that it is in, the nearest first.
    """

    name: str
    stem: str
    above: tuple[str, ...]
    numbered: tuple[tuple[int, Path], ...]
    is_single_picture: bool = False

    @property
    def is_foreign(self) -> bool:
        return self.numbered[0][1].suffix.lower() in OTHERS

    def roles(self) -> list[str]:
        """One where it is clear, several where its own name has words for several."""
        own = _roles(self.stem)
        if own:
            return own
        return next((roles for roles in map(_roles, self.above) if len(roles) == 1), [])

    def source(self) -> Source:
        return Source(name=self.name, files=tuple(path for _, path in self.numbered), first=self.numbered[0][0])

    def gaps(self, role: str) -> list[str]:
        """What is missing, or there twice, in words."""
        found = []
        for (before, left), (after, right) in pairwise(self.numbered):
            if before == after:
                found.append(f"{role}: frame {before} is there twice: {left.name} and {right.name}")
            elif after - before > 1:
                missing = frames_words(before + 1, after - 1)
                found.append(f"{role}: {missing} missing between {left.name} and {right.name}")
        more = len(found) - GAPS_SHOWN
        return [*found[:GAPS_SHOWN], *([f"{role}: {more} more gaps"] if more > 0 else [])]


def frames_words(first: int, last: int) -> str:
    """`frame 17 is`, `frames 17-19 are`."""
    return f"frame {first} is" if first == last else f"frames {first}-{last} are"


def _roles(name: str) -> list[str]:
    return list(dict.fromkeys(_ROLES[word.lower()] for word in _WORD.findall(name) if word.lower() in _ROLES))


def _grouped(paths: Sequence[Path]) -> list[_Sequence]:
    groups: dict[tuple[Path, str, str], list[tuple[int, Path]]] = {}
    made: dict[tuple[Path, str, str], _Sequence] = {}
    for path, above, name in _files(paths):
        suffix, shown = path.suffix.lower(), name
        match = _NUMBERED.fullmatch(path.stem) if suffix not in VIDEOS else None
        stem, number, is_single = path.stem, 0, suffix not in VIDEOS
        if match:
            stem, number, is_single = match[1], int(match[2]), False
            shown = f"{name.removesuffix(path.name)}{stem}####{path.suffix}"
        key = (path.parent, stem, suffix if match else path.name)
        groups.setdefault(key, []).append((number, path))
        made.setdefault(key, _Sequence(name=shown, stem=stem, above=above, numbered=(), is_single_picture=is_single))
    return [replace(made[key], numbered=tuple(sorted(numbered))) for key, numbered in sorted(groups.items())]


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, tuple[str, ...], str]]:
    """Each file that may matter, the names of the folders above it, and how a person would call it."""
    seen: set[Path] = set()
    for root in paths:
        for path in _below(root):
            if path in seen or path.name.startswith(".") or path.suffix.lower() not in PICTURES + VIDEOS + OTHERS:
                continue
            seen.add(path)
            if len(seen) > FILES_MAX:
                raise RefusedError(f"{root} has more than {FILES_MAX} files", "name the folder of one render")
            inside = path.relative_to(root if root.is_dir() else root.parent)
            top = root.name if root.is_dir() else root.parent.name
            shown = Path(top, inside) if len(paths) > 1 else inside
            yield path, (*reversed(inside.parent.parts), top), shown.as_posix()


def _below(root: Path) -> Iterator[Path]:
    if not root.is_dir():
        yield root
        return
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names))


def _raise(error: OSError) -> None:
    raise error


def _one(role: str, found: list[_Sequence], left_out: list[_Sequence], problems: list[str]) -> _Sequence | None:
    """The one to take for a role; pictures that are not read give way to those that are."""
    readable = [each for each in found if not each.is_foreign]
    if not readable:
        ending = found[0].numbered[0][1].suffix.lower().removeprefix(".").upper()
        problems.append(f"{role}: {found[0].name}: {ending} files are not read; write PNG files, depth with 16 bits")
        return None
    if len(readable) > 1:
        names = " and ".join(each.name for each in readable[:3])
        problems.append(f"{role}: there are {len(readable)}: {names}")
        return None
    left_out.extend(each for each in found if each.is_foreign)
    return readable[0]


def _no_color(paths: Sequence[Path], chosen: Iterable[str], left_out: Sequence[str]) -> str:
    where = " and ".join(path.name or str(path) for path in paths)
    there = ", ".join([*chosen, *left_out[:GAPS_SHOWN]])
    words = ", ".join(WORDS["color"])
    if not there:
        return f"there is no picture and no video in {where}: PNG sequences or mp4 files are needed"
    return f"there is no colour in {where}, only {there}: its name or folder has one of the words {words}"


def _require_same_numbers(sources: Mapping[str, Source]) -> None:
    """Of all sequences, since a shift by one frame would not be seen in the result."""
    color = sources["color"]
    problems = []
    for role, source in sources.items():
        if color.is_video or source.is_video:
            continue
        ours, wanted = _range(source), _range(color)
        if ours != wanted:
            there = f"{role} has frames {ours.start}-{ours.stop - 1}, color {wanted.start}-{wanted.stop - 1}"
            missing = sorted(set(wanted) - set(ours))
            words = f"; {frames_words(missing[0], missing[-1])} missing" if _is_run(missing) else ""
            problems.append(f"{there}{words}")
    refuse(problems, "all need the same frames with the same numbers: render the rest, or take the others away")


def _range(source: Source) -> range:
    return range(source.first, source.first + len(source.files))


def _is_run(numbers: Sequence[int]) -> bool:
    return bool(numbers) and numbers[-1] - numbers[0] + 1 == len(numbers)
