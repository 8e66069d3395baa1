"""Ctrl-C and worse: what runs goes on, and nothing is done twice."""

import os
import select
import signal
import subprocess
import sys

import pytest

from tests.cli.console import Console, wait_until
from tests.engine.workshop import WRITE, runs


def test_ctrl_c_detaches_and_wait_collects(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    process = console.start("apply", "--yes")
    wait_until(lambda: bool(console.launches))
    process.send_signal(signal.SIGINT)
    text, talk = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Detached; what runs goes on." in talk
    assert "cosmos wait" in talk
    assert "Traceback" not in text + talk
    console.go.touch()
    waited = console.cosmos("wait")

    assert waited.returncode == 0
    assert console.output("one") == "Heavy rain one"
    assert console.launches == ["one"]


BUSY = """
import hashlib, time
from cosmos.cli.interrupt import Interrupt

with Interrupt(lambda: print("detaching", flush=True)):
    print("ready", flush=True)
    {}
"""
"""A controller that is in the middle of something long."""
SLEEPS = "time.sleep(600)"
COMPUTES = "hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)"
"""As of verifying a large file: until it ends, no handler of Python's runs."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("does", [SLEEPS, COMPUTES])
def test_the_second_interrupt_leaves_at_once(does: str, number: signal.Signals) -> None:
    program = [sys.executable, "-c", BUSY.format(does)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)
            assert select.select([process.stdout], [], [], 60)[0], "the first one is not heard"
            assert process.stdout.readline() == "detaching\n"
            assert process.poll() is None
            process.send_signal(number)
            assert process.wait(60) == 130
        finally:
            process.kill()


def test_ctrl_c_while_following_another_controller_ends_the_wait(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    first = console.start("apply", "--yes")
    wait_until(lambda: bool(console.launches))
    second = console.start("wait")
    assert second.stderr is not None
    assert f"process {first.pid}, since" in second.stderr.readline()
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=60)
    console.go.touch()
    first.communicate(timeout=60)

    assert (second.returncode, first.returncode) == (130, 0)


def test_apply_after_a_kill_goes_on_and_runs_nothing_twice(console: Console) -> None:
    names = [f"run{number}" for number in range(4)]
    console.specs(runs(*names), program=f'[ "$2" = run0 ] || {{ {console.slow()}; }}; {WRITE}')
    process = console.start("apply", "--yes")
    wait_until(lambda: len(console.launches) >= 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    console.go.touch()
    done = console.cosmos("apply", "--yes")

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("4 in sync.\n")
    assert sorted(console.launches) == names
    assert [console.output(name) for name in names] == [f"Heavy rain {name}" for name in names]


def test_ctrl_c_before_anything_is_under_way_is_quiet(console: Console) -> None:
    console.specs(runs("one"))
    process = console.start("plan")
    wait_until((console.root / ".cosmos" / "state.db").exists)
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=60)

    assert process.returncode in (0, 130)
    assert "Traceback" not in talk
