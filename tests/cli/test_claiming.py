"""`cosmos hosts claim`: whose a folder on a host is, and taking it over from a controller that is gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.console import Console
from tests.engine.workshop import runs


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Console, Console]]:
    """Two projects of one name with one folder, in which the first has acted."""
    toml = f'[hosts.local]\nworkdir = "{tmp_path}/work"\n'
    first, second = (Console(tmp_path / name, toml=toml) for name in ("first", "second"))
    for console in (first, second):
        console.specs(runs("one"))
    first.apply()
    yield first, second
    first.close()
    second.close()


def test_the_folder_of_another_project_is_shown_and_taken_only_on_a_yes(two: tuple[Console, Console]) -> None:
    first, second = two
    status = second.cosmos("status")
    assert "the project's folder on local belongs to" in status.stdout
    assert "cosmos hosts claim local" in status.stdout
    applied = second.cosmos("apply", "--yes")
    assert applied.returncode == 6, applied.stderr
    assert second.launches == []
    checked = second.cosmos("hosts", "check")
    assert checked.returncode == 1
    assert f"database {first.root}/.cosmos/state.db" in checked.stdout
    assert "-> if that controller is gone for good: cosmos hosts claim local" in checked.stdout

    asked = second.cosmos("hosts", "claim", "local")
    assert asked.returncode == 1
    assert "belongs to" in asked.stderr
    assert f"database {first.root}/.cosmos/state.db" in asked.stderr
    assert "nothing was taken over" in asked.stderr
    assert "--yes" in asked.stderr
    assert second.cosmos("apply", "--yes").returncode == 6

    taken = second.cosmos("hosts", "claim", "local", "--yes")
    assert taken.returncode == 0, taken.stderr
    assert "Taken over." in taken.stderr
    assert second.cosmos("apply", "--yes").returncode == 0
    assert second.launches == ["one"]
    assert first.cosmos("hosts", "check").returncode == 1


def test_where_nobody_has_acted_there_is_nothing_to_claim(tmp_path: Path) -> None:
    console = Console(tmp_path / "console")
    done = console.cosmos("hosts", "claim", "local", "--yes")
    assert done.returncode == 0
    assert "Nobody has acted on local yet" in done.stderr
    assert not (console.root / ".cosmos" / "work").exists()
    missing = console.cosmos("hosts", "claim", "lokal", "--yes")
    assert missing.returncode == 1
    assert "the hosts of cosmos.toml are: local" in missing.stderr


def test_at_a_terminal_it_asks(two: tuple[Console, Console]) -> None:
    _, second = two
    with second.terminal("hosts", "claim", "local", columns=200) as terminal:
        terminal.read_until("Take it over? [y/N]")
        terminal.type("y\n")
        text, code = terminal.read_to_end()
    assert (code, "Taken over." in text) == (0, True)
