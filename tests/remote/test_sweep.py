"""The sample sweep on GPU hosts: from specs to verified outputs, and what each container was given."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos.core.plan import Phase
from tests.remote.site import NOTHING, PROJECT, SLOW, Site, model, runs, until
from tests.services.dockerd import Dockerd
from tests.services.gpu_host import GpuHost
from tests.services.gpus import uuid_of
from tests.services.images import BASE, Images
from tests.services.proxy import Address, Proxy

pytestmark = pytest.mark.needs("docker", "ssh")

BOTH = [uuid_of(0), uuid_of(1)]

ON_A_GPU = """\
echo started
begin=$(date +%s.%N)
until [ -e outputs/go ]; do sleep 0.05; done
sum=$(sha256sum <"$3")
echo "$2 $CUDA_VISIBLE_DEVICES $begin $(date +%s.%N) ${sum%% *}" >"$1"
"""

SWEEP = """\
---
kind: Run
name: sweep
model: echo
inputs: {scene: inputs/scene.bin}
matrix: {params.word: [a, b, c, d]}
placement: {gpus: 1}
"""
KEYS = tuple(f"sweep/word-{word}" for word in "abcd")

SCENE = bytes(range(256)) * 40_000
"""About 10 MB: more than travels beside other small files."""


@pytest.fixture
def sweep(site: Site) -> Site:
    """Four runs that read one file, on two GPUs."""
    (site.root / "inputs").mkdir()
    (site.root / "inputs" / "scene.bin").write_bytes(SCENE)
    reads = "inputs: {scene: {required: true}}"
    site.write(model(ON_A_GPU, more=reads, args=("{inputs.scene}",)), SWEEP)
    return site


def test_a_sweep_is_computed_on_both_gpus_one_at_a_time_on_each_and_published(sweep: Site) -> None:
    sweep.apply(wait=False)
    until(lambda: len(sweep.live()) == 4, "two run, and one stands in line behind each")
    sweep.let_go(*KEYS)
    outcome = sweep.apply()

    assert outcome.exit_code == 0
    spans: dict[str, list[tuple[float, float]]] = {}
    for key in KEYS:
        word, gpu, begin, end, sha256 = sweep.output(key).split()
        assert (word, sha256) == (key[-1], hashlib.sha256(SCENE).hexdigest())
        spans.setdefault(gpu, []).append((float(begin), float(end)))
    assert sorted(spans) == BOTH
    for (_, first_end), (second_begin, _) in map(sorted, spans.values()):
        assert first_end <= second_begin
    assert sweep.plan_text() == NOTHING
    assert len(sweep.starts.names) == 4
    assert (sweep.containers(), sweep.gpu_host.batches(PROJECT)) == ([], [])


def test_a_result_says_where_it_was_made_and_has_its_log(sweep: Site) -> None:
    with sweep.applying():
        sweep.seen_running(*KEYS[:2])
        sweep.let_go(*KEYS)
    for key in KEYS:
        folder = sweep.root / "outputs" / key / "latest"
        record = json.loads((folder / "provenance.json").read_text())
        assert (record["host"], record["run"]["key"], record["attempt"]) == ("gpu", key, 1)
        assert record["run"]["model"]["image"] == BASE
        named = {entry["name"]: entry["sha256"] for entry in record["files"]}
        assert named["out.txt"] == hashlib.sha256((folder / "out.txt").read_bytes()).hexdigest()
        assert (folder / "run.log").read_text() == "started\n"


def test_while_a_sweep_runs_its_status_says_who_runs_and_who_is_next(sweep: Site) -> None:
    sweep.apply(wait=False)
    with sweep.api() as api:
        statuses = {status.key: status for status in api.status(look=True).statuses}
        (host,) = api.hosts()
    assert [statuses[key].phase for key in KEYS] == [Phase.RUNNING, Phase.RUNNING, Phase.QUEUED, Phase.QUEUED]
    assert "next on gpu" in statuses[KEYS[2]].message
    assert "next on gpu" in statuses[KEYS[3]].message
    assert host.name == "gpu"


def test_each_container_has_what_its_run_asks_for_and_nothing_more(sweep: Site) -> None:
    sweep.apply(wait=False)
    names = sweep.live()
    assert len(names) == 4
    found = [sweep.inspect(name) for name in names]
    given = []
    for name, one in zip(names, found, strict=True):
        host, config = one["HostConfig"], one["Config"]
        (request,) = host["DeviceRequests"]
        given += request["DeviceIDs"]
        assert request["Count"] == 0
        assert config["User"] == "0:0"
        assert (host["CapDrop"], host["CapAdd"], host["Privileged"]) == (["ALL"], None, False)
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert (host["Init"], host["AutoRemove"]) == (True, False)
        assert host["RestartPolicy"]["Name"] == "no"
        assert (host["NetworkMode"], host["IpcMode"], host["PidMode"]) == ("none", "private", "")
        assert host["ShmSize"] == 8 << 30
        writable = [mount["Destination"] for mount in one["Mounts"] if mount["RW"]]
        assert writable == ["/cosmos"]
        below = sweep.gpu_host.workdir
        assert all(Path(mount["Source"]).is_relative_to(below) for mount in one["Mounts"])
        labels = config["Labels"]
        assert name == f"cosmos-{labels['cosmos.batch']}"
        assert labels["cosmos.project"] == PROJECT
        assert labels["cosmos.root"] == str(below / PROJECT)
        assert labels["cosmos.attempt"] == "1"
        assert len(labels["cosmos.digests"]) == 64
        assert set(labels) >= {"cosmos.commit", "cosmos.owner"}
    assert sorted(given) == sorted(BOTH * 2)


def test_an_input_of_many_runs_is_uploaded_once(sweep: Site, make_proxy: Callable[[Address], Proxy]) -> None:
    proxy = make_proxy(("127.0.0.1", sweep.gpu_host.sshd.port))
    sweep.configure(sweep.gpu_host.toml(port=str(proxy.port)))
    with sweep.applying():
        sweep.seen_running(*KEYS[:2])
        sweep.let_go(*KEYS)
    assert len(SCENE) < proxy.passed["up"] < 1.2 * len(SCENE)
    blobs = [path.name for path in (sweep.gpu_host.workdir / PROJECT / "blobs").glob("??/*")]
    assert blobs == [hashlib.sha256(SCENE).hexdigest()]


def test_a_program_can_write_its_outputs_and_home_and_nothing_that_it_was_started_from(site: Site) -> None:
    """A program that damages its inputs would damage those of all other runs: they are links to the same bytes."""
    tries = """\
tried() { if (eval "$2") 2>/dev/null; then echo "$1 yes"; else echo "$1 no"; fi; }
{
  tried inputs 'echo x >>inputs/scene.bin'
  tried new-input 'echo x >inputs/other'
  tried unlink 'rm -f inputs/scene.bin'
  tried record 'echo x >>batch.json'
  tried script 'echo x >>run.sh'
  tried sums 'echo x >>inputs.sha256'
  tried command 'echo x >>create'
  tried replace 'rm -f create || rm -f image.name || rm -f batch.json || rm -f run.sh'
  tried chmod 'chmod 0666 inputs/scene.bin'
  tried mknod 'mknod outputs/device b 1 1'
  tried home 'echo x >"$HOME/file"'
  tried outputs 'echo x >outputs/file'
  tried network 'exec 5<>/dev/tcp/127.0.0.1/22'
  grep -E '^(CapEff|NoNewPrivs|CapBnd):' /proc/self/status
} >"$1"
"""
    (site.root / "inputs").mkdir()
    (site.root / "inputs" / "scene.bin").write_bytes(b"precious")
    more = "inputs: {scene: {required: true}}"
    site.write(model(tries, more=more, args=("{inputs.scene}",)), runs("one", more="inputs: {scene: inputs/scene.bin}"))
    assert site.apply().exit_code == 0
    lines = dict(line.replace(":\t", " ").split() for line in site.output("one").splitlines())
    assert [name for name, answer in lines.items() if answer == "yes"] == ["home", "outputs"]
    assert (int(lines["CapEff"], 16), int(lines["CapBnd"], 16), lines["NoNewPrivs"]) == (0, 0, "1")


def test_two_hosts_are_filled_and_labels_say_which(site: Site, tmp_path: Path, docker: Dockerd, images: Images) -> None:
    folder = tmp_path / "second"
    folder.mkdir()
    other = GpuHost(folder, docker)
    try:
        site.configure(site.gpu_host.toml("one", slots="3") + other.toml("two", labels='{disk = "fast"}', slots="3"))
        site.write(
            model(SLOW),
            runs("a", "b", "c"),
            runs("d", more="placement: {labels: {disk: fast}}\npriority: 90"),
            runs("e", more="placement: {host: one, gpus: 2}\npriority: 90"),
        )
        site.apply(wait=False)
        places = {name: one.batches(PROJECT) for name, one in (("one", site.gpu_host), ("two", other))}
        keys = {name: sorted(key_of(path) for path in paths) for name, paths in places.items()}
        assert "d" in keys["two"]
        assert "e" in keys["one"]
        assert min(len(keys["one"]), len(keys["two"])) == 2
        assert sorted(keys["one"] + keys["two"]) == ["a", "b", "c", "d", "e"]
        for path in [*places["one"], *places["two"]]:
            (path / "outputs" / "go").touch()
        assert site.apply().exit_code == 0
        assert [site.output(key) for key in "abcde"] == list("abcde")
        assert site.plan_text() == NOTHING
    finally:
        other.sshd.stop()


def key_of(batch: Path) -> str:
    (member,) = json.loads((batch / "batch.json").read_text())["members"]
    return str(member["key"])
