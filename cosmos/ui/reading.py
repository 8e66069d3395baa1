"""Files of scenes that are decoded while people look at the rest."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from cosmos.api import CosmosAPI
from cosmos.errors import CosmosError
from cosmos.scenes import SceneRow

SETTLE_S = 2.0
"""A file that was written to a moment ago may still be written to."""


class Reading:
    """Decodes files of scenes that nobody has read yet, one scene after another, while people look at the rest.

    Args:
        cosmos: The project.
    """

    def __init__(self, cosmos: CosmosAPI) -> None:
        self._cosmos = cosmos
        self._lock = threading.Lock()
        self._wanted: dict[str, SceneRow] = {}
        self._read: dict[str, tuple[float, SceneRow]] = {}
        self.version = 0

    def complete(self, rows: Sequence[SceneRow]) -> list[SceneRow]:
        """The rows with what has been read since; what is still unread is read soon, and the version changes then."""
        with self._lock:
            is_idle = not self._wanted
            done = [self._known(row) for row in rows]
            self._wanted.update((row.name, row) for row in done if row.unread)
            if is_idle and self._wanted:
                threading.Thread(target=self._work, daemon=True, name="scenes").start()
        return done

    def _known(self, row: SceneRow) -> SceneRow:
        changed_at, read = self._read.get(row.name, (0.0, row))
        if not row.unread or changed_at != row.changed_at:
            return row
        return replace(read, prompts=row.prompts, runs=row.runs)

    def _work(self) -> None:
        while True:
            with self._lock:
                row = next(iter(self._wanted.values()), None)
            if row is None:
                return
            time.sleep(min(SETTLE_S, max(0.0, row.changed_at + SETTLE_S - time.time())))
            try:
                read = self._cosmos.inputs.read(row.name)
            except CosmosError as error:
                read = replace(row, unread=(), warnings=(*row.warnings, error.message))
            with self._lock:
                self._read[row.name] = (row.changed_at, read)
                self._wanted.pop(row.name, None)
                self.version += 1
