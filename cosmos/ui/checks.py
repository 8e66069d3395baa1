"""The newest check of the hosts that this page made: kept for all who look, as it takes a while."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from cosmos.api import CosmosAPI
from cosmos.core.finding import Finding
from cosmos.ui.host_rows import check_rows


class Checks:
    """Of one project. Safe for use from several threads.

    Args:
        cosmos: The project.
    """

    def __init__(self, cosmos: CosmosAPI) -> None:
        self._cosmos = cosmos
        self._checking = threading.Lock()
        self._found: tuple[float, Mapping[str, Sequence[Finding]]] | None = None

    def check(self) -> dict[str, Any]:
        """Check now, one after the other."""
        with self._checking:
            self._found = (time.time(), self._cosmos.machines.check())
        return self.shown()

    def shown(self) -> dict[str, Any]:
        """What was found, and when; None before the first check."""
        if self._found is None:
            return {"checked": None, "found": []}
        at, found = self._found
        return {"checked": at, "found": check_rows(found)}
