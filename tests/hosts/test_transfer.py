"""FileTransferService over LocalTransport: what arrives, what stays behind, and how many bytes it takes."""

import hashlib
import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cosmos.core.recorded import FileEntry
from cosmos.errors import HostRefused, HostUnreachable, StorageError, TransferError
from cosmos.hosts.layout import Layout
from cosmos.hosts.local import LocalTransport
from cosmos.hosts.remote import RemoteCommandExecutor, Script
from cosmos.hosts.scripts import BashScriptBuilder
from cosmos.hosts.transfer import SMALL, FileTransferService, Upload
from cosmos.hosts.transport import CHUNK, Ended
from tests.disks import fill, small_disk
from tests.makers import a_batch_id

BATCH = a_batch_id()
BIG = SMALL + 1_000_003
"""Bytes of a file that travels alone, and is no multiple of anything."""
FRAME = 100
"""Most bytes that an answer has besides its content."""


@dataclass
class Wire:
    """A connection that counts, and that can break once: after so many bytes there, or so many back."""

    local: LocalTransport = field(default_factory=LocalTransport)
    trips: int = 0
    fed: int = 0
    got: int = 0
    feed_at_most: int | None = None
    get_at_most: int | None = None

    def approach(self) -> None:
        """It is here."""

    def stream(
        self, argv: Sequence[str], stdin: Iterable[bytes] = (), *, patience_s: float, moving: int = 0
    ) -> Generator[bytes, None, Ended]:
        self.trips += 1
        with closing(self.local.stream(argv, self._feed(stdin), patience_s=patience_s, moving=moving)) as parts:
            while True:
                try:
                    part = next(parts)
                except StopIteration as stop:
                    ended: Ended = stop.value
                    break
                if self.get_at_most is not None and self.got + len(part) > self.get_at_most:
                    yield part[: self.get_at_most - self.got]
                    raise HostUnreachable("the line broke")
                self.got += len(part)
                yield part
        if self.feed_at_most is not None and self.fed >= self.feed_at_most:
            raise HostUnreachable("the line broke")  # and with it went the host's opinion of what it was fed
        return ended

    def _feed(self, stdin: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in stdin:
            if self.feed_at_most is not None and self.fed + len(chunk) > self.feed_at_most:
                yield chunk[: self.feed_at_most - self.fed]
                self.fed = self.feed_at_most
                return
            self.fed += len(chunk)
            yield chunk

    def close(self) -> None:
        self.local.close()

    def mended(self) -> None:
        """Whole again, and counting from nothing."""
        self.trips = self.fed = self.got = 0
        self.feed_at_most = self.get_at_most = None


class Place:
    """A host's folder, files of ours, and the service between them."""

    def __init__(self, tmp_path: Path, path: str = os.defpath) -> None:
        self.here = tmp_path / "here"
        self.here.mkdir()
        self.wire = Wire(LocalTransport({"PATH": path}))
        self.layout = Layout(str(tmp_path / "work dir's [1]"), "demo")
        self.blobs = Path(self.layout.blobs)
        self.outputs = Path(self.layout.batch(BATCH), "outputs", "one")
        self.service = FileTransferService(RemoteCommandExecutor("gpu", self.wire), BashScriptBuilder(self.layout))
        self.progress: list[int] = []

    def file(self, data: bytes, name: str = "input.bin") -> Upload:
        path = self.here / name
        path.write_bytes(data)
        return hashlib.sha256(data).hexdigest(), len(data), path

    def upload(self, *blobs: Upload) -> None:
        self.progress.clear()
        self.service.upload(blobs, self.progress.append)

    def blob(self, sha256: str) -> Path:
        return self.blobs / sha256[:2] / sha256

    def part(self, sha256: str, data: bytes, name: str = "1-1") -> Path:
        """What an earlier upload has left on the host."""
        path = self.blobs / ".part" / f"{sha256}.{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def parts(self) -> list[Path]:
        return sorted((self.blobs / ".part").rglob("*"))

    def there(self) -> set[str]:
        """Names of blobs; each is whole."""
        found = list(self.blobs.glob("??/*"))
        for path in found:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
            assert path.stat().st_mode & 0o777 == 0o444
        return {path.name for path in found}

    def output(self, name: str, data: bytes) -> FileEntry:
        path = self.outputs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return FileEntry(name=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data))

    def target(self, number: int) -> Path:
        return self.here / f"partial-{number}"

    def download(self, *entries: FileEntry) -> None:
        self.progress.clear()
        targets = [(entry, self.target(number)) for number, entry in enumerate(entries)]
        self.service.download(BATCH, "one", targets, self.progress.append)


@pytest.fixture(params=["python", "bash"])
def place(request: pytest.FixtureRequest, bare_path: str, tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path, os.defpath if request.param == "python" else bare_path)
    yield place
    place.wire.close()


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes of which no stretch is like another."""
    return hashlib.shake_128(b"%d" % seed).digest(size)


class TestUpload:
    @pytest.mark.parametrize("size", [0, 1, 511, 512, 513, SMALL, SMALL + 1, BIG])
    def test_a_blob_has_the_bytes_of_its_file(self, place: Place, size: int) -> None:
        blob = place.file(noise(size))
        place.upload(blob)
        assert place.there() == {blob[0]}
        assert sum(place.progress) == size
        assert place.parts() == []

    def test_nothing_to_upload_is_no_round_trip(self, place: Place) -> None:
        place.upload()
        assert place.wire.trips == 0

    def test_what_is_there_costs_one_question(self, place: Place) -> None:
        blobs = [place.file(noise(size), str(size)) for size in (10, BIG)]
        place.upload(*blobs)
        place.wire.mended()
        place.upload(*blobs)
        assert (place.wire.trips, place.progress) == (1, [])
        assert place.wire.fed < 200

    def test_many_small_files_travel_in_one_stream(self, place: Place) -> None:
        blobs = [place.file(b"%d" % number, str(number)) for number in range(300)]
        place.upload(*blobs, *blobs)
        assert place.there() == {blob[0] for blob in blobs}
        assert place.wire.trips == 2
        assert sum(place.progress) == sum(blob[1] for blob in blobs)
        assert place.parts() == []

    def test_a_cut_upload_goes_on_from_where_it_was_cut(self, place: Place) -> None:
        blob = place.file(noise(BIG))
        place.wire.feed_at_most = 3_000_000
        with pytest.raises(HostUnreachable, match="the line broke"):
            place.upload(blob)
        assert place.there() == set()
        (part,) = place.parts()
        held = part.stat().st_size
        assert 2_900_000 < held < 3_000_000, "all that was fed, but for the question before it"

        place.wire.mended()
        place.upload(blob)
        assert place.there() == {blob[0]}
        assert place.parts() == []
        assert sum(place.progress) == BIG
        assert BIG - held <= place.wire.fed < BIG - held + 200, "the rest, and the question before it"

    def test_an_upload_may_be_cut_again_and_again(self, place: Place) -> None:
        blob = place.file(noise(BIG))
        fed = 0
        for _ in range(5):
            place.wire.mended()
            place.wire.feed_at_most = 900_000
            with pytest.raises(HostUnreachable):
                place.upload(blob)
            fed += place.wire.fed
            assert len(place.parts()) == 1, "the part goes on under a new name, the old one is gone"
        place.wire.mended()
        place.upload(blob)
        assert place.there() == {blob[0]}
        assert fed + place.wire.fed < BIG + 6 * 200

    def test_an_upload_whose_process_was_killed_goes_on_from_its_part(self, place: Place) -> None:
        """How much the host had read by then nobody knows."""
        blob = place.file(noise(BIG))

        def closing_at(count: int) -> None:
            place.progress.append(count)
            if sum(place.progress) > BIG // 2:
                place.wire.close()

        with pytest.raises(HostUnreachable, match="closing"):
            place.service.upload([blob], closing_at)
        assert place.there() == set()
        held = sum(part.stat().st_size for part in place.parts())
        place.wire.mended()
        place.upload(blob)
        assert place.there() == {blob[0]}
        assert place.wire.fed <= BIG - held + 200

    def test_a_small_blob_goes_on_from_a_part_too(self, place: Place) -> None:
        """A file that was large for an earlier version of this program."""
        blob, other = place.file(noise(100_000)), place.file(b"other", "other")
        place.part(blob[0], noise(100_000)[:99_000])
        place.upload(blob, other)
        assert place.there() == {blob[0], other[0]}
        assert place.wire.fed < 1000 + 200 + 4096

    def test_a_part_that_holds_all_is_all_that_is_needed(self, place: Place) -> None:
        blob = place.file(noise(BIG))
        place.part(blob[0], noise(BIG))
        place.upload(blob)
        assert place.there() == {blob[0]}
        assert place.wire.fed < 200
        assert sum(place.progress) == BIG

    @pytest.mark.parametrize(
        "part",
        [noise(1_000_000, seed=1), noise(BIG)[:1_000_000] + b"x", noise(BIG) + b"more", b"x" * (BIG + 1)],
        ids=["other bytes", "its last byte is wrong", "longer than the blob", "longer and other"],
    )
    def test_a_wrong_part_is_not_built_upon(self, place: Place, part: bytes) -> None:
        blob = place.file(noise(BIG))
        place.part(blob[0], part)
        place.upload(blob)
        assert place.there() == {blob[0]}
        assert place.wire.fed >= BIG
        assert sum(place.progress) == BIG

    def test_of_several_parts_the_longest_is_built_upon(self, place: Place) -> None:
        one, two = place.file(noise(BIG), "one"), place.file(noise(BIG, seed=1), "two")
        for name, size in (("1-1", 3_000_000), ("2-2", 1_000_000)):
            place.part(one[0], noise(BIG)[:size], name)
        place.part(two[0], noise(BIG, seed=1)[:2_000_000])
        place.upload(one, two)
        assert place.there() == {one[0], two[0]}
        assert place.wire.fed < 2 * BIG - 5_000_000 + 400

    def test_an_empty_part_is_none(self, place: Place) -> None:
        blob = place.file(noise(BIG))
        place.part(blob[0], b"")
        place.upload(blob)
        assert place.there() == {blob[0]}

    def test_a_part_that_is_a_link_is_neither_read_nor_written(self, place: Place, tmp_path: Path) -> None:
        blob = place.file(noise(BIG))
        secret = tmp_path / "secret"
        secret.write_bytes(noise(BIG)[:2_000_000])
        (place.blobs / ".part").mkdir(parents=True)
        (place.blobs / ".part" / f"{blob[0]}.1-1").symlink_to(secret)
        place.upload(blob)
        assert place.there() == {blob[0]}
        assert place.wire.fed >= BIG
        assert secret.read_bytes() == noise(BIG)[:2_000_000]

    def test_parts_that_nobody_came_back_for_are_removed_in_time(self, place: Place) -> None:
        old, young = place.part("a" * 64, b"old"), place.part("b" * 64, b"young")
        folder = place.blobs / ".part" / "1-1"
        (folder / "ab").mkdir(parents=True)
        for path in (old, folder):
            os.utime(path, (time.time() - 3 * 86400,) * 2)
        place.upload(place.file(b"any"))
        assert place.parts() == [young]

    @pytest.mark.parametrize("kind", ["another size", "a link"])
    def test_what_has_the_name_of_a_blob_and_is_not_it_is_replaced(
        self, place: Place, tmp_path: Path, kind: str
    ) -> None:
        mine = tmp_path / "mine"
        mine.write_bytes(b"mine")
        for blob in (place.file(noise(100), "small"), place.file(noise(BIG), "large")):
            place.blob(blob[0]).parent.mkdir(parents=True)
            if kind == "a link":
                place.blob(blob[0]).symlink_to(mine)
            else:
                place.blob(blob[0]).write_bytes(b"who")
            place.upload(blob)
            assert blob[0] in place.there()
            assert not place.blob(blob[0]).is_symlink()
        assert mine.read_bytes() == b"mine"

    def test_an_upload_that_was_cut_leaves_no_blob_that_is_not_whole(self, place: Place) -> None:
        blobs = [place.file(noise(1000, seed=number), str(number)) for number in range(200)]
        place.wire.feed_at_most = 200 * 65 + 100_000
        with pytest.raises(HostUnreachable):
            place.upload(*blobs)
        assert place.there() <= {blob[0] for blob in blobs}
        place.wire.mended()
        place.upload(*blobs)
        assert place.there() == {blob[0] for blob in blobs}

    def test_memory_does_not_grow_with_the_file(self, place: Place) -> None:
        path = place.here / "large"
        path.touch()
        os.truncate(path, 64 * CHUNK)
        digest = hashlib.sha256()
        for _ in range(64):
            digest.update(bytes(CHUNK))
        sha256 = digest.hexdigest()
        place.part(sha256, bytes(20 * CHUNK))
        assert peak(lambda: place.upload((sha256, 64 * CHUNK, path))) < 16 * CHUNK
        assert place.blob(sha256).stat().st_size == 64 * CHUNK

    def test_memory_does_not_grow_with_the_number_of_small_files(self, place: Place) -> None:
        blobs = [place.file(noise(SMALL, seed=number), str(number)) for number in range(12)]
        assert peak(lambda: place.upload(*blobs)) < 7 * SMALL
        assert place.there() == {blob[0] for blob in blobs}


def change(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(b"x" * size)


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BEFALL = [change, shrink, empty, Path.unlink, replace_by_folder]


class TestFilesThatAreNotWhatTheyWere:
    """The planner hashed them; a person may have written to them since."""

    @pytest.mark.parametrize("befall", [*BEFALL, grow], ids=lambda act: act.__name__)
    @pytest.mark.parametrize("number", [0, 25, 49])
    def test_one_of_many_small_files_is_named_and_the_others_arrive(
        self, place: Place, befall: Callable[[Path], None], number: int
    ) -> None:
        blobs = [place.file(noise(1000, seed=each), f"{each}.bin") for each in range(50)]
        befall(blobs[number][2])
        with pytest.raises(TransferError, match=f"/{number}.bin: ") as caught:
            place.upload(*blobs)
        assert caught.value.hint
        assert place.there() == {blob[0] for blob in blobs} - {blobs[number][0]}
        assert place.parts() == []

    @pytest.mark.parametrize("befall", BEFALL, ids=lambda act: act.__name__)
    def test_one_of_several_large_files_is_named_and_the_others_arrive(
        self, place: Place, befall: Callable[[Path], None]
    ) -> None:
        sizes = (BIG, BIG, 10)
        blobs = [place.file(noise(size, seed=each), f"{each}.bin") for each, size in enumerate(sizes)]
        befall(blobs[0][2])
        with pytest.raises(TransferError, match=r"/0\.bin: ") as caught:
            place.upload(*blobs)
        assert caught.value.hint
        assert place.there() == {blobs[1][0], blobs[2][0]}

    def test_a_large_file_that_was_appended_to_still_begins_with_its_blob(self, place: Place) -> None:
        blob = place.file(noise(BIG))
        grow(blob[2])
        place.upload(blob)
        assert place.there() == {blob[0]}

    def test_a_changed_large_file_leaves_nothing(self, place: Place) -> None:
        blob = place.file(noise(BIG))
        change(blob[2])
        with pytest.raises(TransferError, match="changed, or damaged"):
            place.upload(blob)
        assert [path for path in place.blobs.rglob("*") if path.is_file()] == []

    def test_a_file_that_shrinks_while_it_is_sent_is_named(self, place: Place) -> None:
        blob = place.file(noise(BIG))

        def watching(count: int) -> None:
            os.truncate(blob[2], 2 * CHUNK)

        with pytest.raises(TransferError, match=r"input\.bin: .* changed"):
            place.service.upload([blob], watching)
        assert place.there() == set()

    def test_a_file_that_changes_back_goes_on_from_no_wrong_part(self, place: Place) -> None:
        data = noise(BIG)
        blob = place.file(data)
        change(blob[2])
        place.wire.feed_at_most = 2_000_000
        with pytest.raises(HostUnreachable):
            place.upload(blob)
        blob[2].write_bytes(data)
        place.wire.mended()
        place.upload(blob)
        assert place.there() == {blob[0]}


@pytest.fixture
def small(place: Place) -> Iterator[Path]:
    """A work directory on a disk of 16 MB."""
    with small_disk(Path(place.layout.root).parent, 16) as folder:
        yield folder
        place.wire.close()


@pytest.mark.needs("mount")
class TestFullDisk:
    @pytest.mark.parametrize("sizes", [(17 << 20,), (6 << 20, 6 << 20, 6 << 20), (1 << 20,) * 17])
    def test_what_does_not_fit_is_refused_before_a_byte_is_sent(
        self, place: Place, small: Path, sizes: tuple[int, ...]
    ) -> None:
        blobs = [place.file(noise(size, seed=number), str(number)) for number, size in enumerate(sizes)]
        with pytest.raises(HostRefused, match="disk is full") as caught:
            place.upload(*blobs)
        assert caught.value.reason == "DiskFull"
        assert place.progress == []

    @pytest.mark.parametrize("count", [1, 4], ids=["one large", "some small"])
    def test_a_disk_that_fills_meanwhile_refuses_and_nothing_stays(self, place: Place, small: Path, count: int) -> None:
        size = 8 << 20
        blobs = [place.file(noise(size // count, seed=number), str(number)) for number in range(count)]
        assert (size // count <= SMALL) is (count > 1)

        def filling(moved: int) -> None:
            if not (small / "ballast").exists():
                fill(small)

        with pytest.raises(HostRefused, match="No space left") as caught:
            place.service.upload(blobs, filling)
        assert caught.value.reason == "DiskFull"
        assert place.parts() == []
        assert place.there() < {blob[0] for blob in blobs}, "those that had arrived by then are whole"
        (small / "ballast").unlink()
        place.upload(*blobs)
        assert place.there() == {blob[0] for blob in blobs}

    def test_a_part_outlives_a_refusal_for_want_of_room(self, place: Place, small: Path) -> None:
        blob = place.file(noise(20 << 20))
        part = place.part(blob[0], noise(20 << 20)[: 5 << 20])
        with pytest.raises(HostRefused):
            place.upload(blob)
        assert part.stat().st_size == 5 << 20

    def test_a_full_disk_here_is_no_fault_of_the_host(self, place: Place, small: Path) -> None:
        """The same small disk, taken for ours."""
        entry = place.output("video.mp4", noise(2 << 20))
        target = small / "partial"
        fill(small)
        with pytest.raises(StorageError, match="No space left"):
            place.service.download(BATCH, "one", [(entry, target)], place.progress.append)
        (small / "ballast").unlink()
        place.service.download(BATCH, "one", [(entry, target)], place.progress.append)
        assert target.read_bytes() == noise(2 << 20)


NAMES = [
    "video.mp4",
    "a b.txt",
    " leading",
    "trailing ",
    "two  blanks",
    "-rf",
    "--help",
    "sub/deeper/\u00e9 \U0001f600.png",
    "it's $(id) `id`",
    "5 five",
    ".hidden",
    "*",
    "[1]",
    "~",
]


class TestDownload:
    def test_several_files_come_in_one_round_trip_each_from_where_it_is(self, place: Place) -> None:
        sizes = {"new": BIG, "begun": BIG, "whole": 5000, "empty": 0, "longer": 3000, "last": 1}
        datas = {name: noise(size, seed=number) for number, (name, size) in enumerate(sizes.items())}
        entries = [place.output(name, data) for name, data in datas.items()]
        have = {"begun": 3_000_000, "whole": 5000, "longer": 3000}
        for number, name in enumerate(datas):
            if name in have:
                place.target(number).write_bytes(datas[name][: have[name]])
        with place.target(list(datas).index("longer")).open("ab") as file:
            file.write(b"beyond the end")

        place.download(*entries)
        assert [place.target(number).read_bytes() for number in range(6)] == list(datas.values())
        assert place.wire.trips == 1
        rest = sum(sizes.values()) - 3_000_000 - 5000
        assert rest <= place.wire.got <= rest + FRAME
        assert sum(place.progress) == sum(sizes.values())

    def test_what_is_here_whole_is_not_asked_for(self, place: Place) -> None:
        entries = [place.output("a", b"a"), place.output("empty", b"")]
        place.target(0).write_bytes(b"a")
        place.download(*entries)
        place.download()
        assert place.wire.trips == 0
        assert place.target(1).read_bytes() == b""

    @pytest.mark.parametrize("name", NAMES)
    def test_a_name_reaches_the_host_byte_for_byte(self, place: Place, name: str) -> None:
        entries = [place.output(name, b"0123456789"), place.output("other", b"other")]
        place.target(0).write_bytes(b"0123")
        place.download(*entries)
        assert place.target(0).read_bytes() == b"0123456789"
        assert place.target(1).read_bytes() == b"other"

    def test_all_names_together_are_not_mistaken_for_each_other(self, place: Place) -> None:
        entries = [place.output(name, f"this is {name}".encode()) for name in NAMES]
        place.download(*entries)
        assert [place.target(number).read_text("utf-8") for number in range(len(NAMES))] == [
            f"this is {name}" for name in NAMES
        ]

    @pytest.mark.parametrize("name", ["a\nb", "", "../x", "/etc/passwd", "a/../b", "a\\b", "\udcff"])
    def test_a_name_that_cannot_be_asked_for_is_refused_before_anything_is_done(self, place: Place, name: str) -> None:
        good = place.output("good", b"good")
        with pytest.raises(HostRefused, match="cannot be published"):
            place.download(good, FileEntry(name=name, sha256="0" * 64, size=10))
        assert place.wire.trips == 0
        assert list(place.here.iterdir()) == []

    def test_a_cut_download_goes_on_from_where_it_was_cut(self, place: Place) -> None:
        datas = [noise(2_000_000), noise(2_000_000, seed=1), noise(10, seed=2)]
        entries = [place.output(f"{number}", data) for number, data in enumerate(datas)]
        place.wire.get_at_most = 3_000_000
        with pytest.raises(HostUnreachable):
            place.download(*entries)
        sizes = [place.target(number).stat().st_size for number in range(3)]
        assert sizes[0] == 2_000_000
        assert 3_000_000 - FRAME - 2 * CHUNK < sum(sizes) <= 3_000_000
        assert place.target(1).read_bytes() == datas[1][: sizes[1]]

        place.wire.mended()
        place.download(*entries)
        assert [place.target(number).read_bytes() for number in range(3)] == datas
        assert place.wire.got <= 4_000_010 - sum(sizes) + FRAME

    def test_a_wrong_beginning_is_found_at_the_end_and_only_that_file_is_removed(self, place: Place) -> None:
        datas = [noise(3000, seed=number) for number in range(3)]
        entries = [place.output(f"{number}", data) for number, data in enumerate(datas)]
        place.target(1).write_bytes(b"x" * 1000)
        with pytest.raises(TransferError, match="1 did not arrive") as caught:
            place.download(*entries)
        assert caught.value.hint
        assert [place.target(number).exists() for number in range(3)] == [True, False, True]
        place.wire.mended()
        place.download(*entries)
        assert [place.target(number).read_bytes() for number in range(3)] == datas
        assert 3000 <= place.wire.got <= 3000 + FRAME

    def test_a_wrong_file_of_the_right_size_is_removed_without_a_question(self, place: Place) -> None:
        entry = place.output("a", b"right")
        place.target(0).write_bytes(b"wrong")
        with pytest.raises(TransferError):
            place.download(entry)
        assert place.wire.trips == 0
        assert not place.target(0).exists()

    @pytest.mark.parametrize("befall", [change, grow, shrink, empty], ids=lambda act: act.__name__)
    def test_an_output_that_changed_since_it_was_listed_spoils_no_file_for_good(
        self, place: Place, befall: Callable[[Path], None]
    ) -> None:
        """All come in one stream, one after the other; what is wrong shows, and is fetched again."""
        datas = [noise(1000, seed=number) for number in range(3)]
        entries = [place.output(f"{number}", data) for number, data in enumerate(datas)]
        befall(place.outputs / "1")
        with pytest.raises((TransferError, HostUnreachable)):
            place.download(*entries)
        assert place.target(0).read_bytes() == datas[0]
        place.output("1", datas[1])
        for _ in range(2):
            with suppress(TransferError):
                place.download(*entries)
        assert [place.target(number).read_bytes() for number in range(3)] == datas

    def test_an_output_that_was_appended_to_still_begins_with_what_was_listed(self, place: Place) -> None:
        entry = place.output("video.mp4", noise(1000))
        grow(place.outputs / "video.mp4")
        place.download(entry)
        assert place.target(0).read_bytes() == noise(1000)

    def test_a_file_cut_off_on_the_host_is_no_file(self, place: Place) -> None:
        """And what did come is gone on from, should the rest appear."""
        entry = place.output("video.mp4", noise(BIG))
        os.truncate(place.outputs / "video.mp4", 1_000_000)
        with pytest.raises(HostUnreachable, match=r"video\.mp4 was cut off"):
            place.download(entry)
        assert place.target(0).read_bytes() == noise(BIG)[:1_000_000]

    @pytest.mark.parametrize("name", ["link", "folder/file", "pipe", "sub", "absent", "device"])
    def test_nothing_is_opened_but_plain_files_below_the_folder(self, place: Place, tmp_path: Path, name: str) -> None:
        secret = tmp_path / "secret"
        secret.mkdir()
        (secret / "file").write_text("secret")
        good = place.output("good", noise(1000))
        (place.outputs / "sub").mkdir()
        (place.outputs / "link").symlink_to(secret / "file")
        (place.outputs / "folder").symlink_to(secret)
        (place.outputs / "device").symlink_to("/dev/zero")
        os.mkfifo(place.outputs / "pipe")
        with pytest.raises(HostRefused, match="is no regular file"):
            place.download(good, FileEntry(name=name, sha256="0" * 64, size=6))
        assert place.target(1).read_bytes() == b""
        assert place.target(0).stat().st_size > 900, "what came before the refusal is kept"
        place.download(good)
        assert place.target(0).read_bytes() == noise(1000)

    @pytest.mark.parametrize("place_of_link", ["outputs/one", "outputs"])
    def test_a_folder_of_outputs_that_is_a_link_has_no_files(
        self, place: Place, tmp_path: Path, place_of_link: str
    ) -> None:
        entry = place.output("file", b"secret")
        path = Path(place.layout.batch(BATCH), place_of_link)
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(HostRefused, match="is no regular file"):
            place.download(entry)
        assert place.target(0).read_bytes() == b""

    def test_a_run_directory_that_is_gone_is_a_definite_no(self, place: Place) -> None:
        with pytest.raises(HostRefused, match="there is no run directory"):
            place.download(FileEntry(name="a", sha256="0" * 64, size=1))

    def test_no_thread_is_left_however_a_download_ends(self, place: Place) -> None:
        entry = place.output("video.mp4", noise(BIG))
        threads = set(threading.enumerate())
        place.wire.get_at_most = 3_000_000
        with pytest.raises(HostUnreachable):
            place.download(entry)
        place.wire.mended()

        def failing(count: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            place.service.download(BATCH, "one", [(entry, place.target(1))], failing)
        place.download(entry)
        assert set(threading.enumerate()) == threads

    def test_a_target_that_cannot_be_written_is_our_own_trouble(self, place: Place) -> None:
        entry = place.output("a", b"a")
        place.target(0).mkdir()
        with pytest.raises(StorageError, match="partial-0") as caught:
            place.download(entry)
        assert caught.value.hint
        assert place.wire.trips == 0

    def test_memory_does_not_grow_with_the_file(self, place: Place) -> None:
        place.output("large", b"")
        os.truncate(place.outputs / "large", 64 * CHUNK)
        digest = hashlib.sha256()
        for _ in range(64):
            digest.update(bytes(CHUNK))
        entry = FileEntry(name="large", sha256=digest.hexdigest(), size=64 * CHUNK)
        place.target(0).write_bytes(bytes(20 * CHUNK))
        assert peak(lambda: place.download(entry)) < 16 * CHUNK
        assert place.target(0).stat().st_size == 64 * CHUNK


def peak(act: Callable[[], None]) -> int:
    """Most bytes of memory that Python held at once for it."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["", "much", "9\\n1 blob", "9\\nx blob ab", "9\\n1 part ab", "9" * 5000])
def test_an_odd_answer_about_blobs_is_not_understood(tmp_path: Path, text: str) -> None:
    class Odd(BashScriptBuilder):
        def blobs(self, sha256s: Iterable[str]) -> Script:
            return Script(name="blobs", text=f"printf '{text}'")

    executor = RemoteCommandExecutor("gpu", LocalTransport())
    service = FileTransferService(executor, Odd(Layout(str(tmp_path), "demo")))
    with pytest.raises(HostUnreachable, match="not understood"):
        service.upload([("ab", 1, tmp_path / "x")], lambda _: None)
