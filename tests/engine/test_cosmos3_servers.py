"""Runs whose videos come from resident servers: the same ledger, outputs and logs as for any other run."""

import json
from pathlib import Path

from cosmos.core.plan import Phase
from cosmos.core.reasons import Reason
from cosmos.local_ai.probe import MediaProbe
from tests.engine.workshop import Workshop
from tests.media import write_video
from tests.standins.cosmos3_servers import serving

TOML = """
[hosts.local]
slots = 3
[models.cosmos3-nim]
endpoint = "{endpoint}"
[models.cosmos3-vllm]
endpoint = "{endpoint}"
paths = {{shared = "{shared}"}}
"""
SPECS = """\
kind: Prompt
name: rain
text: Heavy rain
inputs: inputs/city
---
kind: Prompt
name: blocked
text: BLOCKED
---
kind: Run
name: nim
prompt: rain
model: cosmos3-nim
params: {frames: 25, resolution: "256"}
---
kind: Run
name: vllm
prompt: rain
model: cosmos3-vllm
controls: {depth: 1}
params: {resolution: "256"}
---
kind: Run
name: refused
prompt: blocked
model: cosmos3-nim
"""


def test_servers_make_videos_that_are_runs_like_any_other(tmp_path: Path) -> None:
    with serving() as server:
        workshop = Workshop(tmp_path / "project", TOML.format(endpoint=server.endpoint, shared=tmp_path / "shared"))
        write_video(workshop.root / "inputs" / "city" / "depth.mp4", frames=5, width=64, height=48)
        (workshop.root / "specs" / "all.yaml").write_text(SPECS)
        ends = {status.key: status for status in workshop.apply(timeout_s=200).statuses}
        assert ends["nim"].phase is Phase.SUCCEEDED, ends["nim"]
        assert ends["vllm"].phase is Phase.SUCCEEDED, ends["vllm"]
        assert ends["refused"].reason is Reason.GUARDRAIL_BLOCKED
        assert len(server.posts) == 3
        assert list((tmp_path / "shared").iterdir()) == []
        folder = workshop.root / "outputs" / "nim" / "latest"
        assert MediaProbe().facts(folder / "vision.mp4").codec == "vp9"
        assert "2.1.0" in json.dumps(json.loads((folder / "provenance.json").read_text()))
        assert "to run" not in workshop.plan_text("nim", "vllm")
