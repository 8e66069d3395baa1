"""A new project: what it has, what it keeps, and that it works at once."""

import shutil
import tomllib
from pathlib import Path

from cosmos import scaffold
from cosmos.settings import File
from tests.cli.console import Console


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_new_project_is_good_from_the_start(console: Console) -> None:
    made = console.cosmos("init", "mine")

    assert made.returncode == 0
    assert files(console.root / "mine") == {".gitignore", "cosmos.toml", "specs/example.yaml"}
    assert made.stdout.splitlines() == [
        "made  cosmos.toml",
        "made  specs/example.yaml",
        "added to .gitignore: .cosmos/",
        "added to .gitignore: outputs/",
    ]
    assert "cd mine" in made.stderr
    checked = console.cosmos("-C", "mine", "validate")
    assert (checked.returncode, checked.stdout) == (0, "1 spec in 1 file, 0 runs: no problems\n")
    assert console.cosmos("-C", "mine", "plan").stdout == "No changes. What exists matches the specs.\n"


def test_the_commented_example_is_a_good_spec_too(console: Console, scene: Path) -> None:
    console.cosmos("init", "mine")
    shutil.copytree(scene, console.root / "mine" / "inputs" / "first")
    spec = console.root / "mine" / "specs" / "example.yaml"
    lines = spec.read_text().splitlines()
    begin = lines.index("# inputs: inputs/first")
    spec.write_text("\n".join([*lines[:begin], *(line.removeprefix("# ") for line in lines[begin:])]))
    done = console.cosmos("-C", "mine", "validate")

    assert done.stdout == "2 specs in 1 file, 2 runs: no problems\n"


def test_what_is_there_stays_as_it_is(console: Console) -> None:
    (console.root / "cosmos.toml").write_text("# mine\n")
    (console.root / ".gitignore").write_text("*.tmp\n/outputs/*")
    done = console.cosmos("init")

    assert done.returncode == 0
    assert "kept  cosmos.toml (was there)" in done.stdout
    assert (console.root / "cosmos.toml").read_text() == "# mine\n"
    assert (console.root / ".gitignore").read_text() == "*.tmp\n/outputs/*\n.cosmos/\n"
    again = console.cosmos("init")
    assert "made" not in again.stdout
    assert (console.root / ".gitignore").read_text() == "*.tmp\n/outputs/*\n.cosmos/\n"


def test_a_file_in_the_way_is_refused(console: Console) -> None:
    (console.root / "mine").write_text("")
    done = console.cosmos("init", "mine")

    assert (done.returncode, done.stdout) == (1, "")
    assert "mine is not a folder" in done.stderr


def test_the_configuration_has_every_key_and_changes_nothing() -> None:
    text = scaffold.configuration()
    commented = tomllib.loads(
        "\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line or line[:1] == "[")
    )

    assert File.model_validate(tomllib.loads(text)) == File()
    assert commented["project"] == {
        **File().project.model_dump(),
        "name": "my-project",
        "max_gpu_hours": 8.0,
    }
    assert commented["database"] == File().database.model_dump()
    assert commented["batches"] == {"runs": 8, "time": "30m"}
    assert commented.keys() == set(File.model_fields) - {"models"}
    assert commented["hosts"]["local"] == File().hosts["local"].model_dump()


def test_the_sample_project_makes_videos(console: Console) -> None:
    made = console.cosmos("init", "demo", "--demo")
    plan = console.cosmos("-C", "demo", "plan")

    assert made.returncode == 0
    assert "made  inputs/city/color.mp4" in made.stdout
    assert plan.returncode == 0
    assert "to run" in plan.stdout
