"""Daemons of a test."""

import signal
import subprocess
import sys

from tests.cli.console import Console, wait_until
from tests.projects import shell_environment

Process = subprocess.Popen[str]


def daemon(console: Console, *words: str) -> Process:
    """One that follows the working tree and has looked once."""
    return _started(console, console.start("daemon", "--working-tree", *words))


def follower(console: Console) -> Process:
    """One that follows commits and has looked once."""
    return _started(console, console.start("daemon"))


def deaf(limit: str) -> list[str]:
    """Words before a command whose user has no inotify left: in a namespace of its own, so that others have theirs."""
    use_up = f'echo 0 > /proc/sys/user/max_inotify_{limit} && exec "$@"'
    return ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", use_up, "sh"]


def deaf_follower(console: Console) -> Process:
    """One that follows commits without inotify."""
    process = subprocess.Popen(
        [*deaf("instances"), sys.executable, "-m", "cosmos", "daemon"],
        cwd=console.root,
        env=shell_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    console.started.append(process)
    return _started(console, process)


def end(process: Process, number: signal.Signals = signal.SIGTERM) -> tuple[str, int]:
    """Its log and its exit code."""
    process.send_signal(number)
    _, log = process.communicate(timeout=60)
    return log, process.returncode


def _started(console: Console, process: Process) -> Process:
    wait_until(lambda: process.poll() is not None or console.daemon() is not None)
    assert process.poll() is None, process.communicate()
    return process
