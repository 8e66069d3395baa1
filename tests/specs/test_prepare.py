"""Bringing renders in: real pictures, real videos, and everything that artists get wrong."""

import json
import os
import signal
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from cosmos.errors import BusyError, RefusedError, StorageError
from cosmos.local_ai import controls
from cosmos.local_ai.video import VideoWriter, open_video
from cosmos.scenes import Prepared
from tests.cli.console import Console, wait_until
from tests.disks import fill, small_disk
from tests.engine.workshop import Workshop
from tests.media import write_video
from tests.renders import FIRST, FRAMES, HEIGHT, WIDTH, Array, colors, depths, ids, write_png, write_render

ROLES = ("color", "depth", "edge", "segmentation", "vis")


@pytest.fixture
def render(tmp_path: Path) -> Path:
    return write_render(tmp_path / "Gro\u00dfe Stadt v3")


def prepare(workshop: Workshop, *paths: Path, **options: object) -> Prepared:
    with workshop.api() as api:
        return api.inputs.prepare(paths, **options)  # type: ignore[arg-type]


def images(path: Path) -> list[Array]:
    with open_video(path) as video:
        return list(video.images())


def metadata(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "metadata.json").read_text())
    return found


def test_a_render_becomes_a_scene(workshop: Workshop, render: Path) -> None:
    done = prepare(workshop, render)
    folder = workshop.root / "inputs" / "grosse-stadt-v3"
    usual = {f"{role}.mp4" for role in ROLES} | {"metadata.json", "poster.jpg"}

    assert {path.name for path in folder.iterdir()} == usual
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    videos = {role: images(folder / f"{role}.mp4") for role in ROLES}
    assert {len(each) for each in videos.values()} == {FRAMES}
    assert {each[0].shape for each in videos.values()} == {(HEIGHT, WIDTH, 3)}
    for index, image in enumerate(videos["color"]):
        assert np.abs(image.astype(int) - colors(index)).mean() < 6
    assert [(image == ids(index)).all() for index, image in enumerate(videos["segmentation"])] == [True] * FRAMES
    expected = np.linspace(0, 255, WIDTH)
    assert np.abs(videos["depth"][3][HEIGHT // 2, :, 0] - expected).max() <= 4
    for role, compute in (("edge", controls.edge), ("vis", controls.vis)):
        wanted = compute(videos["color"][2], "medium")
        assert np.abs(videos[role][2].astype(int) - wanted).mean() < 8

    said = metadata(folder)
    assert (said["frames"], said["fps"], said["width"], said["height"]) == (FRAMES, "24", WIDTH, HEIGHT)
    assert said["files"]["depth.mp4"].items() >= {"black": 4000.0, "white": 60000.0, "range": "measured"}.items()
    assert done.is_new
    assert done.scene.color is not None
    assert (done.scene.color.fps, done.scene.controls) == (24.0, ("depth", "edge", "segmentation", "vis"))


def test_the_same_again_does_nothing_and_equal_sources_give_equal_bytes(workshop: Workshop, render: Path) -> None:
    prepare(workshop, render, name="one")
    folder = workshop.root / "inputs" / "one"
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}

    moved = render.rename(render.with_name("moved"))
    assert not prepare(workshop, moved, name="one").is_new
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before
    prepare(workshop, moved, name="two")
    other = {path.name: path.read_bytes() for path in folder.with_name("two").iterdir()}
    assert other == {name: data for name, (data, _) in before.items()}

    (folder / "edge.mp4").write_bytes(b"")
    with pytest.raises(RefusedError, match="inputs/one is there and was made of something else; no run uses it"):
        prepare(workshop, moved, name="one")


SPECS = """\
kind: Prompt
name: rain
text: Rain
inputs: inputs/city
---
kind: Run
name: look
prompt: rain
model: preview
controls: {depth: 0.5}
---
kind: Run
name: flat
prompt: rain
model: preview
controls: {seg: 0.5}
"""


def test_a_scene_is_replaced_only_on_request_and_the_runs_that_follow_are_named(
    workshop: Workshop, render: Path
) -> None:
    (workshop.root / "specs" / "all.yaml").write_text(SPECS)
    prepare(workshop, render, name="city")
    with pytest.raises(RefusedError, match="these runs use it, and would run again: flat, look"):
        prepare(workshop, render, name="city", near=50000, far=0)

    done = prepare(workshop, render, name="city", near=50000, far=0, replace=True)
    assert done.again == ("look",)
    depth = images(workshop.root / "inputs" / "city" / "depth.mp4")[0][4]
    expected = np.clip(depths(0)[4] / 50000 * 255, 0, 255)
    assert np.abs(depth[:, 0] - expected).max() <= 4

    with workshop.api() as api:
        (row,) = api.inputs.scenes()
    assert (row.name, row.prompts, row.runs) == ("city", ("rain",), ("flat", "look"))
    assert f"{FRAMES} frames: under 24 models make noisy videos" in row.warnings

    (workshop.root / "inputs" / "city" / "hdmap.mp4").touch()
    with pytest.raises(RefusedError, match=r"inputs/city has other files too: hdmap\.mp4"):
        prepare(workshop, render, name="city", replace=True)


def test_videos_that_fit_are_taken_as_they_are(workshop: Workshop, tmp_path: Path) -> None:
    color = write_video(tmp_path / "r" / "color.mp4")
    edge = write_video(tmp_path / "r" / "edge.mov", hue=90)
    done = prepare(workshop, tmp_path / "r")
    folder = workshop.root / "inputs" / "r"
    write_video(workshop.root / "inputs" / "by-hand" / "color.mp4", frames=122)
    (workshop.root / "inputs" / "by-hand" / "depth.mp4").write_text("not yet")
    (workshop.root / "inputs" / "twice" / "x").mkdir(parents=True)
    for name in ("color.mp4", "color.mov"):
        (workshop.root / "inputs" / "twice" / "x" / name).touch()

    assert (folder / "color.mp4").read_bytes() == color.read_bytes()
    made = {name: entry["made"] for name, entry in metadata(folder)["files"].items()}
    assert made["edge.mp4"] == "encoded"
    assert made["vis.mp4"] == "computed (medium)"
    assert np.abs(images(folder / "edge.mp4")[5].astype(int) - images(edge)[5]).mean() < 6
    assert done.scene.controls == ("edge", "vis")
    with workshop.api() as api:
        warnings = {row.name: row.warnings for row in api.inputs.scenes()}
    assert warnings["by-hand"] == (
        "depth.mp4 does not decode as a video (Invalid data found when processing input)",
        "122 frames cost Cosmos-Transfer1 2 clips; 121 would cost 1",
    )
    assert warnings["twice/x"] == (
        "inputs/twice/x has two files for the role color: inputs/twice/x/color.mov and color.mp4",
    )


def write_uneven(path: Path) -> None:
    """A video whose fourth frame stays for three times as long as the others."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(colors(index)), format="rgb24")
            frame.pts, frame.time_base = index + (2 if index > 3 else 0), Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def changed(render: Path, what: str) -> dict[str, object]:
    """One thing wrong with a render, and the options to try it with."""
    second = render / f"city_beauty.{FIRST + 1}.png"
    if what == "size":
        write_png(second, colors(1)[:-2])
    elif what == "bits":
        write_png(second, colors(1).astype(np.uint16) * 257)
    elif what == "cut":
        second.write_bytes(second.read_bytes()[:-40])
    elif what == "damaged":
        data = bytearray(second.read_bytes())
        data[len(data) // 2] ^= 255
        second.write_bytes(data)
    elif what == "no PNG":
        second.write_text("not yet")
    elif what == "odd":
        for path in render.glob("*.png"):
            write_png(path, colors(0)[:-1, :-1])
    elif what == "coloured depth":
        for path in render.glob("aov/depth*"):
            write_png(path, colors(0))
    elif what == "wide ids":
        for path in render.glob("aov/objectID*"):
            write_png(path, depths(0))
    elif what == "small ids":
        for path in render.glob("aov/objectID*"):
            write_png(path, ids(0)[:24, :32])
    elif what == "pace":
        write_uneven(render / "vis.mp4")
    elif what == "flat":
        for path in render.glob("aov/depth*"):
            write_png(path, np.full((HEIGHT, WIDTH), 7, np.uint16))
    elif what == "rate":
        write_video(render / "edge.mp4", frames=FRAMES)
        return {"fps": Fraction(30)}
    elif what == "length":
        write_video(render / "edge.mp4", frames=FRAMES - 2)
    elif what == "no far":
        return {"near": 1.0}
    return {}


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("size", "color: city_beauty.1002.png is 64x46 with 8 bits, in colour, city_beauty.1001.png is 64x48"),
        ("bits", "city_beauty.1002.png is 64x48 with 16 bits"),
        ("cut", "color: city_beauty.1002.png is cut short"),
        ("damaged", "color: city_beauty.1002.png is damaged"),
        ("no PNG", "color: city_beauty.1002.png is not a PNG file, whatever its name says"),
        ("odd", "color: is 63x47; videos need even numbers of pixels"),
        ("coloured depth", "depth: depth.1001.png has colours; a depth is grey"),
        ("wide ids", "segmentation: has 16 bits"),
        ("small ids", "segmentation: is 32x24, color 64x48"),
        ("pace", "vis: vis.mp4 has a changing frame rate"),
        ("flat", "depth: every pixel is 7"),
        ("rate", "edge: has 24 frames a second, --fps says 30"),
        ("length", "edge: has 6 frames, color 8: it has nothing for frame 7-8"),
        ("no far", "depth: --near and --far go together"),
    ],
)
def test_a_render_with_a_mistake_is_refused_and_leaves_nothing(
    workshop: Workshop, render: Path, what: str, message: str
) -> None:
    options = changed(render, what)
    with pytest.raises(RefusedError) as refused:
        prepare(workshop, render, name="city", **options)
    assert message in refused.value.message
    inputs = workshop.root / "inputs"
    assert not inputs.exists() or list(inputs.iterdir()) == []


def test_colours_that_models_do_not_read_are_written_again(workshop: Workshop, tmp_path: Path) -> None:
    folder = tmp_path / "exact"
    folder.mkdir()
    size = {"width": WIDTH, "height": HEIGHT}
    with VideoWriter(folder / "color.mp4", **size, fps=Fraction(24), crf=0, exact=True) as writer:
        for index in range(4):
            writer.write(colors(index))
    prepare(workshop, folder)
    with open_video(workshop.root / "inputs" / "exact" / "color.mp4") as video:
        assert video.stream.pix_fmt == "yuv420p"


def test_sixteen_bits_and_alpha_become_colours(workshop: Workshop, tmp_path: Path) -> None:
    for index in range(2):
        alpha = np.full((HEIGHT, WIDTH, 1), 128 * 257, np.uint16)
        wide = colors(index).astype(np.uint16) * 257
        write_png(tmp_path / "r" / f"beauty.{index}.png", np.concatenate([wide, alpha], axis=2))
    done = prepare(workshop, tmp_path / "r", fps=Fraction(30000, 1001))

    assert "color: is transparent in places; alpha is left out and colours are taken as they are" in done.notes
    assert np.abs(images(workshop.root / "inputs" / "r" / "color.mp4")[1].astype(int) - colors(1)).mean() < 6
    assert done.scene.color is not None
    assert done.scene.color.fps == pytest.approx(29.97, abs=0.001)
    assert "29.97 frames a second: some models take whole numbers only" in done.scene.warnings


@pytest.mark.needs("mount")
def test_a_full_disk_leaves_no_half_scene(workshop: Workshop, render: Path) -> None:
    with small_disk(workshop.root / "inputs", 1) as disk:
        fill(disk)
        with pytest.raises(StorageError, match="the disk is full"):
            prepare(workshop, render, name="city")
        assert [path.name for path in disk.iterdir()] == ["ballast"]
        (disk / "ballast").unlink()
        assert prepare(workshop, render, name="city").is_new


def test_what_is_interrupted_or_killed_leaves_no_half_scene(console: Console, render: Path) -> None:
    long = console.root / "long"
    for index in range(500):
        write_png(long / f"beauty.{index}.png", colors(index % FRAMES))
    inputs = console.root / "inputs"

    process = console.start("prepare", str(long), "--name", "city")
    assert process.stderr is not None
    wait_until((inputs / ".city.part" / ".color.mp4.part").exists)
    os.kill(process.pid, signal.SIGSTOP)  # so that it is not done before we are
    with pytest.raises(BusyError, match="another cosmos prepare makes city now"):
        prepare(console, render, name="city")
    os.kill(process.pid, signal.SIGINT)
    os.kill(process.pid, signal.SIGCONT)
    said = process.stderr.read()
    assert (process.wait(), list(inputs.iterdir())) == (130, [])
    assert "Interrupted: no half scene is left." in said

    killed = console.start("prepare", str(long), "--name", "city")
    wait_until((inputs / ".city.part" / ".color.mp4.part").exists)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert [path.name for path in inputs.iterdir()] == [".city.part"]
    assert prepare(console, render, name="city").is_new
    assert [path.name for path in inputs.iterdir()] == ["city"]
