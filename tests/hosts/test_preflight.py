"""What run.sh looks for before a program is started, and what it hands over: files, secrets, a commit, documents."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cosmos.adapters.base import Evidence
from cosmos.adapters.evidence import exit_verdict
from cosmos.core.observed import ObservedBatch
from cosmos.core.ports import ROOT
from cosmos.core.reasons import Reason
from cosmos.hosts.local import LocalTransport
from cosmos.hosts.process import ProcessHost
from tests.contracts.host_contract import Lab
from tests.contracts.process_contract import bash
from tests.hosts.test_process_host import LocalWorld

TOKEN = "hf_0123456789"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    (tmp_path / "files").mkdir()
    secrets = {"HF_TOKEN": str(tmp_path / "token"), "NGC_API_KEY": str(tmp_path / "no file")}
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    lab = Lab(LocalWorld(tmp_path / "work", tmp_path / "files"))
    host = ProcessHost("local", LocalTransport(), str(tmp_path / "work"), "demo", sys.executable, secrets=secrets)
    yield lab.on(host)
    host.close()


def judged(lab: Lab, batch: ObservedBatch) -> tuple[Reason | None, str]:
    assert batch.exit is not None
    verdict = exit_verdict(Evidence(exit=batch.exit, log_tail=lab.log(batch.batch_id).decode()))
    return (None, "") if verdict is None else (verdict.reason, verdict.message)


def test_a_file_of_the_model_that_is_missing_or_cut_short_is_found_before_the_program_starts(
    lab: Lab, tmp_path: Path
) -> None:
    whole = tmp_path / "it's a base.pt"
    whole.write_bytes(b"x" * 100)
    program = bash("echo started")
    assert judged(lab, lab.ended(*program, key="whole", needed={str(whole): 100, str(tmp_path): 0})) == (None, "")
    short = lab.ended(*program, key="short", needed={str(whole): 101})
    words = f"{whole} has 100 bytes, and must have 101"
    assert judged(lab, short) == (Reason.MISSING_CHECKPOINT, words)
    absent = lab.ended(*program, key="absent", needed={str(tmp_path / "edge.pt"): 0})
    assert judged(lab, absent) == (Reason.MISSING_CHECKPOINT, f"{tmp_path}/edge.pt is not there")
    assert b"started" not in lab.log(absent.batch_id)


def test_a_secret_reaches_the_program_and_is_written_down_nowhere(lab: Lab) -> None:
    seen = lab.ended(*bash(f'[[ $HF_TOKEN == {TOKEN} ]] && echo "the same"'), secrets=("HF_TOKEN",))
    assert lab.log(seen.batch_id) == b"the same\n"
    folder = Path(lab.world.folder).parent / "work" / "demo" / "batches" / seen.batch_id
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "run.sh"]
    assert not [path for path in files if TOKEN in path.read_text(errors="replace") and path.name != "run.log"]
    assert "export_secret HF_TOKEN" in (folder / "run.sh").read_text()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NGC_API_KEY", "the file of NGC_API_KEY is empty, or cannot be read"),
        ("OTHER", "no file is configured for OTHER"),
    ],
)
def test_a_secret_that_the_host_has_not_is_said_before_the_program_starts(lab: Lab, name: str, words: str) -> None:
    assert judged(lab, lab.ended(secrets=(name,))) == (Reason.SECRET_MISSING, words)


@pytest.mark.needs("git")
@pytest.mark.parametrize(
    "layout", [lambda git: None, lambda git: git("pack-refs", "--all"), lambda git: git("checkout", "-q", "--detach")]
)
def test_code_at_another_commit_is_not_run(
    lab: Lab, tmp_path: Path, layout: Callable[[Callable[..., str]], object]
) -> None:
    repo = tmp_path / "repo"

    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        return subprocess.run(["git", "-C", str(repo), *who, *words], check=True, capture_output=True, text=True).stdout

    repo.mkdir()
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "one")
    layout(git)
    commit = git("rev-parse", "HEAD").strip()
    for given in (commit, commit[:7]):
        same = lab.ended(key=f"same-{len(given)}", repository=str(repo), commit=given)
        assert judged(lab, same) == (None, "")
    other = lab.ended(key="other", repository=str(repo), commit="0" * 40)
    words = f"{repo} is at {commit}, and must be at {'0' * 40}"
    assert judged(lab, other) == (Reason.OTHER_COMMIT, words)


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_on_which_something_listens_is_found_before_the_program_starts(
    lab: Lab, family: socket.AddressFamily, address: str
) -> None:
    program = bash("echo started")
    with socket.socket(family) as other:
        other.bind((address, 0))
        port = other.getsockname()[1]
        bound = lab.ended(*program, key="bound", ports=(port,))
        other.listen()
        taken = lab.ended(*program, key="taken", ports=(1, port))
        unasked = lab.ended(*program, key="unasked")
    assert judged(lab, bound) == judged(lab, unasked) == (None, "")
    assert judged(lab, taken) == (Reason.PORT_IN_USE, f"something listens on port {port} already")
    assert b"started" not in lab.log(taken.batch_id)
    assert taken.started_at is None
    free = lab.ended(*program, key="free", ports=(port,))
    assert judged(lab, free) == (None, "")


def test_a_port_is_looked_for_once_the_run_before_has_left_the_gpu(lab: Lab) -> None:
    """Both want the same port: the second waits for the GPU, and for the port with it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
    serve = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print('started', flush=True)"
    first = lab.started(sys.executable, "-c", f"{serve}; time.sleep(600)", key="first", gpus=("0",), ports=(port,))
    lab.runs(first)
    second = lab.started(*bash("echo started"), key="second", gpus=("0",), ports=(port,))
    lab.waits(second)
    lab.host.stop(first, 5)
    assert judged(lab, lab.wait(second)) == (None, "")


def test_documents_say_where_the_run_directory_is_and_a_text_that_looks_like_a_mark_stays(lab: Lab) -> None:
    spec = {"video": f"{ROOT}/inputs/a.mp4", "prompt": 'a "quoted" \\u0000{root} {root}', "deep": [{"weight": 0.5}]}
    lines = [{"visual_input": f"{ROOT}/b.mp4"}, {"visual_input": "c"}]
    show = bash("cat spec.json batch.jsonl")
    batch = lab.ended(*show, documents={"spec.json": spec, "batch.jsonl": lines})
    folder = str(Path(lab.world.folder).parent / "work" / "demo" / "batches" / batch.batch_id)
    written, *rows = (json.loads(line) for line in lab.log(batch.batch_id).splitlines())
    assert written == {**spec, "video": f"{folder}/inputs/a.mp4"}
    assert rows == [{"visual_input": f"{folder}/b.mp4"}, {"visual_input": "c"}]


def test_a_program_starts_where_its_model_says(lab: Lab, tmp_path: Path) -> None:
    batch = lab.ended(*bash('echo "$PWD" "$COSMOS_RUN_DIRECTORY"'), start_in=str(tmp_path))
    assert lab.log(batch.batch_id).decode().split() == [
        str(tmp_path),
        str(Path(lab.world.folder).parent / "work/demo/batches" / batch.batch_id),
    ]
