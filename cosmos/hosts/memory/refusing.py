"""The definite answers of a machine in memory, with the reasons that real ones give."""

from cosmos.core.reasons import Reason
from cosmos.errors import HostRefused


def refused(host: str, words: str) -> HostRefused:
    return HostRefused(f"{host}: {words}", "", Reason.HOST_REFUSED.value)


def no_space(host: str) -> HostRefused:
    return HostRefused(f"{host}: No space left on device", "free space on the host", Reason.DISK_FULL.value)


def image_missing(host: str, image: str | None) -> HostRefused:
    message = f"{host}: start: the image is not on this host: {image}"
    return HostRefused(message, "bring it there with `cosmos hosts pull`", Reason.IMAGE_MISSING.value)
