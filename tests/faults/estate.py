"""What faults are done to: a project on a GPU host that others use, too, and controllers in processes of their own.

Launches are counted by the runtime that starts containers, below everything of ours, so that the count goes on when the
daemon or the controller does not. What belongs to others is looked at byte for byte when a test ends.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cosmos.core.reasons import REASONS, Fault
from tests.projects import Project, shell_environment
from tests.remote.site import NOTHING, PATIENCE_S, PROJECT, Site, Starts
from tests.services.images import BASE

HOOK = """\
#!/bin/bash
# Run by runc before a container with GPUs starts, with its state on stdin. One line a start: when, and the batch.
state=$(cat) bundle=${state#*'"bundle":"'} bundle=${bundle%%'"'*}
[[ $(grep -o '/batches/[a-z0-9_-]*' "$bundle/config.json" | head -n 1) =~ [^/]+$ ]]
echo "$(date +%s.%N) ${BASH_REMATCH[0]}" >>FOLDER/launches
"""

ON_A_GPU = "placement: {gpus: 1}"
"""For specs: only starts of containers with GPUs are counted."""

STRANGER, OTHER_COSMOS = "stranger", "cosmos-rs_0123456789-0badcafe-a1"
BY_HAND = "by-hand"
"""A folder beside our run directories."""
_FOREIGN_ROOT = "/home/somebody/cosmos/workshop"


@dataclass(frozen=True)
class Launch:
    at: float
    batch: str

    @property
    def work(self) -> str:
        """Run and digest: what all attempts have in common."""
        return self.batch.rpartition("-a")[0]


class Controller:
    """`cosmos apply --yes` as a person starts it, in a process that may be killed and stopped.

    Args:
        root: The project's folder.
        words: After `cosmos`.
        under: A program that runs it, such as strace, with its words.
        program: What is run.
    """

    USUAL = (sys.executable, "-m", "cosmos")

    def __init__(self, root: Path, *words: str, under: Sequence[str] = (), program: Sequence[str] = USUAL) -> None:
        self.log = root / "controller.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*under, *program, *(words or ("apply", "--yes"))],
                cwd=root,
                env=shell_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """To it and what it has started."""
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        if self._process.poll() is None:
            self.signal(signal.SIGKILL)
        self._process.wait()

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def ended(self, timeout_s: float = 90) -> int:
        """Its exit code, once it has one."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the controller does not end; it said:\n{self.log.read_text()[-3000:]}") from None


@dataclass
class Estate(Site):
    """A site whose host has containers and files of others. `close` says whether they are as they were."""

    controllers: list[Controller] = field(default_factory=list)
    _foreign: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.project = Project(self.root)
        hook = self.docker.root / "bin" / "nvidia-container-runtime-hook"
        self._usual_hook = hook.read_text()
        hook.write_text(HOOK.replace("FOLDER", str(self.root)))
        run = ("run", "--detach", "--network", "none")
        labels = {"project": PROJECT, "root": _FOREIGN_ROOT, "batch": OTHER_COSMOS.removeprefix("cosmos-")}
        words = [word for name, value in labels.items() for word in ("--label", f"cosmos.{name}={value}")]
        self.docker.docker(*run, "--name", STRANGER, BASE, "sleep", "10000")
        self.docker.docker(*run, "--name", OTHER_COSMOS, *words, BASE, "sleep", "10000")
        for path in self._foreign_files():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"precious {path.name}")
        self._foreign = self._foreigners()
        self.starts = Starts(self.docker)  # from now on

    def close(self) -> None:
        """End the controllers; nothing that belongs to others may have changed."""
        for controller in self.controllers:
            controller.kill()
        (self.docker.root / "bin" / "nvidia-container-runtime-hook").write_text(self._usual_hook)
        assert self._foreigners() == self._foreign

    def _foreign_files(self) -> list[Path]:
        workdir = self.gpu_host.workdir
        remote = (
            "another/batches/rs_1-2-a1/exit.json",
            "notes.txt",
            f"{PROJECT}/batches/by-hand/notes",
            f"{PROJECT}/n",
        )
        return [*(workdir / name for name in remote), self.root / "outputs" / "mine.txt"]

    def _foreigners(self) -> dict[str, object]:
        files = {str(path): (path.read_text(), path.stat().st_mtime_ns) for path in self._foreign_files()}
        return {**files, **{name: self.inspect(name)["Id"] for name in (STRANGER, OTHER_COSMOS)}}

    def strangers_live(self) -> bool:
        return {STRANGER, OTHER_COSMOS} <= set(super().live())

    def containers(self) -> list[str]:
        return [name for name in super().containers() if name not in (STRANGER, OTHER_COSMOS)]

    def live(self) -> list[str]:
        return [name for name in super().live() if name not in (STRANGER, OTHER_COSMOS)]

    @property
    def started(self) -> list[Launch]:
        """Every start of a container of ours with GPUs, in order."""
        file = self.root / "launches"
        lines = file.read_text().split("\n")[:-1] if file.exists() else []
        return [Launch(float(at), batch) for at, batch in map(str.split, lines)]

    def controller(
        self, *words: str, under: Sequence[str] = (), program: Sequence[str] = Controller.USUAL
    ) -> Controller:
        self.controllers.append(Controller(self.root, *words, under=under, program=program))
        return self.controllers[-1]

    def host_program(self, name: str, text: str) -> Path:
        """Have a program first on the host's PATH. FOLDER in it is a folder of its own, DOCKER is docker's client."""
        folder = self.root / "host-program"
        folder.mkdir()
        program = self.gpu_host.gpus.path / name
        program.write_text(text.replace("FOLDER", str(folder)).replace("DOCKER", shutil.which("docker") or ""))
        program.chmod(0o755)
        return folder

    def status_text(self, *words: str) -> str:
        """What `cosmos status` prints, without the spaces that make it a table."""
        done = self.project.cosmos("status", *words)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return re.sub(r"  +", " ", done.stdout)

    def says(self, *words: str) -> None:
        """Wait until `cosmos status` says all of these."""
        end = time.monotonic() + PATIENCE_S
        while missing := [word for word in words if word not in (text := self.status_text())]:
            assert time.monotonic() < end, f"status does not say {missing}; it says:\n{text}"

    def running(self, *names: str) -> Controller:
        """A controller that has recorded that the programs of these runs have begun."""
        controller = self.controller()
        self.seen_running(*names)
        self.says(*(f"{name} OutOfSync Running" for name in names))
        return controller

    def finish(self) -> None:
        """One more apply does what is left."""
        assert self.controller().ended() == 0, self.controllers[-1].log.read_text()[-3000:]

    def faults(self, name: str) -> list[Fault]:
        """Whose fault it was that attempts of a run failed."""
        return [REASONS[attempt.reason].fault for attempt in self.attempts(name) if attempt.reason is not None]

    def all_done(self, *names: str, attempts: int = 1) -> None:
        """Each of the runs has its result, was started as often as that, and left nothing behind."""
        assert [self.output(name) for name in names] == list(names)
        assert Counter(len(batches) for batches in self.batches_started().values()) == {attempts: len(names)}
        assert max(Counter(launch.batch for launch in self.started).values()) == 1
        assert (self.plan_text(), self.containers()) == (NOTHING, [])
        assert [path.name for path in self.gpu_host.batches(PROJECT)] == [BY_HAND]
        assert f"{len(names)} in sync." in self.status_text("--look")

    def batches_started(self) -> dict[str, list[str]]:
        """By run and digest: the batches whose containers were started."""
        found: dict[str, list[str]] = {}
        for launch in self.started:
            found.setdefault(launch.work, []).append(launch.batch)
        return found
