"""At a terminal: the question, the live table, colours, widths, the TAB key."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cosmos.cli.render import Screen, age, cut, printable, table
from tests.cli.console import Console, Terminal, wait_until
from tests.engine.workshop import runs
from tests.projects import shell_environment

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def test_the_question_is_asked_and_yes_starts(console: Console) -> None:
    console.specs(runs("one"))
    with console.terminal("apply") as terminal:
        terminal.read_until("Apply this plan? [y/N] ")
        assert console.launches == []
        terminal.type("y\n")
        text, code = terminal.read_to_end()

    assert code == 0
    assert "1 in sync." in text
    assert console.launches == ["one"]


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04"])
def test_every_other_answer_starts_nothing(console: Console, answer: str) -> None:
    console.specs(runs("one"))
    with console.terminal("apply") as terminal:
        terminal.read_until("[y/N] ")
        terminal.type(answer)
        text, code = terminal.read_to_end()

    assert code == 1
    assert "nothing was started" in text
    assert console.launches == []


def test_ctrl_c_at_the_question_starts_nothing(console: Console) -> None:
    console.specs(runs("one"))
    with console.terminal("apply") as terminal:
        terminal.read_until("[y/N] ")
        terminal.type("\x03")
        text, code = terminal.read_to_end()

    assert code == 130
    assert "Nothing was started." in text
    assert "Traceback" not in text
    assert console.launches == []


ASKS = """
from cosmos.cli.questions import confirmed

while True:
    try:
        confirmed("?")
    except KeyboardInterrupt:
        pass
"""


def test_no_ctrl_c_at_a_question_is_lost(tmp_path: Path) -> None:
    """Each comes as early as it can: while the question is written, and before the wait for an answer."""
    with Terminal(tmp_path, (ASKS,), 80, {}, program=("-c",)) as terminal:
        terminal.keep_output_at_ctrl_c()
        for _ in range(20_000):
            terminal.skip("? [y/N] ")
            terminal.type("\x03")


def test_ctrl_c_at_the_terminal_detaches_and_the_work_goes_on(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    with console.terminal("apply", "--yes") as terminal:
        terminal.read_until("Running")
        terminal.type("\x03")
        text, code = terminal.read_to_end()
    assert code == 130
    assert "Detached; what runs goes on." in text
    console.go.touch()

    assert console.cosmos("wait").returncode == 0
    assert console.launches == ["one"]


def test_the_live_table_shows_what_runs_and_how_far(console: Console) -> None:
    console.specs(runs("one"), program=f"echo progress 3/12; {console.slow()}")
    with console.terminal("apply", "--yes", NO_COLOR="1") as terminal:
        terminal.read_until("25%")
        console.go.touch()
        text, code = terminal.read_to_end()

    assert code == 0
    assert re.search(r"one Running \d+s \S+ +(~\S+ left +)?25% progress 3/12", text)
    assert re.search(r"1 running(; done in ~\S+)? +\d+s", text)
    assert "Succeeded one" in text
    assert not COLOUR.search(text)


def test_verbose_takes_lines_in_place_of_the_table(console: Console) -> None:
    console.specs(runs("one"))
    with console.terminal("-v", "apply", "--yes") as terminal:
        text, code = terminal.read_to_end()

    assert code == 0
    assert "one Pending -> " in text
    assert " INFO cosmos." in text


def test_colours_are_for_terminals_that_want_them(console: Console) -> None:
    console.specs(runs("one"))
    console.apply()

    def shown(*words: str, **environment: str) -> str:
        with console.terminal(*words, columns=80, **environment) as terminal:
            return terminal.read_to_end()[0]

    assert "\x1b[32mSynced" in shown("status")
    assert "\x1b[32mno problems\x1b[0m" in shown("validate")
    for text in (shown("status", NO_COLOR="1"), shown("--no-color", "status"), shown("status", TERM="dumb")):
        assert "Synced" in text
        assert "\x1b" not in text
    assert "\x1b" not in console.cosmos("status", NO_COLOR="").stdout


def test_a_narrow_terminal_gets_shorter_lines(console: Console) -> None:
    console.specs(runs("one"), program="echo a long story of what went wrong in the scene at frame 17 >&2; exit 3")
    console.apply()

    def widest(columns: int) -> tuple[int, str]:
        with console.terminal("status", columns=columns, NO_COLOR="1") as terminal:
            text, code = terminal.read_to_end()
        rows = text.partition("\r\n\r\n")[0].splitlines()
        assert code == 0
        return max(map(len, rows)), rows[0]

    width, head = widest(50)
    assert width <= 50
    assert head.split() == ["NAME", "PHASE", "AGE", "MESSAGE"]
    width, head = widest(120)
    assert 80 < width <= 120
    assert head.split() == ["NAME", "SYNC", "PHASE", "HOST", "ATTEMPT", "AGE", "MESSAGE"]


def test_a_last_column_that_says_nothing_is_left_out_at_a_terminal() -> None:
    rows = [["one", "x", ""], ["two", "y", ""]]
    heads = ["NAME", "HOST", "MESSAGE"]
    assert table(Screen(sys.stdout, width=40), heads, rows, spare=["HOST"]) == ["NAME  HOST", "one   x", "two   y"]
    assert table(Screen(sys.stdout), heads, rows)[0] == "NAME  HOST  MESSAGE"


def test_a_table_is_whole_where_nobody_looks() -> None:
    rows = [["one", "x" * 500], ["three", "y"]]
    assert table(Screen(sys.stdout), ["NAME", "TEXT"], rows) == ["NAME   TEXT", f"one    {'x' * 500}", "three  y"]


def test_a_cell_is_one_line_and_cut_by_what_a_terminal_shows() -> None:
    rows = [["one", "\u6f22\u6f22 rain\nand more rain"]]
    (_, line) = table(Screen(sys.stdout, width=20), ["NAME", "TEXT"], rows)

    assert line == "one   \u6f22\u6f22 rain a..."
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abc..."
    assert printable("a\x1b[31m\tb\nc\x07") == "a\\x1b[31m    b\nc\\x07"


def test_ages_have_one_unit() -> None:
    ages = [(-3.0, "0s"), (59.9, "59s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172800, "2d")]
    assert [(seconds, age(seconds)) for seconds, _ in ages] == ages


def complete(console: Console, line: str) -> list[str]:
    """What bash is told for the TAB key after these words."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from cosmos.cli.main import main; sys.exit(main([]))"],
        cwd=console.root,
        env={
            **shell_environment(),
            "_COSMOS_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_the_tab_key_knows_commands_and_runs(console: Console) -> None:
    console.specs(
        runs("one", "other") + "---\nkind: Run\nname: grid\nprompt: rain\nmodel: echo\nmatrix: {params.word: [a, b]}\n"
    )
    console.plan_text()

    assert complete(console, "cosmos ex") == ["explain", "export"]
    assert complete(console, "cosmos show o") == ["one", "other"]
    assert complete(console, "cosmos cancel one g") == ["grid", "grid/word-a", "grid/word-b"]
    assert complete(console, "cosmos plan -o j") == ["json"]
    assert complete(console, f"cosmos -C {console.root} logs on") == ["one"]


def test_the_tab_key_is_quiet_where_nothing_is_known(console: Console) -> None:
    assert complete(console, "cosmos show o") == []
    (console.root / "cosmos.toml").write_text("[nonsense\n")
    assert complete(console, "cosmos show o") == []
    (console.root / "cosmos.toml").unlink()
    (console.root / "specs").rmdir()
    assert complete(console, "cosmos show o") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_completion_can_be_printed(console: Console, shell: str) -> None:
    done = console.cosmos("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.returncode == 0, done.stderr
    assert "_COSMOS_COMPLETE" in done.stdout


def test_completion_can_be_installed(console: Console) -> None:
    done = console.cosmos(
        "--install-completion", "bash", HOME=str(console.root), _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
    )
    assert done.returncode == 0, done.stderr
    assert "cosmos.sh" in (console.root / ".bashrc").read_text()


def test_the_terminal_is_given_back_as_it_was(console: Console) -> None:
    """The cursor, which the live table hides, is there again even after leaving at once."""
    console.specs(runs("one"), program=console.slow())
    with console.terminal("apply", "--yes") as terminal:
        terminal.read_until("Running")
        wait_until(lambda: bool(console.launches))
        terminal.type("\x03")
        terminal.read_until("Detaching")
        os.kill(terminal.process.pid, 2)
        text, code = terminal.read_to_end()
    console.go.touch()

    assert code == 130
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert console.cosmos("wait").returncode == 0
