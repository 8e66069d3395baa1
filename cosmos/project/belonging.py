"""Whose state it is that a project opens: its own, and not one that came with a repository or is another project's."""

import os
from collections.abc import Callable

from cosmos.errors import SourceError, StateError
from cosmos.settings import Settings
from cosmos.source.tree import WorkingTree
from cosmos.state.database import Database
from cosmos.state.quick import sqlite_path
from cosmos.state.records import SqlRecords

PROJECT = "project"
"""Note in a server's database: the name of the project whose state it has."""


Tell = Callable[[str], object]
"""Called with what a person should know, and what to do about it."""


def require_own(settings: Settings, tree: WorkingTree, tell: Tell) -> None:
    """Refuse a state that came with a repository: who made that may say in it what is done, and whom to trust.

    Args:
        settings: The configuration.
        tree: Where the specs are.
        tell: Told where nobody can tell.

    Raises:
        StateError: git tracks files of the state.
    """
    database = sqlite_path(settings.database_url)
    there = [path for path in (settings.state, database) if path is not None and os.path.lexists(path)]
    try:
        found = tree.tracked(there) if there else ""
    except SourceError as error:
        state = os.path.relpath(there[0], settings.root)
        tell(
            f"git cannot say whether it tracks {state} (which would be refused as the state of this machine), nor "
            f"which commit work is begun from: {error}"
        )
        return
    if found:
        file = settings.root / found
        name = settings.state.relative_to(settings.root) if file.is_relative_to(settings.state) else found
        raise StateError(
            f"git tracks {found}: what came with a repository is not used as the state of this machine",
            f"if it was made here, `git rm -r --cached {name}` and put {name} into .gitignore; else `git rm -r {name}`",
        )


def require_project(settings: Settings, database: Database, records: SqlRecords) -> None:
    """Refuse the database of another project; that of a server has no place that would tell.

    Raises:
        StateError: It has the state of another one.
    """
    if database.path is not None:
        return
    known = records.noted(PROJECT)
    if not known:
        records.note(PROJECT, settings.name)
    elif known != settings.name:
        database.close()
        raise StateError(
            f"the database of database.url has the state of project {known}, and this project is {settings.name}",
            "make a database for each project (createdb), or set project.name as it was",
        )
