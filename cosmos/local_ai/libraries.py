"""Whether this machine's media libraries can do what cosmos asks of them."""

import importlib

from cosmos.core.finding import Finding, Level

NEEDED = {"h264": "r", "libx264": "w", "libx264rgb": "w", "png": "r"}
"""Codecs by name, and whether they read or write."""

REMEDY = "pip install --force-reinstall av opencv-python-headless, whose wheels have them"


def findings() -> list[Finding]:
    """FFmpeg with its codecs, and OpenCV."""
    return [_ffmpeg(), _opencv()]


def _ffmpeg() -> Finding:
    try:
        av = importlib.import_module("av")
    except ImportError as error:  # a library of the system is missing, or of another version
        return Finding(level=Level.PROBLEM, about="ffmpeg", words=f"PyAV cannot be loaded: {error}", remedy=REMEDY)
    missing = [name for name, mode in NEEDED.items() if not _has(name, mode)]
    if missing:
        words = f"PyAV {av.__version__} lacks the codecs {', '.join(missing)}"
        return Finding(level=Level.PROBLEM, about="ffmpeg", words=words, remedy=REMEDY)
    codec = ".".join(map(str, av.library_versions["libavcodec"]))
    words = f"PyAV {av.__version__} with libavcodec {codec}: reads and writes H.264"
    return Finding(level=Level.OK, about="ffmpeg", words=words)


def _has(name: str, mode: str) -> bool:
    from av.codec.codec import Codec, UnknownCodecError

    try:
        Codec(name, "r" if mode == "r" else "w")
    except UnknownCodecError:
        return False
    return True


def _opencv() -> Finding:
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError as error:
        return Finding(level=Level.PROBLEM, about="opencv", words=f"it cannot be loaded: {error}", remedy=REMEDY)
    return Finding(level=Level.OK, about="opencv", words=f"OpenCV {cv2.__version__}")
