"""What a host lacks, and what to do about it. Pure: judges what bash/check.sh printed."""

from collections.abc import Mapping, Sequence

from cosmos.core.finding import Finding, Level

LITTLE_DISK = 20 << 30
"""Bytes; a 4K render and its inputs are a few of them."""
CLOCK_SLACK_S = 5.0
OLDEST_BASH = (4, 4)


Facts = Mapping[str, Sequence[str]]
"""Values by word, as printed."""


def read_facts(answer: bytes) -> Facts:
    facts: dict[str, list[str]] = {}
    for line in answer.decode("utf-8", "replace").splitlines():
        word, tab, value = line.partition("\t")
        if tab:
            facts.setdefault(word, []).append(value)
    return facts


def judge(facts: Facts, *, clock_off_s: float, containers: bool, host: str) -> list[Finding]:
    """Findings in the order in which a person mends them.

    Args:
        facts: What the host said.
        clock_off_s: How far its clock is ahead of ours.
        containers: Whether runs are to be containers there.
        host: Its name, for commands.
    """
    found = [_bash(facts), _programs(facts), _folder(facts), _disk(facts), _clock(clock_off_s)]
    if containers:
        found += _docker(facts, host)
    return [*found, *_gpus(facts, containers=containers)]


def _bash(facts: Facts) -> Finding:
    version = _one(facts, "bash")
    numbers = tuple(int(part) for part in version.partition("(")[0].split(".")[:2] if part.isdigit())
    if numbers < OLDEST_BASH:
        return _problem("bash", f"bash {version or 'unknown'}", "install bash 4.4 or newer")
    return _ok("bash", f"bash {version}, as {_one(facts, 'user')}")


def _programs(facts: Facts) -> Finding:
    missing = facts.get("missing", ())
    if missing:
        words = f"not installed: {', '.join(missing)}"
        return _problem("programs", words, "sudo apt-get install coreutils findutils grep sed tar util-linux")
    return _ok("programs", "all are there")


def _folder(facts: Facts) -> Finding:
    if error := _one(facts, "folder_error"):
        return _problem("work directory", error, "give the user the folder, or set another `workdir`")
    return _ok("work directory", f"{_one(facts, 'folder')} can be written to")


def _disk(facts: Facts) -> Finding:
    words = _one(facts, "disk").split()
    if len(words) != 3 or not all(word.isdigit() for word in words):
        return _problem("disk", "its free space is not known", "see `df` on the host")
    free, total, block = map(int, words)
    text = f"{free * block / 1e9:,.0f} GB free of {total * block / 1e9:,.0f}"
    if free * block < LITTLE_DISK:
        return Finding(level=Level.WARNING, about="disk", words=text, remedy="free space, or set another `workdir`")
    return _ok("disk", text)


def _clock(off_s: float) -> Finding:
    if abs(off_s) > CLOCK_SLACK_S:
        words = f"{abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} this machine"
        return Finding(level=Level.WARNING, about="clock", words=words, remedy="turn on time synchronisation (NTP)")
    return _ok("clock", "agrees with this machine")


def _docker(facts: Facts, host: str) -> list[Finding]:
    if error := _one(facts, "docker_error"):
        return [_problem("docker", error, _docker_remedy(error))]
    if not (version := _one(facts, "docker")):
        return [_problem("docker", "nothing is known about it", "run `docker version` on the host")]
    found = [_ok("docker", f"version {version}")]
    if _one(facts, "live_restore") != "true":
        words = "a restart of docker ends running containers"
        remedy = 'put "live-restore": true into /etc/docker/daemon.json'
        found.append(Finding(level=Level.WARNING, about="live-restore", words=words, remedy=remedy))
    found += [_ok("image", image) for image in facts.get("image", ())]
    found += [
        _problem("image", f"{image} is not on the host", f"cosmos hosts pull {host} {image}")
        for image in facts.get("image_missing", ())
    ]
    return found


def _docker_remedy(error: str) -> str:
    if "permission denied" in error.lower():
        return "sudo usermod -aG docker USER and log in again, or set `sudo = true` for the host"
    if "cannot connect" in error.lower():
        return "sudo systemctl start docker"
    if "password" in error.lower():
        return "let the user run docker by sudo without a password, or add it to the group docker"
    return "install docker: https://docs.docker.com/engine/install"


def _gpus(facts: Facts, *, containers: bool) -> list[Finding]:
    if error := _one(facts, "driver_error"):
        return [_problem("GPUs", error, "reinstall the NVIDIA driver, or restart the machine after an update")]
    names = facts.get("gpu", ())
    if not names:
        words = "none (there is no nvidia-smi): runs that ask for GPUs go elsewhere"
        return [Finding(level=Level.WARNING, about="GPUs", words=words, remedy="install the NVIDIA driver")]
    found = [_ok("GPUs", "; ".join(names))]
    if error := _one(facts, "lock_error"):
        words = f"files of the work directory cannot be locked: {error}"
        found.append(_problem("GPU locks", words, "set `workdir` to a local disk"))
    if containers and (error := _one(facts, "gpu_error")):
        found.append(_problem("GPUs in containers", error, _toolkit_remedy(error)))
    elif containers and _one(facts, "gpu_container"):
        found.append(_ok("GPUs in containers", "a container was given all of them"))
    elif containers:
        words = "not tried: none of the images is there"
        found.append(
            Finding(level=Level.WARNING, about="GPUs in containers", words=words, remedy="pull an image first")
        )
    return found


def _toolkit_remedy(error: str) -> str:
    if any(word in error.lower() for word in ("device driver", "nvidia-container", "cdi")):
        return "install nvidia-container-toolkit, then `sudo nvidia-ctk runtime configure` and restart docker"
    return "see there: docker run --rm --gpus all IMAGE nvidia-smi"


def _one(facts: Facts, word: str) -> str:
    values = facts.get(word, ())
    return values[0] if values else ""


def _ok(about: str, words: str) -> Finding:
    return Finding(level=Level.OK, about=about, words=words)


def _problem(about: str, words: str, remedy: str) -> Finding:
    return Finding(level=Level.PROBLEM, about=about, words=words, remedy=remedy)
