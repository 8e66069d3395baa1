"""The preview program as a host starts it: a payload in, videos out."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosmos.adapters import ADAPTERS
from cosmos.adapters.base import Launch
from cosmos.core.ports import PYTHON, ROOT, fill
from cosmos.core.spec import ControlSpec
from cosmos.local_ai import controls
from cosmos.local_ai.preview import main
from cosmos.local_ai.probe import MediaProbe
from cosmos.local_ai.sheet import Panel, Sheet, blend, plain
from cosmos.local_ai.video import Image, open_video
from tests.adapters.drafts import a_draft, as_run, built_in
from tests.media import FRAMES, HEIGHT, WIDTH, write_scene, write_video

FOLDER = "0123456789abcdef"
WEIGHTS = {"vis": 0.1, "edge": 0.4, "depth": 0.2, "seg": 0.1}
SMALL = {"height": 64}


@dataclass(frozen=True)
class RunDirectory:
    """A run directory with a payload made by the adapter."""

    root: Path
    argv: tuple[str, ...]

    @property
    def outputs(self) -> Path:
        return self.root / "outputs" / FOLDER

    def preview(self) -> int:
        return main(["--payload", str(self.root / "payload.json")])

    def hashes(self) -> dict[str, str]:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.outputs.iterdir()}

    def images(self, name: str) -> list[Image]:
        with open_video(self.outputs / name) as video:
            return list(video.images())

    def edit(self, **fields: object) -> None:
        path = self.root / "payload.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def prepare(root: Path, scene: Path, weights: Mapping[str, float] = WEIGHTS, **fields: Any) -> RunDirectory:
    """What the engine and a host make of a draft."""
    fields = {"params": SMALL, "controls": {n: ControlSpec(weight=w) for n, w in weights.items()}, **fields}
    draft = a_draft(built_in("preview"), **fields)
    roles = {path.stem: path.name for path in sorted(scene.glob("*.mp4"))}
    launch: Launch = ADAPTERS["preview"].launch(as_run(draft, ADAPTERS["preview"].resolve(draft, roles)), FOLDER)
    (root / "inputs").mkdir(parents=True)
    (root / "outputs" / FOLDER).mkdir(parents=True)
    for name, role in launch.inputs.items():
        shutil.copy(scene / roles[role], root / "inputs" / name)
    for name, data in launch.files.items():
        (root / name).write_bytes(data)
    return RunDirectory(root, fill(launch.argv, {ROOT: str(root), PYTHON: sys.executable}))


def test_a_preview_leaves_each_control_and_the_sheet_with_every_frame(
    tmp_path: Path, scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = prepare(tmp_path, scene)
    assert run.preview() == 0
    assert {path.name for path in run.outputs.iterdir()} == {"preview.mp4", *(f"{name}.mp4" for name in WEIGHTS)}
    facts = {path.stem: MediaProbe().facts(path) for path in run.outputs.iterdir()}
    assert {fact.frames for fact in facts.values()} == {FRAMES}
    assert {fact.pixel_format for fact in facts.values()} == {"yuv420p"}
    assert {(facts[name].width, facts[name].height) for name in WEIGHTS} == {(WIDTH, HEIGHT)}
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"progress {number}/{FRAMES}" for number in range(1, FRAMES + 1)]


def test_the_argv_of_the_adapter_starts_the_program(tmp_path: Path, scene: Path) -> None:
    run = prepare(tmp_path, scene, {"edge": 0.5})
    done = subprocess.run(run.argv, cwd=run.root, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert (run.outputs / "preview.mp4").exists()


def test_the_same_payload_gives_the_same_bytes(tmp_path: Path, scene: Path) -> None:
    one, other = prepare(tmp_path / "one", scene), prepare(tmp_path / "other", scene)
    assert one.preview() == other.preview() == 0
    assert one.hashes() == other.hashes()


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {**WEIGHTS, "edge": 0.3}},
        {"text": "Light rain"},
        {"negative": "cartoon"},
        {"params": {**SMALL, "seed": 1}},
        {"params": {"height": 80}},
        {"params": {**SMALL, "frames": 5}},
    ],
)
def test_every_setting_changes_the_sheet(tmp_path: Path, scene: Path, change: dict[str, Any]) -> None:
    one, other = prepare(tmp_path / "one", scene), prepare(tmp_path / "other", scene, **change)
    assert one.preview() == other.preview() == 0
    assert one.hashes()["preview.mp4"] != other.hashes()["preview.mp4"]


def test_a_preset_changes_the_control(tmp_path: Path, scene: Path) -> None:
    run = prepare(tmp_path, scene, controls={"edge": ControlSpec(weight=0.5, preset="very_low")})
    assert run.preview() == 0
    with open_video(scene / "color.mp4") as video:
        colors = list(video.images())
    for made, color in zip(run.images("edge.mp4"), colors, strict=True):
        assert np.abs(made.astype(int) - controls.edge(color, "very_low")).mean() < 3
        assert np.abs(made.astype(int) - controls.edge(color, "very_high")).mean() > 3


def test_a_control_from_a_file_is_that_file(tmp_path: Path, scene: Path) -> None:
    run = prepare(tmp_path, scene, {"depth": 0.5})
    assert run.preview() == 0
    with open_video(scene / "depth.mp4") as video:
        for made, given in zip(run.images("depth.mp4"), video.images(), strict=True):
            assert np.abs(made.astype(int) - given).mean() < 3


def test_a_cap_makes_the_first_frames_only(tmp_path: Path, scene: Path) -> None:
    run = prepare(tmp_path, scene, {"edge": 0.5}, params={**SMALL, "frames": 5})
    assert run.preview() == 0
    assert {MediaProbe().facts(path).frames for path in run.outputs.iterdir()} == {5}


def test_a_scene_without_controls_has_a_preview(tmp_path: Path, scene: Path) -> None:
    run = prepare(tmp_path, scene, {})
    assert run.preview() == 0
    assert [path.name for path in run.outputs.iterdir()] == ["preview.mp4"]


@contextmanager
def refused(run: RunDirectory, capsys: pytest.CaptureFixture[str], message: str) -> Iterator[None]:
    """What is done to the run directory makes the program fail with this line, and without files."""
    yield
    assert run.preview() == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {message}")
    assert list(run.outputs.iterdir()) == []


def test_a_control_shorter_than_the_scene_is_refused(
    tmp_path: Path, scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = prepare(tmp_path, scene)
    with refused(run, capsys, f"inputs/depth.mp4: ends after {FRAMES - 3} frames, inputs/color.mp4 goes on"):
        write_video(run.root / "inputs" / "depth.mp4", frames=FRAMES - 3)


def test_a_control_longer_than_the_scene_is_refused(
    tmp_path: Path, scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = prepare(tmp_path, scene)
    with refused(run, capsys, f"inputs/color.mp4: ends after {FRAMES} frames, inputs/depth.mp4 goes on"):
        write_video(run.root / "inputs" / "depth.mp4", frames=FRAMES + 1)


def test_a_control_of_another_size_is_refused(tmp_path: Path, scene: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = prepare(tmp_path, scene)
    with refused(run, capsys, f"inputs/depth.mp4: is 32x48, the scene {WIDTH}x{HEIGHT}"):
        write_video(run.root / "inputs" / "depth.mp4", width=32)


def test_a_damaged_scene_is_refused_by_name(tmp_path: Path, scene: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = prepare(tmp_path, scene)
    with refused(run, capsys, "inputs/color.mp4: does not decode as a video"):
        (run.root / "inputs" / "color.mp4").write_bytes(b"garbage" * 99)


def test_an_absent_input_is_refused_by_name(tmp_path: Path, scene: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = prepare(tmp_path, scene)
    with refused(run, capsys, "[Errno 2] No such file or directory"):
        (run.root / "inputs" / "color.mp4").unlink()


DEPTH_WITHOUT_A_FILE = {"name": "depth", "weight": 0.5, "preset": "low", "input": None}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"guidance": 5.0}, "1 validation error"),
        ({"params": {"seed": "1", "frames": 0, "height": 64}}, "1 validation error"),
        ({"outputs": {"video": "outputs/x.mp4"}}, "the payload has outputs ['video'], and"),
        (
            {"controls": [DEPTH_WITHOUT_A_FILE], "outputs": {"video": "v.mp4", "depth": "d.mp4"}},
            'control "depth" has no file and cannot be computed as "low"',
        ),
    ],
)
def test_a_payload_that_is_not_understood_is_refused(
    tmp_path: Path, scene: Path, capsys: pytest.CaptureFixture[str], fields: dict[str, object], message: str
) -> None:
    run = prepare(tmp_path, scene)
    run.edit(**fields)
    assert run.preview() == 1
    assert message in capsys.readouterr().err


def test_a_stopped_preview_leaves_no_unfinished_files(tmp_path: Path) -> None:
    run = prepare(tmp_path / "run", write_scene(tmp_path / "scene", frames=600), {"edge": 0.5})
    program = subprocess.Popen(run.argv, cwd=run.root, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    with program:
        assert program.stdout.readline() == "progress 1/600\n"
        program.send_signal(signal.SIGTERM)
        program.stdout.read()
        assert program.wait(timeout=60) == 128 + signal.SIGTERM
    assert list(run.outputs.iterdir()) == []


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    peaks = []
    for frames in (12, 96):
        run = prepare(tmp_path / str(frames), write_scene(tmp_path / f"scene-{frames}", frames=frames))
        tracemalloc.start()
        assert run.preview() == 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2


def test_a_blend_is_the_sum_by_weight_and_the_scene_fills_what_is_left() -> None:
    color, depth = np.full((2, 2, 3), 100, dtype=np.uint8), np.full((2, 2, 3), 200, dtype=np.uint8)
    still = np.full((2, 2, 1), 128, dtype=np.uint8)
    assert blend(color, {}, {}, still).tolist() == color.tolist()
    assert blend(color, {"depth": depth}, {"depth": 0.25}, still)[0, 0].tolist() == [125, 125, 125]
    assert blend(color, {"depth": depth}, {"depth": 1.0}, still)[0, 0].tolist() == [200, 200, 200]


@pytest.mark.parametrize(("panels", "shape"), [(2, (1, 2)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3)), (6, (2, 3))])
def test_pictures_stand_in_a_grid_and_do_not_overlap(panels: int, shape: tuple[int, int]) -> None:
    sheet = Sheet([Panel(name=str(n)) for n in range(panels)], width=200, height=100, tile=100, lines=["words"])
    tiles = [np.full((100, 200, 3), 40 * n + 41, dtype=np.uint8) for n in range(panels)]
    drawn = sheet.frame(tiles, "")
    assert (drawn.shape[0] // 100, drawn.shape[1] // 200) == shape
    assert drawn.shape[0] % 2 == drawn.shape[1] % 2 == 0
    for tile in tiles:
        assert int((drawn == tile[0, 0]).all(axis=2).sum()) == 100 * 200


def test_words_that_cannot_be_drawn_are_replaced_one_by_one() -> None:
    assert plain("caf\u00e9  au\nlait \u96e8!") == "cafe au lait ?!"
