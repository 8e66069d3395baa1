"""What a GPU host waits for: round trips of a look, the way of an output, and the time between two runs of a GPU.

The host is this machine behind a private sshd and a Docker daemon of its own, with GPUs that only nvidia-smi shows.
Programs write down when they begin and end, so a gap is what the GPU sees, and not what our records say.
"""

import re
import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from subprocess import DEVNULL, PIPE, run

from benchmarks.figure import Figure
from benchmarks.finished import finish_all
from benchmarks.measure import COSMOS, typical, usage
from benchmarks.projects import MODEL_AND_PROMPT, make_project, make_sweeps
from tests.services.gpu_host import GpuHost, gpu_host_in
from tests.services.gpus import Gpu, uuid_of
from tests.services.images import BASE
from tests.services.proxy import Proxy

FINISHED = 1000
RUNS = 12
RUN_S = 2.0
TIMES = 5
ONE_WAY_S = 0.05

STAMPS = 'date +%s.%N >"$1"; sleep "$2"; date +%s.%N >"$3"'
SPECS = f"""\
kind: Model
name: sleep
adapter: command
image: {BASE}
command:
  - bash
  - -c
  - '{STAMPS}'
  - sleep
  - "{{outputs.begin}}"
  - "{{params.seconds}}"
  - "{{outputs.end}}"
  - "{{inputs.color}}"
  - "{{params.seed}}"
inputs: {{color: {{}}}}
outputs: {{begin: begin.txt, end: end.txt}}
params:
  seconds: {{type: float}}
  seed: {{type: int, default: 0}}
---
kind: Prompt
name: rain
text: Heavy rain over a collapsed avenue
inputs: {{color: inputs/city/color.mp4}}
---
kind: Run
name: sleep
prompt: rain
model: sleep
"""
SWEEP = "params: {{seconds: {seconds}}}\nplacement: {{gpus: {gpus}}}\nmatrix: {{params.seed: {seeds}}}\n"


def figures(folder: Path) -> Iterator[Figure]:
    (folder / "host").mkdir()
    with gpu_host_in(folder / "host") as host:
        host.gpus.set(Gpu(0))
        yield from _looks(folder / "looks", host)
        yield from _one_by_one(folder / "one", host)
        peer = _bare_docker(host)
        yield from _queue(folder / "queue", host, peer)
        with Proxy(("127.0.0.1", host.sshd.port)) as proxy:
            proxy.latency = ONE_WAY_S
            yield _queue_far_away(folder / "far", host, proxy.port)


def _looks(folder: Path, host: GpuHost) -> Iterator[Figure]:
    project = make_sweeps(folder, FINISHED)
    specs = MODEL_AND_PROMPT.replace("adapter: command\n", f"adapter: command\nimage: {BASE}\n", 1)
    (project / "specs" / "common.yaml").write_text(specs)
    finish_all(project)
    local = typical([*COSMOS, "plan", "--detailed-exitcode"], project, times=TIMES)
    hosts = [host.toml(name, workdir=f'"{host.workdir}/{name}"') for name in ("one", "two")]
    (project / "cosmos.toml").write_text("\n".join(hosts))
    for words in (["plan", "--detailed-exitcode"], ["apply", "--yes"]):
        connections, commands = _counted(words, project, host)
        work = f"{words[0]} without a change, 2 hosts, {FINISHED:,} finished runs"
        yield Figure(work=f"{work}: commands a host", value=commands / 2, unit="", budget=2)
        yield Figure(work=f"{work}: connections a host", value=connections / 2, unit="", budget=1)
    used = typical([*COSMOS, "plan", "--detailed-exitcode"], project, times=TIMES)
    connect = typical(["ssh", *_ssh_options(host), "root@127.0.0.1", "true"], project, times=TIMES)
    work = f"plan without a change, 2 hosts, {FINISHED:,} finished runs"
    yield Figure(work=work, value=used.wall_s, unit="s", budget=1.0)
    more = max(0.0, used.wall_s - local.wall_s)
    yield Figure(
        work="of that, more than with this machine alone",
        value=more,
        unit="s",
        peer="ssh HOST true",
        peer_value=connect.wall_s,
    )


def _counted(words: Sequence[str], project: Path, host: GpuHost) -> tuple[int, int]:
    """Connections by the server's own account, and commands by our log: several go through one session."""
    before = host.sshd.log.count("Accepted publickey")
    done = run([*COSMOS, "-vv", *words], cwd=project, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, text=True, check=True)
    commands = len(re.findall(r"(?:one|two): \S+ ended with \d+", done.stderr))
    return host.sshd.log.count("Accepted publickey") - before, commands


def _ssh_options(host: GpuHost) -> list[str]:
    known = host.sshd.folder / "known_hosts"
    return ["-q", "-i", str(host.sshd.key), "-p", str(host.sshd.port), "-o", f"UserKnownHostsFile={known}"]


def _one_by_one(folder: Path, host: GpuHost) -> Iterator[Figure]:
    project = _project(folder, host.toml(slots="1"), runs=TIMES, seconds=0.5, gpus=0)
    usage([*COSMOS, "apply", "--yes"], project)
    late = statistics.median(end_to_output for _, _, end_to_output in _runs(project, TIMES))
    yield Figure(work="container exit -> verified output, small file", value=late, unit="s", budget=1.0)


def _queue(folder: Path, host: GpuHost, peer: float) -> Iterator[Figure]:
    project = _project(folder, host.toml(), runs=RUNS, seconds=RUN_S, gpus=1)
    wall = usage([*COSMOS, "apply", "--yes"], project).wall_s
    runs = _runs(project, RUNS)
    late = statistics.median(end_to_output for _, _, end_to_output in runs)
    yield Figure(work="the same while the next run computes", value=late, unit="s", budget=1.0)
    yield Figure(
        work="idle time of a GPU between two runs",
        value=_gap(runs),
        unit="s",
        budget=1.3 * peer,
        peer="docker wait, docker start",
        peer_value=peer,
    )
    busy = sum(end - begin for begin, end, _ in runs)
    inner = max(end for _, end, _ in runs) - min(begin for begin, _, _ in runs)
    work = f"GPU busy, {RUNS} runs of {RUN_S:g} s"
    yield Figure(work=f"{work}, from the first begin to the last end", value=100 * busy / inner, unit="%")
    yield Figure(work=f"{work}, of the whole apply", value=100 * busy / wall, unit="%")


def _queue_far_away(folder: Path, host: GpuHost, port: int) -> Figure:
    toml = host.toml(port=str(port), workdir=f'"{host.workdir}/far"')
    project = _project(folder, toml, runs=RUNS, seconds=RUN_S, gpus=1)
    usage([*COSMOS, "apply", "--yes"], project)
    work = f"idle time of a GPU between two runs, {1000 * ONE_WAY_S:.0f} ms away"
    return Figure(work=work, value=_gap(_runs(project, RUNS)), unit="s", budget=0.5)


def _project(folder: Path, toml: str, *, runs: int, seconds: float, gpus: int) -> Path:
    project = make_project(folder, SPECS + SWEEP.format(seconds=seconds, gpus=gpus, seeds=list(range(runs))))
    (project / "cosmos.toml").write_text(toml)
    return project


def _runs(project: Path, count: int) -> list[tuple[float, float, float]]:
    """By its begin, each program's begin and end, and how long after its end its output appeared."""
    found = []
    for link in project.glob("outputs/sleep/*/latest"):
        begin, end = (float((link / name).read_text()) for name in ("begin.txt", "end.txt"))
        found.append((begin, end, link.lstat().st_ctime_ns / 1e9 - end))
    if len(found) != count:
        raise RuntimeError(f"{project}: {len(found)} outputs of {count}")
    return sorted(found)


def _gap(runs: Sequence[tuple[float, float, float]]) -> float:
    return statistics.median(after[0] - before[1] for before, after in pairwise(runs))


def _bare_docker(host: GpuHost) -> float:
    """The gap when containers, made before, are started one by one, as soon as `docker wait` returns."""
    folder = host.workdir.parent / "bare"
    folder.mkdir()
    names = [f"bare-{number}" for number in range(TIMES + 1)]
    for name in names:
        words = ["--init", "--network", "none", "--gpus", f'"device={uuid_of(0)}"', "--entrypoint", "bash"]
        mount = ["--mount", f"type=bind,src={folder},dst=/out"]
        program = ["-c", STAMPS, "sleep", f"/out/{name}.begin", "1", f"/out/{name}.end"]
        host.docker.docker("create", "--name", name, *words, *mount, BASE, *program)
    for name in names:
        host.docker.docker("start", name)
        host.docker.docker("wait", name)
    host.docker.docker("rm", *names)
    times = [tuple(float((folder / f"{name}.{what}").read_text()) for what in ("begin", "end")) for name in names]
    return statistics.median(after[0] - before[1] for before, after in pairwise(times))
