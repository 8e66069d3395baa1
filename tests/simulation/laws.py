"""What must hold at every effect and after every pass. See the table in this docstring.

From docs/laws.md (L) and the reliability page 4.3 (I); in brackets where each is asserted:

- L2, I1: at most one live batch holds a digest [on_begin]; nothing begins that was not recorded first [on_begin]
- L3: a digest with a result is not run again unasked [on_begin]
- L4, I10: nothing without our record is touched [on_stop, on_release, after_cycle]
- L5, I3, I6: recorded bytes never change [on_publish]; they are durable here before the host's copy goes [on_release]
- L6: an attempt is closed only when its work is dead and cannot start any more [on_failed]
- I2: no program begins unless its inputs are what their names say at that instant [on_begin]
- I4: what is published was verified [on_publish]
- I5: success means: a program began, exited 0, and every declared output is published with its bytes [on_finished]
- I7: no run directory without an intent that is recorded and open [on_prepare]
- I8: who has lost the lease records nothing [on_write], and changes no host after the next one did [on_change]
- I9: attempt n+1 is intended only once attempt n is dead; a number is used once [before_intend]
- I15: a closed attempt stays as it is [after_cycle]
- I16: two programs never share a GPU [on_begin]
- a cancelled run is not intended again [before_intend]; work in flight is stopped only for a reason [on_stop]

Not here: I11 (a name is written whole in one step here;
tests/hosts holds the real hosts to it), I12 and L10 (specs are values here; tests/core/test_laws.py), I13, I14, I17 and
I18 (paths, secrets, threads and time are real only in the tests of real hosts).
"""

import hashlib
import sqlite3
from collections.abc import Mapping

from cosmos.core.digest import Digest, batch_id
from cosmos.core.observed import BatchMeta, Reachable
from cosmos.core.ports import BatchPlan
from cosmos.core.reasons import Reason
from cosmos.core.recorded import Attempt, LedgerEntry, Manifest, Verb
from cosmos.engine.cycle import Report
from cosmos.hosts.memory.machine import Machine
from cosmos.hosts.memory.parts import RunDirectory, Work
from cosmos.store.memory import MemoryStore
from tests.simulation.scenes import PART

OPEN = ("intended", "started")


class LawBroken(AssertionError):  # noqa: N818 - what it says is what happened
    """A law does not hold."""


class Laws:
    """Watches a world. What really happened is read from the machines, never from what the controller believes.

    Args:
        project: Name of the project.
        machines: By host.
        store: Of the project.
        raw: The database, between transactions.
    """

    def __init__(
        self, project: str, machines: Mapping[str, Machine], store: MemoryStore, raw: sqlite3.Connection
    ) -> None:
        self._project = project
        self._machines = machines
        self._store = store
        self._raw = raw
        self.expected: dict[Digest, bytes | None] = {}
        """By digest, the bytes of its output; None for a program that fails."""
        self.begun: dict[str, int] = {}
        """How often the program of a batch has begun."""
        self._ever_begun: set[str] = set()
        self._unseen: set[tuple[str, str]] = set()
        """Host and batch of programs that have begun since the last look there."""
        self._recorded: dict[str, dict[str, str]] = {}
        """By folder and name, the sha256 of what is in the ledger."""
        self._intended: set[str] = set()
        self._intended_for: set[str] = set()
        """Own names of attempts."""
        self._closed: dict[tuple[str, int], tuple[object, ...]] = {}
        self.forgotten: frozenset[str] = frozenset()
        """Batches of a database that was lost."""
        self._given_up: dict[str, str] = {}
        """Batches that a person gave up, and their hosts: nobody can know whether they are alive."""
        self._given_up_now: set[str] = set()
        """Those of this pass."""

    # The host's side

    def on_begin(self, work: Work) -> None:
        meta = work.plan.meta
        self.begun[meta.batch_id] = self.begun.get(meta.batch_id, 0) + 1
        self._ever_begun.add(meta.batch_id)
        self._unseen.update((name, meta.batch_id) for name in self._machines)
        for name, sha256 in work.plan.inputs.items():
            held = hashlib.sha256(work.directory.inputs[name].data).hexdigest()
            _law(held == sha256, f"I2: {meta.batch_id} begins with a damaged input {name}")
        digests = {member.digest for member in meta.members}
        for other in self._works():
            if other is work or not other.child or self._is_unknowable(other) or self._is_given_up(work, other):
                continue
            _law(
                not digests & {member.digest for member in other.plan.meta.members},
                f"I1: {meta.batch_id} begins while {other.plan.meta.batch_id} computes the same digest",
            )
            shared = set(meta.gpus) & set(other.plan.meta.gpus) & other.locks
            _law(not shared, f"I16: {meta.batch_id} begins on {shared} of {other.plan.meta.batch_id}")
        if meta.batch_id in self.forgotten:
            return
        _law(self.begun[meta.batch_id] == 1, f"L2: the program of {meta.batch_id} begins a second time")
        for digest in digests:
            row = self._row("SELECT state FROM attempts WHERE batch_id = ? AND digest = ?", meta.batch_id, digest)
            _law(row is not None, f"L2: {meta.batch_id} begins and is not recorded")
            done = self._row("SELECT attempt FROM ledger WHERE digest = ?", digest)
            if done is not None and meta.batch_id not in self._given_up:
                _law(self.verb(digest) is Verb.RERUN, f"L3: {meta.batch_id} begins though its digest is done")

    def on_look(self, host: str) -> None:
        self._unseen = {each for each in self._unseen if each[0] != host}

    def on_prepare(self, host: str, batch: BatchPlan) -> None:
        row = self._row("SELECT state FROM attempts WHERE batch_id = ?", batch.meta.batch_id)
        _law(row is not None, f"I7: {batch.meta.batch_id} is prepared on {host} and nothing is recorded")

    def on_stop(self, host: str, batch_id: str) -> None:
        tree = self._machines[host].tree(self._project)
        work = tree.works.get(batch_id)
        rows = self._rows("SELECT state, digest FROM attempts WHERE batch_id = ?", batch_id)
        _law(bool(rows), f"L4: {batch_id} on {host} is stopped and is not recorded")
        if work is None or not (work.child and work.runner) or batch_id not in tree.directories:
            return
        if (host, batch_id) in self._unseen:
            return  # as far as anybody can know it has not begun
        wanted = all(self.verb(row[1]) is not Verb.CANCEL and row[0] in OPEN for row in rows)
        _law(not wanted, f"L6: {batch_id} on {host} is stopped while it computes, and nobody asked for it")

    def on_release(self, host: str, batch_id: str) -> None:
        rows = self._rows("SELECT state, digest FROM attempts WHERE batch_id = ?", batch_id)
        _law(bool(rows), f"L4: {batch_id} on {host} is released and is not recorded")
        for row in rows:
            _law(row[0] not in OPEN, f"I6: {batch_id} on {host} is released while an attempt of it is {row[0]}")
        directory = self._machines[host].tree(self._project).directories.get(batch_id)
        for digest in self._made(directory):
            done = self._row("SELECT manifest FROM ledger WHERE digest = ?", digest)
            _law(done is not None, f"L5: a result of {batch_id} is released and was never collected")

    # The records' side

    def before_intend(self, attempt: Attempt, meta: BatchMeta) -> None:
        first = meta.members[0]
        named = batch_id(first.run_id, first.digest, attempt.number)
        _law(attempt.batch_id == named, f"L1: {attempt.batch_id} should be called {named}")
        _law(
            any(member.digest == attempt.digest for member in meta.members),
            f"L1: {named} does not know all its members",
        )
        known = self._directory(attempt.host, attempt.batch_id)
        adopts = known is not None and known.plan is not None and known.plan.meta.batch_id == attempt.batch_id
        if not adopts:
            _law(self.verb(attempt.digest) is not Verb.CANCEL, f"{attempt.batch_id} is intended though cancelled")
            _law(attempt.name not in self._intended_for, f"I9: {attempt.name} is intended a second time")
        for work in self._works():
            same = any(member.digest == attempt.digest for member in work.plan.meta.members)
            own = work.plan.meta.batch_id == attempt.batch_id
            _law(
                own or not (same and work.lives) or self._is_given_up(work) or self._is_unknowable(work),
                f"I9: {attempt.batch_id} is intended while {work.plan.meta.batch_id} is alive",
            )

    def on_intend(self, attempt: Attempt) -> None:
        self._intended.add(attempt.batch_id)
        self._intended_for.add(attempt.name)

    def on_failed(self, batch_id: str, reason: Reason, digest: Digest | None, *, cancelled: bool) -> None:
        if reason is Reason.ASSUMED_LOST:
            row = self._row(
                "SELECT host, digest FROM attempts JOIN batches USING (batch_id) WHERE batch_id = ? AND digest = ?",
                batch_id,
                digest or "",
            )
            asked = row is not None and self.verb(row[1]) is Verb.ASSUME_LOST
            _law(asked, f"L6: {batch_id} is given up, and nobody asked for it")
            assert row is not None
            self._given_up[batch_id] = row[0]
            self._given_up_now.add(batch_id)
            return
        for name, machine in self._machines.items():
            tree = machine.tree(self._project)
            alive = any(work.lives for work in tree.called(batch_id))
            _law(not alive, f"L6: {batch_id} is closed as {reason.value} while it is alive on {name}")
            directory = tree.directories.get(batch_id)
            if directory is None:
                continue
            startable = directory.is_whole and directory.claim is None and directory.record is None
            _law(not startable, f"I9: {batch_id} is closed as {reason.value}, and can still be started on {name}")
            if not cancelled and reason is not Reason.HOST_REFUSED:  # which may be injected after the work has begun
                made = self._made(directory)
                _law(
                    digest not in made if digest else not made,
                    f"L5: {batch_id} is closed as {reason.value}, and has a result",
                )
            elif reason is Reason.NOT_REACHED and digest is not None:
                _law(digest not in self._made(directory), f"L5: {batch_id} has a result of a member that had no turn")

    def on_finished(self, entry: LedgerEntry) -> None:
        expected = self.expected.get(entry.digest)
        _law(expected is not None, f"I5: {entry.batch_id} is recorded as done, and its program fails")
        _law(entry.batch_id in self._ever_begun, f"I5: {entry.batch_id} is recorded as done, and never began")
        output = next((file for file in entry.manifest if file.name == "out.bin"), None)
        right = output is not None and output.sha256 == hashlib.sha256(expected or b"").hexdigest()
        _law(right, f"I5: {entry.batch_id} is recorded as done with other bytes than it made")
        there = self._store.outputs.get(entry.folder, {})
        for file in entry.manifest:
            data = there.get(file.name)
            _law(
                data is not None and hashlib.sha256(data).hexdigest() == file.sha256,
                f"I5: {entry.batch_id} is recorded as done before {file.name} is published",
            )

    def on_recorded(self, entry: LedgerEntry) -> None:
        self._recorded[entry.folder] = {file.name: file.sha256 for file in entry.manifest}

    # Who acts

    def has_lease(self, epoch: int) -> bool:
        row = self._raw.execute("SELECT epoch FROM lease").fetchone()
        return bool(row[0] == epoch)

    def epoch_on(self, host: str) -> int:
        """Of the controller that was the last to change something there."""
        owner = self._machines[host].tree(self._project).owner
        return owner.epoch if owner else 0

    def on_change(self, host: str, epoch: int, before: int) -> None:
        """`before`: what was in controller.json then."""
        _law(before <= epoch, f"I8: {host} is changed by a controller after a later one was there")

    def on_write(self, name: str, epoch: int) -> None:
        _law(self.has_lease(epoch), f"I8: a controller that has lost the lease has written: {name}")

    # The store's side

    def on_publish(self, folder: str, manifest: Manifest) -> None:
        there = self._store.outputs[folder]
        before = self._recorded.get(folder, {})
        for entry in manifest:
            data = there[entry.name]
            _law(
                hashlib.sha256(data).hexdigest() == entry.sha256,
                f"I4: {folder}/{entry.name} is published with bytes that are not its own",
            )
            same = before.get(entry.name, entry.sha256) == entry.sha256 or (
                bool(self.forgotten) and entry.name != "out.bin"
            )
            _law(same, f"I3: {folder}/{entry.name} is published with other bytes")

    # Before and after a pass

    def before_cycle(self) -> None:
        self._given_up_now = set()

    def after_cycle(self, report: Report) -> None:
        rows = self._raw.execute("SELECT digest, number, state, reason, ended_at FROM attempts").fetchall()
        now = {(row[0], row[1]): row[2:] for row in rows}
        for key, row in self._closed.items():
            _law(now.get(key) == row, f"I15: attempt {key[1]} of {key[0][:8]} was {row} and is {now.get(key)}")
        self._closed = {key: row for key, row in now.items() if row[0] not in OPEN}
        for name in self._given_up_now:
            answers = isinstance(report.look.observed.hosts[self._given_up[name]], Reachable)
            _law(not answers, f"L6: {name} is given up, and its host answers")
        for name, machine in self._machines.items():
            there = machine.tree(self._project).directories
            _law("not-ours" in there and there["not-ours"].claim is None, f"L4: what is not ours on {name} was touched")

    def forget(self) -> None:
        """The database is lost."""
        self.forgotten |= self._intended
        there = {name for machine in self._machines.values() for name in machine.tree(self._project).directories}
        self.begun = {batch_id: count for batch_id, count in self.begun.items() if batch_id in there}
        self._intended = set()
        self._intended_for = set()
        self._closed = {}

    def removed(self, batch_id: str) -> None:
        """A run directory is gone, and not by the product: what was in it may begin once more, under the same name."""
        self.begun.pop(batch_id, None)

    # Reading

    def _works(self) -> list[Work]:
        return [work for machine in self._machines.values() for work in machine.tree(self._project).all()]

    def _is_unknowable(self, work: Work) -> bool:
        """Its run directory is gone, and the database that knew of it as well."""
        batch_id = work.directory.batch_id
        return batch_id in self.forgotten and work.tree.directories.get(batch_id) is not work.directory

    def _is_given_up(self, *works: Work) -> bool:
        return any(work.directory.batch_id in self._given_up for work in works)

    def _directory(self, host: str, batch_id: str) -> RunDirectory | None:
        return self._machines[host].tree(self._project).directories.get(batch_id)

    def verb(self, digest: str) -> Verb | None:
        row = self._row("SELECT verb FROM requests WHERE digest = ? ORDER BY id DESC LIMIT 1", digest)
        return Verb(row[0]) if row else None

    def newest(self, digest: str) -> int:
        """Number of the newest attempt that is recorded."""
        row = self._row("SELECT max(number) FROM attempts WHERE digest = ?", digest)
        return int(row[0] or 0) if row else 0

    def may_retry(self, digest: str) -> bool:
        """As cosmos asks: it has failed, was cancelled, or was asked to be."""
        query = "SELECT state FROM attempts WHERE digest = ? ORDER BY number DESC LIMIT 1"
        row = self._row(query, digest)
        return self.verb(digest) is Verb.CANCEL or (row is not None and row[0] in ("failed", "cancelled"))

    def is_kept(self, batch_id: str) -> bool:
        """Nobody has looked at what work that was given up has left: it stays until there is a result."""
        done = self._row("SELECT 1 FROM ledger JOIN attempts USING (digest) WHERE attempts.batch_id = ?", batch_id)
        return batch_id in self._given_up and done is None

    def is_open(self, digest: str) -> bool:
        """Work is under way, as far as is recorded."""
        row = self._row("SELECT state FROM attempts WHERE digest = ? ORDER BY number DESC LIMIT 1", digest)
        return row is not None and row[0] in OPEN

    def _made(self, directory: RunDirectory | None) -> set[Digest]:
        """Digests whose outputs a batch that has ended left where they belong; of one alone, only if it ended well."""
        if directory is None or directory.plan is None or directory.record is None:
            return set()
        members = directory.plan.meta.members
        if len(members) == 1:
            return {members[0].digest} if directory.record.code == 0 and directory.outputs else set()
        places = [f"part-{count}/{PART}" for count in range(len(members))]
        left = {
            member.digest: (directory.outputs.get(place), self.expected.get(member.digest))
            for member, place in zip(members, places, strict=True)
        }
        return {digest for digest, (data, expected) in left.items() if data is not None and data == expected}

    def _row(self, query: str, *values: str) -> tuple[str, ...] | None:
        found: tuple[str, ...] | None = self._raw.execute(query, values).fetchone()
        return found

    def _rows(self, query: str, value: str) -> list[tuple[str, ...]]:
        return self._raw.execute(query, (value,)).fetchall()


def _law(holds: bool, words: str) -> None:
    if not holds:
        raise LawBroken(words)
