"""What a host keeps, read back: whole, with names that are none of ours, and cut at every place."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos.core.stock import Stored
from cosmos.errors import HostUnreachable
from cosmos.hosts.stock import read_stock

BLOB = "ab" * 32
BATCH = "rs_0123456789-abcdef01-a1"


def answer(*records: tuple[str, ...]) -> bytes:
    return b"".join(f"{word}\0".encode() for record in (("now", "1000.5"), *records, ("end",)) for word in record)


def test_blobs_have_size_idleness_and_links() -> None:
    stock = read_stock(answer(("blob", BLOB, "42", "900.5000000", "3"), ("blob", "notes.txt", "1", "0.0", "1")))
    assert stock.blobs == {BLOB: Stored(size=42, idle_s=100.0, links=3)}


def test_a_folder_is_as_idle_as_the_newest_of_its_files_and_frees_what_has_no_other_name() -> None:
    stock = read_stock(
        answer(
            ("kept", f"batches/{BATCH}", "4096", "400.0", "2"),
            ("kept", f"batches/{BATCH}/outputs/x/a b.mp4", "70", "990.5", "1"),
            ("kept", f"batches/{BATCH}/inputs/color.mp4", "1000", "400.0", "2"),
        )
    )
    assert stock.folders == {BATCH: Stored(size=70, idle_s=10.0)}
    assert stock.leftovers == {}


def test_leftovers_are_uploads_on_their_way_and_run_directories_being_removed() -> None:
    stock = read_stock(
        answer(
            ("kept", "blobs/.part/1-2", "40", "500.5", "2"),
            ("kept", "blobs/.part/1-2/ab/x", "7", "600.5", "1"),
            ("kept", f"batches/.gone-{BATCH}", "40", "0.5", "2"),
            ("kept", "batches/Notes of mine", "9", "0.5", "1"),
        )
    )
    assert stock.leftovers == {
        "blobs/.part/1-2": Stored(size=7, idle_s=400.0),
        f"batches/.gone-{BATCH}": Stored(size=0, idle_s=1000.0),
    }
    assert stock.folders == {}


def test_a_time_ahead_of_the_clock_is_now() -> None:
    assert read_stock(answer(("blob", BLOB, "42", "2000.0", "1"))).blobs[BLOB].idle_s == 0


WHOLE = answer(("blob", BLOB, "42", "900.5", "3"), ("kept", f"batches/{BATCH}", "4096", "400.0", "2"))


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_an_answer_that_was_cut_off_is_no_answer(length: int) -> None:
    with pytest.raises(HostUnreachable):
        read_stock(WHOLE[:length])


@given(st.binary(max_size=200))
def test_whatever_a_host_prints_is_understood_or_no_answer(noise: bytes) -> None:
    with contextlib.suppress(HostUnreachable):
        assert read_stock(noise).blobs.keys() <= {BLOB}


@pytest.mark.parametrize("bad", ["-1", "x", "1" * 5000, "1e9", ""])
def test_what_is_no_number_is_no_answer(bad: str) -> None:
    with pytest.raises(HostUnreachable):
        read_stock(answer(("blob", BLOB, bad, "1.0", "1")))
    with pytest.raises(HostUnreachable):
        read_stock(answer(("blob", BLOB, "1", bad, "1")))
