"""A result held against the present, and made again beside the old one."""

import json
import sys
from pathlib import Path

import pytest

from cosmos.cli.main import main
from cosmos.errors import NotFoundError
from cosmos.results import Check, Match
from tests.cli.console import Console
from tests.media import write_video
from tests.results.shop import Clips

pytestmark = pytest.mark.needs("git")

CHANCE = """\
kind: Model
name: chance
adapter: command
command: [{python}, -c, {program}, "{{inputs.color}}", "{{outputs.video}}"]
inputs: {{color: {{required: true}}}}
outputs: {{video: out.mp4}}
---
kind: Prompt
name: rain
text: rain
inputs: {{color: inputs/city/color.mp4}}
---
kind: Run
name: one
prompt: rain
model: chance
"""

PROGRAM = """\
import sys, os, shutil
mark = {mark!r}
again = os.path.exists(mark)
open(mark, "w").close()
shutil.copy({other!r} if again else sys.argv[1], sys.argv[2])
"""
"""Copies its input the first time, and another video later: a model that does not repeat itself."""


def by_about(checks: tuple[Check, ...]) -> dict[str, Match]:
    return {check.about: check.match for check in checks}


def test_nothing_differs_until_something_does(clips: Clips, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = clips.type(capsys, "reproduce", "hill", "-o", "json")
    found = json.loads(out)
    assert (code, found["matches"], found["is_wanted"]) == (0, True, True)
    assert {check["match"] for check in found["checks"]} == {"same"}
    digest = found["digest"]

    scene = clips.root / "inputs" / "hill" / "color.mp4"
    kept = scene.read_bytes()
    try:
        write_video(scene, hue=99)
        code, out, _ = clips.type(capsys, "reproduce", f"hill@{digest[:8]}")
        assert code == 1
        rows = {line.split()[1]: line.split()[0] for line in out.splitlines()[2:-1]}
        assert rows["specs"] == "differs"
        assert "differs  input color  inputs/hill/color.mp4 had " in out
        assert (rows["result"], rows["arguments"], rows["host"]) == ("same", "same", "same")
        code, _, err = clips.type(capsys, "reproduce", f"hill@{digest[:8]}", "--rerun", "--yes")
        assert code == 1
        assert f"cosmos rollback hill {digest[:8]}" in err
        with clips.api() as api, pytest.raises(NotFoundError, match="has no output"):
            api.results.reproduce("hill@00000000")
        scene.unlink()
        with clips.api() as api:
            assert "hill" not in {row.key for row in api.runs()}  # held
            gone = by_about(api.results.reproduce(f"hill@{digest}").checks)
            assert (gone["specs"], gone["input color"]) == (Match.DIFFERS, Match.DIFFERS)
    finally:
        scene.write_bytes(kept)
    with clips.api() as api:
        assert by_about(api.results.reproduce("again").checks)["source"] is Match.SAME


def test_a_host_that_is_gone_differs(clips: Clips) -> None:
    toml = clips.root / "cosmos.toml"
    text = toml.read_text()
    try:
        toml.write_text(text.replace("hosts.local", "hosts.other"))
        with clips.api() as api:
            found = api.results.reproduce("hill")
        assert by_about(found.differs) == {"host": Match.DIFFERS}
    finally:
        toml.write_text(text)


def test_it_is_made_again_beside_the_old_output_and_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console(tmp_path / "console")
    write_video(console.root / "inputs" / "city" / "color.mp4")
    other = write_video(tmp_path / "other.mp4", hue=60)
    program = PROGRAM.format(mark=str(tmp_path / "mark"), other=str(other))
    text = CHANCE.format(python=json.dumps(sys.executable), program=json.dumps(program).replace("{", "{{"))
    (console.root / "specs" / "all.yaml").write_text(text)
    assert console.apply().exit_code == 0
    before = (console.root / "outputs" / "one" / "latest").resolve() / "out.mp4"
    first = before.read_bytes()

    words = ["-C", str(console.root), "reproduce", "one", "--rerun"]
    assert main(words) == 1
    assert "nothing was started" in capsys.readouterr().err

    assert main([*words, "--yes"]) == 0
    out = capsys.readouterr().out
    assert "Attempt 2 is in outputs/one/" in out
    assert "video: SSIM 0." in out
    assert before.read_bytes() == first
    again = (console.root / "outputs" / "one" / "latest").resolve() / "out.mp4"
    assert again.read_bytes() == other.read_bytes()
