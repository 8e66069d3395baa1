"""Prompts and scenes as pages list them: filtered, sorted, cut into pages, as JSON. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cosmos.core.problem import Problem
from cosmos.core.run import MediaFacts
from cosmos.prompts import PromptRow, Prompts
from cosmos.scenes import SceneRow
from cosmos.ui.rows import VIDEOS, Row, given

Asked = Mapping[str, str]

PAGE = 60
PARENT = "enhanced-from"
"""The label of a prompt that was made of another one by a model."""
PROBLEMS_SHOWN = 20
PLAYED = frozenset({"h264", "vp8", "vp9", "av1"})
"""Codecs that browsers play."""


def prompts_page(found: Prompts, asked: Asked) -> Row:
    """One page of prompts, with what filters can be set to."""
    fit = [row for row in found.rows if _prompt_fits(row, found, asked)]
    _sort(fit, asked, _PROMPT_SORTS)
    rows, place = _cut(fit, asked)
    return {
        "rows": [prompt_row(row, found) for row in rows],
        **place,
        "all": len(found.rows),
        "labels": sorted({f"{name}={value}" for row in found.rows for name, value in row.labels.items()}),
        "scenes": sorted({scene for scenes in found.folders.values() for scene in scenes}),
        "problems": [problem_line(each) for each in found.problems[:PROBLEMS_SHOWN]],
    }


def prompt_row(row: PromptRow, found: Prompts) -> Row:
    """One prompt in the table."""
    phases = found.phases.get(row.name, {})
    return {
        "name": row.name,
        "text": row.text,
        "negative": row.negative,
        "labels": [f"{name}={value}" for name, value in sorted(row.labels.items()) if name != PARENT],
        "parent": row.labels.get(PARENT, ""),
        "scenes": list(found.folders.get(row.name, ())),
        "inputs": row.inputs,
        "at": str(row.at),
        "file": row.at.file,
        "runs": row.runs,
        "phases": dict(phases),
        "rating": row.rating,
        "rated": row.rated,
    }


def problem_line(problem: Problem) -> Row:
    return {"at": str(problem.at), "file": problem.at.file, "words": str(problem)}


def _prompt_fits(row: PromptRow, found: Prompts, asked: Asked) -> bool:
    name, is_pair, value = asked.get("label", "").partition("=")
    words = "\n".join((row.name, row.id, row.text, row.negative, *(f"{k}={v}" for k, v in row.labels.items()))).lower()
    scenes = found.folders.get(row.name, ())
    return (
        all(word in words or any(word in scene for scene in scenes) for word in asked.get("q", "").lower().split())
        and (not name or (row.labels.get(name) == value if is_pair else name in row.labels))
        and (not asked.get("input") or asked["input"] in scenes)
        and _says(asked.get("kind", ""), {"enhanced": PARENT in row.labels, "original": PARENT not in row.labels})
        and _says(asked.get("use", ""), {"used": row.runs > 0, "unused": row.runs == 0})
    )


def _says(word: str, answers: Mapping[str, bool]) -> bool:
    """A filter that is not set, or is set to what it does not know, lets all through."""
    return answers.get(word, True)


_PROMPT_SORTS: Mapping[str, Callable[[PromptRow], Any]] = {
    "name": lambda row: row.name,
    "runs": lambda row: (row.runs, row.name),
    "rating": lambda row: (row.rating or 0.0, row.rated, row.name),
    "place": lambda row: (row.at.file, row.at.line),
}


def scenes_page(rows: Sequence[SceneRow], asked: Asked) -> Row:
    """One page of scenes."""
    fit = [row for row in rows if _scene_fits(row, asked)]
    _sort(fit, asked, _SCENE_SORTS)
    shown, place = _cut(fit, asked)
    return {
        "cards": [scene_card(row) for row in shown],
        **place,
        "all": len(rows),
        "reading": sum(bool(row.unread) for row in rows),
    }


def scene_card(row: SceneRow) -> Row:
    """One scene in the gallery."""
    role = "color" if "color" in row.files else next(iter(row.files), "")
    main = row.files.get(role, "")
    return {
        "name": row.name,
        "folder": row.folder,
        "roles": list(row.files),
        "poster": given(row.poster) if row.poster else "",
        "video": given(main) if main and _may_play(row, role) else "",
        "media": media_row(row.color) if row.color is not None else None,
        "warnings": len(row.warnings),
        "unread": bool(row.unread),
        "prompts": len(row.prompts),
        "runs": len(row.runs),
    }


def scene_details(row: SceneRow) -> Row:
    """One scene from close by."""
    return {
        **scene_card(row),
        "changed": row.changed_at,
        "files": [
            {
                "role": role,
                "path": path,
                "url": given(path),
                "size": row.sizes.get(role),
                "media": media_row(row.facts[role]) if role in row.facts else None,
                "played": _may_play(row, role),
            }
            for role, path in row.files.items()
        ],
        "notes": list(row.warnings),
        "users": {"prompts": list(row.prompts), "runs": list(row.runs)},
    }


def _may_play(row: SceneRow, role: str) -> bool:
    """Whether a browser plays a file, as far as is known."""
    is_known = role in row.facts and row.facts[role].codec in PLAYED
    return row.files[role].lower().endswith(VIDEOS) and (is_known or role in row.unread)


def media_row(media: MediaFacts) -> Row:
    """What is in a video."""
    return {
        "frames": media.frames,
        "fps": media.fps,
        "size": f"{media.width}x{media.height}",
        "codec": media.codec,
        "pixels": media.pixel_format,
        "seconds": media.frames / media.fps if media.fps else None,
    }


def _scene_fits(row: SceneRow, asked: Asked) -> bool:
    words = "\n".join((row.name, *row.prompts, *row.runs)).lower()
    is_used = bool(row.prompts or row.runs)
    return (
        all(word in words for word in asked.get("q", "").lower().split())
        and (not asked.get("has") or asked["has"] in row.files)
        and _says(asked.get("use", ""), {"used": is_used, "unused": not is_used})
        and _says(asked.get("state", ""), {"warned": bool(row.warnings), "fine": not row.warnings})
    )


_SCENE_SORTS: Mapping[str, Callable[[SceneRow], Any]] = {
    "name": lambda row: row.name,
    "date": lambda row: (row.changed_at, row.name),
    "frames": lambda row: (row.color.frames if row.color is not None else 0, row.name),
    "runs": lambda row: (len(row.runs), row.name),
}


def _sort(rows: list[Any], asked: Asked, sorts: Mapping[str, Callable[[Any], Any]]) -> None:
    word = asked.get("sort", "name")
    rows.sort(key=sorts.get(word.removeprefix("-"), sorts["name"]), reverse=word.startswith("-"))


def _cut(rows: Sequence[Any], asked: Asked) -> tuple[Sequence[Any], Row]:
    """One page of the rows, and where it is; the last one where there are fewer."""
    pages = max(1, -(-len(rows) // PAGE))
    word = asked.get("page", "1")
    page = min(max(1, int(word) if word.isascii() and word.isdigit() and len(word) < 9 else 1), pages)
    return rows[(page - 1) * PAGE : page * PAGE], {"total": len(rows), "page": page, "pages": pages}
