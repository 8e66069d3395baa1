"""Makes every run of a project finished without running it: its ledger row, and its published files.

`finish_all` does it in a process of its own, because it needs large libraries (see `measure`).
"""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import COSMOS, usage
from benchmarks.projects import ROOT, SCENE

if TYPE_CHECKING:
    from cosmos.core.desired import DesiredRun
    from cosmos.core.observed import BatchMeta
    from cosmos.core.recorded import Attempt, LedgerEntry, Manifest

THREADS = 16
"""Publishing waits for the disk most of the time."""


def finish_all(project: Path) -> None:
    """Afterwards a plan of the project is empty, which is checked."""
    usage([sys.executable, "-m", "benchmarks.finished", str(project)], ROOT)
    usage([*COSMOS, "plan", "--detailed-exitcode"], project)


def _main(folder: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from dataclasses import replace

    from cosmos.config import ConfigManager
    from cosmos.core.case import folder_of
    from cosmos.project.wiring import open_project
    from cosmos.state import claims
    from cosmos.state.database import open_database

    settings = ConfigManager(folder).settings()
    project = open_project(settings, print)
    store = project.world.store
    file = replace(store.put((SCENE / "color.mp4").read_bytes()), name="out.mp4")
    wants = project.desire().runs
    folders = [folder_of(want.run.key, want.digest, None, 1) for want in wants]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda published: store.publish(published, (file,)), folders))
    database = open_database(settings.database_url)
    with database.writing() as session:
        for want, published in zip(wants, folders, strict=True):
            meta, attempt, entry = _rows(want, (file,), published)
            claims.intend(session, attempt, want.material, meta)
            claims.finished(session, entry, entry.finished_at)
            claims.released(session, entry.batch_id)
    database.close()
    project.close()


def _rows(want: "DesiredRun", manifest: "Manifest", published: str) -> "tuple[BatchMeta, Attempt, LedgerEntry]":
    """What the database has of a first attempt that succeeded."""
    from cosmos.core.digest import DIGEST_SCHEMA, batch_id
    from cosmos.core.observed import BatchMeta, Member
    from cosmos.core.recorded import Attempt, AttemptState, LedgerEntry

    now = time.time()
    key, run_id, digest = want.run.key, want.run.id, want.digest
    batch = batch_id(run_id, digest, 1)
    members = (Member(run_id=run_id, key=key, digest=digest),)
    meta = BatchMeta(batch_id=batch, project="benchmark", members=members, attempt=1, digest_schema=DIGEST_SCHEMA)
    attempt = Attempt(
        digest=digest,
        number=1,
        batch_id=batch,
        host="local",
        run_id=run_id,
        key=key,
        state=AttemptState.STARTED,
        intended_at=now,
        started_at=now,
    )
    entry = LedgerEntry(
        digest=digest,
        schema=DIGEST_SCHEMA,
        run_id=run_id,
        key=key,
        attempt=1,
        batch_id=batch,
        manifest=manifest,
        finished_at=now,
        duration_s=1.0,
        folder=published,
    )
    return meta, attempt, entry


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
