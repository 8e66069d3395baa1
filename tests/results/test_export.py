"""Results given away: what is in the folder, that it can be repeated, and that nothing in it is half there."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cosmos.errors import BusyError, RefusedError, StorageError
from cosmos.store import giving
from tests.results.shop import Clips

pytestmark = pytest.mark.needs("git")


def files(folder: Path) -> dict[str, int]:
    """Inodes: a file that was written again has another one."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_ino
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.jsonl"
    }


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_the_best_videos_and_a_manifest_are_given_and_given_again(
    clips: Clips, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("export", "--where", "rating >= 4", str(folder))
    code, out, err = clips.type(capsys, *words)

    assert (code, out) == (0, f"{folder}/manifest.jsonl\n"), err
    assert "Exported 1 run: 1 file," in err
    assert "(1 copied)" in err
    first = files(folder)
    assert list(first) == ["videos/city/word-low.mp4"]
    (line,) = lines(folder)
    assert (line["prompt"], line["negative"]) == ("Heavy rain over a collapsed avenue", "cartoon")
    assert (line["rating"], line["note"], line["tags"]) == (5, "best puddles", ["hero"])
    assert (line["params"], line["labels"]) == ({"word": "low"}, {"scene": "city"})
    assert len(line["provenance"]["commit"]) == 40
    (file,) = line["files"]
    assert file["sha256"] == hashlib.sha256((folder / file["path"]).read_bytes()).hexdigest()
    assert line["inputs"]["color"]["path"] == "inputs/city/color.mp4"

    again = json.loads(clips.type(capsys, *words, "-o", "json")[1])
    assert (again["kept"], again["copied"], files(folder)) == (1, 0, first)


def test_what_is_asked_for_more_is_added_and_what_was_said_otherwise_is_refused(clips: Clips, folder: Path) -> None:
    with clips.api() as api:
        api.results.export(folder, ["hill"])
        first = files(folder)
        done = api.results.export(folder)
        assert (done.runs, done.copied, done.kept) == (("again", "city/word-high", "city/word-low", "hill"), 3, 1)
        assert files(folder).items() >= first.items()

        with pytest.raises(RefusedError, match="the manifest of another export"):
            api.results.export(folder, ["hill"])
        done = api.results.export(folder, ["hill"], force=True)
        assert done.left == ("videos/again.mp4", "videos/city/word-high.mp4", "videos/city/word-low.mp4")
        assert len(files(folder)) == 4
        assert [line["run"] for line in lines(folder)] == ["hill"]


def test_other_content_under_a_name_is_refused_before_anything_is_written(clips: Clips, folder: Path) -> None:
    mine = folder / "videos" / "hill.mp4"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with clips.api() as api:
        with pytest.raises(RefusedError, match="other content in videos"):
            api.results.export(folder)
        assert (mine.read_text(), list(files(folder))) == ("mine", ["videos/hill.mp4"])
        assert api.results.export(folder, force=True).copied == 4
    assert mine.read_bytes() == clips.published("hill").read_bytes()


def test_controls_come_with_their_roles_and_links_are_never_made_of_inputs(clips: Clips, folder: Path) -> None:
    with clips.api() as api:
        done = api.results.export(folder, ["city"], controls=True, link=True)
    assert (done.linked, done.copied) == (4, 1)
    assert (folder / "videos" / "city" / "word-low.mp4").samefile(clips.published("city/word-low"))
    assert not (folder / "inputs" / "city" / "color.mp4").samefile(clips.root / "inputs" / "city" / "color.mp4")
    kinds = {(file["role"], file["kind"]): file["path"] for file in lines(folder)[1]["files"]}
    assert kinds == {
        ("video", "output"): "videos/city/word-low.mp4",
        ("edge", "control"): "controls/city/word-low/edge.mp4",
        ("color", "input"): "inputs/city/color.mp4",
    }
    assert all((folder / path).is_file() for path in kinds.values())


def test_shards_have_the_files_of_a_run_together_and_are_the_same_each_time(
    clips: Clips, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("export", "city", "hill", "--controls", "--format", "webdataset:2", str(folder))
    code, _, err = clips.type(capsys, *words)
    assert code == 0, err
    assert "2 shards" in err

    shards = sorted(folder.glob("*.tar"))
    assert [shard.name for shard in shards] == ["shard-000000.tar", "shard-000001.tar"]
    with tarfile.open(shards[0]) as tar:
        samples: dict[str, list[str]] = {}
        for name in tar.getnames():
            samples.setdefault(name.partition(".")[0], []).append(name.partition(".")[2])
        assert list(samples.values()) == [["mp4", "edge.mp4", "input_color.mp4", "json", "txt"]] * 2
        line = lines(folder)[1]
        inside = tar.extractfile(f"{line['sample']}.mp4")
        assert inside is not None
        assert inside.read() == clips.published("city/word-low").read_bytes()
        (video,) = (file for file in line["files"] if file["kind"] == "output")
        assert video["path"] in tar.getnames()

    before = [shard.read_bytes() for shard in shards]
    assert "(2 there already)" in clips.type(capsys, *words)[2]
    assert [shard.read_bytes() for shard in shards] == before
    assert clips.type(capsys, "export", "hill", "--format", "webdataset", str(folder))[0] == 1
    assert [path.name for path in sorted(folder.iterdir())] == ["manifest.jsonl", *(shard.name for shard in shards)]


def test_a_file_that_is_another_one_by_now_is_not_given(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"new")
    gift = giving.Gift(name="a/b.mp4", sha256=hashlib.sha256(b"old").hexdigest(), size=3, source=source)
    with pytest.raises(StorageError, match="has other bytes"):
        giving.give(folder, gift)
    with pytest.raises(StorageError, match="has other bytes"), giving.shard(folder, "shard.tar", [gift]):
        pass
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_two_exports_into_one_folder_take_turns(clips: Clips, folder: Path) -> None:
    with giving.held(folder), clips.api() as api, pytest.raises(BusyError, match="another cosmos export"):
        api.results.export(folder)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--where", "rating > 5", "DIR"], 'of no run "rating > 5" is true'),
        (["--where", "ratng > 5", "DIR"], 'did you mean "rating"'),
        (["hil", "DIR"], 'did you mean "hill"'),
        (["OUTPUTS"], "belongs to the project itself"),
        (["--format", "zip", "DIR"], "none of files, webdataset"),
        ([], "say the folder"),
    ],
)
def test_mistakes_are_named_and_write_nothing(
    clips: Clips, folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    places = {"DIR": str(folder), "OUTPUTS": str(clips.root / "outputs" / "x")}
    code, _, err = clips.type(capsys, "export", *(places.get(word, word) for word in words))
    assert code in (1, 64)
    assert says in err
    assert not folder.exists()
