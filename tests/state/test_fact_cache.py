"""What is remembered about files: exactly as long as the file is the same."""

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from cosmos.core.files import Stamp
from cosmos.core.run import MediaFacts
from cosmos.errors import StateError
from cosmos.state.database import Database, open_database
from cosmos.state.facts import SqlFactCache
from cosmos.state.transaction import Statement
from tests.makers import a_digest
from tests.state.both import ON_BOTH

STAMP = Stamp(size=10, mtime_ns=1_700_000_000_123_456_789, inode=5)
SHA256 = a_digest("bytes")
FACTS = MediaFacts(frames=24, width=1280, height=704, fps=24.0, codec="h264", pixel_format="yuv420p")


@pytest.fixture
def cache(database: Database) -> SqlFactCache:
    return SqlFactCache(database)


def test_a_hash_is_known_as_long_as_the_stamp_is_the_same(cache: SqlFactCache) -> None:
    cache.remember_sha256("/a", STAMP, SHA256)
    assert cache.sha256("/a", STAMP) == SHA256
    assert cache.sha256("/b", STAMP) is None
    for other in ({"size": 11}, {"mtime_ns": STAMP.mtime_ns + 1}, {"inode": 6}):
        assert cache.sha256("/a", replace(STAMP, **other)) is None


@ON_BOTH
def test_what_was_flushed_is_known_to_the_next_command(cache: SqlFactCache, database: Database) -> None:
    cache.remember_sha256("/a", STAMP, SHA256)
    cache.remember_media(SHA256, FACTS)
    cache.remember_media(a_digest("text"), "not a video")
    assert SqlFactCache(database).sha256("/a", STAMP) is None
    cache.flush()
    later = SqlFactCache(database)
    assert later.sha256("/a", STAMP) == SHA256
    assert later.media(SHA256) == FACTS
    assert later.media(a_digest("text")) == "not a video"
    assert later.media(a_digest("other")) is None


@ON_BOTH
def test_the_newest_hash_of_a_path_counts(cache: SqlFactCache, database: Database) -> None:
    for number in (1, 2):
        cache.remember_sha256("/a", replace(STAMP, size=number), a_digest(str(number)))
        cache.flush()
    later = SqlFactCache(database)
    assert later.sha256("/a", replace(STAMP, size=2)) == a_digest("2")
    assert later.sha256("/a", replace(STAMP, size=1)) is None


@ON_BOTH
@pytest.mark.parametrize("inode", [2**63, 2**64 - 1])
def test_inode_numbers_may_be_huge(cache: SqlFactCache, database: Database, inode: int) -> None:
    cache.remember_sha256("/a", replace(STAMP, inode=inode), SHA256)
    cache.flush()
    assert SqlFactCache(database).sha256("/a", replace(STAMP, inode=inode)) == SHA256


@ON_BOTH
def test_a_name_that_is_not_text_hinders_nothing(cache: SqlFactCache, database: Database) -> None:
    cache.remember_sha256("/byte-\udcff", STAMP, SHA256)
    cache.remember_sha256("/a", STAMP, SHA256)
    cache.flush()
    assert cache.sha256("/byte-\udcff", STAMP) == SHA256
    assert SqlFactCache(database).sha256("/a", STAMP) == SHA256


def test_facts_of_another_version_are_found_again(cache: SqlFactCache, database: Database) -> None:
    cache.remember_media(SHA256, FACTS)
    cache.flush()
    with database.writing() as transaction:
        transaction.change(Statement(text('UPDATE media SET facts = \'{"frames": 24, "colours": 3}\'')))
    assert SqlFactCache(database).media(SHA256) is None


def test_what_could_not_be_written_is_written_by_the_next_flush(url: str, path: Path) -> None:
    with (
        closing(open_database(url, patience_s=0.05)) as database,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        cache = SqlFactCache(database)
        cache.remember_sha256("/a", STAMP, SHA256)
        cache.remember_media(SHA256, FACTS)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match="locked"):
            cache.flush()
        other.execute("ROLLBACK")
        cache.flush()
        later = SqlFactCache(database)
        assert later.sha256("/a", STAMP) == SHA256
        assert later.media(SHA256) == FACTS


def test_a_flush_of_nothing_writes_nothing(database: Database, path: Path) -> None:
    cache = SqlFactCache(database)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        cache.flush()
        other.execute("ROLLBACK")


def test_threads_lose_nothing(cache: SqlFactCache, database: Database) -> None:
    def remember(thread: int) -> None:
        for number in range(50):
            cache.remember_sha256(f"/{thread}/{number}", STAMP, SHA256)
            if number % 10 == 0:
                cache.flush()

    threads = [threading.Thread(target=remember, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cache.flush()
    later = SqlFactCache(database)
    assert all(later.sha256(f"/{thread}/{number}", STAMP) for thread in range(8) for number in range(50))
