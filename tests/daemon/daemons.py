"""Daemons of a test."""

import signal
import subprocess

from tests.cli.console import Console, wait_until

Process = subprocess.Popen[str]


def daemon(console: Console, *words: str) -> Process:
    """One that follows the working tree and has looked once."""
    return _started(console, console.start("daemon", "--working-tree", *words))


def follower(console: Console) -> Process:
    """One that follows commits and has looked once."""
    return _started(console, console.start("daemon"))


def end(process: Process, number: signal.Signals = signal.SIGTERM) -> tuple[str, int]:
    """Its log and its exit code."""
    process.send_signal(number)
    _, log = process.communicate(timeout=60)
    return log, process.returncode


def _started(console: Console, process: Process) -> Process:
    wait_until(lambda: process.poll() is not None or console.daemon() is not None)
    assert process.poll() is None, process.communicate()
    return process
