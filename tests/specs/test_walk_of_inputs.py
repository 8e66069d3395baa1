"""The walk of docs/inputs.md, typed as it stands there."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from cosmos.cli.main import main
from cosmos.local_ai.sequences import WORDS
from tests.renders import write_render

PAGE = (Path(__file__).parents[2] / "docs" / "inputs.md").read_text(encoding="utf-8")
STEPS = re.compile(r"<!-- walk: ([a-z ]+)(, fails)? -->\n```sh\n(.*?)```", re.DOTALL)


def test_the_walk_goes_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "films")]) == 0
    capsys.readouterr()
    monkeypatch.chdir(tmp_path / "films")
    write_render(Path("renders/city_v3"))
    printed = {}
    for step, fails, text in STEPS.findall(PAGE):
        codes = [typed(line) for line in text.splitlines()]
        assert codes == [*[0] * (len(codes) - 1), 1 if fails else 0], f"{step}: {capsys.readouterr()}"
        printed[step] = capsys.readouterr()

    assert list(printed) == ["bring in", "again", "gap"]
    shown = re.findall(r"```\n((?:NAME|error:) .*?)```", PAGE, re.DOTALL)
    assert printed["bring in"].out.endswith(shown[0])
    assert "inputs/city is made of just this already: nothing was done." in printed["again"].err
    assert "inputs/city is made.\n" in printed["again"].err
    assert printed["gap"].err.startswith(shown[1])
    assert [path.name for path in Path("inputs").iterdir()] == ["city"]


def typed(line: str) -> int:
    program, *arguments = shlex.split(line)
    return main(arguments) if program == "cosmos" else subprocess.run([program, *arguments], check=False).returncode


def test_the_page_has_the_words_that_are_known() -> None:
    listed = dict(re.findall(r"^\| (\w+) \| ([a-z, ]+) \|$", PAGE, re.MULTILINE))
    assert listed == {"role": "words", "file": "how", **{role: ", ".join(words) for role, words in WORDS.items()}}
