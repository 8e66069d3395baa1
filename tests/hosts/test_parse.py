"""What a host printed, read back: whole, damaged, and cut at every place."""

import base64
import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos.core.observed import BatchMeta, BatchState, ExitRecord, ObservedBatch, Origin
from cosmos.core.recorded import FileEntry
from cosmos.errors import HostRefused, HostUnreachable
from cosmos.hosts.parse import read_manifest, read_observation
from cosmos.hosts.records import Claim, read_claim, read_exit, read_meta, read_time, write_meta
from tests.makers import a_batch_meta, an_exit

META = replace(a_batch_meta(), gpus=("GPU-1",), origin=Origin(commit="abc"), owner="ann")
BATCH = META.batch_id
CLAIM = '{"pid":12,"start":34,"boot":"boot-1","at":100.5}'
EXIT = (
    '{"code":1,"started_at":100.5,"ended_at":101.25,"boot_id":"boot-1",'
    '"stage":"program","timed_out":false,"stopped":true}'
)
RECORD = ExitRecord(code=1, started_at=100.5, ended_at=101.25, boot_id="boot-1", stopped=True)
HOST = ("host", "boot-1", "1700000000.125", "10 100 4096", "64")


def answer(*records: tuple[str, ...], lines: bytes = b"") -> bytes:
    words = [word.encode("utf-8", "surrogateescape") + b"\0" for record in (HOST, *records) for word in record]
    return b"".join(words) + b"texts\0" + lines + b"end\n"


def look_at(
    files: dict[str, str | bytes],
    alive: str = "0",
    left: str = "0",
    tail: bytes = b"",
    known: str = "",
    sizes: tuple[str, ...] = (),
) -> ObservedBatch:
    """The batch that a look found with these files; `life` is printed where there is no exit record."""
    records: list[tuple[str, ...]] = [("batch", BATCH)]
    if "exit.json" not in files:
        records.append(("life", BATCH, alive, left, base64.b64encode(tail).decode(), known))
    records += [("file", f"{BATCH}/{name}", "10") for name in (*files, *sizes)]
    lines = b""
    for name, text in files.items():
        lines += f"./{BATCH}/{name}".encode() + b"\0" + (text.encode() if isinstance(text, str) else text) + b"\n"
    return read_observation(answer(*records, lines=lines)).batches[BATCH]


def test_the_host_is_described() -> None:
    look = read_observation(answer(("blob", "a" * 64), ("blob", "b" * 64)))
    assert (look.boot_id, look.clock) == ("boot-1", 1700000000.125)
    assert (look.disk_free, look.disk_total, look.cores) == (40960, 409600, 64)
    assert look.blobs == {"a" * 64, "b" * 64}
    assert (look.batches, look.gpus, look.driver) == ({}, (), "")


META_LINE = write_meta(META).strip()
STATES: list[tuple[str, dict[str, str | bytes], str, BatchState]] = [
    ("only being written", {}, "2", BatchState.PARTIAL),
    ("complete", {"batch.json": META_LINE}, "2", BatchState.PREPARED),
    ("its batch.json is damaged", {"batch.json": b"{"}, "2", BatchState.PARTIAL),
    ("waiting for its GPU", {"batch.json": META_LINE, "claim": CLAIM}, "1", BatchState.RUNNING),
    ("running", {"batch.json": META_LINE, "claim": CLAIM, "began": "100.5"}, "1", BatchState.RUNNING),
    ("claimed during the look", {"batch.json": META_LINE, "claim": CLAIM}, "2", BatchState.RUNNING),
    ("its process is gone", {"batch.json": META_LINE, "claim": CLAIM}, "0", BatchState.LOST),
    ("its claim is damaged", {"batch.json": META_LINE, "claim": b"\xff"}, "0", BatchState.LOST),
    ("ended", {"batch.json": META_LINE, "claim": CLAIM, "exit.json": EXIT}, "", BatchState.EXITED),
    ("ended, nothing else left", {"exit.json": EXIT}, "", BatchState.EXITED),
    ("its exit record is damaged", {"batch.json": META_LINE, "claim": CLAIM, "exit.json": "{"}, "", BatchState.LOST),
]


@pytest.mark.parametrize(("files", "alive", "state"), [row[1:] for row in STATES], ids=[row[0] for row in STATES])
def test_a_batch_is_in_one_state(files: dict[str, str | bytes], alive: str, state: BatchState) -> None:
    found = look_at(files, alive)
    assert found.state is state
    assert found.meta == (META if files.get("batch.json") == META_LINE else None)
    assert found.exit == (RECORD if files.get("exit.json") == EXIT else None)


def test_a_batch_that_ended_during_the_look_has_ended() -> None:
    """Its process was gone when the processes were looked at, its record was there when the files were."""
    records = [("batch", BATCH), ("life", BATCH, "0", "2", "", ""), ("file", f"{BATCH}/exit.json", "400")]
    lines = f"./{BATCH}/exit.json\0{EXIT}      \n".encode()
    found = read_observation(answer(*records, lines=lines)).batches[BATCH]
    assert (found.state, found.exit, found.survivors) == (BatchState.EXITED, RECORD, 0)


def test_a_batch_that_was_released_during_the_look_is_not_there() -> None:
    look = read_observation(answer(("batch", BATCH), ("batch", "other"), lines=BATCH.encode() + b"\n"))
    assert set(look.batches) == {"other"}


def test_a_record_too_long_to_be_read_is_known_to_be_there() -> None:
    assert look_at({}, sizes=("claim",)).state is BatchState.LOST


def test_survivors_log_and_claim_are_shown() -> None:
    found = look_at({"claim": CLAIM}, left="3", sizes=("run.log",))
    assert (found.survivors, found.log_bytes, found.boot_id) == (3, 10, "boot-1")
    running = look_at({"claim": CLAIM}, alive="1", tail=b"\0\xff 10%\r 20%")
    assert running.log_tail == b"\0\xff 10%\r 20%"


def test_a_claim_by_nobody_is_no_start() -> None:
    found = look_at({"claim": CLAIM.replace("12", "0")})
    assert (found.state, found.started_at) == (BatchState.LOST, None)


@pytest.mark.parametrize(
    ("began", "at"),
    [
        (None, None),
        ("", None),
        ("100.75", 100.75),
        ("100", 100.0),
        ("0", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("soon", None),
        (b"\xff", None),
    ],
)
def test_a_program_began_when_the_file_says_so_and_not_when_it_was_claimed(
    began: str | bytes | None, at: float | None
) -> None:
    found = look_at({"claim": CLAIM} if began is None else {"claim": CLAIM, "began": began}, alive="1")
    assert found.state is BatchState.RUNNING
    assert (found.started_at, found.waits) == (at, at is None)


def test_only_what_lives_waits() -> None:
    assert not look_at({"claim": CLAIM}).waits
    assert not look_at({"batch.json": META_LINE}, alive="2").waits
    assert not look_at({"claim": CLAIM, "exit.json": EXIT}).waits


def test_the_image_and_what_the_runtime_knows_are_shown() -> None:
    found = look_at({"claim": CLAIM, "image": "sha256:12ab"}, known="OOMKilled, container exited with 137")
    assert (found.state, found.image) == (BatchState.LOST, "sha256:12ab")
    assert found.evidence == "OOMKilled, container exited with 137"


def test_a_record_of_the_end_counts_for_more_than_what_the_runtime_knows() -> None:
    records = [("batch", BATCH), ("life", BATCH, "0", "0", "", "container exited with 137")]
    lines = f"./{BATCH}/exit.json\0{EXIT}\n".encode()
    assert read_observation(answer(*records, lines=lines)).batches[BATCH].evidence == ""


def test_a_batch_json_of_another_batch_is_not_believed() -> None:
    other = write_meta(replace(META, batch_id="rs_other")).strip()
    assert look_at({"batch.json": other}).meta is None


GPU = "0, GPU-1, NVIDIA H200, 143771, 1024, 37, 41, 120.50, 575.57"


def test_gpus_and_what_computes_on_them_are_shown() -> None:
    """In detail in test_gpus.py."""
    records = [("gpu", GPU), ("gpu", "status 0"), ("app", "GPU-1, 4711, /opt/bin/python, 3120", "")]
    records.append(("app", "status 0", ""))
    look = read_observation(answer(*records))
    assert look.driver == "575.57"
    (gpu,) = look.gpus
    assert (gpu.id, gpu.holders) == ("GPU-1", ("python (pid 4711, 3,120 MiB)",))


WHOLE = answer(
    ("blob", "a" * 64),
    ("gpu", GPU),
    ("gpu", "status 0"),
    ("app", "GPU-1, 4711, /opt/bin/python, 3120", "box"),
    ("app", "status 0", ""),
    ("batch", BATCH),
    ("life", BATCH, "1", "0", "eA==", ""),
    ("file", f"{BATCH}/claim", "10"),
    lines=f"./{BATCH}/claim\0{CLAIM}\n".encode(),
)


@pytest.mark.parametrize("end", range(len(WHOLE)))
def test_a_look_that_was_cut_off_is_no_look(end: int) -> None:
    assert read_observation(WHOLE).batches
    with pytest.raises(HostUnreachable):
        read_observation(WHOLE[:end])


@pytest.mark.parametrize(
    "records",
    [
        [HOST],
        [("nonsense", "x")],
        [("file", "x", "-1")],
        [HOST, ("file", "x", "9" * 5000)],
        [("host", "boot-1", "9" * 400, "10 100 4096", "64")],
        [("life", BATCH, "1", "0", "no base64!", "")],
        [("life", BATCH, "1", "many", "", "")],
        [("life", BATCH, "1", "0", "")],
        [("app", "GPU-1, 4711, python, 3120")],
        [("gpu", "one, two"), ("gpu", "status 0")],
        [("gpu", GPU), ("gpu", "status 0"), ("app", "GPU-1, 4711", ""), ("app", "status 0", "")],
    ],
)
def test_what_is_not_understood_is_no_look(records: list[tuple[str, ...]]) -> None:
    with pytest.raises(HostUnreachable, match="not understood"):
        read_observation(answer(*records))


@given(st.binary(max_size=200), st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)))
def test_damage_is_refused_or_read_and_never_anything_else(noise: bytes, start: int, end: int) -> None:
    try:
        look = read_observation(WHOLE[:start] + noise + WHOLE[end:])
    except HostUnreachable:
        return
    assert look.disk_total >= 0


@pytest.mark.parametrize("told", [{}, {"author": "Ann <a@b>"}, {"author": "", "committed_at": 1e300}])
def test_batch_json_of_before_there_were_authors_is_read(told: dict[str, object]) -> None:
    data = json.loads(write_meta(META))
    del data["author"], data["committed_at"]
    assert read_meta(json.dumps(data | told)) == replace(
        META, origin=Origin(commit="abc", author=str(told.get("author", "")))
    )


@given(
    st.builds(
        BatchMeta,
        batch_id=st.text(),
        project=st.text(),
        members=st.just(META.members),
        attempt=st.integers(0, 10**9),
        digest_schema=st.integers(0, 99),
        gpus=st.lists(st.text()).map(tuple),
        origin=st.builds(
            Origin, commit=st.text(), author=st.text(), committed_at=st.none() | st.floats(0, 1e11, exclude_max=True)
        ),
        owner=st.text(),
        created_at=st.floats(0, 1e12),
    )
)
def test_batch_json_is_one_line_and_reads_back(meta: BatchMeta) -> None:
    data = write_meta(meta)
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    assert read_meta(data.decode("ascii")) == meta


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_host_that_does_not_say_how_many_cores_it_has_is_not_understood() -> None:
    for cores in ("", "many", "-1"):
        with pytest.raises(HostUnreachable, match="not understood"):
            read_observation(WHOLE.replace(b"\x0064\0", b"\0" + cores.encode() + b"\0", 1))


@given(st.text())
def test_text_that_is_no_time_is_none(text: str) -> None:
    at = read_time(text)
    assert at is None or 0 < at < math.inf


@given(st.text() | JSON.map(json.dumps))
def test_text_that_is_no_record_is_none(text: str) -> None:
    assert read_claim(text) is None
    assert read_exit(text) is None
    assert read_meta(text) is None


@given(st.sampled_from(["interrupted", "stalled"]), JSON)
def test_what_only_newer_records_have_is_read_strictly_where_it_is(field: str, value: object) -> None:
    found = read_exit(json.dumps({**json.loads(EXIT), field: value}))
    assert found == (replace(RECORD, **{field: value}) if isinstance(value, bool) else None)  # type: ignore[arg-type]


@given(st.sampled_from(["code", "started_at", "ended_at", "boot_id", "stage", "timed_out", "stopped"]), JSON)
def test_a_field_of_another_type_makes_no_exit_record(field: str, value: object) -> None:
    data = json.loads(EXIT)
    kinds: tuple[type, ...] = (int, float) if field.endswith("_at") else (type(data[field]),)
    fits = type(value) in kinds
    found = read_exit(json.dumps({**data, field: value}))
    assert found is None or fits
    del data[field]
    assert read_exit(json.dumps(data)) is None


def test_records_are_read() -> None:
    assert read_claim(CLAIM) == Claim(pid=12, boot="boot-1", at=100.5)
    assert read_exit(EXIT + "   ") == RECORD
    assert read_exit("[" * 100_000) is None
    assert read_exit(EXIT.replace("1,", "1e999,")) is None
    assert read_exit(json.dumps({"code": 0, **vars_of(an_exit())})) == an_exit()


def vars_of(record: ExitRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in ExitRecord.__slots__}


def listed(*files: tuple[bytes, int], special: int = 0) -> bytes:
    sizes = b"".join(b"%d\0%s\0" % (size, name) for name, size in files)
    sums = b"".join(b"%s *./%s\0" % (b"ab" * 32, name) for name, _ in files)
    return b"%d\0%s\0%s" % (special, sizes, sums)


def test_a_manifest_is_sorted_and_complete() -> None:
    manifest, skipped = read_manifest(listed((b"b", 2), (b"a/c d", 0), (b"\xc3\xa9", 1)))
    sha256 = "ab" * 32
    assert manifest == (
        FileEntry(name="a/c d", sha256=sha256, size=0),
        FileEntry(name="b", sha256=sha256, size=2),
        FileEntry(name="\u00e9", sha256=sha256, size=1),
    )
    assert skipped == ()
    assert read_manifest(listed()) == ((), ())


def test_names_that_cannot_be_published_are_left_out_by_name() -> None:
    manifest, skipped = read_manifest(listed((b"a\nb", 1), (b"good", 1), (b"\xff", 1), special=2))
    assert [entry.name for entry in manifest] == ["good"]
    assert skipped == ("'a\\nb'", "'\\udcff'", "2 links or special files")


def test_a_folder_that_changed_while_it_was_listed_is_refused() -> None:
    with pytest.raises(HostRefused, match="changed"):
        read_manifest(listed((b"a", 1)) + b"%s *./b\0" % (b"ab" * 32))


def test_of_a_manifest_only_what_was_to_be_read_has_to_be_there() -> None:
    answer = listed((b"wanted", 1)).replace(b"\0\0", b"\x005\0other\0\0")
    manifest, skipped = read_manifest(answer, ["wanted", "absent"])
    assert ([entry.name for entry in manifest], skipped) == (["wanted"], ())
    with pytest.raises(HostRefused, match="changed"):
        read_manifest(answer, ["wanted", "other"])


@pytest.mark.parametrize("end", range(len(listed((b"a", 1)))))
def test_a_manifest_that_was_cut_off_is_not_read(end: int) -> None:
    with pytest.raises((HostUnreachable, HostRefused)):
        read_manifest(listed((b"a", 1))[:end])


@pytest.mark.parametrize("text", [b"", b"0", b"x\0\0", b"0\0\0nonsense\0", b"0\x001\0a\0\0zz *./a\0", b"0\0-1\0a\0\0"])
def test_what_is_no_manifest_is_not_read(text: bytes) -> None:
    with pytest.raises((HostUnreachable, HostRefused)):
        read_manifest(text)
