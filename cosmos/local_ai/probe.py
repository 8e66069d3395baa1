"""MediaProbe: what is in a video file, found by decoding all of it. Implements `core.ports.Probe`.

Headers are not believed: they keep the frame count of a file whose end is missing.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from cosmos.core.run import MediaFacts

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

DARK = 16
"""Brightness up to which a pixel is near black, of 255."""

THUMBNAIL_WIDTH = 320


class MediaProbe:
    """Holds no state; safe for use from several threads."""

    def facts(self, path: Path) -> MediaFacts:
        """Decode the whole file.

        Raises:
            ValueError: It is not a video that decodes; the message is for a person and leaves the path out.
            OSError: It is missing or may not be read.
        """
        from cosmos.local_ai.video import open_video

        with open_video(path) as video:
            frames, black, size = 0, True, (0, 0)
            for frame in video.frames():
                if frames and (frame.width, frame.height) != size:
                    raise ValueError(f"changes its size at frame {frames}")
                size = (frame.width, frame.height)
                frames += 1
                black = black and _is_dark(frame)
            if not frames:
                raise ValueError("has no frames; its end may be missing")
            return MediaFacts(
                frames=frames,
                width=size[0],
                height=size[1],
                fps=round(float(video.fps), 6),
                codec=video.stream.codec_context.name,
                pixel_format=video.stream.pix_fmt or "",
                black=black,
            )

    def thumbnail(self, path: Path) -> bytes:
        """A JPEG of the middle frame, at most 320 pixels wide.

        Raises:
            ValueError: As for `facts`.
            OSError: As for `facts`.
        """
        import cv2

        from cosmos.local_ai.video import open_video, to_image

        with open_video(path) as video:
            middle = video.count() // 2
        with open_video(path) as video:
            frame = None
            for index, frame in enumerate(video.frames()):  # noqa: B007 - the last one is kept
                if index == middle:
                    break
            if frame is None:
                raise ValueError("has no frames; its end may be missing")
            image = to_image(frame)
        scale = min(1.0, THUMBNAIL_WIDTH / image.shape[1])
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        _, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
        return bytes(data)


def _is_dark(frame: "VideoFrame") -> bool:
    return int(frame.reformat(format="gray").to_ndarray().max()) <= DARK
