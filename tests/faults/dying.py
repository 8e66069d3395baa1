"""A controller that kills itself at a point: `python tests/faults/dying.py ROOT WHEN NAME`. All it works with is real.

A point is a call of one of its ports, and the moment just before or just after it: the effect is there, and nothing
that would follow from it. Exit code 9 says that the point was never reached.
"""

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

from cosmos.api import CosmosAPI
from cosmos.config import ConfigManager
from cosmos.core.ports import BlobStore, Host, Records
from cosmos.engine.world import World
from cosmos.project.wiring import Project
from cosmos.state.lease import Hold

PORTS: Mapping[str, tuple[str, ...]] = {
    "host": ("put_blobs", "prepare", "start", "result", "fetch", "release"),
    "store": ("commit", "publish"),
    "records": ("intend_all", "started", "finished", "released"),
}
NEVER_REACHED = 9

When = Literal["before", "after"]


class Dying:
    """A port whose process does not survive one of its calls."""

    def __init__(self, port: object, name: str, when: When) -> None:
        self._port, self._name, self._when = port, name, when

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._last if name == self._name else found

    def _last(self, *args: object, **more: object) -> object:
        if self._when == "after":
            getattr(self._port, self._name)(*args, **more)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


def dying(world: World, when: When, name: str) -> World:
    (port,) = (port for port, names in PORTS.items() if name in names)
    if port == "records":
        return replace(world, records=cast(Records, Dying(world.records, name, when)))
    if port == "store":
        return replace(world, store=cast(BlobStore, Dying(world.store, name, when)))
    return replace(world, hosts={key: cast(Host, Dying(host, name, when)) for key, host in world.hosts.items()})


def main(root: str, when: str, name: str) -> None:
    assert when in ("before", "after")
    with CosmosAPI(settings=ConfigManager(Path(root), environment={}).settings()) as api:
        project = api._project
        under = project.under

        def dying_under(hold: Hold) -> Project:
            acting = under(hold)
            return replace(acting, world=dying(acting.world, cast(When, when), name))

        project.under = dying_under  # type: ignore[method-assign]
        api.apply(api.plan())
    sys.exit(NEVER_REACHED)


if __name__ == "__main__":
    main(*sys.argv[1:])
