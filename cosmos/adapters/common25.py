"""What Cosmos-Transfer2.5 and Cosmos-Predict2.5 share: how they are started, what they leave, and how that is judged.

Both are `examples/inference.py -i SAMPLE -o FOLDER`. The sample's JSON has paths of its own container, so they are
absolute. For a sample NAME the program writes NAME.mp4, and NAME.json with what it ran with. A guardrail that refuses a
prompt or a result leaves no video and ends with 0; why it did is told in `debug.log`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from cosmos.adapters.base import Evidence, Launch, Step, Verdict, chunks_of
from cosmos.adapters.evidence import exit_verdict, last_line, output_verdict
from cosmos.adapters.fields import file_name, path_of
from cosmos.adapters.signatures import FAILURES
from cosmos.core.draft import Draft, Refusal
from cosmos.core.ports import ROOT
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, OutputFile, Run

SAMPLE = "sample.json"
NAME = "video"
"""Name of the sample, and so of its files."""
SCRIPT = "examples/inference.py"

PATHS = ("repo", "bin", "cache")
"""The program's folder, the one of `python` and `torchrun` where they are not on PATH, and one that downloads go to."""

GUIDANCE_MOST = 7
WORDS_MAX = 200

EVIDENCE: Mapping[str, OutputFile] = {
    "arguments": OutputFile(path=f"{NAME}.json", video=False, evidence=True),
    "log": OutputFile(path="debug.log", video=False, evidence=True, required=False),
    "config": OutputFile(path="config.yaml", video=False, required=False),
}
"""What both leave besides videos. `config` is that of the whole network."""


def draft_refusals(draft: Draft) -> Iterator[Refusal]:
    """What both need of a run: a text, and a GPU."""
    if not draft.text:
        yield Refusal(path=("prompt",), message="the model needs a prompt", hint="write `prompt: NAME`")
    if draft.placement.gpus < 1:
        message = "the model needs a GPU, and the run is given none"
        yield Refusal(path=("placement", "gpus"), message=message, hint="take the line away, or write a number above 0")


def without_effect(draft: Draft, names: Sequence[str], why: str) -> Iterator[Refusal]:
    """Refusals of parameters that the run gives, and that this run of the program would not look at."""
    for name in names:
        if draft.params.get(name) is not None:
            message = f'parameter "{name}" has no effect {why}'
            yield Refusal(path=("params", name), message=message, hint="take the line away")


def files_of(run: Run) -> dict[str, str]:
    """File name below `inputs/` by role, also of what another run makes."""
    made = [] if run.source is None else [run.source.role]
    return {role: file_name(role, path_of(run, role)) for role in [*run.inputs, *made]}


def inside(name: str) -> str:
    """An input as the program sees it."""
    return f"{ROOT}/inputs/{name}"


def launch_of(run: Run, folder: str, sample: Mapping[str, object], flags: Sequence[str], **env: str) -> Launch:
    """The command line for one sample.

    Args:
        run: What to start.
        folder: Of its outputs.
        sample: What the program reads.
        flags: Of this model.
        env: Variables of this model.
    """
    paths = run.model.paths
    cache = paths.get("cache")
    caches = {"HF_HOME": f"{cache}/huggingface", "UV_CACHE_DIR": f"{cache}/uv"} if cache else {}
    return Launch(
        argv=(*_program(run, folder), SCRIPT, "-i", f"{ROOT}/{SAMPLE}", "-o", f"{ROOT}/outputs/{folder}", *flags),
        inputs={name: role for role, name in files_of(run).items()},
        documents={SAMPLE: sample},
        env={
            "COSMOS_VERBOSE": "1",
            **caches,
            **env,
        },  # verbose: phases, and why a guardrail refused, are in run.log too
        folder=paths["repo"],
        needed={f"{paths['repo']}/{SCRIPT}": 1},
        ports=ports_of(run, folder),
    )


def port_of(folder: str) -> int:
    """Where the processes of a run meet: it follows from the digest, so that those of two runs rarely want the same."""
    return 20_000 + int(folder[:8], 16) % 10_000


def ports_of(run: Run, folder: str) -> tuple[int, ...]:
    return (port_of(folder),) if run.placement.gpus > 1 else ()


def _program(run: Run, folder: str) -> tuple[str, ...]:
    """With several GPUs one process each, which meet at a port."""
    at = f"{run.model.paths['bin']}/" if "bin" in run.model.paths else ""
    count = run.placement.gpus
    if count < 2:
        return (f"{at}python",)
    return (f"{at}torchrun", f"--nproc_per_node={count}", f"--master_port={port_of(folder)}")


def chunk_advice(frames: int, size: int, overlap: int, setting: str) -> Iterator[Refusal]:
    """Advice for a length, set by a parameter, that fills less than half of its last pass: that costs a full one."""
    chunks = chunks_of(frames, size, overlap)
    full = size + (chunks - 2) * (size - overlap)
    if chunks > 1 and 2 * (frames - full) <= size - overlap:
        message = f"{frames} frames take {chunks} passes of {size}; {full} frames take {chunks - 1}"
        yield Refusal(path=("params", setting), message=message, hint=f"set `{setting}: {full}`, or fill the last pass")


def verdict_of(run: Run, evidence: Evidence, sample: Mapping[str, object]) -> Verdict:
    """How a run ended, by what the program left; `sample` is what it was told."""
    is_there = any(entry.name == run.outputs["video"].path for entry in evidence.manifest)
    refused = None if is_there or evidence.exit.stopped else _refused(evidence)
    failed = refused or exit_verdict(evidence, FAILURES) or output_verdict(run.outputs, evidence)
    if failed:
        return failed
    said = _said(evidence.texts.get("arguments", ""))
    if said is None:
        return _invalid(f"{run.outputs['arguments'].path} is not JSON: the program did not end in order")
    if different := _difference(sample, said):
        return _invalid(f"the program ran with other settings than it was told: {different}")
    video = evidence.media.get("video")
    if isinstance(video, MediaFacts) and video.black:
        return _invalid('output "video" is black in every frame')
    return Verdict(effective={name: value for name, value in said.items() if value is not None})


_SAID = re.compile(r"^\[[^|\]]*\|CRITICAL\|[^\]]*\] (GUARDRAIL BLOCKED|Guardrail blocked)(.*)$", re.MULTILINE)
"""The log's own lines: a prompt that is repeated in a log, and says the same, is not meant."""
_CHECKS_RESULT, _PASSED_RESULT = "Running guardrail check on video", "Passed guardrail on generated video"


def _refused(evidence: Evidence) -> Verdict | None:
    """What a guardrail said, asked where no video is left. Of a result some versions say only that they check it."""
    log = evidence.texts.get("log") or evidence.log_tail
    said = [(match[1], match[2].strip(" :")) for match in _SAID.finditer(log)]
    reasons = [words for what, words in said if what.isupper() and words]
    because = f": {reasons[-1][:WORDS_MAX]}" if reasons else ""
    is_silent = evidence.exit.code == 0 and _PASSED_RESULT not in log
    if _CHECKS_RESULT in log and (said or is_silent):
        message = f"the guardrail refused the result{because}; another seed may pass"
    elif said:
        is_negative = any("Negative prompt:" in words for what, words in said if not what.isupper())
        message = f"the guardrail refused the {'negative prompt' if is_negative else 'prompt'}{because}"
    else:
        return None
    return Verdict(reason=Reason.GUARDRAIL_BLOCKED, message=message)


def _said(text: str) -> Mapping[str, object] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _difference(told: Mapping[str, object], said: Mapping[str, object], at: str = "") -> str:
    """The first setting that is another one; files are left out, for the program sees them by other names."""
    for name, value in told.items():
        found = said.get(name)
        if isinstance(value, Mapping):
            words = _difference(value, found if isinstance(found, Mapping) else {}, f"{at}{name}.")
            if words:
                return words
        elif found != value and not (isinstance(value, str) and ROOT in value):
            return f"{at}{name} is {_short(found)}, and was {_short(value)}"
    return ""


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _invalid(message: str) -> Verdict:
    return Verdict(reason=Reason.OUTPUT_INVALID, message=message)


_BEFORE = (
    ("Running guardrail check on prompt", 4),
    ("Computing prompt text embeddings", 6),
    ("Loading control inputs", 8),
)
"""Phases before the first pass, with the percents that are done when they begin."""
_PASS = re.compile(r"(?:Generating|Processing) chunk (\d{1,5})/(\d{1,5})|Generating video with standard mode")
_STEPS = re.compile(r"Generating samples:\s*(\d{1,3})%")
_AFTER = (("Running guardrail check on video", 94), ("Generated video saved to", 100))
_FIRST, _LAST = 10, 92


def progress_of(log_tail: str) -> Step:
    """How far it is. A tail that begins within a pass does not say which one, so it gives no percent."""
    percent, current = -1, (0, 0)
    for line in log_tail.splitlines():
        for words, value in (*_BEFORE, *_AFTER):
            if words in line:
                percent = max(percent, value)
        if found := _PASS.search(line):
            current = (int(found[1] or 1), int(found[2] or 1))
            percent = max(percent, _within(*current, 0))
        elif current[1] and (steps := _STEPS.search(line)):
            percent = max(percent, _within(*current, int(steps[1])))
    is_loaded = percent >= 0 or bool(_STEPS.search(log_tail))
    return Step(percent=None if percent < 0 else percent, words=last_line(log_tail), loaded=is_loaded)


def _within(number: int, count: int, steps: int) -> int:
    done = (min(number, count) - 1 + min(steps, 100) / 100) / max(count, 1)
    return _FIRST + int((_LAST - _FIRST) * done)
