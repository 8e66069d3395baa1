"""What decoding a file finds, and what a person is told about a file that is no video."""

import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from cosmos.core.files import Probe
from cosmos.core.run import MediaFacts
from cosmos.local_ai.probe import THUMBNAIL_WIDTH, MediaProbe
from cosmos.local_ai.video import Image, VideoWriter, open_video
from tests.media import FPS, FRAMES, HEIGHT, WIDTH, write_video

PROBE: Probe = MediaProbe()
POINTER = """\
version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
"""


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "video.mp4")


def flat(value: int, *, width: int = WIDTH, height: int = HEIGHT) -> Image:
    return np.full((height, width, 3), value, dtype=np.uint8)


def noise(seed: int) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def write(path: Path, *images: Image) -> Path:
    height, width = images[0].shape[:2]
    with VideoWriter(path, width=width, height=height, fps=Fraction(24)) as writer:
        for image in images:
            writer.write(image)
    return path


def pixels(jpeg: bytes) -> Image:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)


def why(path: Path) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is what is tested
        PROBE.facts(path)
    return str(caught.value)


def test_facts_are_those_of_the_decoded_frames(video: Path) -> None:
    assert PROBE.facts(video) == MediaFacts(
        frames=FRAMES, width=WIDTH, height=HEIGHT, fps=float(FPS), codec="h264", pixel_format="yuv420p"
    )


def test_a_rate_that_is_no_whole_number_is_kept(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "ntsc.mp4", width=64, height=48, fps=Fraction(24000, 1001)) as writer:
        writer.write(flat(90))
        writer.write(flat(99))
    assert PROBE.facts(tmp_path / "ntsc.mp4").fps == pytest.approx(23.976024, abs=1e-5)


def test_a_video_without_light_is_black(tmp_path: Path) -> None:
    assert PROBE.facts(write(tmp_path / "black.mp4", flat(0), flat(4))).black


def test_a_video_with_one_light_pixel_block_in_one_frame_is_not_black(tmp_path: Path) -> None:
    lit = flat(0)
    lit[8:16, 8:16] = 200
    assert not PROBE.facts(write(tmp_path / "night.mp4", flat(0), lit, flat(0))).black


def test_a_video_that_is_cut_anywhere_is_refused_or_has_lost_no_frame(video: Path) -> None:
    """Its index is at the end, and after that come a few words about the encoder."""
    data = video.read_bytes()
    accepted = {}
    for size in range(0, len(data), 29):
        video.write_bytes(data[:size])
        try:
            accepted[size] = PROBE.facts(video).frames
        except ValueError:
            continue
    assert set(accepted.values()) <= {FRAMES}
    assert all(size > len(data) - 100 for size in accepted)


@pytest.mark.parametrize("lost", [1, 200, 1000])
def test_a_video_whose_index_is_whole_but_its_frames_are_not_is_refused(tmp_path: Path, lost: int) -> None:
    path = write(tmp_path / "video.mp4", *(noise(step) for step in range(24)))
    path.write_bytes(path.read_bytes()[:-lost])
    assert why(path) == "is cut short: its end is missing"


def test_a_stream_that_breaks_off_is_refused(tmp_path: Path, video: Path) -> None:
    """Without an index nothing tells where the end should be, but the last packet is a part of one."""
    stream = tmp_path / "video.mkv"
    with av.open(str(video)) as source, av.open(str(stream), "w") as target:
        copied = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
    whole = stream.read_bytes()
    stream.write_bytes(whole[: len(whole) * 2 // 3])
    assert why(stream)


def test_garbage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "color.mp4"
    path.write_bytes(b"not a video at all" * 100)
    assert why(path) == "does not decode as a video (Invalid data found when processing input)"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "color.mp4"
    path.touch()
    assert "does not decode as a video" in why(path)


def test_a_git_lfs_pointer_is_named_with_the_command_that_helps(tmp_path: Path) -> None:
    path = tmp_path / "color.mp4"
    path.write_text(POINTER)
    assert why(path) == "is a Git LFS pointer, not the file itself: run `git lfs pull`"


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert why(path) == "has no video in it, only sound or data"


def test_an_absent_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        PROBE.facts(tmp_path / "absent.mp4")


def test_a_name_is_a_path_and_never_an_address(tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(video, "concat:a.mp4")
    assert PROBE.facts(Path("concat:a.mp4")).frames == FRAMES


def test_a_thumbnail_is_a_small_jpeg_of_the_middle(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.mp4", *(flat(value, width=640, height=200) for value in (20, 120, 220)))
    picture = pixels(PROBE.thumbnail(path))
    assert picture.shape == (100, THUMBNAIL_WIDTH, 3)
    assert abs(float(picture.mean()) - 120) < 3


def test_a_thumbnail_is_not_larger_than_the_video(video: Path) -> None:
    assert pixels(PROBE.thumbnail(video)).shape == (HEIGHT, WIDTH, 3)


def test_colors_survive_writing_and_reading(tmp_path: Path) -> None:
    colors = [(250, 20, 30), (0, 200, 20), (10, 30, 240), (128, 64, 128), (255, 255, 255), (0, 0, 0)]
    image = (
        np.repeat(np.array(colors, dtype=np.uint8)[None, :, None], 32, axis=0).repeat(32, axis=2).reshape(32, 192, 3)
    )
    with open_video(write(tmp_path / "colors.mp4", image)) as video:
        read = next(video.images())
    assert int(np.abs(read[16, 16::32].astype(int) - np.array(colors)).max()) <= 3


def test_a_writer_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="an image of shape"):
        write(tmp_path / "video.mp4", flat(9), flat(9, width=32))
    assert list(tmp_path.iterdir()) == []


def test_a_file_has_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    with VideoWriter(path, width=WIDTH, height=HEIGHT, fps=Fraction(24)) as writer:
        writer.write(flat(9))
        assert not path.exists()
    assert path.exists()


def test_asking_for_a_probe_loads_no_decoder() -> None:
    program = "import sys, cosmos.local_ai.probe; print(sorted({'av', 'cv2', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_the_bytes_of_a_video_do_not_depend_on_the_number_of_cores(tmp_path: Path) -> None:
    """x264 writes its settings into the stream; with one thread they are the same on every machine."""
    assert b" threads=1 " in write(tmp_path / "video.mp4", flat(9, width=640, height=352)).read_bytes()
