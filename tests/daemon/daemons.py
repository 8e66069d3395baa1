"""Daemons of a test."""

import signal
import subprocess

from tests.cli.console import Console, wait_until

Process = subprocess.Popen[str]


def daemon(console: Console, *words: str) -> Process:
    """One that follows the working tree and has looked once."""
    process = console.start("daemon", "--working-tree", *words)
    wait_until(lambda: process.poll() is not None or console.daemon() is not None)
    return process


def end(process: Process, number: signal.Signals = signal.SIGTERM) -> tuple[str, int]:
    """Its log and its exit code."""
    process.send_signal(number)
    _, log = process.communicate(timeout=60)
    return log, process.returncode
