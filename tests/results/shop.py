"""A project whose runs make small videos at once: what they read, and what they would have computed from it."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from cosmos.cli.main import main
from tests.cli.console import Console
from tests.media import write_video

SPECS = """\
kind: Model
name: copy
adapter: command
command: [sh, -c, 'cp "$1" "$2"; cp "$1" "$3"; echo "$4"', sh,
  "{inputs.color}", "{outputs.video}", "{outputs.edge}", "{text} {negative} {params.word}"]
inputs: {color: {required: true}}
outputs: {video: out.mp4, edge: lines.mp4}
params: {word: {type: str}}
---
kind: Prompt
name: rain
text: Heavy rain over a collapsed avenue
negative: cartoon
inputs: {color: inputs/city/color.mp4}
---
kind: Prompt
name: snow
text: First snow at dawn
negative: cartoon
inputs: {color: inputs/hill/color.mp4}
---
kind: Run
name: city
prompt: rain
model: copy
labels: {scene: city}
matrix: {params.word: [low, high]}
---
kind: Run
name: hill
prompt: snow
model: copy
params: {word: far}
---
kind: Run
name: again
prompt: rain
model: copy
params: {word: twice}
source: {run: hill, output: video, role: color}
"""


@dataclass
class Clips(Console):
    """`city/word-low`, `city/word-high`, `hill`, and `again`, which reads `hill`; once `made`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        (self.root / "specs" / "all.yaml").write_text(SPECS)
        write_video(self.root / "inputs" / "city" / "color.mp4")
        write_video(self.root / "inputs" / "hill" / "color.mp4", hue=200)

    def made(self) -> "Clips":
        outcome = self.apply()
        assert outcome.problems == ()
        assert not outcome.failed
        return self

    def published(self, key: str, name: str = "out.mp4") -> Path:
        return (self.root / "outputs" / key / "latest").resolve() / name

    def type(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
        """A command in this process, which starts at once; exit code, stdout and stderr."""
        code = main(["-C", str(self.root), *words])
        return code, *capsys.readouterr()
