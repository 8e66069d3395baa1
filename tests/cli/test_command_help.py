"""Help is one screen of 80 columns, with an example, and costs next to nothing."""

import subprocess
import sys

import pytest
from typer.main import get_command

from cosmos.cli.main import app, main
from tests.projects import shell_environment

COMMANDS = sorted(getattr(get_command(app), "commands", {}))


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_an_example_and_fits_a_screen(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert any(line.strip().startswith(f"cosmos {command}") for line in lines[1:])
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 80


def test_the_main_help_has_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out

    assert [name for name in COMMANDS if f"\n  {name} " not in text] == []
    assert all(f"  {code}  " in text for code in (0, 1, 2, 3, 4, 5, 6, 64, 130))
    assert "..." not in text.partition("Commands:")[2]
    assert max(len(line) for line in text.splitlines()) <= 80


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Commands:" in capsys.readouterr().out


def test_the_version_is_that_of_the_installation() -> None:
    from importlib import metadata

    words = [sys.executable, "-m", "cosmos", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=shell_environment())
    assert done.stdout == f"cosmos {metadata.version('cosmos-gitops')}\n"


def test_help_loads_neither_the_program_nor_its_libraries() -> None:
    code = "import sys, cosmos.cli.main as m; m.main(['plan', '--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())

    assert "cosmos.cli.run_commands" in loaded
    assert loaded & {"cosmos.api", "cosmos.config", "cosmos.core", "rich", "yaml", "sqlalchemy", "av", "numpy"} == set()
