"""How runs of Cosmos-Transfer2.5 and Cosmos-Predict2.5 are judged by what they leave, and how far they are."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cosmos.adapters import ADAPTERS
from cosmos.adapters.base import Adapter, Evidence, Verdict
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, Run
from cosmos.core.spec import ControlSpec
from tests.adapters.drafts import VIDEO
from tests.adapters.test_predict25 import resolved as predicted
from tests.adapters.test_transfer25 import resolved
from tests.makers import a_manifest, an_exit
from tests.standins.cosmos25.arguments import validate

TRANSFER: Adapter = ADAPTERS["cosmos-transfer2.5"]
PREDICT: Adapter = ADAPTERS["cosmos-predict2.5"]
BEFORE = "[11-27 18:00:00|{level}|cosmos_transfer2/inference.py:220:generate] "
CHECKING = BEFORE.format(level="INFO") + "Running guardrail check on video...\n"
UNSAFE = BEFORE.format(level="CRITICAL") + "GUARDRAIL BLOCKED: QWEN3GUARD: Prompt is Unsafe. Categories: Violent\n"
BLOCKED = BEFORE.format(level="CRITICAL") + "Guardrail blocked generation. {}: blood\n"


def transferred() -> Run:
    run = resolved(controls={"edge": ControlSpec(weight=0.5, mask_prompt="car")})
    return replace(run, outputs=TRANSFER.expect(run, {"color": VIDEO}))


def said(run: Run, adapter: Adapter = TRANSFER, **other: Any) -> str:
    """What the program writes: the whole sample, with its own defaults and paths."""
    sample: Any = adapter.launch(run, "0" * 16).documents["sample.json"]
    full, _ = validate(sample, "transfer" if adapter is TRANSFER else "predict")
    return json.dumps({**full, "video_path": "/somewhere/color.mp4", **other})


def judged(*missing: str, run: Run | None = None, code: int = 0, **fields: Any) -> Verdict:
    """A run that went well, but for what is given."""
    run = run or transferred()
    names = [output.path for name, output in run.outputs.items() if name not in missing]
    texts = {"arguments": said(run), "log": "", **fields.pop("texts", {})}
    media = {"video": VIDEO, "control_edge": VIDEO, "mask_edge": VIDEO, **fields.pop("media", {})}
    evidence = Evidence(exit=an_exit(code), manifest=a_manifest(*names), media=media, texts=texts, **fields)
    return TRANSFER.judge(run, evidence)


def test_success_tells_what_the_program_ran_with() -> None:
    verdict = judged()
    assert (verdict.reason, verdict.message) == (None, "")
    assert verdict.effective["num_video_frames_per_chunk"] == 93
    assert verdict.effective["negative_prompt"] == "the built-in negative text"
    assert "sigma_max" not in verdict.effective


@pytest.mark.parametrize(
    ("missing", "fields", "reason", "message"),
    [
        (("video",), {}, Reason.OUTPUT_MISSING, 'output "video": no video.mp4'),
        (("arguments",), {}, Reason.OUTPUT_MISSING, 'output "arguments": no video.json'),
        (("log", "config", "control_edge"), {}, None, ""),
        (("mask_edge",), {}, Reason.OUTPUT_INVALID, "no mask was found for `edge.mask_prompt`"),
        ((), {"media": {"video": replace(VIDEO, frames=47)}}, Reason.OUTPUT_INVALID, "47 frames, and must have 48"),
        ((), {"media": {"video": replace(VIDEO, width=1280)}}, Reason.OUTPUT_INVALID, "1280x352 pixels"),
        ((), {"media": {"video": replace(VIDEO, fps=30)}}, Reason.OUTPUT_INVALID, "30 frames a second"),
        ((), {"media": {"video": replace(VIDEO, black=True)}}, Reason.OUTPUT_INVALID, "black in every frame"),
        ((), {"media": {"video": "is cut short"}}, Reason.OUTPUT_INVALID, "is cut short"),
        ((), {"media": {"control_edge": "is cut short"}}, Reason.OUTPUT_INVALID, 'output "control_edge"'),
        ((), {"texts": {"arguments": "{"}}, Reason.OUTPUT_INVALID, "video.json is not JSON"),
        (
            (),
            {"texts": {"arguments": said(transferred(), prompt="Snow")}},
            Reason.OUTPUT_INVALID,
            'prompt is "Snow", and was "Heavy rain"',
        ),
        (
            (),
            {"texts": {"arguments": said(transferred(), num_steps=1)}},
            Reason.OUTPUT_INVALID,
            "num_steps is 1, and was 35",
        ),
        (
            (),
            {"texts": {"arguments": said(transferred(), edge={"control_weight": 1})}},
            Reason.OUTPUT_INVALID,
            "edge.control_weight is 1, and was 0.5",
        ),
    ],
)
def test_success_is_what_is_there_and_belongs_to_the_run(
    missing: tuple[str, ...], fields: dict[str, Any], reason: Reason | None, message: str
) -> None:
    verdict = judged(*missing, **fields)
    assert verdict.reason is reason
    assert message in verdict.message


NO_VIDEO = ("video", "control_edge", "mask_edge")


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (
            UNSAFE + BLOCKED.format("Prompt"),
            "the guardrail refused the prompt: QWEN3GUARD: Prompt is Unsafe. Categories: Violent",
        ),
        (BLOCKED.format("Negative prompt"), "the guardrail refused the negative prompt"),
        (
            BEFORE.format(level="CRITICAL") + "Guardrail blocked text2world generation. Prompt: x\n",
            "refused the prompt",
        ),
        (CHECKING, "the guardrail refused the result; another seed may pass"),
        (
            CHECKING + UNSAFE,
            "the guardrail refused the result: QWEN3GUARD: Prompt is Unsafe. Categories: Violent; anoth",
        ),
    ],
)
def test_a_guardrail_ends_well_and_leaves_no_video(log: str, message: str) -> None:
    for evidence in ({"texts": {"log": log}}, {"texts": {}, "log_tail": log}):  # debug.log may be missing
        verdict = judged(*NO_VIDEO, **evidence)
        assert verdict.reason is Reason.GUARDRAIL_BLOCKED
        assert message in verdict.message


def test_a_prompt_that_speaks_of_guardrails_is_none() -> None:
    echo = BEFORE.format(level="DEBUG") + "GUARDRAIL BLOCKED: x\nGuardrail blocked generation. Prompt: x\n"
    assert judged(*NO_VIDEO, texts={"log": echo}).reason is Reason.OUTPUT_MISSING
    assert judged(texts={"log": UNSAFE + BLOCKED.format("Prompt")}).reason is None  # there is a video


@pytest.mark.parametrize("code", [1, 0])
def test_processes_that_hang_after_a_refusal_do_not_hide_it(code: int) -> None:
    """With several GPUs only the first process knows of it; the others wait for it until a time limit."""
    run = transferred()
    evidence = Evidence(
        exit=replace(an_exit(code), timed_out=True), texts={"log": UNSAFE + BLOCKED.format("Prompt")}, log_tail="NCCL"
    )
    assert TRANSFER.judge(run, evidence).reason is Reason.GUARDRAIL_BLOCKED
    stopped = replace(evidence, exit=replace(an_exit(code), stopped=True))
    assert TRANSFER.judge(run, stopped).reason is Reason.STOPPED


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 71.19 GiB.", Reason.GPU_OUT_OF_MEMORY),
        ("huggingface_hub.errors.GatedRepoError: 403 Client Error.", Reason.GATED_MODEL),
        ("401 Client Error: Unauthorized for url", Reason.GATED_MODEL),
        ("huggingface_hub.errors.LocalEntryNotFoundError: Cannot find", Reason.MISSING_CHECKPOINT),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/c/model_ema_bf16.pt'", Reason.MISSING_CHECKPOINT),
        ("Error validating parameters from '/cosmos/sample.json' at line 0", Reason.BAD_SPEC),
        ("inference.py: error: argument --model: invalid choice: 'edge/distilled'", Reason.BAD_SPEC),
        ("ValueError: No input frames; cannot pad. Verify that video frame counts match.", Reason.SHAPE_MISMATCH),
        ("ValueError: Video has only 3 frames but needs at least 5 frames", Reason.SHAPE_MISMATCH),
        ("OSError: [Errno 98] Address already in use", Reason.NETWORK_FAILED),
        ("Watchdog caught collective operation timeout", Reason.NETWORK_FAILED),
        ("KeyError: 'x'", Reason.PROGRAM_FAILED),
    ],
)
def test_what_the_programs_say_when_they_fail_is_understood(line: str, reason: Reason) -> None:
    log = f"Traceback (most recent call last):\n{line}\ntorch.distributed.elastic: ChildFailedError: \n"
    assert judged(*NO_VIDEO, "arguments", code=1, log_tail=log).reason is reason


def test_predict_is_judged_alike() -> None:
    run = predicted(params={"frames": 100})
    run = replace(run, outputs=PREDICT.expect(run, {}))
    facts = MediaFacts(frames=100, width=1280, height=704, fps=16.0)
    evidence = Evidence(
        exit=an_exit(0),
        manifest=a_manifest("video.mp4", "video.json"),
        media={"video": facts},
        texts={"arguments": said(run, PREDICT)},
    )
    assert PREDICT.judge(run, evidence).reason is None
    short = replace(evidence, media={"video": replace(facts, frames=77)})
    assert PREDICT.judge(run, short).reason is Reason.OUTPUT_INVALID


LOG = (
    "[..|INFO|..] Loading model\n",
    "[..|INFO|..] Running guardrail check on prompt...\n",
    "[..|INFO|..] Computing prompt text embeddings...\n",
    "[..|INFO|..] Computing negative prompt text embeddings...\n",
    "[..|INFO|..] Loading control inputs...\n",
    "[..|INFO|..] Generating chunk 1/2\n",
    "\rGenerating samples:   0%|      | 0/35",
    "\rGenerating samples:  50%|\u2588\u2588\u2588   | 17/35",
    "\rGenerating samples: 100%|\u2588\u2588\u2588\u2588\u2588\u2588| 35/35\n",
    "[..|INFO|..] Generating chunk 2/2\n",
    "\rGenerating samples:   0%|      | 0/35",
    "\rGenerating samples: 100%|\u2588\u2588\u2588\u2588\u2588\u2588| 35/35\n",
    "[..|INFO|..] Running guardrail check on video...\n",
    "[..|SUCCESS|..] Generated video saved to /cosmos/outputs/0/video.mp4\n",
)


def test_progress_only_grows_and_knows_the_pass() -> None:
    seen = [TRANSFER.progress("".join(LOG[:end])).percent for end in range(1, len(LOG) + 1)]
    assert seen == [None, 4, 6, 6, 8, 10, 10, 30, 51, 51, 51, 92, 94, 100]
    tails = [TRANSFER.progress("".join(LOG[begin:])[-120:]).percent for begin in range(len(LOG))]
    assert set(tails) == {100}


def test_progress_within_a_pass_whose_number_is_not_in_the_tail_is_not_guessed() -> None:
    step = TRANSFER.progress("".join(LOG[6:8]))
    assert step.percent is None
    assert step.words.startswith("Generating samples:  50%")
    assert TRANSFER.progress(LOG[8]).percent is None


def test_progress_of_one_pass_and_of_chunks_that_predict_makes() -> None:
    assert PREDICT.progress("Generating video with standard mode...\nGenerating samples:  50%|").percent == 51
    assert PREDICT.progress("Processing chunk 2/4, frames 76-153\n").percent == 30
