"""The walk of docs/sweeps.md, typed as it stands there, with the model that makes real videos."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from cosmos.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "sweeps.md"
STEP = re.compile(r"<!-- (walk|write): (\S[^>]*?) -->\n```\w+\n(.*?)```", re.DOTALL)


def test_the_walk_goes_as_the_page_says(
    tmp_path: Path, scene: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "specs").mkdir()
    shutil.copytree(scene, tmp_path / "inputs" / "city")
    printed: dict[str, str] = {}
    for what, name, text in STEP.findall(PAGE.read_text(encoding="utf-8")):
        if what == "write":
            (tmp_path / name).write_text(text, encoding="utf-8")
        else:
            printed[name] = typed(text, capsys)

    assert list(printed) == ["make", "add", "rate", "more", "think again", "delete"]
    assert "2 in sync." in printed["make"]
    assert "Plan: 2 to run; 2 unchanged." in printed["add"]
    shown = re.search(r"```\n(NAME .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    assert printed["rate"].endswith(shown[1])
    assert "Plan: 1 to run; 4 unchanged." in printed["more"]
    assert "No changes." in printed["think again"]
    assert "-name: large\n" in printed["delete"]
    assert len([*tmp_path.glob("outputs/mixes/*/latest/preview.mp4")]) == 4
    assert (tmp_path / "outputs/large/mixes_edge-0.6_prompt-heavy-rain_vis-0.2/latest/preview.mp4").exists()


def typed(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """In this process, which has loaded already what each command would load again."""
    for line in words.splitlines():
        program, *arguments = shlex.split(line)
        assert (program, main(arguments)) == ("cosmos", 0), f"{line}: {capsys.readouterr()}"
    return capsys.readouterr().out
