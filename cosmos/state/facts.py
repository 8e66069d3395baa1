"""SqlFactCache: what reading files found, remembered from command to command.

The tables are read once, when first asked, and answered from memory: a look at 80,000 files asks
80,000 times. What is new is kept until `flush`. Losing it costs time and nothing else.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial

from sqlalchemy import Insert, Table, select

from cosmos.core.files import Stamp
from cosmos.core.run import MediaFacts
from cosmos.state.board import printable
from cosmos.state.database import Database
from cosmos.state.tables import file_hashes, media, upsert
from cosmos.state.transaction import Statement, Transaction

Known = tuple[int, int, int, str]
"""Size, mtime in ns, inode, sha256."""

SIGNED = (1 << 63) - 1
"""Some file systems have inode numbers that do not fit the database's integers."""


class SqlFactCache:
    """The `FactCache` port on a database. Safe for use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._files: dict[str, Known] | None = None
        self._media: dict[str, MediaFacts | str] | None = None
        self._new_files: dict[str, Known] = {}
        self._new_media: dict[str, MediaFacts | str] = {}

    def sha256(self, path: str, stamp: Stamp) -> str | None:
        known = self._known_files().get(path)
        if known is None:
            return None
        size, mtime_ns, inode, sha256 = known
        is_same = size == stamp.size and mtime_ns == stamp.mtime_ns and inode == stamp.inode & SIGNED
        return sha256 if is_same else None

    def remember_sha256(self, path: str, stamp: Stamp, sha256: str) -> None:
        files = self._known_files()
        with self._lock:
            files[path] = self._new_files[path] = (stamp.size, stamp.mtime_ns, stamp.inode & SIGNED, sha256)

    def media(self, sha256: str) -> MediaFacts | str | None:
        return self._known_media().get(sha256)

    def remember_media(self, sha256: str, media: MediaFacts | str) -> None:
        known = self._known_media()
        with self._lock:
            known[sha256] = self._new_media[sha256] = media

    def flush(self) -> None:
        with self._lock:
            files, self._new_files = self._new_files, {}
            decoded, self._new_media = self._new_media, {}
        try:
            self._write(files, decoded)
        except BaseException:
            with self._lock:  # so that a later flush, when the disk has space again, has them
                self._new_files = {**files, **self._new_files}
                self._new_media = {**decoded, **self._new_media}
            raise

    def _known_files(self) -> dict[str, Known]:
        if self._files is None:
            with self._lock:
                self._files = self._read_files() if self._files is None else self._files
        return self._files

    def _known_media(self) -> dict[str, MediaFacts | str]:
        if self._media is None:
            with self._lock:
                self._media = self._read_media() if self._media is None else self._media
        return self._media

    def _read_files(self) -> dict[str, Known]:
        with self._database.reading() as transaction:
            rows = transaction.rows(_FILES)
            return {path: (size, mtime, inode, sha256) for path, size, mtime, inode, sha256 in rows}

    def _read_media(self) -> dict[str, MediaFacts | str]:
        with self._database.reading() as transaction:
            rows = transaction.rows(_MEDIA)
            unpacked = ((sha256, _unpack(facts)) for sha256, facts in rows)
            return {sha256: found for sha256, found in unpacked if found is not None}

    def _write(self, files: Mapping[str, Known], decoded: Mapping[str, MediaFacts | str]) -> None:
        hashes = [(path, *known) for path, known in files.items() if _can_be_stored(path)]
        facts = [(sha256, _pack(found)) for sha256, found in decoded.items()]
        if not hashes and not facts:
            return
        with self._database.writing() as transaction:
            _replace(transaction, file_hashes, _KEEP_FILES, hashes)
            _replace(transaction, media, _KEEP_MEDIA, facts)


def _can_be_stored(path: str) -> bool:
    """A name that is not UTF-8 is remembered for this command only."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _pack(found: MediaFacts | str) -> str:
    return json.dumps({"error": printable(found)} if isinstance(found, str) else asdict(found))


def _unpack(text: str) -> MediaFacts | str | None:
    """None for facts of another version: they are found again."""
    facts = json.loads(text)
    if "error" in facts:
        return str(facts["error"])
    try:
        return MediaFacts(**facts)
    except TypeError:
        return None


def _replace(transaction: Transaction, table: Table, keep: Statement, rows: Sequence[tuple[object, ...]]) -> None:
    names = [column.name for column in table.columns]
    transaction.change_each(keep, [dict(zip(names, row, strict=True)) for row in rows])


def _keep(dialect: str, table: Table) -> Insert:
    kept = upsert(dialect, table)
    key, *others = (column.name for column in table.columns)
    return kept.on_conflict_do_update(index_elements=[key], set_={name: kept.excluded[name] for name in others})


_FILES = Statement(select(*file_hashes.c))
_MEDIA = Statement(select(*media.c))
_KEEP_FILES = Statement(partial(_keep, table=file_hashes))
_KEEP_MEDIA = Statement(partial(_keep, table=media))
