"""The files in packaging/: systemd reads the units, and what they say fits what a daemon does."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cosmos.daemon.vitals import Vitals, this_daemon
from tests.daemon.told import a_pass
from tests.projects import shell_environment

PACKAGING = Path(__file__).parent.parent / "packaging"
UNITS = ("cosmos.service", "cosmos-user.service")
OF_LATER_SYSTEMDS = re.compile(r"Unknown key( name)? '(RestartSteps|RestartMaxDelaySec)' in section '?\[?Service")
GRACE_S = 30


def settings_of(unit: str) -> dict[str, list[str]]:
    """By key, in order: a unit may have one more than once."""
    found: dict[str, list[str]] = {}
    for line in (PACKAGING / unit).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.needs("systemd")
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_the_unit(unit: str, tmp_path: Path) -> None:
    text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", (PACKAGING / unit).read_text())
    (tmp_path / "cosmos.service").write_text(text)
    words = ["systemd-analyze", "verify", *(["--user"] if "user" in unit else []), str(tmp_path / "cosmos.service")]
    (tmp_path / "run").mkdir(mode=0o700)
    around = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    done = subprocess.run(words, env=around, capture_output=True, text=True, timeout=60, check=False)
    said = [line for line in done.stderr.splitlines() if "cosmos" in line and not OF_LATER_SYSTEMDS.search(line)]
    assert (done.returncode, said) == (0, []), done.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_leaves_a_daemon_its_grace_and_runs_their_life(unit: str) -> None:
    found = settings_of(unit)
    (started,) = found["ExecStart"]
    assert started.endswith(f"/cosmos daemon --grace {GRACE_S}s")
    assert int(found["TimeoutStopSec"][0]) > GRACE_S
    assert (found["Type"], found["KillMode"], found["KillSignal"]) == (["notify"], ["process"], ["SIGTERM"])
    assert (found["Restart"], found["StartLimitIntervalSec"]) == (["on-failure"], ["0"])
    assert float(found["WatchdogSec"][0]) >= 10
    assert any(value.startswith("COSMOS_PROJECT_DIR=") for value in found["Environment"])


def test_the_two_units_differ_only_in_whose_they_are() -> None:
    system, user = map(settings_of, UNITS)
    apart = {"Description", "Environment", "ExecStart", "WantedBy"}
    assert {key: value for key, value in user.items() if key not in apart} == {
        key: system[key] for key in user if key not in apart
    }


def recipe() -> list[list[str]]:
    """The Containerfile's instructions, each as its name and its rest."""
    text = re.sub(r"\\\n", " ", (PACKAGING / "Containerfile").read_text())
    return [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_ends_as_a_user_with_a_daemon_that_can_be_asked() -> None:
    instructions = recipe()
    known = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "LABEL", "ENV", "USER", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT"}
    assert {name for name, _ in instructions} == known | {"CMD"}
    last = dict(instructions)  # of each
    assert last["USER"] == "cosmos"
    assert json.loads(last["ENTRYPOINT"]) + json.loads(last["CMD"]) == ["cosmos", "daemon", "--grace", f"{GRACE_S}s"]
    assert last["STOPSIGNAL"] == "SIGTERM"
    (installs,) = [rest for name, rest in instructions if name == "RUN" and "apt-get" in rest]
    assert {"git", "openssh-client"} <= set(installs.split())


def test_the_health_check_of_the_image_works(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    python, *words = json.loads(dict(recipe())["HEALTHCHECK"].partition(" CMD ")[2])
    around = {**shell_environment(), "COSMOS_PROJECT_DIR": str(tmp_path)}
    assert python == "python3"

    def check() -> int:
        return subprocess.run(
            [sys.executable, *words], env=around, capture_output=True, timeout=60, check=False
        ).returncode

    assert check() == 1
    vitals = Vitals(this_daemon())
    vitals.passed(a_pass(at=time.time(), next_at=time.time() + 600))
    vitals.write(tmp_path / ".cosmos" / "daemon.json")
    assert check() == 0
